"""One engine thread for many readers: the same texts, back-pressure, and ends that leave nobody waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from afterglow.core.errors import EngineError
from afterglow.core.events import Done, Event, Token
from afterglow.core.generation.aio import aiter_events
from afterglow.core.generation.stream import Stream, StreamOptions
from afterglow.core.generation.worker import Worker
from afterglow.core.model import Model
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.settings import Settings

MINE = Settings(length=150, temperature=0.9)
WISHES = (MINE, MINE.changed(finish="sentence"), MINE.changed(ban=("e",), bias=(("a", 1.5),)))
LONG = Settings(length=1_000_000)


@pytest.fixture
def worker(tiny: Model) -> Iterator[Worker]:
    with tiny.worker() as worker:
        yield worker


def opened(worker: Worker, model: Model, rng: int = 7, chosen: Settings = MINE, ahead: int = 16) -> Stream:
    return worker.open(model.read("The lamp").snapshot, StreamOptions(chosen, PositionRNG(rng), max_unread=ahead))


def ids(events: list[Event]) -> list[int]:
    return [event.id for event in events if isinstance(event, Token)]


def alone(model: Model, rng: int = 7, chosen: Settings = MINE) -> list[int]:
    engine = model.engine()
    stream = engine.open(model.read("The lamp").snapshot, StreamOptions(chosen, PositionRNG(rng)))
    return ids(list(engine.iter_events(stream)))


@pytest.mark.parametrize("ahead", [1, 16, 1000])
def test_threads_get_the_texts_that_they_would_have_alone(tiny: Model, worker: Worker, ahead: int) -> None:
    def read(rng: int) -> list[int]:
        return ids(list(worker.iter_events(opened(worker, tiny, rng, WISHES[rng % 3], ahead))))

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(read, range(12))) == [alone(tiny, rng, WISHES[rng % 3]) for rng in range(12)]


async def test_tasks_get_the_texts_that_they_would_have_alone(tiny: Model, worker: Worker) -> None:
    async def read(rng: int) -> list[int]:
        return ids([event async for event in aiter_events(worker, opened(worker, tiny, rng))])

    assert await asyncio.gather(*map(read, range(12))) == [alone(tiny, rng) for rng in range(12)]


def test_a_reader_that_does_not_read_is_not_written_for(tiny: Model, worker: Worker) -> None:
    slow = opened(worker, tiny, chosen=LONG, ahead=10)
    list(worker.iter_events(opened(worker, tiny, rng=8)))
    assert slow.token_count <= 10
    events = worker.iter_events(slow)
    assert len([next(events) for _ in range(25)]) == 25
    events.close()


def test_the_next_token_obeys_where_nothing_is_drawn_ahead(tiny: Model, worker: Worker) -> None:
    stream = opened(worker, tiny, ahead=1)
    events = worker.iter_events(stream)
    first = [next(events) for _ in range(10)]
    stream.settings = MINE.changed(temperature=0.0)
    rest = [event for event in events if isinstance(event, Token)]
    assert [event.temperature for event in first if isinstance(event, Token)] == [0.9] * 10
    assert {token.temperature for token in rest} == {0.0}


async def test_leaving_the_loop_stops_the_stream(tiny: Model, worker: Worker) -> None:
    stream = opened(worker, tiny, chosen=LONG)
    events = aiter_events(worker, stream)
    async for _ in events:
        break
    await events.aclose()  # type: ignore[attr-defined]
    assert stream.stopping
    assert ids(list(worker.iter_events(opened(worker, tiny)))) == alone(tiny)
    assert stream.finished


async def test_a_cancelled_task_stops_its_stream_and_no_other(tiny: Model, worker: Worker) -> None:
    stream, begun = opened(worker, tiny, chosen=LONG), asyncio.Event()

    async def read() -> None:
        async for _ in aiter_events(worker, stream):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ids([event async for event in aiter_events(worker, opened(worker, tiny))]) == alone(tiny)
    assert stream.finished


def test_stop_ends_a_stream_whose_reader_waits(tiny: Model, worker: Worker) -> None:
    stream = opened(worker, tiny, chosen=LONG)
    begun = threading.Event()

    def stop() -> None:
        begun.wait(10)
        worker.stop(stream)

    thread = threading.Thread(target=stop)
    thread.start()
    found: list[Event] = []
    for event in worker.iter_events(stream):
        found.append(event)
        begun.set()
    thread.join()
    assert isinstance(found[-1], Done)
    assert found[-1].reason == "stopped"


def test_a_closed_worker_opens_nothing_and_leaves_nobody_waiting(tiny: Model) -> None:
    worker = tiny.worker()
    stream, failed = opened(worker, tiny, chosen=LONG), []

    def read() -> None:
        try:
            for _ in worker.iter_events(stream):
                begun.set()
        except EngineError as error:
            failed.append(str(error))

    begun, thread = threading.Event(), threading.Thread(target=read)
    thread.start()
    begun.wait(10)
    worker.close()
    worker.close()
    thread.join(10)
    assert failed == ["the engine was closed"]
    with pytest.raises(EngineError, match="closed: open another"):
        opened(worker, tiny)


def test_a_stream_that_was_left_aside_fails_clearly_after_the_close(tiny: Model) -> None:
    worker = tiny.worker()
    stream = opened(worker, tiny, chosen=LONG, ahead=1)
    worker.close()
    with pytest.raises(EngineError, match="the engine was closed"):
        list(worker.iter_events(stream))


def test_what_all_share_fails_for_all_that_live_and_for_nobody_later(
    tiny: Model, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    start = tiny.read("The lamp").snapshot
    with monkeypatch.context() as broken:
        broken.setattr(tiny.runtime, "stepper", fail)
        streams = [worker.open(start, StreamOptions(MINE, PositionRNG(rng))) for rng in range(3)]
        for stream in streams:
            with pytest.raises(RuntimeError, match="out of memory"):
                list(worker.iter_events(stream))
    assert ids(list(worker.iter_events(opened(worker, tiny)))) == alone(tiny)


def test_an_event_loop_that_is_gone_troubles_nobody(tiny: Model, worker: Worker) -> None:
    stream = opened(worker, tiny, chosen=LONG, ahead=1)

    async def ask_and_leave() -> None:
        loop = asyncio.get_running_loop()
        with hold:
            worker.notify_when_ready(stream, lambda: loop.call_soon_threadsafe(print))

    hold = worker._condition  # the worker answers only once the loop is closed
    hold.acquire()
    asyncio.run(ask_and_leave())
    hold.release()
    assert ids(list(worker.iter_events(opened(worker, tiny)))) == alone(tiny)
    assert stream.stopping
