"""The state as a vector of a text: the mean hidden state of the last layer, and the texts whose vectors are near."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np

from ..inference.quantization import HIDDEN_SCALE
from ..text.tokenizer import Ids
from .gates import Floats, hidden_steps
from .traces import Network
from .units import require_cells

ROWS = 64
"""Texts that are read at the same time."""

MAX_TOKENS = 1000
"""Tokens of a line that are read."""


class Embedding(NamedTuple):
    """The vectors of a text, float32 (H,): the mean of the last layer's h over its tokens, and the h after them."""

    mean: Floats
    last: Floats


class SimilarLine(NamedTuple):
    """A line of a text, its number from 1, and the cosine of its vector and the sentence's, -1 to 1."""

    line: str
    number: int
    cosine: float


def embed(network: Network, ids: Ids) -> Embedding:
    """Return the vectors of tokens (T,) that are read from the zero state. Raises UsageError for a mixture."""
    require_cells(network.file)
    return Embedding(*(vectors[0] for vectors in _read_together(network, [ids])))


def find_similar(
    network: Network, sentence: str, lines: Sequence[str], count: int
) -> Generator[float, None, list[SimilarLine]]:
    """Return the ``count`` lines nearest to a sentence by the cosine of their mean h, nearest first.

    The mean of all lines is subtracted from each: it is long, and would make all of them alike. Equal lines count once.
    Yields the share done, 0 to 1. Raises UsageError for a mixture.
    """
    require_cells(network.file)
    first = {line.strip(): number for number, line in reversed(list(enumerate(lines, 1))) if line.strip()}
    texts = [sentence, *first]
    encoded = [network.file.tokenizer.encode(text)[:MAX_TOKENS] for text in texts]
    vectors = np.empty((len(texts), network.file.architecture.width), np.float32)
    order = sorted(range(len(texts)), key=lambda number: len(encoded[number]))
    for at in range(0, len(order), ROWS):
        chosen = order[at : at + ROWS]
        vectors[chosen] = _read_together(network, [encoded[number] for number in chosen])[0]
        yield (at + len(chosen)) / len(order)
    cosines = _compare(vectors[0], vectors[1:])
    nearest = np.argsort(-cosines, kind="stable")[:count].tolist()
    return [SimilarLine(texts[n + 1], first[texts[n + 1]], float(cosines[n])) for n in nearest]


def _compare(vector: Floats, others: Floats) -> Floats:
    """Return the cosines of a vector and each of the others, (n,), all seen from the mean of the others."""
    center = others.mean(axis=0) if len(others) > 1 else np.zeros_like(vector)
    vector, others = vector - center, others - center
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(vector)
    return np.asarray(others @ vector / np.maximum(lengths, 1e-9), np.float32)


def _read_together(network: Network, texts: Sequence[Ids]) -> tuple[Floats, Floats]:
    """Read texts from the zero state; return the mean h of the last layer and its last h, each (texts, H)."""
    lengths = np.array([len(ids) for ids in texts])
    padded = np.zeros((len(texts), max(1, lengths.max())), np.int64)
    for row, ids in zip(padded, texts, strict=True):
        row[: len(ids)] = ids
    stepper = network.runtime.stepper(network.runtime.zeros(len(texts)))
    total = np.zeros((len(texts), network.file.architecture.width), np.float32)
    last = np.zeros_like(total)
    for at, column in enumerate(padded.T):
        stepper.step(np.ascontiguousarray(column))
        h = hidden_steps(stepper.state[-2]) * HIDDEN_SCALE
        total[at < lengths] += h[at < lengths]
        last[at == lengths - 1] = h[at == lengths - 1]
    return total / np.maximum(lengths, 1)[:, None], last
