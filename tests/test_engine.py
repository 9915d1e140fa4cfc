"""The engine: a stream's text is its own, bit for bit, whoever else plays, joins or leaves."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from afterglow.core.errors import EngineError, StateError
from afterglow.core.events import Done, Event, Token
from afterglow.core.generation.engine import Engine
from afterglow.core.generation.stream import SNAPSHOT_INTERVAL, Stream, StreamOptions
from afterglow.core.inference.backends import fastest_runtime
from afterglow.core.model import Model, load
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import SamplingSettings, Settings
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

MINE = Settings(length=150, rng=7, temperature=0.9)
OTHERS = [
    Settings(length=200, surprise=2.0, dry_multiplier=0.8, frequency_penalty=0.3),
    Settings(length=30, top_k=3, temperature=0.4),
    Settings(length=400, top_p=0.8, min_p=0.05, temperature=Ramp(0.2, 3.0)),
    Settings(length=90, typical=0.7, repeat_penalty=1.3, stop=("the",)),
    Settings(length=1, temperature=0.0),
    Settings(length=120, ban=("e", "\n"), bias=(("a", 1.5), (" ", -0.5))),
]


def opened(
    engine: Engine, model: Model, seed: str, chosen: SamplingSettings, rng: int = 7, ahead: int = 1, keep: bool = True
) -> Stream:
    options = StreamOptions(chosen, PositionRNG(rng), max_unread=ahead, keep_snapshots=keep)
    return engine.open(model.read(seed).snapshot, options)


@cache
def the_tiny_model() -> Model:
    """For hypothesis, which wants no fixture of a function's scope."""
    return load(str(Path(__file__).parent / "data" / "tiny-char.safetensors"))


def tokens(engine: Engine, stream: Stream) -> list[Token]:
    return [event for event in engine.iter_events(stream) if isinstance(event, Token)]


def alone(model: Model, chosen: Settings = MINE, seed: str = "The lamp", rng: int = 7) -> list[Token]:
    engine = model.engine()
    return tokens(engine, opened(engine, model, seed, chosen, rng))


