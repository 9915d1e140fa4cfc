"""The parts that all routes share: models, places for texts, figures, and the threads that read prompts."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from ...core.inference.library import ModelEntry
from ...core.sanitize import visible_name
from .api_errors import ApiError
from .limits import Limits
from .metrics import Metrics
from .model_shelf import ModelShelf, ServedModel
from .places import Places

PROMPT_READERS = 2
"""Threads that read prompts, so that no prompt keeps the event loop from other clients."""


class CompletionService:
    """Finds models for requests and reads prompts for them, within ``limits``. Call ``close`` to end its threads."""

    def __init__(self, default: ModelEntry, entries: Iterable[ModelEntry], limits: Limits | None = None) -> None:
        self.default = default.name
        self.limits = limits or Limits()
        others = (entry for entry in entries if entry.name != default.name)
        self.shelf = ModelShelf([default, *others], self.limits.idle_seconds)
        self.places = Places(self.limits.texts, self.limits.waiting, self.limits.seconds)
        self.metrics = Metrics(self.places, lambda: self.shelf.loaded_count)
        self.readers = ThreadPoolExecutor(PROMPT_READERS, "afterglow reader")

    def names(self) -> list[str]:
        """Return the names of the models, the default first."""
        return list(self.shelf.entries)

    def use(self, name: str = "") -> AbstractAsyncContextManager[ServedModel]:
        """Return a block with the model of this name, the default if it is "". Raises ApiError if there is none."""
        return self.shelf.use(self.require_known(name or self.default))

    def require_known(self, name: str) -> str:
        """Return ``name``. Raises ApiError if no model has it."""
        if name not in self.shelf.entries:
            listed = ", ".join(self.names())
            shown = visible_name(name[:40])
            raise ApiError(f"there is no model {shown!r}; there are: {listed}", 404, "model", "model_not_found")
        return name

    async def close(self) -> None:
        """End all texts and threads."""
        await self.shelf.close()
        self.readers.shutdown()


SERVICE = web.AppKey("service", CompletionService)
