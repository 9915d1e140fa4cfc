"""The parts that all routes share: models, places for texts, figures, and the threads that read prompts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiohttp import web

from ...core.inference.library import ModelEntry
from ...core.sanitize import visible_name
from .api_errors import ApiError
from .limits import Limits
from .metrics import Metrics
from .model_shelf import ModelShelf, ServedModel
from .places import Places
from .prompts import Prompt
from .request_fields import Fields
from .texts import OpenTexts, TextWish, find_settings, open_texts

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

    @asynccontextmanager
    async def write(
        self, used: ServedModel, fields: Fields, prompts: Sequence[Prompt], wish: TextWish, stream: bool
    ) -> AsyncIterator[OpenTexts]:
        """Take a place for each text of a request, read its prompts, and yield its texts. They end with the block.

        Raises ApiError or SettingError for a wrong field and for what is beyond the limits, NoPlaceError if the queue
        is full, and TimeoutError in the block if the client has not read its texts when their time is over.
        """
        began = time.perf_counter()
        settings, count = find_settings(used.model, fields, wish.max_tokens), len(prompts) * wish.per_prompt
        self.limits.check(prompts, settings, wish, stream)
        async with self.places.take(count) as holder:
            texts = await open_texts(self.readers, used, settings, prompts, wish)
            holder.end = texts.end
            try:
                yield texts
            finally:
                texts.end()
                self.metrics.record_texts(used.model.name, texts.drawn, texts.first_drawn and texts.first_drawn - began)

    async def close(self) -> None:
        """End all texts and threads."""
        await self.shelf.close()
        self.readers.shutdown()


SERVICE = web.AppKey("service", CompletionService)
