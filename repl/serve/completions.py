"""The route ``POST /v1/completions`` in OpenAI's shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from aiohttp import web

from .answers import Json, OpenAiObject, count_usage, stream_answer, whole_answer
from .api_errors import ApiError, dump_json
from .logprobs import completion_logprobs
from .prompts import read_prompts
from .request_fields import Fields, read_fields, wrong_value
from .service import SERVICE
from .text_pieces import TextPiece
from .texts import MAX_TEXT_TOKENS, OpenTexts, TextWish

MAX_TEXTS_AT_ONCE = 128
"""Most texts of one request, as in OpenAI's n."""

MAX_ALTERNATIVES = 1_000_000
"""Most alternatives that may be asked for: the whole of any vocabulary."""

OBJECT = "text_completion"


@dataclass(frozen=True, slots=True)
class CompletionShape:
    """The shape of a completion: the same object in a stream and as a whole.

    Events that differ only in their text are cut from one: that takes a fifth of the time.
    """

    head: OpenAiObject
    _frames: dict[int, tuple[str, str]] = field(default_factory=dict)

    def event(self, piece: TextPiece) -> Json | str:
        """Return the event of one token, or of a text's end."""
        if piece.top is None and piece.drawn:
            before, after = self._frames.get(piece.place) or self._make_frame(piece)
            return before + dump_json(piece.text) + after
        return self.head.build(OBJECT, [_choice(piece.place, [piece])])

    def _make_frame(self, piece: TextPiece) -> tuple[str, str]:
        """Return the text of an event before and after that of a token."""
        mark = uuid4().hex
        event = self.head.build(OBJECT, [_choice(piece.place, [piece._replace(text=mark)])])
        before, _, after = dump_json(event).partition(f'"{mark}"')
        self._frames[piece.place] = before, after
        return before, after

    def closing(self, texts: OpenTexts) -> Iterable[Json | str]:
        """Return the events after all texts."""
        return self.head.closing(OBJECT, texts)

    def whole(self, texts: OpenTexts, written: Sequence[Sequence[TextPiece]]) -> Json:
        """Return the answer that is not streamed."""
        choices = [_choice(place, pieces) for place, pieces in enumerate(written)]
        return self.head.build(OBJECT, choices, usage=count_usage(texts))


def _choice(place: int, pieces: Sequence[TextPiece]) -> Json:
    text = "".join(piece.text for piece in pieces)
    logprobs = completion_logprobs(piece for piece in pieces if piece.top is not None or not piece.drawn)
    return {"index": place, "text": text, "logprobs": logprobs, "finish_reason": pieces[-1].finish_reason}


async def create_completion(request: web.Request) -> web.StreamResponse:
    """Answer with the texts that continue one or more prompts, streamed or whole."""
    fields = await read_fields(request)
    prompts, count = read_prompts(fields), fields.whole_number("n", 1, MAX_TEXTS_AT_ONCE) or 1
    stream, best_of = fields.flag("stream"), fields.whole_number("best_of", 1, MAX_TEXTS_AT_ONCE) or count
    _require_choice(count, best_of, stream)
    wish = TextWish(
        best_of,
        fields.whole_number("max_tokens", 0, MAX_TEXT_TOKENS),
        read_logprobs(fields),
        echo=fields.flag("echo"),
    )
    with_usage, service = include_usage(fields), request.app[SERVICE]
    async with (
        service.use(fields.text("model")) as used,
        service.write(used, fields, prompts, wish, stream) as texts,
    ):
        shape = CompletionShape(OpenAiObject(used.model.name, "cmpl", with_usage))
        return await (stream_answer(request, shape, texts) if stream else whole_answer(shape, texts, count))


def read_logprobs(fields: Fields) -> int | None:
    """Return the number of alternatives that are asked for; true is 1, false is none."""
    value = fields.get("logprobs")
    return (1 if value else None) if isinstance(value, bool) else fields.whole_number("logprobs", 0, MAX_ALTERNATIVES)


def _require_choice(count: int, best_of: int, stream: bool) -> None:
    if best_of < count:
        raise ApiError(f"best_of is {best_of}, below n, which is {count}; leave best_of out", param="best_of")
    if stream and best_of > count:
        raise ApiError("the best of several texts cannot be streamed; leave best_of or stream out", param="best_of")


def include_usage(fields: Fields) -> bool:
    """Return True if the stream shall end with the numbers of tokens."""
    options = fields.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise wrong_value("stream_options", options, "an object")
    return Fields(options).flag("include_usage")
