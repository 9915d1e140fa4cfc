"""A text in pieces, one for each token, each with the text that is its token's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...core.text.tokenizer import Decoder


class TextPiece(NamedTuple):
    """A token of the text number ``place``, of its prompt, or its end.

    ``text`` is what it adds to the text: "" if it is withheld. ``label`` is the token's name, ``id`` its number; "" and
    None at the end, whose ``finish_reason`` is "stop" or "length". ``logprob`` is None for a prompt's first token.
    ``top`` are the likeliest tokens, each a name, a log-probability and an id; None if they are not asked for.
    ``offset`` is the number of characters of prompt and text before it.
    """

    place: int
    text: str
    offset: int
    finish_reason: str | None = None
    label: str = ""
    id: int | None = None
    logprob: float | None = None
    top: Sequence[tuple[str, float, int]] | None = None
    drawn: bool = False


class HeldPieces:
    """Holds pieces back while their text may become a stop text, and gives each its own text then.

    The engine releases withheld text with a later token. Clients look the chance of a token up by its text.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._pieces: deque[tuple[TextPiece, int]] = deque()
        self._text = ""

    def release(self, piece: TextPiece) -> Iterator[TextPiece]:
        """Yield the pieces whose text is complete with this one; all if it is the end of the text."""
        ended = piece.id is None
        self._text += piece.text
        if piece.id is not None:
            self._pieces.append((piece, len(self._decoder.push(piece.id))))
        while self._pieces and (ended or len(self._text) >= self._pieces[0][1]):
            first, length = self._pieces.popleft()
            text, self._text = self._text[:length], self._text[length:]
            yield first._replace(text=text)
        if ended:
            yield piece._replace(text=self._text)
