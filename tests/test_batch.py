"""A batch: how far it draws before it looks up, and that its streams keep their own rows."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from afterglow.core.events import Token
from afterglow.core.generation.batch import Batch
from afterglow.core.generation.stream import Stream, StreamOptions
from afterglow.core.inference.kernel import KERNEL
from afterglow.core.inference.runtime import Runtime, StateArrays, Stepper
from afterglow.core.model import Model
from afterglow.core.sampling import sampler
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import Settings

from .kernel_helpers import import_onnx_runtime

PLAIN = Settings(length=5000, temperature=0.9)
FILTERED = PLAIN.changed(top_k=20)
PENALIZED = PLAIN.changed(repeat_penalty=1.3)


def opened(model: Model, chosen: Settings = PLAIN, rng: int = 1, ahead: int = 1000, keep: bool = False) -> Stream:
    options = StreamOptions(chosen, PositionRNG(rng), max_unread=ahead, keep_snapshots=keep)
    return Stream(model.tokenizer, model.read("The").snapshot, options)


def batch_of(model: Model, *streams: Stream) -> Batch:
    batch = Batch(model.runtime)
    batch.add(streams, exclusive=True)
    batch.max_burst()
    return batch


def ids(stream: Stream) -> list[int]:
    return [event.id for event in stream.events if isinstance(event, Token)]


def alone(model: Model, count: int, chosen: Settings = PLAIN, rng: int = 1) -> list[int]:
    stream = opened(model, chosen, rng)
    batch = batch_of(model, stream)
    while len(ids(stream)) < count:
        batch.max_burst()
        batch.run(1)
    return ids(stream)


class Interrupt(Collection[Stream]):
    """Requests that never come. ``act`` is called when the batch looks for them, as another thread might."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act
        self.looks = 0

    def __len__(self) -> int:
        self.looks += 1
        self.act()
        return 0

    def __iter__(self):
        return iter(())

    def __contains__(self, _: object) -> bool:
        return False


def test_a_burst_is_as_long_as_the_stream_with_the_least_room_allows(tiny: Model) -> None:
    assert batch_of(tiny, opened(tiny, ahead=64), opened(tiny, ahead=10)).max_burst() == 10
    assert batch_of(tiny, opened(tiny, ahead=64), opened(tiny, PENALIZED)).max_burst() == 1


@pytest.mark.parametrize("chosen", [PLAIN, FILTERED], ids=["plain", "filtered"])
def test_a_burst_is_drawn_whole_if_nothing_comes(tiny: Model, chosen: Settings) -> None:
    """The same tokens as drawn one by one."""
    stream = opened(tiny, chosen)
    batch_of(tiny, stream).run(300)
    assert ids(stream) == alone(tiny, 300, chosen)


