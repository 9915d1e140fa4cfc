"""The draw as it is shown: the bar of the probabilities, the number that falls on it, and the token that was drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.commands.draw_table import DrawTable, draw_table
from afterglow.core.commands.explain import parse_distribution
from afterglow.core.commands.registry import dispatch
from afterglow.core.model import Model
from afterglow.core.sampling.draws import Draw
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.session.lens import inspect_session
from afterglow.core.session.session import Session
from afterglow.repl.tui.lens.lens_layout import LensContent, lay_out

from .cli_helpers import RunCli

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
LESSON = np.array([0.3, 0.5, 0.2])


def lesson_draw(uniform: float) -> Draw:
    return Draw(LESSON, uniform, "abc".__getitem__)


@pytest.mark.parametrize(
    ("uniform", "token"), [(0, 0), (0.299, 0), (0.3001, 1), (0.799, 1), (0.8001, 2), (1 - 2**-32, 2)]
)
def test_the_number_falls_on_the_first_token_whose_sum_exceeds_it(uniform: float, token: int) -> None:
    draw = lesson_draw(uniform)
    assert draw.token == token
    start, end = draw.bounds
    assert start <= uniform < end + 1e-12


def test_the_bar_has_the_tokens_in_the_order_of_their_ids_as_long_as_they_are_likely() -> None:
    assert "".join(part.text for part in lesson_draw(0).split(10)) == "a──b────c─"
    assert [part.id for part in lesson_draw(0).split(10)] == [0, 1, 2]
    assert lesson_draw(0.5).pointer(20) == f"{' ' * 10}▼ 0.500"
    assert lesson_draw(0.95).pointer(20) == f"{'0.950 ▼':>20}"


@pytest.mark.parametrize("columns", [1, 8, 30])
def test_the_arrow_is_over_the_drawn_token_however_improbable_it_is(columns: int) -> None:
    probs = np.array([0.4, 0.001, 0.599])
    for uniform in (0.0, 0.4004, 0.41, 0.9999):
        draw = Draw(probs, uniform, "abc".__getitem__)
        owners = [part.id for part in draw.split(columns) for _ in part.text]
        assert len(owners) == columns
        assert owners == sorted(owners)
        assert owners[draw.column(columns)] == draw.token


def test_every_token_of_a_text_lies_under_its_number(session: Session) -> None:
    session.set("temperature", 1.5)
    session.set("top_k", 9)
    list(session.write_from("The lamp"))
    list(session.retry())
    tokens = session.passage.tokens()
    drawn = [inspection.draw for n in range(len(tokens)) if (inspection := inspect_session(session, n))]
    assert [draw.token if draw else None for draw in drawn] == [token.id for token in tokens]
    assert len({draw.uniform for draw in drawn if draw}) == len(tokens)


def test_a_token_that_was_chosen_by_hand_has_no_number(session: Session) -> None:
    list(session.write_from("The lamp"))
    likeliest = inspect_session(session, 10)
    assert likeliest
    list(session.branch(10, likeliest.candidates[7].id))
    chosen = inspect_session(session, 10)
    assert chosen
    assert chosen.draw is None
    assert "▼" not in shown(session, 10)


def shown(session: Session, index: int | None, height: int = 20) -> str:
    layout = lay_out(LensContent(inspect_session(session, index)), 23, height)
    return "\n".join("".join(part for part, _ in line) for line in layout.lines)


def test_the_lens_shows_the_number_that_will_draw_the_next_token(session: Session) -> None:
    list(session.write_from("The lamp"))
    before = inspect_session(session)
    assert before
    assert before.draw
    number = f"▼ {before.draw.uniform:.3f}"
    assert number in shown(session, None) or number[2:] in shown(session, None)
    assert "▼" not in shown(session, None, height=9)
    count = session.passage.token_count()
    list(session.continue_())
    assert session.passage.tokens()[count].id == before.draw.token


# /explain -----------------------------------------------------------------------------------------------------------


def table_of(session: Session, line: str) -> DrawTable:
    (table,) = (effect for effect in dispatch(session, line) if isinstance(effect, DrawTable))
    return table


def test_slash_explain_shows_the_draw_that_enter_makes(session: Session) -> None:
    session.set("temperature", 2.0)
    list(session.write_from("The lamp"))
    (draw,) = table_of(session, "/explain").draws
    count = session.passage.token_count()
    list(session.continue_())
    assert session.passage.tokens()[count].id == draw.token


def test_slash_explain_shows_no_draw_if_filters_change_it(session: Session) -> None:
    list(session.write_from("The lamp"))
    session.set("top_p", 0.5)
    assert not any(isinstance(effect, DrawTable) for effect in dispatch(session, "/explain"))


def test_one_number_falls_on_other_tokens_at_other_temperatures() -> None:
    table = draw_table(parse_distribution("0.3,0.5,0.2"), (1.2, 0.8), PositionRNG(1), 0)
    assert table.title == "the draw: 0.304 (rng 1, position 0)"
    assert [draw.token for draw in table.draws] == [0, 1]
    lines = ["".join(text for text, _ in line) for line in table.lines(60)]
    assert all(len(line) <= 60 for line in lines)
    arrow = lines[0].index("▼")
    assert [line.rstrip()[-1] for line in lines[1:3]] == ["1", "2"]
    assert lines[1].index("1", 7) <= arrow < lines[1].index("2", 7)
    assert lines[2].index("2", 7) <= arrow < lines[2].index("3", 7)


@pytest.mark.parametrize("rng", ["1", "2", "3"])
def test_verb_explains_the_draw_of_generate(run: RunCli, tiny: Model, rng: str) -> None:
    words = ("The lam", "-m", TINY, "--rng", rng, "-t", "3")
    values = json.loads(run("explain", *words, "--json").out)["draw"]
    text = run("generate", *words, "-l", "1").out[:-1]
    assert values["drawn"][0]["token"] == (text.replace(" ", "␣").replace("\n", "↵"))
    assert values["drawn"][0]["from"] <= values["uniform"] < values["drawn"][0]["to"]
    assert f"the draw: {values['uniform']:.3f} (rng {rng}, position 7) falls on" in run("explain", *words).out
    assert text in tiny.distribution("The lam")
