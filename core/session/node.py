"""A node of a passage's tree."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from ..events import Token
from ..generation.snapshot import Snapshot
from ..setting_styles import MAX_SHOWN_STYLE, OFF, PLAIN_VOICE, Voice, describe_style
from ..settings import Settings
from ..text.tokenizer import Tokenizer


@dataclass(slots=True)
class Node:
    """A typed seed (``seed`` is its text, no tokens) or a generated text (``tokens``).

    It follows the first ``at`` tokens of the node ``parent``; a root has none. ``take`` is the RNG take that drew the
    tokens. ``tail`` is text that was still pending when generation ended. ``visited`` is the child that redo goes to.
    ``reason`` is that of ``events.Done``, "" if generation did not end, "read" if the text was read and not drawn.
    ``filters`` are pairs (index of the first token, settings that drew it and those after it), empty if not recorded.
    ``start`` is the snapshot before the first token (of a seed: after it); ``snapshots`` are later ones by position.
    Both can be computed again.
    """

    parent: int | None
    at: int = 0
    seed: str | None = None
    tokens: list[Token] = field(default_factory=list)
    take: int = 0
    tail: str = ""
    children: list[int] = field(default_factory=list)
    visited: int | None = None
    reason: str = ""
    filters: list[tuple[int, Settings]] = field(default_factory=list)
    start: Snapshot | None = field(default=None, repr=False, compare=False)
    snapshots: dict[int, Snapshot] = field(default_factory=dict, repr=False, compare=False)

    @property
    def shown_count(self) -> int:
        """Number of tokens without those that were drawn after the end of the text, to see that it ends there."""
        count = len(self.tokens)
        while self.reason == "length" and count and not self.tokens[count - 1].text:
            count -= 1
        return count

    def text(self, count: int | None = None) -> str:
        """Return the seed, or the text of the first ``count`` tokens (None: all)."""
        if self.seed is not None:
            return self.seed
        if not self.tokens:
            return self.tail
        return "".join(self.texts(count))

    def texts(self, count: int | None = None) -> list[str]:
        """Return the text of each of the first ``count`` tokens (None: all); the tail is part of the last."""
        texts = [token.text for token in self.tokens[:count]]
        if texts and len(texts) == len(self.tokens):
            texts[-1] += self.tail
        return texts

    def record_filters(self, filters: Settings) -> None:
        """Note that the following tokens are drawn with these settings."""
        if not self.filters or self.filters[-1][1] != filters:
            self.filters.append((len(self.tokens), filters))

    def filters_at(self, index: int) -> Settings | None:
        """Return the settings that drew the token at ``index``. None if not recorded."""
        entry = bisect_right(self.filters, index, key=itemgetter(0)) - 1
        return self.filters[entry][1] if entry >= 0 else None

    def voice_at(self, index: int) -> Voice:
        """Return the voice in which the token at ``index`` was drawn: without style if it is not recorded."""
        filters = self.filters_at(index)
        return filters.voice if filters else PLAIN_VOICE

    def begins_voice(self, index: int) -> bool:
        """True if the token at ``index`` is the first, or was drawn in another voice than the one before."""
        return index == 0 or self.voice_at(index) != self.voice_at(index - 1)

    def voice_starts(self, begin: int, end: int) -> list[int]:
        """Return ``begin``, and the tokens after it and before ``end`` that begin a voice."""
        first, last = (bisect_left(self.filters, place, key=itemgetter(0)) for place in (begin + 1, end))
        return [begin, *filter(self.begins_voice, sorted({index for index, _ in self.filters[first:last]}))]

    def style_summary(self) -> str:
        """Return the styles of its tokens in order: "style off → ann ×4". Cut if they are many, "" without any."""
        styles = [describe_style(filters.style, filters.style_strength) for _, filters in self.filters]
        if set(styles) <= {OFF}:
            return ""
        shown = f"style {' → '.join(style for style, _ in groupby(styles))}"
        return shown if len(shown) <= MAX_SHOWN_STYLE else f"{shown[: MAX_SHOWN_STYLE - 1]}…"

    def written_chars(self, index: int) -> int:
        """Return the number of characters that were written before the token at ``index``."""
        return sum(len(token.text) for token in self.tokens[:index])

    def tokens_in_vocab(self, tokenizer: Tokenizer) -> bool:
        """True if the ids of all its tokens are in the tokenizer's vocabulary."""
        return all(token.id < tokenizer.size for token in self.tokens)

    def decodes_to_same_text(self, tokenizer: Tokenizer) -> bool:
        """True if the tokenizer decodes its tokens to their text (and the text still pending at the end, if any)."""
        decoded = tokenizer.decode(token.id for token in self.tokens) if self.tokens_in_vocab(tokenizer) else ""
        return decoded.startswith("".join(token.text for token in self.tokens))
