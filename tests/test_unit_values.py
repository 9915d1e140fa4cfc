"""The values of a unit at the tokens of a text: those of the states that wrote it, each token read once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from afterglow.core.cells import traces
from afterglow.core.cells.units import PARTS, SYMBOLS, Unit
from afterglow.core.model import Model
from afterglow.core.session import replay
from afterglow.core.session.session import Session
from afterglow.core.session.unit_lens import inspect_unit
from afterglow.core.session.unit_values import PassageValues, column_values
from afterglow.core.settings import Settings

from .command_helpers import do

CHANGES: Mapping[int, Mapping[str, object]] = {
    10: {"style": "ann"},
    30: {"style": "ann..bob"},
    50: {"style_strength": 3.0},
    60: {"top_k": 9},
    129: {"style": "off"},
}
"""Settings that change while a text is written, by the number of tokens before."""


def write(session: Session, seed: str = "The lamp", changes: Mapping[int, Mapping[str, object]] = {}) -> None:
    """Write a text. Settings change while it is written."""
    for count, _ in enumerate(session.write_from(seed)):
        for name, value in changes.get(count, {}).items():
            session.set(name, value)


def states(session: Session, array: int, index: int) -> list[float]:
    """One number of the state after each token of the text."""
    place, count = session.passage.end()
    found = (session.snapshot_at(place, at + 1).state[array][0, index] for at in range(count))
    return [float(number) for number in found]


@pytest.mark.parametrize("changes", [{}, CHANGES], ids=["one voice", "changing styles"])
def test_values_are_those_of_the_states_that_wrote_the_text(
    styled: Model, changes: Mapping[int, Mapping[str, object]]
) -> None:
    session = Session(styled, Settings(rng=7, length=140, heat="cell 2.7"))
    write(session, changes=changes)
    assert PassageValues(session).all() == states(session, 3, 7)
    session.set("heat", "hidden 1.3")
    as_bytes = [round(value * 127) + 128 for value in PassageValues(session).all()]
    assert as_bytes == states(session, 0, 3)


def test_each_token_is_read_once_while_the_text_grows(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    read_tokens, replay_tokens = traces._Recorder.read, replay._replay
    monkeypatch.setattr(traces._Recorder, "read", lambda self, ids: read.append(len(ids)) or read_tokens(self, ids))
    monkeypatch.setattr(replay, "_replay", lambda *place: read.append(-1) or replay_tokens(*place))
    session = Session(tiny, Settings(rng=7, length=300, heat="forget 2.7"))
    values = PassageValues(session)
    live = [values.at(session.passage.token_count() - 1) for event in session.write_from("The") if hasattr(event, "id")]
    assert values.all() == live
    assert read == [1] * session.passage.token_count() == [1] * 300


def test_the_end_of_a_long_text_is_known_without_its_beginning(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(tiny, Settings(rng=7, length=600))
    write(session)
    session.set("heat", "cell 1.5")
    lengths: list[int] = []
    read_tokens = traces._Recorder.read
    monkeypatch.setattr(traces._Recorder, "read", lambda self, ids: lengths.append(len(ids)) or read_tokens(self, ids))
    assert PassageValues(session).at(599) == states(session, 1, 5)[-1]
    assert sum(lengths) <= 128


def test_values_follow_the_cursor_through_versions_continuations_and_passages(session: Session) -> None:
    session.set("heat", "cell 2.7")
    values = PassageValues(session)
    for line in ("The lamp", "", "/retry", "/undo", "/branch 10", "/version -1", "Another seed", "/heat candidate 1.4"):
        do(session, line)
        assert values.all() == PassageValues(session).all()
        assert len(values.all()) == session.passage.token_count() > 0
        assert values.at(session.passage.token_count()) is None


def test_no_unit_has_no_values(written: Session) -> None:
    assert PassageValues(written).all() == []
    assert inspect_unit(written) is None


def test_a_sweep_has_values_too(session: Session) -> None:
    write(session)
    session.set("heat", "cell 2.7")
    sweep = session.sweep([0.3, 1.2])
    for _ in sweep.play():
        pass
    for number, column in enumerate(sweep.columns):
        values = column_values(session, column)
        shown = [values.at(index) for index in range(len(column.tokens))]
        session.pick(sweep, number)
        assert shown == PassageValues(session).all()


def test_the_lens_has_all_parts_of_the_unit_after_the_token(styled: Model) -> None:
    session = Session(styled, Settings(rng=7, length=140, heat="cell 2.7"))
    write(session, changes=CHANGES)
    for index in (None, 0, 40, 55, 139):
        session.set("heat", "cell 2.7")
        found = inspect_unit(session, index)
        assert found
        unit, parts = found
        assert unit == Unit("cell", 2, 7)
        assert list(parts) == list(PARTS)
        for part in PARTS:
            session.set("heat", f"{SYMBOLS[part]} 2.7")
            assert parts[part] == pytest.approx(PassageValues(session).at(139 if index is None else index), abs=1e-6)


def test_a_model_that_has_learned_has_cells_of_its_own(tiny: Model) -> None:
    session = Session(tiny, Settings(rng=7, length=40, heat="cell 2.7"))
    do(session, "/learn on")
    do(session, "The keeper of the lamp went up the stairs with a book in his hand. " * 3)
    session.listener.finish()
    for line in ("/new", "The lamp"):
        do(session, line)
    assert session.model.file.sha256 != tiny.file.sha256
    assert PassageValues(session).all() == states(session, 3, 7)
    before = Session(tiny, Settings(rng=7, length=40, heat="cell 2.7"))
    do(before, "The lamp")
    assert PassageValues(session).at(0) != PassageValues(before).at(0)
