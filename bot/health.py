"""How the bot fares, noted in its file: for ``afterglow bot status``, also while it runs, and after it has died."""

from __future__ import annotations

import contextlib
import json
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from ..core.errors import StorageError
from .store import Store

HEARTBEAT_INTERVAL = 60.0
"""Seconds between two notes."""

_KEY_PREFIX = "run "


class Health:
    """One process's row. Times are seconds since 1970. A note that cannot be written is left out: nobody waits for it.

    ``part`` tells processes apart that share a file.
    """

    def __init__(self, store: Store, shard_label: str, clock: Callable[[], float] = time.time) -> None:
        self._store, self._shard_label, self._clock = store, shard_label, clock
        self._row: dict[str, Any] = {"began": clock()}

    def heartbeat(self, guilds: int | None = None, running: bool = True) -> None:
        """Write down that the bot is alive, or that it has ended."""
        self._row |= {"seen": self._clock(), "running": running}
        if guilds is not None:
            self._row["guilds"] = guilds
        with contextlib.suppress(StorageError):
            self._store.set_meta(f"{_KEY_PREFIX}{self._shard_label}", json.dumps(self._row))

    def record_error(self, error: BaseException) -> None:
        """Remember what went wrong: its kind, Discord's code and the place, never what people wrote."""
        place = traceback.extract_tb(error.__traceback__)[-1:]
        where = "".join(f" in {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in place)
        code = getattr(error, "code", None)
        self._row["error"] = f"{type(error).__name__}{f' {code}' if isinstance(code, int) else ''}{where}"
        self._row["failed"] = self._clock()


def report(store: Store, clock: Callable[[], float] = time.time) -> Iterator[str]:
    """A few lines on every process that has used the file."""
    now, rows = clock(), store.list_meta(_KEY_PREFIX)
    if not rows:
        yield "the bot has not run yet"
    for name, text in sorted(rows.items()):
        yield from _describe_process(name.removeprefix(_KEY_PREFIX), json.loads(text), now)


def _describe_process(shard_label: str, row: dict[str, Any], now: float) -> Iterator[str]:
    alive = row["running"] and abs(now - row["seen"]) < 3 * HEARTBEAT_INTERVAL  # a clock can be set back
    gone = "stopped" if not row["running"] else "not heard of"
    state = (
        f"running for {_format_duration(now - row['began'])}"
        if alive
        else f"{gone} for {_format_duration(now - row['seen'])}"
    )
    yield f"{'' if shard_label == 'all' else f'shards {shard_label}: '}{state}"
    yield f"  servers     {row.get('guilds', 'not connected yet')}"
    ago = f"{_format_duration(now - row['failed'])} ago: {row['error']}" if "error" in row else "none"
    yield f"  last error  {ago}"


def _format_duration(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' * (count > 1)}"
    return f"{max(0, int(seconds))} s"
