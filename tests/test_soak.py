"""Minutes of everything at once: joins, stops, readers that crash or dawdle, new models. Nothing hangs or grows."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from afterglow.core.errors import EngineError
from afterglow.core.events import Token
from afterglow.core.generation.aio import aiter_events
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.generation.worker import Worker
from afterglow.core.model import Model, load
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.settings import Settings

MINUTES = float(os.environ.get("AFTERGLOW_SOAK_MINUTES", "3"))
"""Minutes of the soak: 3 in `make slow`, 10 in `make soak`."""
READERS = 40
STATM = Path("/proc/self/statm")
DATA = Path(__file__).parent / "data"
PATIENCE = 60
"""Seconds in which any reader has to have its text, or the test has failed."""

WISHES = [
    Settings(length=120, temperature=0.9),
    Settings(length=300, temperature=1.2, top_p=0.9),
    Settings(length=40, temperature=0.7, repeat_penalty=1.2, dry_multiplier=0.8),
    Settings(length=80, surprise=2.0),
    Settings(length=200, stop=("e ",)),
]


class ReaderCrashError(Exception):
    """What a reader of this test raises amid its text."""


class House:
    """A worker that is closed and replaced by one over another model every now and then."""

    def __init__(self) -> None:
        self.model = load(str(DATA / "tiny-char.safetensors"))
        self.worker: Worker = self.model.worker()

    def swap(self) -> None:
        """Close in the middle of everything, and open on the next model."""
        self.worker.close()
        other = "tiny-byte" if self.model.name == "tiny-char" else "tiny-char"
        self.model = load(str(DATA / f"{other}.safetensors"))
        self.worker = self.model.worker()


async def read(house: House, random: random.Random, expected: Callable[[Model, int], list[int]]) -> bool:
    """One reader's visit, of one of several kinds. True if its text was compared with the expected one."""
    wish, model, kind = random.randrange(len(WISHES)), house.model, random.random()
    options = StreamOptions(
        WISHES[wish], PositionRNG(wish), max_unread=random.choice([1, 8, 64]), keep_snapshots=kind < 0.5
    )
    stream = house.worker.open(model.read("The lamp").snapshot, options)
    if kind < 0.05:
        return False  # never reads
    found = []
    async for event in aiter_events(house.worker, stream):
        found += [event.id] if isinstance(event, Token) else []
        if 0.05 < kind < 0.1:
            raise ReaderCrashError
        if kind < 0.2 and len(found) == 20:
            break
        if kind < 0.3:
            await asyncio.sleep(0.005)
    if kind > 0.2:
        assert found == expected(model, wish)
    return kind > 0.2


async def visit(house: House, seed: int, until: float, expected: Callable[[Model, int], list[int]]) -> Counter[str]:
    """Reader after reader until the time is over. Return how many came, and how many texts were compared."""
    rng, visits = random.Random(seed), Counter[str]()
    while time.monotonic() < until:
        visits["came"] += 1
        try:
            async with asyncio.timeout(PATIENCE):
                visits["compared"] += await read(house, rng, expected)
        except ReaderCrashError:
            visits["crashed"] += 1
        except EngineError as error:
            if "closed" not in str(error):
                raise  # only the end of its worker may end a text
            visits["closed on"] += 1
            await asyncio.sleep(0)
    return visits


async def watch(house: House, until: float) -> list[int]:
    """Resident memory, sampled; and a model swapped every few seconds."""
    sizes = []
    while time.monotonic() < until:
        await asyncio.sleep(min(3.0, MINUTES * 60 / 50))
        await asyncio.to_thread(house.swap)
        sizes.append(int(STATM.read_text().split()[1]))
    return sizes


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
async def test_minutes_of_joins_stops_crashes_and_swaps() -> None:
    known: dict[tuple[str, int], list[int]] = {}

    def expected(model: Model, wish: int) -> list[int]:
        if (model.name, wish) not in known:
            engine = model.engine()
            stream = engine.open(model.read("The lamp").snapshot, StreamOptions(WISHES[wish], PositionRNG(wish)))
            known[model.name, wish] = [e.id for e in engine.iter_events(stream) if isinstance(e, Token)]
        return known[model.name, wish]

    house, until = House(), time.monotonic() + 60 * MINUTES
    sizes, *visits = await asyncio.gather(
        watch(house, until), *(visit(house, seed, until, expected) for seed in range(READERS))
    )
    house.worker.close()
    total = sum(visits, Counter[str]())
    assert min(visit["came"] for visit in visits) > 0
    assert total["crashed"] > 0
    assert total["compared"] > 100, f"{dict(total)}: too few texts were read to their end"
    fifth = len(sizes) // 5
    begun, ended = statistics.median(sizes[fifth : 2 * fifth]), statistics.median(sizes[-fifth:])
    assert ended < begun * 1.05, f"{dict(total)}; resident pages went from {begun} to {ended}"
