"""Looking at a place of a text: what the draw had before it, and roads that lead on from there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.events import Token
from afterglow.core.sampling.filters import log_softmax
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.sampling.temperature import probs_at_temperatures
from afterglow.core.session import passage_json
from afterglow.core.session.lens import Inspection, inspect_session
from afterglow.core.session.session import Session
from afterglow.core.session.stored_passage import StoredPassage

DATA = Path(__file__).parent / "data"


def play(events: Iterable[object]) -> None:
    for _ in events:
        pass


def looked(session: Session, count: int | None = None) -> Inspection:
    found = inspect_session(session, count)
    assert found
    return found


@pytest.fixture
def written(session: Session) -> Session:
    """A session with a text of 60 tokens."""
    session.set("temperature", 0.7)
    play(session.write_from("The lamp"))
    return session


def test_what_is_shown_of_a_token_is_what_drew_it(written: Session) -> None:
    """Entropy, chances and rank from the kept state are those that the engine told when it drew."""
    for count, token in enumerate(written.passage.tokens()):
        found = looked(written, count)
        (taken,) = [c for c in found.candidates if c.id == token.id]
        assert found.taken is token
        assert found.temperature == 0.7
        assert found.raw_entropy == pytest.approx(token.entropy)
        assert np.log(taken.raw) == pytest.approx(token.logprob)
        assert np.log(taken.shaped) == pytest.approx(token.shaped)
        assert [c.id for c in found.candidates].index(token.id) + 1 == token.rank or token.rank > 39


def test_a_token_is_shown_behind_the_filters_that_drew_it_whatever_is_set_now(session: Session) -> None:
    """The chance that is shown of each is the one that the draw had, though filters came and went on the way."""
    turns: dict[int, tuple[str, object]] = {10: ("top_k", 4), 20: ("min_p", 0.1)}
    turns |= {30: ("repeat_penalty", 1.4), 40: ("top_k", 0)}
    for event in session.write_from("The lamp"):
        here = len(session.passage.tokens())
        if isinstance(event, Token) and here in turns:
            session.set(*turns[here])
    session.set("top_k", 1)
    again = Session(session.model, session.settings)
    again.load_passage(StoredPassage(passage_json.from_json(passage_json.to_json(session.passage))))
    again.set("dry_multiplier", 5.0)
    for at in (session, again):
        for count, token in enumerate(at.passage.tokens()):
            found = looked(at, count)
            (taken,) = [c for c in found.candidates if c.id == token.id]
            assert np.log(taken.shaped) == pytest.approx(token.shaped), count
            assert found.filters
            assert found.filters.top_k == (4 if 10 <= count < 40 else 0)
            assert (found.cut_count > 0) == (count >= 10)
    assert looked(again).cut_count == again.model.tokenizer.size - 1


def test_a_setting_turned_while_a_token_is_drawn_is_the_next_ones(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another thread may do: the token that is being drawn is told of as it was drawn."""
    throw = PositionRNG.uniforms

    def turning(dice: PositionRNG, *arguments: int) -> Any:
        session.set("top_k", 2 if session.settings.top_k != 2 else 5)
        return throw(dice, *arguments)

    monkeypatch.setattr(PositionRNG, "uniforms", turning)
    play(session.write_from("The lamp"))
    for count, token in enumerate(session.passage.tokens()):
        found = looked(session, count)
        (taken,) = [c for c in found.candidates if c.id == token.id]
        assert np.log(taken.shaped) == pytest.approx(token.shaped), count
        assert found.filters
        assert found.filters.top_k == (0 if count == 0 else 2 if count % 2 else 5)


def test_what_was_kept_before_filters_were_is_shown_with_those_of_now(session: Session) -> None:
    session.load_passage(StoredPassage(passage_json.from_json((DATA / "kept" / "first.passage.json").read_text())))
    session.passage.redo()
    play(session.continue_())
    session.set("top_k", 1)
    assert looked(session, 3).filters is None
    assert looked(session, 3).cut_count == session.model.tokenizer.size - 1


def test_the_one_to_come_is_shown_at_the_temperature_set_now(written: Session) -> None:
    written.set("temperature", 1.3)
    found = looked(written)
    logprobs = log_softmax(written.current_snapshot().logits[None].astype(np.float64))[0]
    for column, temperature in (("raw", 1.0), ("shaped", 1.3)):
        expected = probs_at_temperatures(logprobs, [temperature])[0]
        assert [getattr(c, column) for c in found.candidates] == pytest.approx(
            [expected[c.id] for c in found.candidates]
        )
    assert found.taken is None
    assert found.effective_choices[1] > found.effective_choices[0]


