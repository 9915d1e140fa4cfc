"""Many streams at once: the wait between two tokens of one of them, and the memory of an idle one."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from afterglow.core.generation.stream import Stream, StreamOptions
from afterglow.core.generation.worker import Worker
from afterglow.core.model import Model, load
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.session.lens import inspect_session
from afterglow.core.session.passage_json import to_json
from afterglow.core.session.session import Session

from benchmarks.results import GapsResult

OTHER_STREAMS = 63
"""Streams that are generated at the same time."""

READER_TOKENS = 3000
"""Tokens of the measured stream."""

PARKED_COUNT = 2_000
"""Idle objects whose memory is measured."""


def gaps(model: Model) -> GapsResult:
    """Measure the milliseconds between two tokens of a stream while 63 other streams are generated."""
    start = model.read("ROMEO:").snapshot
    settings = model.settings.changed(length=READER_TOKENS)
    with model.worker() as worker:
        endless = settings.changed(length=10_000_000)
        others = [
            worker.open(start, StreamOptions(endless, PositionRNG(n), max_unread=64, keep_snapshots=False))
            for n in range(OTHER_STREAMS)
        ]
        readers = [threading.Thread(target=_drain, args=(worker, stream)) for stream in others]
        for reader in readers:
            reader.start()
        watched = worker.open(start, StreamOptions(settings, PositionRNG(99)))
        times = [time.perf_counter() for _ in worker.iter_events(watched)]
        drawn = sum(stream.token_count for stream in others)
        for stream in others:
            worker.stop(stream)
        for reader in readers:
            reader.join()
    waits = sorted(1000 * (after - before) for before, after in pairwise(times))
    return {
        "median_ms": statistics.median(waits),
        "p99_ms": waits[int(0.99 * len(waits))],
        "others_per_second": drawn / (times[-1] - times[0]),
    }


def lens_speed(model: Model) -> float:
    """Measure the tokens per second of a stream if the lens is computed for each of them."""
    session = Session(model, model.settings.changed(rng=7, length=1000))
    events = session.write_from("ROMEO:")
    next(events)
    start = time.perf_counter()
    count = sum(inspect_session(session) is not None for _ in events)
    return count / (time.perf_counter() - start)


def _drain(worker: Worker, stream: Stream) -> None:
    for _ in worker.iter_events(stream):
        pass


def _make_waiting_stream(model: Model) -> Callable[[int], object]:
    engine = model.engine()

    def make(number: int) -> object:
        options = StreamOptions(model.settings, PositionRNG(number), keep_snapshots=False)
        stream = engine.open(model.read(f"{number}").snapshot, options)
        events = engine.iter_events(stream)
        for _ in range(3):
            next(events)
        return stream

    return make


def _make_session(model: Model) -> Callable[[int], Session]:
    def make(number: int) -> Session:
        session = Session(model, model.settings.changed(rng=number, length=100))
        list(session.write_from("ROMEO:"))
        return session

    return make


def _make_serialized(model: Model) -> Callable[[int], object]:
    session = _make_session(model)
    return lambda number: (
        model.dump_state(session(number).current_snapshot()),
        to_json(session(number).passage).encode(),
    )


PARKED_KINDS: dict[str, Callable[[Model], Callable[[int], object]]] = {
    "a stream that waits for its reader": _make_waiting_stream,
    "a session with a passage of 100 characters": _make_session,
    "the same as bytes: state and passage": _make_serialized,
}


def measure_parked(kind: str, model: str) -> float:
    """Measure the bytes of resident memory of each of 2,000 objects of a kind, in a separate process."""
    code = "import sys; from benchmarks.serving import park; print(park(*sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, kind, model], capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout)


def park(kind: str, model: str) -> float:
    """Do what ``measure_parked`` says, in this process."""
    make = PARKED_KINDS[kind](load(model))
    objects = [make(number) for number in range(100)]
    gc.collect()
    before = _resident_bytes()
    objects += [make(number) for number in range(100, PARKED_COUNT)]
    gc.collect()
    return (_resident_bytes() - before) / (PARKED_COUNT - 100)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
