"""The texts of a request: its prompts are read once each, and all that continue them are written in one batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from ...core.events import Done, Token
from ...core.generation.aio import aiter_bursts
from ...core.generation.alternatives import Alternatives
from ...core.generation.stream import Stream, StreamOptions
from ...core.generation.stream_options import NO_LIMIT
from ...core.model import Model
from ...core.sampling.rng import PositionRNG, random_rng_seed
from ...core.settings import Settings, merge_layers
from .biases import bias_by_text
from .model_shelf import ServedModel
from .prompts import Prompt, ReadPrompt, prefill, token_labels
from .request_fields import Fields
from .text_pieces import HeldPieces, TextPiece

MAX_WAITING_PIECES = 256
"""Unread tokens at which a text pauses: enough for the engine's bursts, few enough for the event loop."""

MAX_WAITING_ALTERNATIVES = 20_000
"""Unread alternatives at which a text pauses: those of a whole vocabulary at each token are many."""

MAX_TEXT_TOKENS = 10_000_000
"""Most tokens of a text: the longest length, in characters."""


class TextWish(NamedTuple):
    """The wishes of a request that are no settings.

    ``per_prompt``: texts for each prompt; text n takes take n of the rng. ``max_tokens``: None without a limit.
    ``alternatives``: the number of likeliest tokens to give with each, None for none and no log-probabilities. They are
    those of the model, or ``after_filters`` those of the draw. ``echo``: the prompt's own tokens come first.
    """

    per_prompt: int = 1
    max_tokens: int | None = None
    alternatives: int | None = None
    after_filters: bool = False
    echo: bool = False

    def stream_options(self, settings: Settings, rng: int, take: int) -> StreamOptions:
        """Return the engine's options for text ``take``."""
        return StreamOptions(
            settings,
            PositionRNG(rng, take),
            max_unread=max(1, min(MAX_WAITING_PIECES, MAX_WAITING_ALTERNATIVES // ((self.alternatives or 0) + 1))),
            keep_snapshots=False,
            max_tokens=NO_LIMIT if self.max_tokens is None else self.max_tokens,
            alternatives=self.alternatives,
            after_filters=self.after_filters,
        )


@dataclass(slots=True)
class OpenTexts:
    """Texts that are being written, by their places: all of the first prompt, then all of the next one."""

    used: ServedModel
    prompts: Sequence[ReadPrompt]
    wish: TextWish
    settings: Settings
    rng: int
    streams: Sequence[Stream]
    labels: Sequence[str]
    drawn: int = 0
    """Number of tokens drawn so far, in all texts."""
    first_drawn: float | None = None
    """Time of the first token, by ``time.perf_counter``; None before."""
    _offsets: list[int] = field(init=False)
    _held: dict[int, HeldPieces] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start = (0 if self.wish.echo else len(prompt.text) for prompt in self.prompts)
        self._offsets = [offset for offset in start for _ in range(self.wish.per_prompt)]

    @property
    def prompt_tokens(self) -> int:
        """Number of tokens of all prompts."""
        return sum(prompt.snapshot.position for prompt in self.prompts)

    def end(self) -> None:
        """End all texts before their next token. The text so far stays."""
        for stream in self.streams:
            self.used.worker.stop(stream)

    async def pieces(self) -> AsyncGenerator[list[TextPiece]]:
        """Yield the pieces of all texts, all that wait at a time. Leaving the loop ends the texts."""
        if self.wish.echo:
            yield [piece for place in range(len(self._offsets)) for piece in self._echo(place)]
        if not self.streams:
            yield [TextPiece(place, "", offset, "length") for place, offset in enumerate(self._offsets)]
            return
        async with aclosing(aiter_bursts(self.used.worker, self.streams)) as bursts:
            async for burst in bursts:
                events = ((place, event) for place, event in burst if isinstance(event, Token | Done))
                yield [piece for place, event in events for piece in self._pieces_of(place, event)]

    def _pieces_of(self, place: int, event: Token | Done) -> Iterable[TextPiece]:
        """Return the pieces whose text is known with an event: of a stop text that is not complete, none is."""
        if not self.settings.stop:
            return (self._make_piece(place, event, self._move(place, event.text)),)
        held = self._held.setdefault(place, HeldPieces(self.used.model.tokenizer.decoder(self._remainder(place))))
        released = held.release(self._make_piece(place, event))
        return [piece._replace(offset=self._move(place, piece.text)) for piece in released]

    def _remainder(self, place: int) -> bytes:
        return self.prompts[place // self.wish.per_prompt].snapshot.remainder

    def _make_piece(self, place: int, event: Token | Done, offset: int = 0) -> TextPiece:
        if isinstance(event, Done):
            return TextPiece(place, event.text, offset, "stop" if event.reason == "stop" else "length")
        self.drawn += 1
        self.first_drawn = self.first_drawn or time.perf_counter()
        found = self.streams[place].alternatives.popleft() if self.wish.alternatives is not None else None
        logprob = event.shaped if self.wish.after_filters else event.logprob
        label = self.labels[event.id]
        return TextPiece(place, event.text, offset, None, label, event.id, logprob, self._name(found), True)

    def _echo(self, place: int) -> Iterator[TextPiece]:
        """Yield the prompt of a text, in one piece if no log-probabilities are asked for."""
        prompt = self.prompts[place // self.wish.per_prompt]
        if self.wish.alternatives is None:
            yield TextPiece(place, prompt.text, self._move(place, prompt.text))
        for text, (token, logprob, found) in zip(prompt.pieces, prompt.tokens, strict=True):
            offset = self._move(place, text)
            yield TextPiece(place, text, offset, None, self.labels[token], token, logprob, self._name(found))

    def _move(self, place: int, text: str) -> int:
        """Return the offset of a text's next piece, and add its length."""
        self._offsets[place] += len(text)
        return self._offsets[place] - len(text)

    def _name(self, found: Alternatives | None) -> Sequence[tuple[str, float, int]] | None:
        return found and [(self.labels[token], logprob, token) for token, logprob in zip(*found, strict=True)]


async def open_texts(
    readers: Executor, used: ServedModel, settings: Settings, prompts: Sequence[Prompt], wish: TextWish
) -> OpenTexts:
    """Read the prompts on threads, and open the texts that continue them. Raises UsageError for an id of no token."""
    run = partial(asyncio.get_running_loop().run_in_executor, readers)
    labels = await run(token_labels, used.model.tokenizer)
    rng = random_rng_seed() if settings.rng is None else settings.rng
    echo_count = (wish.alternatives or 0) if wish.echo else None
    read = [await run(prefill, used.model, prompt, settings, echo_count) for prompt in prompts]
    takes = range(wish.per_prompt) if wish.max_tokens != 0 else ()
    options = [wish.stream_options(settings, rng, take) for take in takes]
    streams = [used.worker.open(prompt.snapshot, each) for prompt in read for each in options]
    return OpenTexts(used, read, wish, settings, rng, streams, labels)


def find_settings(model: Model, fields: Fields, max_tokens: int | None) -> Settings:
    """Return a request's settings: those that were sent over the model card's. Raises ApiError or SettingError.

    Without a length of its own a text may be as long as its tokens.
    """
    sent = fields.settings() | bias_by_text(model, fields)
    if max_tokens is not None:
        length = min(MAX_TEXT_TOKENS, max(1, max_tokens) * model.tokenizer.max_token_chars)
        sent = {"length": length} | sent
    settings = merge_layers(model.file.card.settings, sent)
    model.require_effective(settings)
    return settings
