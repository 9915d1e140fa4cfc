"""Runs work that yields the share done, 0 to 1, to its end or as a part of other work."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")


def drain(generator: Generator[float, None, T], on_progress: Callable[[float], object] = lambda _: None) -> T:
    """Run ``generator`` to its end and return its result. Calls ``on_progress`` with each share that it yields."""
    while True:
        try:
            on_progress(next(generator))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def scale(generator: Generator[float, None, T], first: float, last: float) -> Generator[float, None, T]:
    """Run ``generator`` as the part of a work from the share ``first`` to ``last``. Return its result."""
    while True:
        try:
            yield first + (last - first) * next(generator)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