@pytest.mark.parametrize("name", ["tiny", "tiny_bytes"])
@pytest.mark.parametrize("chosen", [MINE, *OTHERS], ids=range(7))
def test_the_same_text_twice(name: str, chosen: Settings, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    assert alone(model, chosen) == alone(model, chosen)


def test_the_same_text_on_one_thread_and_on_two(tiny: Model) -> None:
    two = Model(tiny.name, tiny.file, fastest_runtime(tiny.file, 2))
    assert alone(two) == alone(Model(tiny.name, tiny.file, fastest_runtime(tiny.file, 1)))


@pytest.mark.parametrize("chosen", [MINE, MINE.changed(temperature=1.0)], ids=["T 0.9", "plain"])
def test_the_same_text_among_others_that_join_and_leave(tiny: Model, chosen: Settings) -> None:
    engine = tiny.engine()
    before = [opened(engine, tiny, f"{n}", s, rng=n, ahead=9999) for n, s in enumerate(OTHERS[:3])]
    for _ in range(5):
        engine.step()
    mine = opened(engine, tiny, "The lamp", chosen)
    for n, joining in enumerate(OTHERS[3:]):
        for _ in range(10):
            engine.step()
        opened(engine, tiny, "Good evening", joining, rng=n, ahead=9999)
    assert before[1].token_count >= 25
    before[1].stop()
    assert tokens(engine, mine) == alone(tiny, chosen)


@pytest.mark.parametrize("finish", ["sentence", "line"])
@pytest.mark.parametrize("temperature", [0.8, Ramp(0.2, 1.6)], ids=str)
def test_a_text_that_runs_on_is_a_beginning_of_a_longer_one(
    tiny: Model, finish: str, temperature: float | Ramp
) -> None:
    """Alone, ahead of its reader, in a worker and beside others; the tokens up to the length are those without it."""
    plain = MINE.changed(temperature=temperature)
    ends = plain.changed(finish=finish)
    expected = alone(tiny, ends)
    text = "".join(token.text for token in expected)
    assert 150 < len(text) <= 187
    assert expected[:150] == alone(tiny, plain)
    longer = alone(tiny, plain.changed(length=250)) if not isinstance(temperature, Ramp) else []
    assert [token.id for token in expected] == [token.id for token in longer[: len(expected)] or expected]
    for ahead in (2, 9, 9999):
        engine = tiny.engine()
        others = [opened(engine, tiny, f"{n}", s, rng=n, ahead=9999) for n, s in enumerate(OTHERS)]
        mine = opened(engine, tiny, "The lamp", ends, ahead=ahead)
        assert tokens(engine, mine) == expected
        assert all(tokens(engine, other) for other in others)
        assert mine.snapshots[mine.position].pending_text == mine.pending_text


def test_others_keep_their_events_while_one_plays(tiny: Model) -> None:
    engine = tiny.engine()
    streams = [opened(engine, tiny, "The lamp", MINE.changed(length=40), rng=n, ahead=99) for n in range(3)]
    played = [tokens(engine, stream) for stream in streams]
    for n, found in enumerate(played):
        own = tiny.engine()
        assert found == tokens(own, opened(own, tiny, "The lamp", MINE.changed(length=40), rng=n))
    assert len({"".join(token.text for token in found) for found in played}) == 3


def test_a_stream_that_ended_says_nothing_more(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE.changed(length=5))
    assert len(list(engine.iter_events(stream))) == 6
    engine.step()
    assert list(engine.iter_events(stream)) == []


def test_stop_keeps_what_is_written_and_says_so(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE)
    events = engine.iter_events(stream)
    written = [next(events) for _ in range(10)]
    stream.stop()
    rest = list(events)
    assert written == alone(tiny)[:10]
    assert [(type(event), event.reason, event.tokens) for event in rest if isinstance(event, Done)] == [
        (Done, "stopped", 10)
    ]
    assert len(rest) == 1


def test_stop_may_come_from_another_thread(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE.changed(length=1_000_000))
    begun = threading.Event()

    def stop() -> None:
        begun.wait(10)
        stream.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    events = engine.iter_events(stream)
    found = [next(events)]
    begun.set()
    found += events
    thread.join()
    assert isinstance(found[-1], Done)
    assert found[-1].reason == "stopped"


def test_stopping_before_the_first_token_ends_with_no_text(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE)
    stream.stop()
    assert [type(event) for event in engine.iter_events(stream)] == [Done]
    assert stream.snapshots[stream.position].position == stream.position


def test_a_forced_token_comes_first_and_the_rest_is_drawn_behind_it(tiny: Model) -> None:
    (forced,) = tiny.tokenizer.encode("k").tolist()
    engine = tiny.engine()
    stream = engine.open(tiny.read("The lamp").snapshot, StreamOptions(MINE, PositionRNG(7), forced))
    found = tokens(engine, stream)
    assert found[0].id == forced
    begun = engine.open(tiny.read("The lampk").snapshot, StreamOptions(MINE, PositionRNG(7)))
    assert [token.id for token in found[1:]] == [token.id for token in tokens(engine, begun)][: len(found) - 1]


def test_the_temperature_can_be_turned_between_two_tokens(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE)
    events = engine.iter_events(stream)
    first = [next(events) for _ in range(10)]
    stream.settings = stream.settings.changed(temperature=0.0)
    rest = [event for event in events if isinstance(event, Token)]
    assert [token.temperature for token in first] == [0.9] * 10  # type: ignore[union-attr]
    assert {token.temperature for token in rest} == {0.0}
    assert {token.rank for token in rest} == {1}


def test_states_are_kept_every_64_tokens_and_at_the_end(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE)
    list(engine.iter_events(stream))
    whole = [n for n in range(9, 8 + 151) if n % SNAPSHOT_INTERVAL == 0]
    assert sorted(stream.snapshots) == [*whole, 8 + 150]
    for position, snapshot in stream.snapshots.items():
        assert snapshot.position == position
        assert all(array.shape[0] == 1 for array in snapshot.state)


def test_states_that_are_kept_among_others_are_those_of_the_stream_alone(tiny: Model) -> None:
    kept = []
    for others in ([], OTHERS):
        engine = tiny.engine()
        for n, joining in enumerate(others):
            opened(engine, tiny, "Good evening", joining, rng=n, ahead=9999)
        stream = opened(engine, tiny, "The lamp", MINE)
        list(engine.iter_events(stream))
        kept.append({n: [a.tobytes() for a in (s.logits, *s.state)] for n, s in stream.snapshots.items()})
    assert kept[0] == kept[1]


def test_what_an_event_tells_is_what_the_model_thinks(tiny: Model) -> None:
    chances = tiny.distribution("The lamp")
    first = alone(tiny)[0]
    assert chances[first.text] == pytest.approx(2.718281828459045**first.logprob, abs=1e-9)
    assert list(chances).index(first.text) + 1 == first.rank
    assert sum(chances.values()) == pytest.approx(1)


def test_nothing_is_drawn_before_a_reader_asks(tiny: Model) -> None:
    engine = tiny.engine()
    waiting = opened(engine, tiny, "The lamp", MINE)
    tokens(engine, opened(engine, tiny, "Good evening", MINE))
    assert waiting.token_count == 0
    waiting.settings = MINE.changed(temperature=0.0)
    assert {token.temperature for token in tokens(engine, waiting)} == {0.0}


def test_nothing_is_drawn_between_two_asks_while_others_are_written(tiny: Model) -> None:
    engine = tiny.engine()
    asking = opened(engine, tiny, "The lamp", MINE)
    events = engine.iter_events(asking)
    for count in (1, 2, 3):
        next(events)
        tokens(engine, opened(engine, tiny, "Good evening", MINE.changed(length=20)))
        assert asking.token_count == count
    asking.settings = MINE.changed(temperature=0.0)
    assert {event.temperature for event in events if isinstance(event, Token)} == {0.0}


def test_a_slow_reader_slows_its_own_stream_only(tiny: Model) -> None:
    engine = tiny.engine()
    slow = opened(engine, tiny, "The lamp", MINE, ahead=10)
    fast = opened(engine, tiny, "Good evening", MINE, ahead=9999)
    while engine.step():
        pass
    assert (len(slow.events), slow.token_count) == (10, 10)
    assert (fast.token_count, fast.finished) == (150, True)
    assert tokens(engine, slow) == alone(tiny)


def test_what_fails_in_one_stream_is_its_own_end_alone(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine()
    streams = [opened(engine, tiny, "The lamp", MINE, rng=n, ahead=9999) for n in (7, 8)]
    engine.step()

    def fail(_: int) -> str:
        raise RuntimeError("the decoder broke")

    monkeypatch.setattr(streams[1].decoder, "push", fail, raising=False)
    assert tokens(engine, streams[0]) == alone(tiny)
    with pytest.raises(RuntimeError, match="the decoder broke"):
        tokens(engine, streams[1])
    assert isinstance(streams[1].error, RuntimeError)


@pytest.mark.parametrize("ahead", [1, 3, 64, 9999])
def test_the_text_does_not_depend_on_how_far_ahead_it_is_drawn(tiny: Model, ahead: int) -> None:
    for chosen in (MINE, *OTHERS):
        engine = tiny.engine()
        assert tokens(engine, opened(engine, tiny, "The lamp", chosen, ahead=ahead)) == alone(tiny, chosen)


@pytest.mark.parametrize("ahead", [1, 64])
def test_states_are_those_of_the_text_however_far_ahead_it_is_drawn(tiny: Model, ahead: int) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE, ahead=ahead)
    text = "".join(token.text for token in tokens(engine, stream))
    for position, snapshot in stream.snapshots.items():
        again = tiny.read("The lamp" + text[: position - 8]).snapshot
        assert [a.tobytes() for a in (again.logits, *again.state)] == [
            a.tobytes() for a in (snapshot.logits, *snapshot.state)
        ]
        assert snapshot.history.recent(9999).tolist() == again.history.recent(9999).tolist()


def test_a_stream_that_keeps_nothing_has_no_snapshots(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE, keep=False)
    tokens(engine, stream)
    assert stream.snapshots == {}


def test_a_state_of_another_vocabulary_or_shape_is_refused(tiny: Model, tiny_bytes: Model) -> None:
    foreign = tiny_bytes.read("The lamp").snapshot
    with pytest.raises(StateError, match=f"256 tokens, not {tiny.tokenizer.size}"):
        tiny.engine().open(foreign, StreamOptions(MINE, PositionRNG(7)))
    own = tiny.read("The lamp").snapshot
    with pytest.raises(StateError, match="a model of another size"):
        tiny.engine().open(replace(own, state=own.state[:2]), StreamOptions(MINE, PositionRNG(7)))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rows_are_shared_out_and_gathered_again(tiny: Model, threads: int) -> None:
    """Batches fill and empty as streams come and go; nobody is lost, and everybody's text is their own."""
    engine = Engine(fastest_runtime(tiny.file, threads), tiny.tokenizer)
    lengths = [5, 40, 3, 80, 17, 60, 9, 120, 30, 1, 55, 2]
    streams = []
    for n, length in enumerate(lengths):
        streams.append(opened(engine, tiny, "The lamp", MINE.changed(length=length), rng=n, ahead=200))
        engine.step()
        assert engine.row_count == sum(not s.finished for s in streams)
    while engine.step():
        pass
    for n, stream in enumerate(streams):
        assert [e for e in stream.events if isinstance(e, Token)] == alone(tiny, MINE.changed(length=lengths[n]), rng=n)


def test_what_batches_share_fails_in_a_step_and_can_be_told_to_all(
    tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = fastest_runtime(tiny.file, 2)
    engine = Engine(runtime, tiny.tokenizer)
    streams = [opened(engine, tiny, "The lamp", MINE, rng=n, ahead=200) for n in range(12)]
    engine.step()
    monkeypatch.setattr(runtime, "stepper", lambda *_: 1 / 0)
    streams.append(opened(engine, tiny, "The lamp", MINE, ahead=200))
    with pytest.raises(ZeroDivisionError):
        engine.step()
    engine.fail(EngineError("no memory"))
    assert all(str(stream.error) == "no memory" for stream in streams)
    assert not engine.step()


def test_where_a_text_ended_is_kept_before_its_reader_hears_of_the_end(tiny: Model) -> None:
    """A reader on another thread looks for the snapshot as soon as it sees Done."""
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE.changed(length=30), ahead=200)
    there = list[bool]()

    class Events(deque[Event]):
        def append(self, event: Event) -> None:
            there.append(stream.position in stream.snapshots)
            super().append(event)

    stream.events = Events()
    while engine.step():
        pass
    assert there[-1]
    assert isinstance(stream.events[-1], Done)


ONE = st.builds(
    Settings,
    length=st.integers(1, 40),
    temperature=st.sampled_from([0.0, 0.5, 1.0, 1.7, Ramp(0.2, 1.6)]),
    top_k=st.sampled_from([0, 0, 4]),
    top_p=st.sampled_from([1.0, 1.0, 0.8]),
    repeat_penalty=st.sampled_from([1.0, 1.0, 1.3]),
    dry_multiplier=st.sampled_from([0.0, 0.0, 0.8]),
    surprise=st.sampled_from([0.0, 0.0, 2.0]),
    stop=st.sampled_from([(), (), ("e ",)]),
    finish=st.sampled_from(["off", "sentence", "line"]),
    ban=st.sampled_from([(), (), ("e", " ")]),
    bias=st.sampled_from([(), (), (("a", 2.0), ("t", -2.0))]),
)
ACTS = st.lists(st.tuples(st.sampled_from(["open", "step", "read", "stop"]), st.integers(0, 9)), max_size=40)


@examples(60)
@given(st.lists(st.tuples(ONE, st.integers(1, 80)), min_size=1, max_size=10), ACTS, st.sampled_from([1, 2]))
def test_a_stream_is_itself_whatever_the_schedule(
    wishes: list[tuple[Settings, int]], acts: list[tuple[str, int]], threads: int
) -> None:
    """Joins, reads, stops and steps in any order, on one thread or two: each stream's tokens are those it has alone."""
    model = the_tiny_model()
    engine = Engine(fastest_runtime(model.file, threads), model.tokenizer)
    streams: list[Stream] = []
    read: list[list[Event]] = []
    waiting = [*wishes]
    for act, number in acts:
        stream = streams[number % len(streams)] if streams else None
        if act == "open" and waiting:
            chosen, ahead = waiting.pop()
            streams.append(opened(engine, model, "The lamp", chosen, rng=len(streams), ahead=ahead))
            read.append([])
        elif act == "stop" and stream and number == 0:
            stream.stop()
        elif act == "read" and stream:
            at = streams.index(stream)
            read[at] += islice(engine.iter_events(stream), number)
        else:
            engine.step()
    for number, stream in enumerate(streams):
        found = [event for event in (*read[number], *engine.iter_events(stream)) if isinstance(event, Token)]
        own = model.engine()
        expected = tokens(own, opened(own, model, "The lamp", stream.settings, rng=number))
        assert found == expected[: len(found)]
        assert len(found) == len(expected) or stream.stopping


def test_two_hundred_streams_are_each_as_alone(tiny: Model) -> None:
    engine = tiny.engine()
    wishes = [MINE, *OTHERS]
    streams = [
        opened(engine, tiny, "The lamp", wishes[n % len(wishes)].changed(length=50), rng=n, ahead=99)
        for n in range(200)
    ]
    for n in (0, 1, 2, 3, 100, 199):
        own = tiny.engine()
        expected = tokens(own, opened(own, tiny, "The lamp", streams[n].settings, rng=n))
        assert tokens(engine, streams[n]) == expected
