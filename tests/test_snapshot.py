"""A state as bytes: it goes on exactly where it was, and nothing foreign gets in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from afterglow.core.errors import StateError
from afterglow.core.events import Token
from afterglow.core.generation.snapshot import _MAGIC, MAX_POSITION, Snapshot, from_bytes, to_bytes
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.generation.token_history import MAX_HISTORY, TokenHistory
from afterglow.core.model import Model
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.settings import Settings
from hypothesis import example, given
from hypothesis import strategies as st

from .properties import examples

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
    last_bit_of_a_logit = data.index(b"\n", len(_MAGIC) + 32) + 1
    changed = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in (last_bit_of_a_logit, len(data) - 1)]
    for broken in (data[:-1], data[:60], *changed, data + b"x"):
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


# States that were changed and signed again --------------------------------------------------------------------------


def signed(body: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(body).digest() + body


def with_values(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A state with its header changed, signed again."""
    header, _, arrays = data[len(_MAGIC) + 32 :].partition(b"\n")
    values = json.loads(header)
    changed = change(values)
    text = changed if isinstance(changed, bytes) else json.dumps(values if changed is None else changed).encode()
    return signed(text + b"\n" + arrays)


@pytest.fixture(scope="module")
def state(tiny: Model) -> bytes:
    return tiny.dump_state(written(tiny, tiny.read("The lamp was").snapshot)[1])


def goes_on_or_is_refused(model: Model, data: bytes) -> None:
    """Loading is a StateError of one line, or a text goes on from it with finite numbers."""
    try:
        snapshot = model.load_state(data)
    except StateError as error:
        message = str(error)
    else:
        message = ""
    assert message.isprintable()
    assert len(message) < 200
    if message:
        return
    for token in written(model, snapshot)[0]:
        assert np.isfinite([token.logprob, token.entropy, token.bound]).all()
    again = model.dump_state(snapshot)
    assert model.dump_state(model.load_state(again)) == again


FIELDS = ["format", "model", "position", "remainder", "held", "surprise", "dtypes"]
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(
            [2**53, 2**64, 10**299, 10**400, 1e300, 1e308, "e2", "e282", "c3", "ff", "\ud800", "\x1b]0;x\x07"]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


@examples(300)
@given(field=st.sampled_from(FIELDS), value=VALUES)
@example(field="surprise", value=[1e308, -1e308])
@example(field="surprise", value=[float("nan"), 1.0])
@example(field="position", value=-1)
@example(field="position", value=MAX_POSITION)
@example(field="remainder", value="zz")
@example(field="remainder", value="41" * 1000)
def test_any_value_in_a_state_is_a_state_error_or_harmless(
    field: str, value: object, tiny: Model, tiny_bytes: Model, state: bytes
) -> None:
    goes_on_or_is_refused(tiny, with_values(state, lambda values: values.update({field: value})))
    of_bytes = tiny_bytes.dump_state(tiny_bytes.read("é").snapshot)
    goes_on_or_is_refused(tiny_bytes, with_values(of_bytes, lambda values: values.update({field: value})))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position", 2**53),
        ("position", -1),
        ("position", 1.0),
        ("remainder", "41"),
        ("remainder", "c3a9"),
        ("remainder", "ff"),
        ("held", "\ud800"),
        ("held", 5),
        ("surprise", [1.0]),
        ("surprise", [1.0, None]),
        ("format", -1),
        ("format", 2**63),
    ],
    ids=str,
)
def test_a_value_that_no_text_has_is_refused(field: str, value: object, tiny: Model, state: bytes) -> None:
    with pytest.raises(StateError, match="damaged"):
        tiny.load_state(with_values(state, lambda values: values.update({field: value})))


def test_the_last_position_that_random_numbers_reach_opens(tiny: Model, state: bytes) -> None:
    last = with_values(state, lambda values: values.update(position=2**53 - 1))
    assert tiny.load_state(last).position == 2**53 - 1


def test_a_header_has_256_values_at_most(tiny: Model, state: bytes) -> None:
    """The object is one, its members and the members of its lists are one each."""

    def with_count(count: int) -> bytes:
        def fill(values: dict[str, Any]) -> None:
            others = 1 + len(values) + len(values["dtypes"]) + len(values["surprise"])
            values["more"] = [0] * (count - others - 1)

        return with_values(state, fill)

    assert tiny.dump_state(tiny.load_state(with_count(256))) == state
    with pytest.raises(StateError, match="damaged"):
        tiny.load_state(with_count(257))


