"""The reference runtime: the torch model stepped token by token. The int8 runtime is tested against it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.func import functional_call

from ..inference.model_file import ModelFile
from ..inference.runtime import Logits, StateArrays, Stepper, concat_states, require_ids, select_rows
from ..inference.styles import require_shifts
from ..text.tokenizer import Ids
from .convert import to_torch
from .model import LSTMLanguageModel

FIRST_BIAS = "layers.0.bias_ih_l0"
"""Name of the bias to which a shift of the gates of layer 0 is added."""


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
        self._shifts: NDArray[np.float32] | None = None

    @property
    def logits(self) -> Logits:
        return self._logits

    @property
    def state(self) -> StateArrays:
        return self._state

    def shift_gates(self, shifts: NDArray[np.float32] | None) -> None:
        if shifts is not None:
            require_shifts(shifts, len(self._logits), self._model.architecture.width)
        self._shifts = None if shifts is None else shifts.copy()

    @torch.no_grad()
    def step(self, ids: Ids) -> None:
        require_ids(ids, self._model.architecture.vocabulary)
        if self._shifts is None:
            results = [self._read(ids, self._state)]
        else:  # torch's LSTM has one bias for all rows
            rows = range(len(ids))
            results = [self._read(ids[[n]], select_rows(self._state, [n]), self._shifts[n]) for n in rows]
        self._logits = np.concatenate([logits for logits, _ in results])
        self._state = concat_states([state for _, state in results])

    def _read(
        self, ids: Ids, state: StateArrays, shift: NDArray[np.float32] | None = None
    ) -> tuple[Logits, StateArrays]:
        """Return the logits and the state after one token per row, with ``shift``, (4H,), added to the first bias."""
        halves = [torch.from_numpy(array)[None] for array in state]
        inputs = torch.from_numpy(ids)[:, None], list(zip(halves[::2], halves[1::2], strict=True))
        if shift is None:
            logits, next_states = self._model(*inputs)
        else:
            shifted = {FIRST_BIAS: self._model.get_parameter(FIRST_BIAS) + torch.from_numpy(shift)}
            logits, next_states = functional_call(self._model, shifted, inputs)
        return logits[:, 0].numpy(), tuple(half[0].numpy() for pair in next_states for half in pair)
