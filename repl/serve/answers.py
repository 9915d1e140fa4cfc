"""Answers with texts: as one object, or as a stream of events, in the shape that a route has."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from .sse import END_OF_STREAM, EventStream
from .text_pieces import TextPiece
from .texts import OpenTexts

Json = dict[str, object]
"""A JSON object."""


class AnswerShape(Protocol):
    """The shape of a route's answers."""

    def event(self, piece: TextPiece) -> Json | str:
        """Return the event of one token, or of a text's end; it may be JSON already."""
        ...

    def closing(self, texts: OpenTexts) -> Iterable[Json | str]:
        """Return the events after all texts."""
        ...

    def whole(self, texts: OpenTexts, written: Sequence[Sequence[TextPiece]]) -> Json:
        """Return the answer that is not streamed, with the pieces of each text."""
        ...


async def stream_answer(request: web.Request, shape: AnswerShape, texts: OpenTexts) -> web.StreamResponse:
    """Send the texts, one token an event."""
    async with EventStream(request) as events:
        async for pieces in texts.pieces():
            await events.send(map(shape.event, pieces))
        await events.send(shape.closing(texts))
    return events.response


async def whole_answer(shape: AnswerShape, texts: OpenTexts, keep: int) -> web.Response:
    """Send the texts when all are written. Of each prompt's, the ``keep`` likeliest ones per token."""
    count = texts.wish.per_prompt
    written: list[list[TextPiece]] = [[] for _ in range(len(texts.prompts) * count)]
    async for pieces in texts.pieces():
        for piece in pieces:
            written[piece.place].append(piece)
    by_prompt = (written[start : start + count] for start in range(0, len(written), count))
    return web.json_response(shape.whole(texts, [text for own in by_prompt for text in _choose(own, keep)]))


def _choose(texts: Sequence[Sequence[TextPiece]], keep: int) -> Sequence[Sequence[TextPiece]]:
    """Return the texts with the highest mean log-probability of a token, the best first; all in order if all stay."""
    return texts if keep == len(texts) else sorted(texts, key=_mean_logprob, reverse=True)[:keep]


def _mean_logprob(text: Sequence[TextPiece]) -> float:
    drawn = [piece.logprob for piece in text if piece.drawn and piece.logprob is not None]
    return sum(drawn) / len(drawn) if drawn else -math.inf


@dataclass(frozen=True, slots=True)
class OpenAiObject:
    """The fields that all objects of an answer of OpenAI's share. ``kind`` begins the id."""

    model: str
    kind: str
    with_usage: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def build(self, name: str, choices: Sequence[Json], **more: object) -> Json:
        """Return an object called ``name``."""
        start = {"id": f"{self.kind}-{self.id}", "object": name, "created": self.created, "model": self.model}
        return {**start, "choices": choices, **more}

    def closing(self, name: str, texts: OpenTexts) -> Iterable[Json | str]:
        """Yield the numbers of tokens, if they are asked for, and the end of the stream."""
        if self.with_usage:
            yield self.build(name, [], usage=count_usage(texts))
        yield END_OF_STREAM


def count_usage(texts: OpenTexts) -> dict[str, int]:
    """Return the numbers of tokens, and their sum."""
    return {
        "prompt_tokens": texts.prompt_tokens,
        "completion_tokens": texts.drawn,
        "total_tokens": texts.prompt_tokens + texts.drawn,
    }
