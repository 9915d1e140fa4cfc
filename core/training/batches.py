"""Batches of training tokens: windows down parallel streams of the text, epoch after epoch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..text.labels import NO_LABEL, NO_RUNS, LabelRuns
from ..text.tokenizer import Ids
from .disk_store import DiskTokens
from .typed_json import Between, Count

TokenSource = Ids | DiskTokens
"""Token ids in memory or on disk."""

UNLABELLED_SHARE = 1 / 6
"""Share of labelled text that is read without its label, so that the model also learns to write without a style."""

STRETCH = 1024
"""Most tokens of a label that are read all with it or all without it."""

Word128 = Annotated[int, Between(0, 2**128 - 1)]


@dataclass(frozen=True, slots=True)
class Pcg64Words:
    """The two words of numpy's default RNG, named as numpy names them."""

    state: Word128
    inc: Word128


@dataclass(frozen=True, slots=True)
class Pcg64State:
    """State of numpy's default RNG, named as numpy names it."""

    bit_generator: str
    state: Pcg64Words
    has_uint32: Annotated[int, Between(0, 1)]
    uinteger: Annotated[int, Between(0, 2**32 - 1)]


@dataclass(frozen=True, slots=True)
class ReaderPosition:
    """Position of the next window, ``at`` in streams that begin at ``offset``, and state of the RNG."""

    offset: Count
    at: Count
    random: Pcg64State


class Window(NamedTuple):
    """Inputs and targets (rows, T), the labels of the targets or None if the text has none, and if an epoch starts.

    A label is that of the token to predict, so that the first token of a text is predicted under its own.
    """

    inputs: Tensor
    targets: Tensor
    labels: Tensor | None
    starts_epoch: bool


class BatchReader:
    """Reads windows of inputs and targets, T = ``seq_len`` tokens, down ``batch_size`` parallel streams of ``ids``.

    Each epoch starts at a random offset, so that windows are cut at other places. Restoring ``position`` continues a
    run. ``rows`` selects the streams read by this process; other processes read the others. ``labels`` are those of the
    tokens; each epoch reads other stretches without them.
    """

    def __init__(
        self,
        ids: TokenSource,
        batch_size: int,
        seq_len: int,
        seed: int,
        rows: slice = slice(None),
        labels: LabelRuns = NO_RUNS,
    ) -> None:
        self._ids = ids
        self._seed = seed
        self._stretches = cut_runs(labels, STRETCH)
        self._batch_size = batch_size
        self._seq_len = seq_len
        self._rows = rows
        self.rng = np.random.default_rng(seed)
        self._begin_epoch()

    def next_window(self) -> Window:
        """Return the next window. If it starts an epoch, the hidden state starts from zeros."""
        length = self._stream_length()
        if self._index + min(self._seq_len, length) > length:
            self._begin_epoch()
            length = self._stream_length()
        starts_epoch = self._index == 0
        width = min(self._seq_len, length)
        starts = self._offset + self._index + length * np.arange(self._batch_size)[self._rows]
        rows = torch.from_numpy(np.stack([self._ids[start : start + width + 1] for start in starts]).astype(np.int64))
        self._index += width
        return Window(
            rows[:, :-1], rows[:, 1:], self._labels_at(starts[:, None] + np.arange(1, width + 1)), starts_epoch
        )

    def _labels_at(self, positions: Ids) -> Tensor | None:
        return torch.from_numpy(self._labels.at(positions)) if len(self._labels) else None

    @property
    def position(self) -> ReaderPosition:
        """Position of the next window and state of the RNG."""
        state = dict(self.rng.bit_generator.state)
        rng_state = Pcg64State(**{**state, "state": Pcg64Words(**state["state"])})
        return ReaderPosition(self._offset, self._index, rng_state)

    @position.setter
    def position(self, position: ReaderPosition) -> None:
        self._start_at(position.offset, position.at)
        self.rng.bit_generator.state = asdict(position.random)

    def require_in_text(self, position: ReaderPosition) -> None:
        """Raise ValueError if ``position`` is not one of this reader."""
        if position.offset >= self._seq_len or position.at > self._stream_length(position.offset):
            raise ValueError("its position is not in the text")
        if position.random.bit_generator != self.position.random.bit_generator:
            raise ValueError("its random state is of another generator")

    def _stream_length(self, offset: int | None = None) -> int:
        return (len(self._ids) - (self._offset if offset is None else offset) - 1) // self._batch_size

    def _begin_epoch(self) -> None:
        self._start_at(int(self.rng.integers(0, self._seq_len)))

    def _start_at(self, offset: int, index: int = 0) -> None:
        """Go to ``index`` of the streams of the epoch with this offset, which also chooses the labels that it reads."""
        self._offset, self._index = offset, index
        self._labels = drop_some(self._stretches, np.random.default_rng((self._seed, offset)))


def cut_runs(runs: LabelRuns, longest: int) -> LabelRuns:
    """Return the same labels in runs of at most ``longest`` tokens."""
    starts = np.concatenate([[0], runs.ends[:-1]])[: len(runs)]
    counts = -(-(runs.ends - starts) // longest)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    ends = np.minimum(np.repeat(starts, counts) + (number + 1) * longest, np.repeat(runs.ends, counts))
    return LabelRuns(ends, np.repeat(runs.ids, counts))


def drop_some(runs: LabelRuns, rng: np.random.Generator) -> LabelRuns:
    """Return the runs, ``UNLABELLED_SHARE`` of them without their label."""
    return LabelRuns(runs.ends, np.where(rng.random(len(runs)) < UNLABELLED_SHARE, NO_LABEL, runs.ids))
