"""The texts of a request: the prompt is read once, and all that continue it are written in the engine's batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from ...core.events import Done, Token
from ...core.generation.aio import aiter_bursts
from ...core.generation.stream import NO_LIMIT, Stream, StreamOptions
from ...core.sampling.rng import PositionRNG, random_rng_seed
from ...core.settings import Settings, merge_layers
from .model_shelf import ServedModel
from .request_fields import Fields

MAX_WAITING_PIECES = 256
"""Unread tokens at which a text pauses: enough for the engine's bursts, few enough for the event loop."""


MAX_TEXT_TOKENS = 10_000_000
"""Most tokens of a text: the longest length, in characters."""


class TextOptions(NamedTuple):
    """The options of texts: their settings, the rng of the first, and the most tokens, ``NO_LIMIT`` without a limit."""

    settings: Settings
    rng: int
    max_tokens: int = NO_LIMIT


class TextPiece(NamedTuple):
    """A token of the text number ``place``, or its end.

    ``text`` is what the token adds to the text: "" if it is withheld. ``token`` is None at the end, whose
    ``finish_reason`` is "stop" or "length".
    """

    place: int
    text: str
    token: Token | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class OpenTexts:
    """Texts that are being written, and the number of tokens of their prompt."""

    used: ServedModel
    streams: list[Stream]
    prompt_tokens: int

    async def pieces(self) -> AsyncGenerator[list[TextPiece]]:
        """Yield the pieces of all texts, all that wait at a time. Leaving the loop ends the texts."""
        async with aclosing(aiter_bursts(self.used.worker, self.streams)) as bursts:
            async for burst in bursts:
                yield [_piece(index, event) for index, event in burst if isinstance(event, Token | Done)]


def _piece(index: int, event: Token | Done) -> TextPiece:
    if isinstance(event, Token):
        return TextPiece(index, event.text, event)
    return TextPiece(index, event.text, finish_reason="stop" if event.reason == "stop" else "length")


def text_options(used: ServedModel, fields: Fields, max_tokens: int | None) -> TextOptions:
    """Return the options of a request's texts: the model card's settings, and over them those of the fields.

    Without a length of its own a text is as long as its tokens. Raises ApiError or SettingError.
    """
    sent = fields.settings()
    if max_tokens is not None and "length" not in sent:
        sent["length"] = max(1, min(MAX_TEXT_TOKENS, max_tokens * used.model.tokenizer.max_token_chars))
    settings = merge_layers(used.model.file.card.settings, sent)
    used.model.require_effective(settings)
    rng = random_rng_seed() if settings.rng is None else settings.rng
    return TextOptions(settings, rng, NO_LIMIT if max_tokens is None else max_tokens)


async def open_texts(readers: Executor, used: ServedModel, prompt: str, options: TextOptions, count: int) -> OpenTexts:
    """Read the prompt on a thread, and open ``count`` texts that continue it. Text n takes take n of the rng."""
    loop = asyncio.get_running_loop()
    start = await loop.run_in_executor(readers, used.model.read_seed, prompt, options.settings)
    streams = [
        used.worker.open(
            start,
            StreamOptions(
                options.settings,
                PositionRNG(options.rng, take),
                max_unread=MAX_WAITING_PIECES,
                keep_snapshots=False,
                max_tokens=options.max_tokens,
            ),
        )
        for take in range(count)
    ]
    return OpenTexts(used, streams, start.position)
