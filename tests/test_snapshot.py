"""A state as bytes: it goes on exactly where it was, and nothing foreign gets in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from afterglow.core.errors import StateError
from afterglow.core.events import Token
from afterglow.core.generation.snapshot import Snapshot
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.generation.token_history import MAX_HISTORY, TokenHistory
from afterglow.core.model import Model
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.settings import Settings

CHOSEN = Settings(length=120, temperature=0.9, surprise=2.0, dry_multiplier=0.8, repeat_penalty=1.2)


def written(model: Model, start: Snapshot) -> tuple[list[Token], Snapshot]:
    engine = model.engine()
    stream = engine.open(start, StreamOptions(CHOSEN, PositionRNG(7)))
    tokens = [event for event in engine.iter_events(stream) if isinstance(event, Token)]
    return tokens, stream.snapshots[stream.position]


@pytest.mark.parametrize("name", ["tiny", "tiny_bytes"])
def test_a_text_goes_on_from_bytes_as_from_memory(name: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    _, snapshot = written(model, model.read("The lamp was é").snapshot)
    again = model.load_state(model.dump_state(snapshot))
    assert written(model, again)[0] == written(model, snapshot)[0]
    assert model.dump_state(again) == model.dump_state(snapshot)


def test_a_state_is_a_few_kilobytes(tiny: Model) -> None:
    snapshot = tiny.read("The lamp").snapshot
    arrays = snapshot.logits.nbytes + sum(array.nbytes for array in snapshot.state)
    assert len(tiny.dump_state(snapshot)) < arrays + 500


def test_what_was_cut_short_or_changed_is_refused(tiny: Model) -> None:
    data = tiny.dump_state(tiny.read("The lamp").snapshot)
    for broken in (data[:-1], data[:60], data[:-1] + bytes([data[-1] ^ 1]), data + b"x"):
        with pytest.raises(StateError, match="damaged or cut short"):
            tiny.load_state(broken)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"afterglow stat"])
def test_what_is_no_state_is_refused(tiny: Model, data: bytes) -> None:
    with pytest.raises(StateError, match="not a saved state"):
        tiny.load_state(data)


def test_the_state_of_another_model_is_refused(tiny: Model, tiny_bytes: Model) -> None:
    with pytest.raises(StateError, match="belongs to another model"):
        tiny_bytes.load_state(tiny.dump_state(tiny.read("The lamp").snapshot))


def test_a_state_in_the_numbers_of_another_runtime_is_refused(tiny: Model) -> None:
    snapshot = tiny.read("The lamp").snapshot
    other = replace(snapshot, state=tuple(array.astype(np.float64) for array in snapshot.state))
    with pytest.raises(StateError, match="another runtime"):
        tiny.load_state(tiny.dump_state(other))


def test_a_history_is_shared_and_reads_back_any_number() -> None:
    first = TokenHistory([1, 2, 3])
    second, third = TokenHistory([4], first), TokenHistory([], first)
    assert [second.recent(n).tolist() for n in (0, 1, 2, 9)] == [[], [4], [3, 4], [1, 2, 3, 4]]
    assert third.recent(2).tolist() == [2, 3]
    assert TokenHistory().recent(5).tolist() == []


def test_a_state_remembers_no_more_than_anything_looks_at(tiny: Model) -> None:
    snapshot = tiny.read("lamp " * 4000, whole=True).snapshot
    again = tiny.load_state(tiny.dump_state(snapshot))
    assert len(again.history.recent(10**6)) == MAX_HISTORY
    assert again.position == 20_000
