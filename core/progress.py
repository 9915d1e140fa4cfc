"""Runs work that yields the share done, 0 to 1, to its end."""

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