def test_a_token_that_is_not_shown_in_the_text_has_its_name(session: Session) -> None:
    """The last token of a text that runs on to the end of a sentence is the space after it."""
    session.set_all(session.settings.changed(length=200, temperature=0.5, finish="sentence"))
    play(session.write_from("The lamp"))
    last = session.passage.tokens()[-1]
    assert last.text == ""
    assert looked(session, session.passage.token_count() - 1).taken_text == session.model.token_text(last.id) != ""
    assert looked(session).taken_text == ""


def test_what_filters_cut_is_told(written: Session) -> None:
    written.set("top_k", 3)
    found = looked(written)
    assert [c.allowed for c in found.candidates] == [True] * 3 + [False] * (len(found.candidates) - 3)
    assert found.cut_count == written.model.tokenizer.size - 3
    assert found.cut_share == pytest.approx(1 - sum(c.raw for c in found.candidates[:3]))
    assert sum(c.shaped for c in found.candidates[:3]) == pytest.approx(1)


def test_temperature_zero_cuts_nothing_and_leaves_one_choice(written: Session) -> None:
    written.set("temperature", 0)
    found = looked(written)
    assert found.cut_count == 0
    assert [round(c.shaped, 6) for c in found.candidates[:2]] == [1, 0]


def test_an_unlikely_token_that_was_taken_is_among_the_candidates(written: Session) -> None:
    least = int(written.current_snapshot().logits.argmin())
    play(written.branch(60, least))
    found = looked(written, 60)
    assert found.candidates[-1].id == least


def test_an_empty_passage_has_nothing_to_look_at(session: Session) -> None:
    assert inspect_session(session) is None


def test_a_look_changes_nothing(written: Session) -> None:
    text = written.passage.text()
    looked(written, 30)
    play(written.continue_())
    again = written.passage.text()
    written.passage.undo()
    play(written.continue_())
    assert written.passage.text()[: len(text)] == text
    assert len(again) == len(text) + 60


def test_every_place_can_be_turned_at_whatever_node_it_lies_in(written: Session) -> None:
    play(written.continue_())
    written.set("memory", True)
    play(written.write_from("Far"))
    before = [token.id for token in written.passage.tokens()]
    whole = written.passage.cursor
    assert whole is not None
    for count in (0, 1, 59, 60, 61, 119, 120, 121, 180):
        written.passage.move_to(whole)
        token = 5 if count == 180 or before[count] != 5 else 6
        play(written.branch(count, token))
        assert [each.id for each in written.passage.tokens()[: count + 1]] == [*before[:count], token]


def test_versions_lead_there_and_back(written: Session) -> None:
    first = written.passage.text()
    play(written.branch(10, 5))
    second = written.passage.text()
    assert second != first
    assert written.switch_version(-1) is None
    assert written.passage.text() == first
    assert written.switch_version(1) is None
    assert written.passage.text() == second
    another = written.switch_version(1)
    assert another
    play(another)
    assert len(written.passage.versions()) == 3
    assert written.passage.text() not in (first, second)
    assert written.passage.text()[:18] == first[:18]


def test_after_a_pick_in_one_version_the_others_stay_in_reach(written: Session) -> None:
    play(written.retry())
    play(written.retry())
    written.switch_version(-1)
    play(written.branch(57, 5))
    assert written.passage.summary().endswith("version 4 of 4")
    numbers = [written.passage.cursor]
    while numbers[-1] != 1:
        assert written.switch_version(-1) is None
        numbers.append(written.passage.cursor)
    assert numbers == [4, 3, 2, 1]


def test_an_edited_text_and_the_one_before_are_versions_of_each_other(written: Session) -> None:
    before = written.passage.text()
    play(written.rewrite(f"{before[:30]} and so"))
    assert written.passage.summary().endswith("version 2 of 2")
    written.switch_version(-1)
    assert written.passage.text() == before


def test_a_retry_is_a_version_beside_the_first(written: Session) -> None:
    play(written.retry())
    assert written.passage.versions() == [1, 2]
    assert written.passage.summary().endswith("version 2 of 2")
