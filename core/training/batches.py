"""Batches of training tokens: windows down parallel streams of the text, epoch after epoch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from ..text.tokenizer import Ids
from .disk_store import DiskTokens
from .typed_json import Between, Count

TokenSource = Ids | DiskTokens
"""Token ids in memory or on disk."""


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


class BatchReader:
    """Reads windows of inputs and targets, T = ``seq_len`` tokens, down ``batch_size`` parallel streams of ``ids``.

    Each epoch starts at a random offset, so that windows are cut at other places. Restoring ``position`` continues a
    run. ``rows`` selects the streams read by this process; other processes read the others.
    """

    def __init__(self, ids: TokenSource, batch_size: int, seq_len: int, seed: int, rows: slice = slice(None)) -> None:
        self._ids = ids
        self._batch_size = batch_size
        self._seq_len = seq_len
        self._rows = rows
        self.rng = np.random.default_rng(seed)
        self._offset = 0
        self._index = 0
        self._begin_epoch()

    def next_window(self) -> tuple[Tensor, Tensor, bool]:
        """Return inputs and targets (rows, T), and True if they start an epoch.

        The hidden state then starts from zeros.
        """
        length = self._stream_length()
        if self._index + min(self._seq_len, length) > length:
            self._begin_epoch()
            length = self._stream_length()
        starts_epoch = self._index == 0
        width = min(self._seq_len, length)
        starts = self._offset + self._index + length * np.arange(self._batch_size)[self._rows]
        rows = torch.from_numpy(np.stack([self._ids[start : start + width + 1] for start in starts]).astype(np.int64))
        self._index += width
        return rows[:, :-1], rows[:, 1:], starts_epoch

    @property
    def position(self) -> ReaderPosition:
        """Position of the next window and state of the RNG."""
        state = dict(self.rng.bit_generator.state)
        rng_state = Pcg64State(**{**state, "state": Pcg64Words(**state["state"])})
        return ReaderPosition(self._offset, self._index, rng_state)

    @position.setter
    def position(self, position: ReaderPosition) -> None:
        self._offset, self._index = position.offset, position.at
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
        self._offset = int(self.rng.integers(0, self._seq_len))
        self._index = 0
