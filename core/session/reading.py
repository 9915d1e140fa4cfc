"""Reading: any text as a passage. Its tokens are forced, and have the figures that drawn tokens have."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from itertools import accumulate, pairwise, repeat
from typing import NamedTuple

import numpy as np

from ..errors import TextError
from ..events import Token
from ..generation.snapshot import Snapshot
from ..generation.stream import SNAPSHOT_INTERVAL
from ..generation.token_history import TokenHistory
from ..inference.runtime import select_rows
from ..model import Model
from ..sampling.filters import Array, log_softmax
from ..sampling.sampler import token_stats
from ..score import to_perplexity
from ..settings import Settings
from ..text.cleaning import read_whole
from ..text.files import Source
from ..text.formats import DEFAULT_READ_OPTIONS, ReadOptions
from ..text.tokenizer import Ids, Tokenizer
from .node import Node
from .passage import Passage

MAX_READ_CHARS = 1 << 18
"""Maximum characters that are read of a text: half a novel. The tokens of as many take about 80 MB and 5 seconds."""

MAX_TRIED_SEED = 64
"""Maximum tokens that are tried as the beginning of a text that is read as its seed."""

_TOKENS_PER_REPORT = 16 * SNAPSHOT_INTERVAL
"""Tokens between two progress reports: about 0.2 s."""

Candidates = list[tuple[str, float]]
"""Texts of the likeliest tokens for a place, and their probabilities, likeliest first."""


class ReadText(NamedTuple):
    """A text, read token by token.

    ``seed`` is the text of its first token, or of its first tokens if one is not a whole character. It has no figures:
    nothing comes before it. ``start`` is the snapshot after it, ``snapshots`` are later ones by position.
    ``candidates`` are those for each of ``tokens``, or empty if none were asked for. ``unknown`` is the number of
    characters that the model has never seen. If it has a token for them, ``stand_in``, they count in no figure.
    """

    seed: str
    start: Snapshot
    tokens: list[Token]
    snapshots: dict[int, Snapshot]
    candidates: list[Candidates]
    unknown: int
    stand_in: int | None = None

    @property
    def characters(self) -> int:
        """Number of characters, with the seed."""
        return len(self.seed) + sum(len(token.text) for token in self.tokens)

    @property
    def nats_per_char(self) -> float:
        """Loss in nats per character, as ``score`` computes the stateful loss."""
        count = self.start.position + len(self.tokens)
        return -sum(token.logprob for token in self.tokens) / len(self._known_tokens) * count / self.characters

    @property
    def bits_per_char(self) -> float:
        """Loss in bits per character."""
        return self.nats_per_char / math.log(2)

    @property
    def perplexity(self) -> float:
        """Perplexity per character."""
        return to_perplexity(self.nats_per_char)

    def share_of_rank(self, rank: int) -> float:
        """Return the share of the tokens, 0 to 1, that are among the ``rank`` likeliest."""
        return sum(token.rank <= rank for token in self._known_tokens) / len(self._known_tokens)

    @property
    def _known_tokens(self) -> list[Token]:
        return [token for token in self.tokens if token.id != self.stand_in]

    def add_to(self, passage: Passage) -> None:
        """Add the text to a passage, and move the cursor to its end, so that the next text continues it."""
        root = passage.add(Node(None, seed=self.seed, start=self.start))
        filters = [(0, Settings().filters_only())]
        node = Node(root, tokens=self.tokens, reason="read", filters=filters)
        node.start, node.snapshots = self.start, self.snapshots
        passage.add(node)


def open_text(source: Source, options: ReadOptions = DEFAULT_READ_OPTIONS) -> tuple[str, list[str]]:
    """Return the beginning of a text, at most ``MAX_READ_CHARS``, and notices. Raises TextError if it is no text.

    Rows are read as they are in the file, unless ``options`` name a format.
    """
    notices: list[str] = []
    text = ""
    for record in read_whole(source, options, notices):
        text += record.text
        if len(text) > MAX_READ_CHARS:
            notices.append(f"only the first {MAX_READ_CHARS:,} characters of {source.name} are read")
            break
    return text[:MAX_READ_CHARS], notices


def read_tokens(model: Model, text: str, candidate_count: int = 0) -> Generator[float, None, ReadText]:
    """Read ``text`` token by token. Yield the share read so far, 0 to 1. Return the ``ReadText``.

    Raises TextError if it has too few tokens. Closing the generator stops it.
    """
    text = model.file.card.fold_case(text)
    ids = model.tokenizer.encode(text)
    pieces = _split_text(model.tokenizer, ids, text)
    first = _count_seed_tokens(model.tokenizer, ids, pieces)
    stand_in = model.tokenizer.stand_in
    if len(ids) <= first or (ids[first:] == stand_in).all():
        raise TextError(f"there is nothing to read: the text has fewer than 2 tokens ({len(text)} characters)")
    known = set(text) - set(model.tokenizer.unknown_characters(text))
    reader = _TokenReader(model, model.read("".join(pieces[:first])).snapshot, candidate_count)
    read = ReadText("".join(pieces[:first]), reader.snapshot, [], {}, [], sum(c not in known for c in text), stand_in)
    for begin, end in _split_at_snapshots(reader.snapshot.position, first, len(ids)):
        read.tokens.extend(reader.read(ids[begin:end], pieces[begin:end]))
        read.snapshots[reader.snapshot.position] = reader.snapshot
        if len(ids) > _TOKENS_PER_REPORT and (len(read.tokens) % _TOKENS_PER_REPORT < end - begin or end == len(ids)):
            yield end / len(ids)
    return read._replace(candidates=reader.candidates)


class _TokenReader:
    """Steps a model through given tokens. ``snapshot`` is the one after the tokens read so far."""

    def __init__(self, model: Model, start: Snapshot, candidate_count: int) -> None:
        self.snapshot = start
        self.candidates: list[Candidates] = []
        self._model = model
        self._candidate_count = candidate_count
        self._stepper = model.runtime.stepper(start.state)

    def read(self, ids: Ids, pieces: list[str]) -> Iterator[Token]:
        """Read tokens, and return them with their figures. ``pieces`` are their texts."""
        logits = self._step(ids)
        stats = token_stats(logits, logits, ids)
        for figures in (stats.logprob, stats.shaped):
            figures[ids == self._model.tokenizer.stand_in] = 0  # it is never predicted
        if self._candidate_count:
            self.candidates += self._find_candidates(logits)
        columns = [c.tolist() for c in (ids, stats.logprob, stats.shaped, stats.rank.astype(np.int64), stats.entropy)]
        return map(Token, pieces, *columns, repeat(1.0))

    def _step(self, ids: Ids) -> Array:
        """Read tokens. Return the logits (K, V) that each of them was drawn from, if it were drawn."""
        before = self.snapshot
        logits = np.empty((len(ids), len(before.logits)))
        logits[0] = before.logits
        for number in range(len(ids)):
            self._stepper.step(ids[number : number + 1])
            if number + 1 < len(ids):
                logits[number + 1] = self._stepper.logits[0]
        decoder = self._model.tokenizer.decoder(before.remainder)
        for token in ids.tolist():
            decoder.push(token)
        state = select_rows(self._stepper.state, [0])
        history = TokenHistory(ids, before.history)
        self.snapshot = Snapshot(
            state, self._stepper.logits[0].copy(), before.position + len(ids), decoder.remainder, "", history
        )
        return logits

    def _find_candidates(self, logits: Array) -> Iterator[Candidates]:
        probs = np.exp(log_softmax(logits))
        for row in probs:
            order = np.argsort(-row, kind="stable")[: self._candidate_count].tolist()
            yield [(self._model.token_text(token), float(row[token])) for token in order]


def _split_text(tokenizer: Tokenizer, ids: Ids, text: str) -> list[str]:
    """Return the part of the text that each token completes. Characters that the model has never seen stay."""
    decoder = tokenizer.decoder()
    pieces = [decoder.push(token) for token in ids.tolist()]
    ends = [0, *accumulate(map(len, pieces))]
    # An unknown character is encoded as one other character, so the lengths are those of the text.
    return [text[a:b] for a, b in pairwise(ends)] if ends[-1] == len(text) else pieces


def _count_seed_tokens(tokenizer: Tokenizer, ids: Ids, pieces: list[str]) -> int:
    """Return the number of tokens to read as the seed: the fewest whose text is encoded as these tokens again."""
    for count in range(1, min(len(ids), MAX_TRIED_SEED)):
        seed = "".join(pieces[:count])
        if seed and np.array_equal(tokenizer.encode(seed), ids[:count]):
            return count
    return len(ids)


def _split_at_snapshots(position: int, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of the parts of the ids from ``first`` to ``end``. Snapshots are saved between them.

    ``position`` is that of the first token in the text.
    """
    while first < end:
        stop = min(end, first + SNAPSHOT_INTERVAL - position % SNAPSHOT_INTERVAL)
        yield first, stop
        position += stop - first
        first = stop
