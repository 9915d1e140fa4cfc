"""The route ``POST /v1/chat/completions``: the messages are joined to one text, which the model continues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from ..option_specs import join_messages
from .answers import Json, OpenAiObject, count_usage, stream_answer, whole_answer
from .completions import MAX_ALTERNATIVES, MAX_TEXTS_AT_ONCE, include_usage
from .logprobs import chat_logprobs
from .request_fields import Fields, read_fields, wrong_value
from .service import SERVICE
from .text_pieces import TextPiece
from .texts import MAX_TEXT_TOKENS, OpenTexts, TextWish

CHUNK, WHOLE = "chat.completion.chunk", "chat.completion"


@dataclass(frozen=True, slots=True)
class ChatShape:
    """The shape of a chat's answer: a message, or its pieces, of which the first names the role."""

    head: OpenAiObject
    _begun: set[int] = field(default_factory=set)

    def event(self, piece: TextPiece) -> Json:
        """Return the event of one token, or of a text's end."""
        role = {} if piece.place in self._begun else {"role": "assistant"}
        self._begun.add(piece.place)
        choice = _choice(piece.place, [piece]) | {"delta": {**role, "content": piece.text}}
        return self.head.build(CHUNK, [choice])

    def closing(self, texts: OpenTexts) -> Iterable[Json | str]:
        """Return the events after all texts."""
        return self.head.closing(CHUNK, texts)

    def whole(self, texts: OpenTexts, written: Sequence[Sequence[TextPiece]]) -> Json:
        """Return the answer that is not streamed."""
        choices = [_choice(place, pieces) | {"message": _message(pieces)} for place, pieces in enumerate(written)]
        return self.head.build(WHOLE, choices, usage=count_usage(texts))


def _choice(place: int, pieces: Sequence[TextPiece]) -> Json:
    return {"index": place, "logprobs": chat_logprobs(pieces), "finish_reason": pieces[-1].finish_reason}


def _message(pieces: Sequence[TextPiece]) -> Json:
    return {"role": "assistant", "content": "".join(piece.text for piece in pieces), "refusal": None}


async def create_chat_completion(request: web.Request) -> web.StreamResponse:
    """Answer with the texts that continue the messages, streamed or whole."""
    fields = await read_fields(request)
    prompt, count = join_messages(_read_messages(fields)), fields.whole_number("n", 1, MAX_TEXTS_AT_ONCE) or 1
    newer = fields.whole_number("max_completion_tokens", 0, MAX_TEXT_TOKENS)
    older = fields.whole_number("max_tokens", 0, MAX_TEXT_TOKENS)
    top = fields.whole_number("top_logprobs", 0, MAX_ALTERNATIVES) or 0
    wish = TextWish(count, older if newer is None else newer, top if fields.flag("logprobs") else None)
    stream, with_usage, service = fields.flag("stream"), include_usage(fields), request.app[SERVICE]
    async with (
        service.use(fields.text("model")) as used,
        service.write(used, fields, [prompt], wish, stream) as texts,
    ):
        shape = ChatShape(OpenAiObject(used.model.name, "chatcmpl", with_usage))
        return await (stream_answer(request, shape, texts) if stream else whole_answer(shape, texts, count))


def _read_messages(fields: Fields) -> list[tuple[str, list[str]]]:
    """Return each message's role and the texts of its parts. Raises ApiError."""
    messages = fields.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise wrong_value("messages", messages, "a list of objects with a role and a content")
    return [(Fields(message).text("role"), list(_read_parts(message.get("content")))) for message in messages]


def _read_parts(content: object) -> Iterator[str]:
    """Yield the texts of a message's content: a text, nothing, or a list of parts, of which those of text are read."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and part.get("type") == "text":
                yield Fields(part).text("text")
    elif content is not None:
        raise wrong_value("content", content, "a text, or a list of parts")
