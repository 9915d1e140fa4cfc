"""The order in which a text is read: parallel streams down it, epoch after epoch, from any position to go on from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..text.tokenizer import Ids
from .disk_store import StoredTokens

Tokens = Ids | StoredTokens
"""What a text is read from: memory or a disk."""


class Streams:
    """Windows of inputs and targets (B, T) down ``batch`` parallel streams of ``ids``.

    Each epoch begins at another offset, so that windows are cut elsewhere. ``position`` is all it takes to go on.
    ``rows`` are those of the streams that are read here; others are read by other processes.
    """

    def __init__(self, ids: Tokens, batch: int, steps: int, seed: int, rows: slice = slice(None)) -> None:
        self._ids, self._batch, self._steps, self._rows = ids, batch, steps, rows
        self.random = np.random.default_rng(seed)
        self._offset = self._at = 0
        self._begin()

    def window(self) -> tuple[Tensor, Tensor, bool]:
        """The next inputs and targets, and whether an epoch begins with them: then no state goes before them."""
        length = self._length()
        if self._at + min(self._steps, length) > length:
            self._begin()
            length = self._length()
        first, wide = self._at == 0, min(self._steps, length)
        starts = self._offset + self._at + length * np.arange(self._batch)[self._rows]
        rows = torch.from_numpy(np.stack([self._ids[start : start + wide + 1] for start in starts]).astype(np.int64))
        self._at += wide
        return rows[:, :-1], rows[:, 1:], first

    @property
    def position(self) -> dict[str, Any]:
        """Where it stands, as JSON values."""
        return {"offset": self._offset, "at": self._at, "random": self.random.bit_generator.state}

    @position.setter
    def position(self, values: dict[str, Any]) -> None:
        self._offset, self._at = values["offset"], values["at"]
        self.random.bit_generator.state = values["random"]

    def _length(self) -> int:
        return (len(self._ids) - self._offset - 1) // self._batch

    def _begin(self) -> None:
        self._offset, self._at = int(self.random.integers(0, self._steps)), 0
