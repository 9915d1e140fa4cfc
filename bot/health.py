"""Records uptime, servers and the last error in the data file, for ``afterglow bot status``."""

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
"""Seconds between two heartbeats."""

_KEY_PREFIX = "run "


class Health:
    """Keeps the record of one bot process in the data file.

    ``shard_label`` distinguishes processes that share the file. ``clock`` returns seconds since 1970. If the record
    cannot be written, that is ignored.
    """

    def __init__(self, store: Store, shard_label: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._shard_label = shard_label
        self._clock = clock
        self._record: dict[str, Any] = {"began": clock()}

    @property
    def last_error(self) -> str:
        """Description of the last error, "" if there was none."""
        return str(self._record.get("error", ""))

    def heartbeat(self, guilds: int | None = None, running: bool = True) -> None:
        """Write the record, with the current time.

        ``guilds`` is the number of servers, None if it has not changed. ``running`` is False when the bot stops.
        """
        self._record |= {"seen": self._clock(), "running": running}
        if guilds is not None:
            self._record["guilds"] = guilds
        with contextlib.suppress(StorageError):
            self._store.set_meta(f"{_KEY_PREFIX}{self._shard_label}", json.dumps(self._record))

    def record_error(self, error: BaseException) -> None:
        """Put an error's type, Discord's code and the source line into the record. The next heartbeat writes it.

        The error's message is left out because it can quote people.
        """
        last_frame = traceback.extract_tb(error.__traceback__)[-1:]
        location = "".join(f" in {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in last_frame)
        code = getattr(error, "code", None)
        self._record["error"] = f"{type(error).__name__}{f' {code}' if isinstance(code, int) else ''}{location}"
        self._record["failed"] = self._clock()


def report(store: Store, clock: Callable[[], float] = time.time) -> Iterator[str]:
    """Yield three lines for each process that has used the data file, or one line if none has."""
    now, records = clock(), store.list_meta(_KEY_PREFIX)
    if not records:
        yield "the bot has not run yet"
    for name, text in sorted(records.items()):
        shard_label = name.removeprefix(_KEY_PREFIX)
        try:
            yield from list(_describe_process(shard_label, json.loads(text), now))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            yield f"shards {shard_label}: its entry in the data file is damaged"


def _describe_process(shard_label: str, record: dict[str, Any], now: float) -> Iterator[str]:
    label = "" if shard_label == "all" else f"shards {shard_label}: "
    yield f"{label}{_describe_state(record, now)}"
    yield f"  servers     {record.get('guilds', 'not connected yet')}"
    error = f"{_format_duration(now - record['failed'])} ago: {record['error']}" if "error" in record else "none"
    yield f"  last error  {error}"


def _describe_state(record: dict[str, Any], now: float) -> str:
    since_heartbeat = now - record["seen"]
    if not record["running"]:
        return f"stopped for {_format_duration(since_heartbeat)}"
    if abs(since_heartbeat) < 3 * HEARTBEAT_INTERVAL:  # negative if the clock was set back
        return f"running for {_format_duration(now - record['began'])}"
    return f"not responding for {_format_duration(since_heartbeat)}"


def _format_duration(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' * (count > 1)}"
    return f"{max(0, int(seconds))} s"
