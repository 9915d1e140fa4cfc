"""The reference runtime: the torch model stepped token by token. The int8 runtime is tested against it."""

from __future__ import annotations

import numpy as np
import torch

from ..inference.model_file import ModelFile
from ..inference.runtime import Logits, StateArrays, Stepper, require_ids
from ..text.tokenizer import Ids
from .convert import to_torch
from .model import LSTMLanguageModel


class TorchRuntime:
    """Steps a model with dequantized float weights. h and c are float32 (B, H)."""

    max_batches = 1

    def __init__(self, file: ModelFile) -> None:
        self._model = to_torch(file)

    def zeros(self, rows: int) -> StateArrays:
        """Return the initial state of ``rows`` sequences."""
        a = self._model.architecture
        return tuple(np.zeros((rows, a.width), np.float32) for _ in range(2 * a.layers))

    def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:  # noqa: ARG002
        """Return a stepper that starts from ``state``."""
        return _TorchStepper(self._model, state)


class _TorchStepper(Stepper):
    def __init__(self, model: LSTMLanguageModel, state: StateArrays) -> None:
        self._model = model
        self._state = tuple(array.copy() for array in state)
        self._logits: Logits = np.empty((len(state[0]), model.architecture.vocabulary), np.float32)

    @property
    def logits(self) -> Logits:
        return self._logits

    @property
    def state(self) -> StateArrays:
        return self._state

    @torch.no_grad()
    def step(self, ids: Ids) -> None:
        require_ids(ids, self._model.architecture.vocabulary)
        halves = [torch.from_numpy(array)[None] for array in self._state]
        states = list(zip(halves[::2], halves[1::2], strict=True))
        logits, next_states = self._model(torch.from_numpy(ids)[:, None], states)
        self._logits = logits[:, 0].numpy()
        self._state = tuple(half[0].numpy() for pair in next_states for half in pair)
