"""The route ``POST /v1/completions`` in OpenAI's shapes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from .request_fields import Fields, read_fields, wrong_value
from .service import SERVICE
from .sse import END_OF_STREAM, EventStream
from .texts import MAX_TEXT_TOKENS, OpenTexts, TextPiece, open_texts, text_options

MAX_TEXTS_AT_ONCE = 128
"""Most texts of one request, as in OpenAI's n."""


@dataclass(frozen=True, slots=True)
class CompletionFormat:
    """The shapes of a completion's answer: the same object in a stream and as a whole."""

    model: str
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def answer(self, choices: Sequence[dict[str, object]], **more: object) -> dict[str, object]:
        """Return an object with choices."""
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }

    def piece(self, piece: TextPiece) -> dict[str, object]:
        """Return the event of one token, or of the end."""
        return self.answer([self.choice(piece.place, piece.text, piece.finish_reason)])

    def choice(self, index: int, text: str, finish_reason: str | None) -> dict[str, object]:
        """Return one text, or a piece of it."""
        return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}


async def create_completion(request: web.Request) -> web.StreamResponse:
    """Answer with the texts that continue a prompt, streamed or whole."""
    service = request.app[SERVICE]
    fields = await read_fields(request)
    prompt, count = fields.text("prompt"), fields.whole_number("n", 1, MAX_TEXTS_AT_ONCE) or 1
    max_tokens = fields.whole_number("max_tokens", 0, MAX_TEXT_TOKENS)
    stream, with_usage = fields.flag("stream"), _include_usage(fields)
    async with service.use(fields.text("model")) as used:
        options = text_options(used, fields, max_tokens)
        texts = await open_texts(service.readers, used, prompt, options, count)
        shape = CompletionFormat(used.model.name)
        if stream:
            return await _send_stream(request, shape, texts, with_usage)
        return web.json_response(await _collect(shape, texts))


async def _send_stream(
    request: web.Request, shape: CompletionFormat, texts: OpenTexts, with_usage: bool
) -> web.StreamResponse:
    async with EventStream(request) as events:
        drawn = 0
        async for pieces in texts.pieces():
            drawn += sum(piece.token is not None for piece in pieces)
            await events.send(*map(shape.piece, pieces))
        if with_usage:
            await events.send(shape.answer([], usage=usage(texts.prompt_tokens, drawn)))
        await events.send(END_OF_STREAM)
    return events.response


async def _collect(shape: CompletionFormat, texts: OpenTexts) -> dict[str, object]:
    written: list[list[TextPiece]] = [[] for _ in texts.streams]
    async for pieces in texts.pieces():
        for piece in pieces:
            written[piece.place].append(piece)
    choices = [
        shape.choice(index, "".join(piece.text for piece in own), own[-1].finish_reason)
        for index, own in enumerate(written)
    ]
    drawn = sum(len(own) - 1 for own in written)
    return shape.answer(choices, usage=usage(texts.prompt_tokens, drawn))


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Return the numbers of tokens, and their sum."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _include_usage(fields: Fields) -> bool:
    """Return True if the stream shall end with the numbers of tokens."""
    options = fields.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise wrong_value("stream_options", options, "an object")
    return Fields(options).flag("include_usage")
