"""Computes the gates of an LSTM layer from the states that a runtime had, for many tokens at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.model_file import ModelFile
from ..inference.quantization import HIDDEN_SCALE, HIDDEN_ZERO, WEIGHT_LIMIT
from ..inference.runtime import StateArrays, input_table
from ..text.tokenizer import Ids

Floats = NDArray[np.float32]

GATES = "ifgo"
"""The gates in the order of the model file."""


class GateWeights:
    """The weights of one gate of a layer, counted from 0: of all units, or of those in the slice ``units``."""

    def __init__(self, file: ModelFile, layer: int, gate: str, units: slice = slice(None)) -> None:
        width = file.architecture.width
        numbers = np.arange(4 * width).reshape(4, width)[GATES.index(gate), units]
        self._rows = slice(int(numbers[0]), int(numbers[-1]) + 1)
        self._file = file
        self._layer = layer
        self._activate = np.tanh if gate == "g" else sigmoid

    def compute(self, ids: Ids, states: StateArrays, shift: Floats | None = None) -> Floats:
        """Return the gate at each token of ids (t,), (t, units), from the states before and after them, (t + 1, H).

        ``shift``, (4H,), is that of a style.
        """
        below = [hidden_steps(states[2 * self._layer - 2][1:])] if self._layer else []
        inputs = np.concatenate([*below, hidden_steps(states[2 * self._layer][:-1])], axis=1)
        weights = self._weights().astype(_exact_type(inputs.shape[1]))
        sums = (inputs.astype(weights.dtype) @ weights.T).astype(np.float32)
        scale = self._file.tensors[f"lstm.{self._layer}.scale"][self._rows] * HIDDEN_SCALE
        a = sums * scale + self._addend(ids)
        if shift is not None and not self._layer:
            a += shift[self._rows]
        return np.asarray(self._activate(a), np.float32)

    def _weights(self) -> NDArray[np.int8]:
        """Return the rows of the gate's units, (units, inputs)."""
        kinds = ("ih", "hh") if self._layer else ("hh",)
        parts = [self._file.tensors[f"lstm.{self._layer}.weight_{kind}"][self._rows] for kind in kinds]
        return np.concatenate(parts, axis=1)

    def _addend(self, ids: Ids) -> Floats:
        """Return the bias, (units,), or of layer 0 what each token adds to it, (t, units)."""
        if self._layer:
            return np.asarray(self._file.tensors[f"lstm.{self._layer}.bias"][self._rows], np.float32)
        distinct, which = np.unique(ids, return_inverse=True)
        return input_table(self._file, distinct, self._rows)[which]


def hidden_steps(h: NDArray[Any]) -> Floats:
    """Return a hidden state in steps of 1/127: whole numbers if the runtime keeps it as bytes."""
    if h.dtype == np.uint8:
        return np.asarray(h.astype(np.float32) - HIDDEN_ZERO, np.float32)
    return np.asarray(h / HIDDEN_SCALE, np.float32)


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + e^-x), computed from tanh, which overflows nowhere."""
    half = np.float32(0.5)
    return np.asarray(half * np.tanh(half * x) + half)


def _exact_type(inputs: int) -> type[np.floating[Any]]:
    """Return the shorter float type in which every sum of so many products is a whole number without rounding."""
    return np.float32 if inputs * HIDDEN_ZERO * WEIGHT_LIMIT <= 1 << 24 else np.float64