@pytest.mark.parametrize("ids", [[], [0], [0, 0]], ids=str)
def test_a_state_keeps_any_history_even_of_a_model_of_one_token(ids: list[int]) -> None:
    saved = Snapshot((np.ones((1, 2), np.float32),), np.zeros(1), len(ids), history=TokenHistory(ids))
    assert from_bytes(to_bytes(saved, "model"), "model", saved).history.recent(9).tolist() == ids


def test_snapshots_can_be_compared(tiny: Model) -> None:
    snapshot = tiny.read("The lamp").snapshot
    assert snapshot == snapshot
    assert replace(snapshot) != snapshot


@pytest.mark.parametrize("field", FIELDS[:-1])
def test_a_state_without_a_field_is_refused(field: str, tiny: Model, state: bytes) -> None:
    with pytest.raises(StateError):
        tiny.load_state(with_values(state, lambda values: values.pop(field) and None))


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"5", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"[" + b"[]," * 10**6, b"9" * 5000],
    ids=lambda header: str(header[:8]),
)
def test_a_state_with_a_header_that_is_none_is_refused(header: bytes, tiny: Model, state: bytes) -> None:
    with pytest.raises(StateError, match="damaged"):
        tiny.load_state(with_values(state, lambda _: header))


@examples(300)
@given(data=st.data())
def test_any_bytes_in_a_state_are_a_state_error_or_harmless(data: st.DataObject, tiny: Model, state: bytes) -> None:
    body = bytearray(state[len(_MAGIC) + 32 :])
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))
    goes_on_or_is_refused(tiny, signed(bytes(body[:cut]) + data.draw(st.binary(max_size=9))))


def test_a_state_with_an_id_that_the_model_does_not_have_is_refused(tiny: Model, state: bytes) -> None:
    for number in (tiny.tokenizer.size, -1, 2**31 - 1, -(2**31)):
        with pytest.raises(StateError, match="damaged"):
            tiny.load_state(signed(state[len(_MAGIC) + 32 : -4] + np.array(number, np.int32).tobytes()))
    last = np.array(tiny.tokenizer.size - 1, np.int32).tobytes()
    assert tiny.load_state(signed(state[len(_MAGIC) + 32 : -4] + last)).history.recent(1) == tiny.tokenizer.size - 1


def test_a_state_with_more_ids_than_anything_looks_at_is_refused(tiny: Model, state: bytes) -> None:
    with pytest.raises(StateError, match="damaged"):
        tiny.load_state(signed(state[len(_MAGIC) + 32 :] + bytes(4 * MAX_HISTORY)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["logits", "cell"])
def test_a_state_with_numbers_that_are_none_is_refused(part: str, value: float, tiny: Model, state: bytes) -> None:
    snapshot = tiny.load_state(state)
    logits, cell = snapshot.logits.copy(), snapshot.state[1].copy()
    (logits if part == "logits" else cell[0])[-1] = value
    broken = replace(snapshot, logits=logits, state=(snapshot.state[0], cell, *snapshot.state[2:]))
    with pytest.raises(StateError, match="damaged"):
        tiny.load_state(tiny.dump_state(broken))


def test_a_state_of_a_later_release_is_refused_and_any_earlier_one_opens(tiny: Model, state: bytes) -> None:
    assert json.loads(state[len(_MAGIC) + 32 :].partition(b"\n")[0])["format"] == 1
    for later in (3, 2**63 - 1):
        with pytest.raises(StateError, match=f"has format {later}, this release knows 1 to 2; upgrade"):
            tiny.load_state(with_values(state, lambda values, later=later: values.update(format=later)))
    for earlier in (lambda values: values.update(format=0), lambda values: values.pop("dtypes") and None):
        assert tiny.dump_state(tiny.load_state(with_values(state, earlier))) == state


def test_a_state_gives_back_all_that_was_saved(tiny_bytes: Model) -> None:
    read = tiny_bytes.read("The lamp").snapshot
    saved = replace(read, remainder=b"\xe2\x82", pending_text="EN", mirostat_state=(3.5, 1.25))
    again = tiny_bytes.load_state(tiny_bytes.dump_state(saved))
    assert (again.position, again.remainder, again.pending_text) == (read.position, b"\xe2\x82", "EN")
    assert again.mirostat_state == (3.5, 1.25)
    assert again.history.recent(99).tolist() == list(b"The lamp")
    assert again.logits.tolist() == read.logits.tolist()
    assert [array.tolist() for array in again.state] == [array.tolist() for array in read.state]
