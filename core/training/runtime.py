"""The reference runtime: the torch model, stepped a token at a time. What the int8 runtime is tested against."""

from __future__ import annotations

import numpy as np
import torch

from ..modelfile import ModelFile
from ..runtime import Logits, State
from ..tokenizer import Ids
from .convert import to_torch


class TorchRuntime:
    """Steps the float model that a file stands for; h and c are float32 (B, H)."""

    def __init__(self, file: ModelFile) -> None:
        self._model = to_torch(file)

    def zeros(self, rows: int) -> State:
        """The state that has read nothing."""
        a = self._model.architecture
        return tuple(np.zeros((rows, a.width), np.float32) for _ in range(2 * a.layers))

    @torch.no_grad()
    def step(self, ids: Ids, state: State) -> tuple[Logits, State]:
        """Read one token a row."""
        halves = [torch.from_numpy(array)[None] for array in state]
        logits, after = self._model(torch.from_numpy(ids)[:, None], list(zip(halves[::2], halves[1::2], strict=True)))
        return logits[:, 0].numpy(), tuple(half[0].numpy() for pair in after for half in pair)
