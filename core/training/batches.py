"""The order in which a text is read: parallel streams down it, epoch after epoch, from any position to go on from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..text.tokenizer import Ids
from .disk_store import DiskTokens

TokenSource = Ids | DiskTokens
"""What a text is read from: memory or a disk."""


class BatchReader:
    """Windows of inputs and targets (B, T) down ``batch`` parallel streams of ``ids``.

    Each epoch begins at another offset, so that windows are cut elsewhere. ``position`` is all it takes to go on.
    ``rows`` are those of the streams that are read here; others are read by other processes.
    """

    def __init__(self, ids: TokenSource, batch_size: int, seq_len: int, seed: int, rows: slice = slice(None)) -> None:
        self._ids, self._batch_size, self._seq_len, self._rows = ids, batch_size, seq_len, rows
        self.rng = np.random.default_rng(seed)
        self._offset = self._index = 0
        self._begin_epoch()

    def next_window(self) -> tuple[Tensor, Tensor, bool]:
        """The next inputs and targets, and whether an epoch begins with them: then no state goes before them."""
        length = self._stream_length()
        if self._index + min(self._seq_len, length) > length:
            self._begin_epoch()
            length = self._stream_length()
        first, wide = self._index == 0, min(self._seq_len, length)
        starts = self._offset + self._index + length * np.arange(self._batch_size)[self._rows]
        rows = torch.from_numpy(np.stack([self._ids[start : start + wide + 1] for start in starts]).astype(np.int64))
        self._index += wide
        return rows[:, :-1], rows[:, 1:], first

    @property
    def position(self) -> dict[str, Any]:
        """Where it stands, as JSON values."""
        return {"offset": self._offset, "at": self._index, "random": self.rng.bit_generator.state}

    @position.setter
    def position(self, values: dict[str, Any]) -> None:
        self._offset, self._index = values["offset"], values["at"]
        self.rng.bit_generator.state = values["random"]

    def _stream_length(self) -> int:
        return (len(self._ids) - self._offset - 1) // self._batch_size

    def _begin_epoch(self) -> None:
        self._offset, self._index = int(self.rng.integers(0, self._seq_len)), 0
