"""Batches of training tokens: windows down parallel streams of the text, epoch after epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..text.tokenizer import Ids
from .disk_store import DiskTokens

TokenSource = Ids | DiskTokens
"""Token ids in memory or on disk."""


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
    def position(self) -> dict[str, Any]:
        """Position of the next window and state of the RNG, as JSON values."""
        return {"offset": self._offset, "at": self._index, "random": self.rng.bit_generator.state}

    @position.setter
    def position(self, values: dict[str, Any]) -> None:
        self._offset = values["offset"]
        self._index = values["at"]
        self.rng.bit_generator.state = values["random"]

    def _stream_length(self) -> int:
        return (len(self._ids) - self._offset - 1) // self._batch_size

    def _begin_epoch(self) -> None:
        self._offset = int(self.rng.integers(0, self._seq_len))
        self._index = 0
