"""The lesson's worked example, number by number, and what the other faces of its arithmetic promise."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from afterglow.core import load, sample
from afterglow.core.commands.effects import Table
from afterglow.core.commands.explain import (
    GREEDY_LENGTH,
    as_json,
    from_probs,
    from_snapshot,
    greedy_notice,
    parse_distribution,
    run_greedy,
)
from afterglow.core.commands.explain_tables import build_tables, slide_notices
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import UsageError
from afterglow.core.events import Notice
from afterglow.core.model import Model
from afterglow.core.sampling.temperature import (
    Loop,
    effective_choices,
    find_loop,
    parse_probabilities,
    probs_at_temperatures,
    temperature_steps,
)
from afterglow.core.session.lens import next_logprobs
from afterglow.core.session.session import Session
from afterglow.core.setting_types import Ramp

from .cli_helpers import RunCli
from .hostile_text import on_terminal

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")

P = (0.3, 0.5, 0.2)
SLIDES = {
    1.2: ([-1.00, -0.58, -1.34], [0.37, 0.56, 0.26], [0.308, 0.472, 0.220]),
    0.8: ([-1.50, -0.87, -2.01], [0.22, 0.42, 0.13], [0.286, 0.542, 0.172]),
}
"""By temperature: log p / T, exp of it, and that made to sum to 1. (A slide prints -1.51 where -1.505 stands.)"""


def test_the_logarithms_are_those_of_the_slide() -> None:
    assert temperature_steps(P, 1.2).log == pytest.approx([-1.20, -0.69, -1.61], abs=0.01)


@pytest.mark.parametrize("temperature", SLIDES)
def test_the_slides_come_out_of_the_arithmetic(temperature: float) -> None:
    divided, exponential, renormalised = SLIDES[temperature]
    reshaped = temperature_steps(P, temperature)
    assert reshaped.divided == pytest.approx(divided, abs=0.01)
    assert reshaped.exponential == pytest.approx(exponential, abs=0.01)
    assert reshaped.renormalised.round(3).tolist() == renormalised


@pytest.mark.parametrize("temperature", [0.05, 0.5, 0.8, 1.0, 1.2, 5.0])
def test_renormalised_is_the_closed_form(temperature: float) -> None:
    powers = [p ** (1 / temperature) for p in P]
    closed = [power / sum(powers) for power in powers]
    assert temperature_steps(P, temperature).renormalised == pytest.approx(closed, abs=1e-12)
    assert probs_at_temperatures(np.log(P), [temperature])[0] == pytest.approx(closed, abs=1e-12)


def test_one_point_two_flattens_and_zero_point_eight_sharpens() -> None:
    choices = [effective_choices(temperature_steps(P, t).renormalised) for t in (0.8, 1.0, 1.2)]
    assert choices == sorted(choices)
    assert choices[0] < choices[1] < choices[2] < len(P)


def test_temperature_zero_leaves_the_likeliest_alone() -> None:
    assert probs_at_temperatures(np.log(P), [0])[0].tolist() == [0, 1, 0]
    assert effective_choices(np.array([0.0, 1.0, 0.0])) == 1


def test_equal_chances_are_as_many_choices_as_there_are_tokens() -> None:
    assert effective_choices(np.full(8, 1 / 8)) == pytest.approx(8)


@pytest.mark.parametrize("temperature", SLIDES)
def test_sample_draws_the_renormalised_distribution(temperature: float) -> None:
    draws, rng = 20_000, np.random.default_rng(1)
    counts = np.bincount([sample(P, temperature, rng) for _ in range(draws)], minlength=3)
    expected = draws * temperature_steps(P, temperature).renormalised
    # 2 degrees of freedom: the chi-square survival function is exp(-x / 2), so p = 0.001 is at -2 ln 0.001.
    assert ((counts - expected) ** 2 / expected).sum() < -2 * np.log(0.001)


def test_sample_at_zero_is_the_likeliest_and_a_probability_of_zero_is_never_drawn() -> None:
    assert sample(P, 0) == 1
    assert sample([0.2, 0.4, 0.4], 0.0) == 1
    rng = np.random.default_rng(1)
    assert {sample([0.5, 0.0, 0.5], t, rng) for t in (0, 0.5, 1, 2) for _ in range(20)} == {0, 2}
    with pytest.raises(ValueError, match="from 0 up"):
        sample(P, -1)


def test_sample_without_a_generator_still_draws_an_index() -> None:
    assert sample([0.0, 1.0, 0.0][1:2]) == 0


# Tables -------------------------------------------------------------------------------------------------------------


def test_the_table_prints_the_slide_and_the_column_to_look_at() -> None:
    flat, sharp = build_tables(from_probs(parse_probabilities("0.3,0.5,0.2")), (1.2, 0.8))
    assert [row.split()[:5] for _, row in flat.rows[1:4]] == [
        ["0.300", "-1.20", "-1.00", "0.37", "0.308"],
        ["0.500", "-0.69", "-0.58", "0.56", "0.472"],
        ["0.200", "-1.61", "-1.34", "0.26", "0.220"],
    ]
    assert [row.split()[2:5] for _, row in sharp.rows[1:4]] == [
        ["-1.50", "0.22", "0.286"],
        ["-0.87", "0.42", "0.542"],
        ["-2.01", "0.13", "0.172"],
    ]
    assert ("flatter" in flat.title, "sharper" in sharp.title) == (True, True)


def test_the_slide_is_spoken_of_only_with_its_own_numbers() -> None:
    (notice,) = slide_notices(parse_distribution("0.3,0.5,0.2"), (1.2, 0.8))
    assert "-1.51" in notice.text
    assert not list(slide_notices(parse_distribution("0.3,0.5,0.2"), (1.2,)))
    assert not list(slide_notices(parse_distribution("0.3,0.7"), (0.8,)))


def test_temperature_zero_gives_the_likeliest_all_and_divides_nothing() -> None:
    (listing,) = build_tables(from_probs(parse_probabilities("0.3,0.5,0.2")), (0.0,))
    assert [row.split()[2] for _, row in listing.rows[1:4]] == ["0.000", "1.000", "0.000"]


def test_a_probability_of_zero_stays_zero_at_every_temperature() -> None:
    (listing,) = build_tables(from_probs(parse_probabilities("0,1,3")), (2.0,))
    assert listing.rows[1][1].split() == ["0.000", "-∞", "-∞", "0.00", "0.000"]
    assert as_json(from_probs(parse_probabilities("0,1")), [2.0])["temperatures"][0]["log"] == [None, 0.0]


@pytest.mark.parametrize("text", ["", "0.5", "a,b", "1,-1", "0,0", "nan,1", "inf,1", "0.3,,0.2"])
def test_what_is_no_distribution_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_probabilities(text)
    assert "\n" not in str(refused.value)


def test_weights_are_made_to_sum_to_one() -> None:
    assert parse_probabilities("3,5,2") == pytest.approx(P)
    assert parse_probabilities("1e308,1e308").tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("a start:" + "round and " * 9, Loop(8, "round and ")),
        ("x" * 60, Loop(0, "x")),
        ("round and " * 3, None),  # only 20 characters come again
        ("no two words of this sentence are quite alike, nor does it end with an echo", None),
        ("", None),
    ],
)
def test_loops_are_found_where_a_text_ends_in_one(text: str, loop: Loop | None) -> None:
    assert find_loop(text) == loop


def test_a_models_table_has_every_chance_in_it(tiny: Model) -> None:
    distribution = from_snapshot(tiny, tiny.read("The lam").snapshot)
    (listing,) = build_tables(distribution, (2.0,))
    shares = [float(row.split()[-2 if "█" in row or row[-1] in "▏▎▍▌▋▊▉" else -1]) for _, row in listing.rows[1:-1]]
    assert sum(shares) == pytest.approx(1, abs=0.01)
    assert listing.rows[1][0] == "'p'"
    assert listing.rows[-2][0].endswith("others")


def test_greedy_text_of_the_bundled_model_goes_round_in_circles() -> None:
    model = load("shakespeare")
    found = run_greedy(model, model.read("To be or not to b").snapshot)
    assert found.text == model.generate("To be or not to b", temperature=0, length=GREEDY_LENGTH)
    assert found.loop
    start, text = found.loop
    assert found.text[start:] == (text * GREEDY_LENGTH)[: GREEDY_LENGTH - start]
    assert "it repeats these" in greedy_notice(found).text


# /explain -----------------------------------------------------------------------------------------------------------


def test_slash_explain_works_on_the_next_token_at_todays_temperature(session: Session) -> None:
    list(session.write_from("The lamp"))
    session.set("temperature", 0.5)
    table, _ = dispatch(session, "/explain")
    assert isinstance(table, Table)
    assert table.title.startswith("T 0.5, sharper")
    logprobs = next_logprobs(session)
    assert logprobs is not None
    assert table.columns[0].cells[0] == repr(session.model.tokenizer.decode([int(logprobs.argmax())]))


def test_slash_explain_at_zero_tells_where_that_leads(session: Session) -> None:
    list(session.write_from("The lamp"))
    *_, notice = dispatch(session, "/explain 0 2")
    assert isinstance(notice, Notice)
    assert "always takes the likeliest" in notice.text


def test_slash_explain_says_so_where_filters_have_a_say(session: Session) -> None:
    list(session.write_from("The lamp"))
    session.set("top_p", 0.9)
    session.set("repeat_last_n", 10)
    _, notice = dispatch(session, "/explain")
    assert isinstance(notice, Notice)
    assert "top-p 0.9" in notice.text
    assert "repeat" not in notice.text


def test_a_table_fits_a_terminal_of_eighty_columns(tiny: Model) -> None:
    for listing in build_tables(from_snapshot(tiny, tiny.read("The lam").snapshot), (0.0, 0.5, 1.0, 5.0)):
        assert len(listing.title) <= 77
        assert max(len(left) for left, _ in listing.rows) + max(len(right) for _, right in listing.rows) + 2 <= 76


def test_slash_explain_works_on_numbers_without_any_text(session: Session) -> None:
    table, notice, _ = dispatch(session, "/explain 0.3,0.5,0.2 1.2 0.8")
    assert isinstance(table, Table)
    first, _ = table.plain
    assert "0.472" in first.rows[2][1]
    assert isinstance(notice, Notice)
    assert "-1.51" in notice.text


def test_slash_explain_says_how_it_read_numbers_that_do_not_sum_to_one(session: Session) -> None:
    notice, *_ = dispatch(session, "/explain 0,3,0,5")
    assert isinstance(notice, Notice)
    assert "0.3,0.5" in notice.text


def test_slash_explain_says_where_on_a_ramp_it_is(session: Session) -> None:
    list(session.write_from("The lamp"))
    session.set("temperature", Ramp(0.2, 1.6))
    table, notice, _ = dispatch(session, "/explain")
    assert isinstance(table, Table)
    assert table.title.startswith("T 0.2,")
    assert isinstance(notice, Notice)
    assert "T 0.20 is where the next text begins" in notice.text
    assert not any(isinstance(effect, Notice) for effect in dispatch(session, "/explain 1"))


@pytest.mark.parametrize("line", ["/explain", "/explain 9", "/explain x", "/explain 0.2..1.6", "/explain 0,0"])
def test_slash_explain_refuses_in_one_line(session: Session, line: str) -> None:
    with pytest.raises(UsageError):
        list(dispatch(session, line))


# The verb -----------------------------------------------------------------------------------------------------------


def test_verb_without_anything_works_the_lessons_example(run: RunCli) -> None:
    ran = run("explain")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(run("explain", "--probs", "0.3,0.5,0.2", "-t", "1.2", "-t", "0.8").out)
    assert all(figure in ran.out for figure in ("0.308", "0.472", "0.220", "0.286", "0.542", "0.172", "-1.50", "-1.51"))


@pytest.mark.parametrize(("columns", "steps"), [("80", True), ("60", True), ("45", False)])
def test_verb_fits_the_terminal(run: RunCli, monkeypatch: pytest.MonkeyPatch, columns: str, steps: bool) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with on_terminal(monkeypatch) as shown:
        run("explain", "--probs", "0.3,0.5,0.2", "-t", "1.2", "-t", "0.8")
    lines = shown[0].splitlines()
    assert all(len(line) < int(columns) for line in lines if "entropy" not in line and "slide" not in line)
    assert ("log p / T" in shown[0]) is steps
    assert all(figure in shown[0] for figure in ("0.308", "0.472", "0.220", "0.286", "0.542", "0.172"))


def test_verb_on_a_text_shows_each_temperature_and_the_greedy_end(run: RunCli) -> None:
    out = run("explain", "The lamp", "-m", TINY, "-t", "0.5", "-t", "2").out
    assert "T 0.5, sharper" in out
    assert "T 2, flatter" in out
    assert "T 0 always takes the likeliest" in out


def test_verb_as_json_is_for_notebooks(run: RunCli, tiny: Model) -> None:
    values = json.loads(run("explain", "The lam", "-m", TINY, "-t", "0", "-t", "2", "--json").out)
    chances = tiny.distribution("The lam")
    assert dict(zip(values["labels"], values["probs"], strict=True))["'p'"] == pytest.approx(chances["p"])
    assert [t["temperature"] for t in values["temperatures"]] == [0, 2]
    assert sum(values["temperatures"][1]["renormalised"]) == pytest.approx(1)
    assert values["greedy"]["text"]


def test_verb_shows_a_bell_curve(run: RunCli) -> None:
    out = run("explain", "--gaussian", "-t", "0.25", "-t", "4").out
    assert "σ at T 0.25: 0.50, T 4: 2.00" in out
    assert out.count(" σ") == 5
    assert 20 < out.count("\n") < 40
    marked = [line.split()[0] for line in out.splitlines()[1:] if "σ" in line]
    assert marked == ["-2.00", "-0.50", "+0.50", "+2.00"]


def test_verb_says_how_it_read_decimal_commas(run: RunCli) -> None:
    assert "decimals have a point: 0.3,0.5" in run("explain", "--probs", "0,3,0,5").err
    assert run("explain", "--probs", "0.3,0.5,0.2").err == ""


@pytest.mark.parametrize("arguments", [["a", "--gaussian"], ["--probs", "1,2", "--gaussian"], ["--probs", "1"]])
def test_verb_refuses_what_makes_no_sense(run: RunCli, arguments: list[str]) -> None:
    ran = run("explain", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("name", ["a.svg", "a.png"])
@pytest.mark.parametrize("what", [["$a$ The lamp", "-m", TINY], ["--gaussian"], ["--probs", "3,5,2", "-t", "0.8"]])
def test_verb_draws_the_same_picture_every_time(run: RunCli, tmp_path: Path, what: list[str], name: str) -> None:
    pytest.importorskip("matplotlib")
    pictures = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        assert run("explain", *what, "--plot", str(tmp_path / folder / name)).code == 0
        pictures.append((tmp_path / folder / name).read_bytes())
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG" if name == "a.png" else b"<?xml")
    if name == "a.svg":
        root = ElementTree.fromstring(pictures[0])  # noqa: S314 - our own file
        assert len(root.findall(".//{http://www.w3.org/2000/svg}path")) > 10


def test_picture_names_the_seed_and_the_widths(run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "none")  # texts stay texts
    pictures = []
    for what in (["The lamp", "-m", TINY], ["--gaussian", "-t", "2"]):
        run("explain", *what, "--plot", str(tmp_path / "a.svg"), "--replace")
        pictures.append((tmp_path / "a.svg").read_text("utf-8"))
    assert "after 'The lamp'" in pictures[0]
    assert "T 2: σ = 1.41" in pictures[1]


def test_verb_refuses_a_picture_of_another_kind(run: RunCli, tmp_path: Path) -> None:
    ran = run("explain", "--plot", str(tmp_path / "a.bmp"))
    assert (ran.code, ran.err.count("\n")) == (2, 1)
