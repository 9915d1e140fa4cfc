"""The engine: a stream's text is its own, bit for bit, whoever else plays, joins or leaves."""

from __future__ import annotations

import threading

import pytest
from afterglow.core.dice import Dice
from afterglow.core.engine import Engine
from afterglow.core.events import Done, Token
from afterglow.core.model import Model
from afterglow.core.runtime import Int8Runtime
from afterglow.core.settingkinds import Ramp
from afterglow.core.settings import Settings
from afterglow.core.stream import SNAPSHOT_EVERY, Stream

MINE = Settings(length=150, rng=7, temperature=0.9)
OTHERS = [
    Settings(length=30, top_k=3, temperature=0.4),
    Settings(length=400, top_p=0.8, min_p=0.05, temperature=Ramp(0.2, 3.0)),
    Settings(length=90, typical=0.7, repeat_penalty=1.3, stop=("the",)),
    Settings(length=1, temperature=0.0),
]


def opened(engine: Engine, model: Model, seed: str, chosen: Settings, rng: int = 7) -> Stream:
    return engine.open(model.read(seed).snapshot, chosen, Dice(rng))


def tokens(engine: Engine, stream: Stream) -> list[Token]:
    return [event for event in engine.play(stream) if isinstance(event, Token)]


def alone(model: Model, chosen: Settings = MINE, seed: str = "The lamp") -> list[Token]:
    engine = model.engine()
    return tokens(engine, opened(engine, model, seed, chosen))


@pytest.mark.parametrize("name", ["tiny", "tiny_bytes"])
@pytest.mark.parametrize("chosen", [MINE, *OTHERS], ids=range(5))
def test_the_same_text_twice(name: str, chosen: Settings, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    assert alone(model, chosen) == alone(model, chosen)


def test_the_same_text_on_one_thread_and_on_two(tiny: Model) -> None:
    two = Model(tiny.name, tiny.file, Int8Runtime(tiny.file, threads=2))
    assert alone(two) == alone(Model(tiny.name, tiny.file, Int8Runtime(tiny.file, threads=1)))


@pytest.mark.parametrize("chosen", [MINE, MINE.changed(temperature=1.0)], ids=["T 0.9", "plain"])
def test_the_same_text_among_others_that_join_and_leave(tiny: Model, chosen: Settings) -> None:
    engine = tiny.engine()
    before = [opened(engine, tiny, f"{n}", s, rng=n) for n, s in enumerate(OTHERS[:2])]
    for _ in range(5):
        engine.step()
    mine = opened(engine, tiny, "The lamp", chosen)
    for n, joining in enumerate(OTHERS[2:]):
        for _ in range(10):
            engine.step()
        opened(engine, tiny, "Good evening", joining, rng=n)
    before[1].stop()
    assert tokens(engine, mine) == alone(tiny, chosen)


def test_others_keep_their_events_while_one_plays(tiny: Model) -> None:
    engine = tiny.engine()
    streams = [opened(engine, tiny, "The lamp", MINE.changed(length=40), rng=n) for n in range(3)]
    played = [tokens(engine, stream) for stream in streams]
    for n, found in enumerate(played):
        own = tiny.engine()
        assert found == tokens(own, opened(own, tiny, "The lamp", MINE.changed(length=40), rng=n))
    assert len({"".join(token.text for token in found) for found in played}) == 3


def test_a_stream_that_ended_says_nothing_more(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE.changed(length=5))
    assert len(list(engine.play(stream))) == 6
    engine.step()
    assert list(engine.play(stream)) == []


def test_stop_keeps_what_is_written_and_says_so(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE)
    events = engine.play(stream)
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
    events = engine.play(stream)
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
    assert [type(event) for event in engine.play(stream)] == [Done]
    assert stream.snapshots[stream.position].position == stream.position


def test_a_forced_token_comes_first_and_the_rest_is_drawn_behind_it(tiny: Model) -> None:
    (forced,) = tiny.tokenizer.encode("k").tolist()
    engine = tiny.engine()
    stream = engine.open(tiny.read("The lamp").snapshot, MINE, Dice(7), forced)
    found = tokens(engine, stream)
    assert found[0].id == forced
    begun = engine.open(tiny.read("The lampk").snapshot, MINE, Dice(7))
    assert [token.id for token in found[1:]] == [token.id for token in tokens(engine, begun)][: len(found) - 1]


def test_the_temperature_can_be_turned_between_two_tokens(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE)
    events = engine.play(stream)
    first = [next(events) for _ in range(10)]
    stream.settings = stream.settings.changed(temperature=0.0)
    rest = [event for event in events if isinstance(event, Token)]
    assert [token.temperature for token in first] == [0.9] * 10  # type: ignore[union-attr]
    assert {token.temperature for token in rest} == {0.0}
    assert {token.rank for token in rest} == {1}


def test_states_are_kept_every_64_tokens_and_at_the_end(tiny: Model) -> None:
    engine = tiny.engine()
    stream = opened(engine, tiny, "The lamp", MINE)
    list(engine.play(stream))
    whole = [n for n in range(9, 8 + 151) if n % SNAPSHOT_EVERY == 0]
    assert sorted(stream.snapshots) == [*whole, 8 + 150]
    for position, snapshot in stream.snapshots.items():
        assert snapshot.position == position
        assert all(array.shape[0] == 1 for array in snapshot.state)


def test_states_that_are_kept_among_others_are_those_of_the_stream_alone(tiny: Model) -> None:
    kept = []
    for others in ([], OTHERS):
        engine = tiny.engine()
        for n, joining in enumerate(others):
            opened(engine, tiny, "Good evening", joining, rng=n)
        stream = opened(engine, tiny, "The lamp", MINE)
        list(engine.play(stream))
        kept.append({n: [a.tobytes() for a in (s.logits, *s.state)] for n, s in stream.snapshots.items()})
    assert kept[0] == kept[1]


def test_what_an_event_tells_is_what_the_model_thinks(tiny: Model) -> None:
    chances = tiny.distribution("The lamp")
    first = alone(tiny)[0]
    assert chances[first.text] == pytest.approx(2.718281828459045**first.logprob, abs=1e-9)
    assert list(chances).index(first.text) + 1 == first.rank
    assert sum(chances.values()) == pytest.approx(1)