@pytest.mark.parametrize("burst", [1, 60, 64])
def test_a_snapshot_is_saved_every_hundred_and_twenty_eight_tokens(tiny: Model, burst: int) -> None:
    """Among them one at the very end of a burst. A text goes on from each as it did."""
    stream, start = opened(tiny, keep=True), tiny.read("The").snapshot.position
    batch = batch_of(tiny, stream)
    while len(ids(stream)) < 280:
        batch.run(burst)
    assert sorted(stream.snapshots) == [128, 256]
    options = StreamOptions(PLAIN, PositionRNG(1), max_unread=1000)
    again = Stream(tiny.tokenizer, stream.snapshots[256], options)
    batch_of(tiny, again).run(20)
    assert ids(again) == ids(stream)[256 - start :][:20]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_stream_that_wants_to_join_waits_for_a_hundred_and_twenty_eight_tokens(tiny: Model, rows: int) -> None:
    """Without a kernel, which draws many at once, it waits for one."""
    streams = [opened(tiny, rng=rng) for rng in range(rows)]
    batch_of(tiny, *streams).run(300, [opened(tiny)])
    assert {len(ids(stream)) for stream in streams} == {128 // rows if KERNEL else 1}


def test_a_batch_of_two_hundred_looks_up_at_every_token(tiny: Model) -> None:
    streams = [opened(tiny)] * 200
    looks = Interrupt(lambda: None)
    batch_of(tiny, *streams).run(3, looks)
    assert looks.looks == 2


def test_filtered_streams_look_up_at_every_token(tiny: Model) -> None:
    stream = opened(tiny, FILTERED)
    batch_of(tiny, stream).run(300, [opened(tiny)])
    assert len(ids(stream)) == 1


@pytest.mark.parametrize(("chosen", "drawn"), [(PLAIN, 128 if KERNEL else 1), (FILTERED, 1)], ids=["plain", "filtered"])
def test_a_burst_ends_where_a_setting_was_changed_or_the_stream_stopped(
    tiny: Model, chosen: Settings, drawn: int
) -> None:
    for act in (
        lambda stream: setattr(stream, "settings", chosen.changed(temperature=0.2)),
        lambda stream: stream.stop(),
    ):
        stream = opened(tiny, chosen)
        looks = Interrupt(lambda stream=stream, act=act: act(stream))
        batch_of(tiny, stream).run(300, looks)
        assert (len(ids(stream)), looks.looks) == (drawn, 1)
        assert {event.temperature for event in stream.events if isinstance(event, Token)} == {0.9}


def test_one_of_two_that_stops_ends_the_burst_of_both(tiny: Model) -> None:
    stopped, other = opened(tiny, FILTERED), opened(tiny, FILTERED, rng=2)
    batch_of(tiny, stopped, other).run(300, Interrupt(stopped.stop))
    assert (len(ids(stopped)), len(ids(other))) == (1, 1)


def test_a_stream_has_the_logits_of_its_next_token(tiny: Model) -> None:
    streams = [opened(tiny, rng=rng) for rng in (1, 2)]
    batch = batch_of(tiny, *streams)
    batch.run(10)
    logits = [stream.logits for stream in streams]
    assert batch.remove(lambda _: True) == streams
    assert [each.tolist() for each in logits] == [stream.logits.tolist() for stream in streams]
    batch.add(streams, exclusive=True)
    batch.max_burst()
    batch.run(10)
    assert logits[0].tolist() != streams[0].logits.tolist(), "an earlier burst's logits stay as they were"


def test_a_changed_setting_draws_the_next_burst(tiny: Model) -> None:
    stream, other = opened(tiny), opened(tiny, rng=2)
    batch = batch_of(tiny, stream, other)
    batch.run(10)
    stream.settings = PLAIN.changed(temperature=0.0)
    batch.max_burst()
    batch.run(10)
    assert [event.temperature for event in stream.events] == [0.9] * 10 + [0.0] * 10  # type: ignore[union-attr]
    assert ids(other) == alone(tiny, 20, rng=2)


@pytest.mark.parametrize("chosen", [PLAIN, FILTERED, PENALIZED], ids=["plain", "filtered", "penalized"])
def test_a_machine_without_a_kernel_gives_the_same_text(
    tiny: Model, chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime steps, numpy draws. The statistics differ by rounding alone."""
    whole = opened(tiny, chosen)
    batch = batch_of(tiny, whole)
    while len(ids(whole)) < 60:
        batch.run(1)
    monkeypatch.setattr(sampler, "KERNEL", None)
    stream = opened(tiny, chosen)
    batch = batch_of(Model("onnx", tiny.file, import_onnx_runtime()(tiny.file)), stream)
    while len(ids(stream)) < 60:
        batch.run(1)
    assert [event[:2] for event in stream.events] == [event[:2] for event in whole.events]  # type: ignore[index]
    told, expected = ([event[2:7] for event in each.events] for each in (stream, whole))  # type: ignore[index]
    assert told == [pytest.approx(each, abs=1e-9) for each in expected]


def test_every_row_has_its_own_temperature(tiny: Model) -> None:
    chosen = [PLAIN.changed(temperature=t) for t in (0.0, 0.9, 1e-9, 2.0)]
    streams = [opened(tiny, each, rng=rng) for rng, each in enumerate(chosen)]
    batch_of(tiny, *streams).run(30)
    greedy = alone(tiny, 30, PLAIN.changed(top_k=1))
    assert [ids(stream) for stream in streams] == [
        greedy,
        alone(tiny, 30, chosen[1], rng=1),
        greedy,
        alone(tiny, 30, chosen[3], rng=3),
    ]


def test_a_ramp_moves_with_every_token(tiny: Model) -> None:
    stream = opened(tiny, Settings(length=10, temperature=Ramp(0.0, 1.0)))
    batch = batch_of(tiny, stream)
    for _ in range(4):
        batch.run(1)
    assert [event.temperature for event in stream.events] == pytest.approx([0, 0.1, 0.2, 0.3])  # type: ignore[union-attr]


@pytest.mark.parametrize("chosen", [PLAIN, FILTERED], ids=["plain", "filtered"])
def test_a_forced_token_is_taken_by_its_own_row(tiny: Model, chosen: Settings) -> None:
    streams = [opened(tiny, chosen, rng=rng) for rng in (1, 2)]
    streams[1].forced_token = 3
    batch = batch_of(tiny, *streams)
    batch.run(1)
    batch.run(5)
    assert ids(streams[0]) == alone(tiny, 6, chosen, rng=1)
    assert ids(streams[1])[0] == 3
    assert ids(streams[1]) != alone(tiny, 6, chosen, rng=2)


def test_streams_that_leave_take_their_rows_with_them(tiny: Model) -> None:
    streams = [opened(tiny, rng=rng) for rng in range(3)]
    batch = batch_of(tiny, *streams)
    batch.run(10)
    assert batch.remove(lambda _: False) == []
    assert batch.remove(lambda stream: stream is not streams[1]) == [streams[0], streams[2]]
    assert batch.streams == [streams[1]]
    batch.max_burst()
    batch.run(10)
    batch.add([streams[2], streams[0]], exclusive=True)
    batch.max_burst()
    batch.run(10)
    assert [len(ids(stream)) for stream in streams] == [20, 30, 20]
    for rng, stream in enumerate(streams):
        assert ids(stream) == alone(tiny, len(ids(stream)), rng=rng)


def test_after_a_failure_a_batch_begins_with_nothing(tiny: Model) -> None:
    failed, stream = opened(tiny), opened(tiny, rng=2)
    batch = batch_of(tiny, failed)
    batch.run(10)
    assert batch.clear() == [failed]
    assert batch.streams == []
    batch.add([stream], exclusive=True)
    batch.max_burst()
    batch.run(20)
    assert ids(stream) == alone(tiny, 20, rng=2)


class Recording(Runtime):
    """A runtime that notes for whom its steppers have all threads."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.max_batches = runtime, runtime.max_batches
        self.exclusive: list[tuple[int, bool]] = []

    def zeros(self, rows: int) -> StateArrays:
        return self.runtime.zeros(rows)

    def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:
        self.exclusive.append((len(state[0]), exclusive))
        return self.runtime.stepper(state, exclusive)


def test_a_batch_has_all_threads_only_while_no_other_is_stepped(tiny: Model) -> None:
    runtime = Recording(tiny.runtime)
    batch = Batch(runtime)
    stream = opened(tiny)
    batch.add([], exclusive=False)
    batch.add([stream], exclusive=False)
    batch.add([], exclusive=False)
    batch.add([], exclusive=True)
    batch.add([], exclusive=True)
    batch.add([opened(tiny)], exclusive=True)
    batch.remove(lambda each: each is not stream)
    batch.add([], exclusive=False)
    assert runtime.exclusive == [(0, True), (1, False), (1, True), (2, True), (1, True), (1, False)]
