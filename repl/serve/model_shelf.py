"""The models of a server: each is loaded when it is first asked for, shared by all, and given back when it is idle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from ...core.errors import ModelError, suggest
from ...core.generation.worker import Worker
from ...core.inference.library import ModelEntry
from ...core.model import Model, load
from ...core.sanitize import visible_name


class ServedModel(NamedTuple):
    """A model that is loaded, and the engine that writes all its texts."""

    model: Model
    worker: Worker


@dataclass(slots=True)
class _Slot:
    """The task that loads a model, the number of requests that use it, and the timer that gives it back."""

    loading: asyncio.Task[ServedModel]
    users: int = 0
    timer: asyncio.TimerHandle | None = None


class ModelShelf:
    """Models by name, each loaded once. One that has had no request for ``idle_seconds`` is given back.

    Only the names of ``entries`` are known, so that a request cannot name a file. It belongs to one event loop.
    """

    def __init__(self, entries: Iterable[ModelEntry], idle_seconds: float) -> None:
        self.entries = {entry.name: entry for entry in entries}
        self._idle_seconds = idle_seconds
        self._slots: dict[str, _Slot] = {}

    @property
    def loaded_count(self) -> int:
        """Number of models that are loaded, or are being loaded."""
        return len(self._slots)

    @asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[ServedModel]:
        """Yield the model called ``name``. It is not given back before the block ends.

        Raises ModelError if there is none of this name, or if it is unusable.
        """
        slot = self._find(name)
        slot.users += 1
        if slot.timer:
            slot.timer.cancel()
        try:
            yield await asyncio.shield(slot.loading)  # a client that goes away leaves it to the others
        finally:
            slot.users -= 1
            if not slot.users:
                loop = asyncio.get_running_loop()
                slot.timer = loop.call_later(self._idle_seconds, self._give_back, name, slot)

    async def close(self) -> None:
        """Give all models back. Texts that are being written end with an EngineError."""
        for name, slot in list(self._slots.items()):
            await asyncio.wait([slot.loading])
            self._give_back(name, slot)

    def _find(self, name: str) -> _Slot:
        """Return the slot of a model. Its loading begins if it is not loaded. Raises ModelError if there is none."""
        if name not in self.entries:
            hint = suggest(name[:64], self.entries) or f"there are: {', '.join(self.entries) or 'none'}"
            raise ModelError(f"there is no model {visible_name(name[:64])!r}; {hint}")
        if name not in self._slots:
            loading = asyncio.create_task(_load(self.entries[name]))
            slot = self._slots[name] = _Slot(loading)
            loading.add_done_callback(lambda task: self._forget(name, slot) if task.exception() else None)
        return self._slots[name]

    def _forget(self, name: str, slot: _Slot) -> None:
        if self._slots.get(name) is slot:
            del self._slots[name]

    def _give_back(self, name: str, slot: _Slot) -> None:
        """Close the engine of a model, which sleeps. The memory is freed with the last reference to it."""
        self._forget(name, slot)
        if slot.timer:
            slot.timer.cancel()
        if not slot.loading.done():
            slot.loading.add_done_callback(lambda _: self._give_back(name, slot))
        elif not slot.loading.exception():
            slot.loading.result().worker.close()


async def _load(entry: ModelEntry) -> ServedModel:
    model = await asyncio.to_thread(load, str(entry.path))
    return ServedModel(model, model.worker())
