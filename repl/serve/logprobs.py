"""Log-probabilities in the shapes of OpenAI's completions, of its chats, and of llama.cpp."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .answers import Json
from .text_pieces import TextPiece


def completion_logprobs(pieces: Iterable[TextPiece]) -> Json | None:
    """Return the columns of a completion's tokens, None without tokens. The token itself is always among the likeliest.

    A prompt's first token has null for its log-probability and its likeliest ones.
    """
    tokens = [piece for piece in pieces if piece.id is not None]
    return (
        tokens
        and {
            "tokens": [piece.label for piece in tokens],
            "token_logprobs": [piece.logprob for piece in tokens],
            "top_logprobs": [_top_by_name(piece) for piece in tokens],
            "text_offset": [piece.offset for piece in tokens],
        }
    ) or None


def _top_by_name(piece: TextPiece) -> dict[str, float] | None:
    if piece.top is None or piece.logprob is None:
        return None
    return {name: logprob for name, logprob, _ in piece.top} | {piece.label: piece.logprob}


def chat_logprobs(pieces: Sequence[TextPiece]) -> Json | None:
    """Return the list of a chat's tokens, None without tokens."""
    content = [
        {
            **_chat_token(piece.label, piece.logprob),
            "top_logprobs": [_chat_token(name, value) for name, value, _ in piece.top],
        }
        for piece in pieces
        if piece.top is not None
    ]
    return {"content": content, "refusal": None} if content else None


def _chat_token(name: str, logprob: float | None) -> Json:
    return {"token": name, "logprob": logprob, "bytes": list(name.encode("utf-8", "replace"))}


def llama_probabilities(pieces: Iterable[TextPiece], after_filters: bool) -> list[Json]:
    """Return llama.cpp's list of tokens: with log-probabilities, or ``after_filters`` with probabilities."""
    key, top_key = ("prob", "top_probs") if after_filters else ("logprob", "top_logprobs")

    def entry(name: str, logprob: float | None, token: int | None) -> Json:
        value = math.exp(logprob) if after_filters and logprob is not None else logprob
        return {"id": token, "token": name, "bytes": list(name.encode("utf-8", "replace")), key: value}

    return [
        {**entry(piece.label, piece.logprob, piece.id), top_key: [entry(*each) for each in piece.top]}
        for piece in pieces
        if piece.top is not None
    ]
