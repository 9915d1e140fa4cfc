"""Looking at a place of a text: what the draw had before it, and roads that lead on from there."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from afterglow.core.explain import at_temperatures
from afterglow.core.filters import log_softmax
from afterglow.core.lens import Look
from afterglow.core.session import Session


def play(events: Iterable[object]) -> None:
    for _ in events:
        pass


def looked(session: Session, count: int | None = None) -> Look:
    found = session.look(count)
    assert found
    return found


@pytest.fixture
def written(session: Session) -> Session:
    """A session with a text of 60 tokens."""
    session.set("temperature", 0.7)
    play(session.say("The lamp"))
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


def test_the_one_to_come_is_shown_at_the_temperature_set_now(written: Session) -> None:
    written.set("temperature", 1.3)
    found = looked(written)
    logprobs = log_softmax(written.here().logits[None].astype(np.float64))[0]
    for column, temperature in (("raw", 1.0), ("shaped", 1.3)):
        expected = at_temperatures(logprobs, [temperature])[0]
        assert [getattr(c, column) for c in found.candidates] == pytest.approx(
            [expected[c.id] for c in found.candidates]
        )
    assert found.taken is None
    assert found.choices[1] > found.choices[0]


def test_what_filters_cut_is_told(written: Session) -> None:
    written.set("top_k", 3)
    found = looked(written)
    assert [c.kept for c in found.candidates] == [True] * 3 + [False] * (len(found.candidates) - 3)
    assert found.cut == written.model.tokenizer.size - 3
    assert found.cut_share == pytest.approx(1 - sum(c.raw for c in found.candidates[:3]))
    assert sum(c.shaped for c in found.candidates[:3]) == pytest.approx(1)


def test_temperature_zero_cuts_nothing_and_leaves_one_choice(written: Session) -> None:
    written.set("temperature", 0)
    found = looked(written)
    assert found.cut == 0
    assert [round(c.shaped, 6) for c in found.candidates[:2]] == [1, 0]


def test_an_unlikely_token_that_was_taken_is_among_the_candidates(written: Session) -> None:
    least = int(written.here().logits.argmin())
    play(written.turn(60, least))
    found = looked(written, 60)
    assert found.candidates[-1].id == least


def test_an_empty_passage_has_nothing_to_look_at(session: Session) -> None:
    assert session.look() is None


def test_a_look_changes_nothing(written: Session) -> None:
    text = written.passage.text()
    looked(written, 30)
    play(written.go_on())
    again = written.passage.text()
    written.passage.undo()
    play(written.go_on())
    assert written.passage.text()[: len(text)] == text
    assert len(again) == len(text) + 60


def test_every_place_can_be_turned_at_whatever_node_it_lies_in(written: Session) -> None:
    play(written.go_on())
    written.set("memory", True)
    play(written.say("Far"))
    before = [token.id for token in written.passage.tokens()]
    whole = written.passage.cursor
    assert whole is not None
    for count in (0, 1, 59, 60, 61, 119, 120, 121, 180):
        written.passage.move(whole)
        token = 5 if count == 180 or before[count] != 5 else 6
        play(written.turn(count, token))
        assert [each.id for each in written.passage.tokens()[: count + 1]] == [*before[:count], token]


def test_versions_lead_there_and_back(written: Session) -> None:
    first = written.passage.text()
    play(written.turn(10, 5))
    second = written.passage.text()
    assert second != first
    assert written.version(-1) is None
    assert written.passage.text() == first
    assert written.version(1) is None
    assert written.passage.text() == second
    another = written.version(1)
    assert another
    play(another)
    assert len(written.passage.versions()) == 3
    assert written.passage.text() not in (first, second)
    assert written.passage.text()[:18] == first[:18]


def test_a_retry_is_a_version_beside_the_first(written: Session) -> None:
    play(written.retry())
    assert written.passage.versions() == [1, 2]
    assert written.passage.summary().endswith("version 2 of 2")
