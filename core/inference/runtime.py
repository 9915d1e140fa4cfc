"""The protocols of the runtimes that step an LSTM, and functions on its state."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError, UsageError
from ..text.tokenizer import Ids
from .model_file import Architecture, ModelFile
from .quantization import HIDDEN_ZERO

Logits = NDArray[np.float32]
StateArrays = tuple[NDArray[Any], ...]
"""The state of an LSTM: hidden state h and cell state c of each layer in turn, each array with one row per stream."""


class Runtime(Protocol):
    """Holds a model's weights and makes steppers."""

    max_batches: int
    """Number of batches that can be stepped at the same time, each on its own thread."""

    def zeros(self, rows: int) -> StateArrays:
        """Return the initial state, before any token, for this number of rows."""
        ...

    def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:
        """Return a stepper that continues from a copy of ``state``.

        ``exclusive`` is True if no other batch is stepped at the same time; it may then use all threads.
        """
        ...


class Stepper(Protocol):
    """Steps the same rows repeatedly. Each step may overwrite the arrays of the one before.

    ``logits``, (B, V), are undefined before the first step, unless the caller writes those that belong to the state.
    """

    @property
    def logits(self) -> Logits:
        """The logits for the next token of each row, to read or to write, (B, V)."""
        ...

    @property
    def state(self) -> StateArrays:
        """The state of all rows."""
        ...

    def shift_gates(self, shifts: NDArray[np.float32] | None) -> None:
        """Add ``shifts``, (B, 4H), one row per stream, to the gates of layer 0 in every following step.

        Gates are in the order i f g o. None adds nothing, at no cost. The model must have styles, whose
        ``StyleTable.shift`` makes the rows. Raises ValueError for another shape or type.
        """
        ...

    def step(self, ids: Ids) -> None:
        """Read one token per row, ids (B,), and update ``logits`` (B, V) and ``state``.

        Raises UsageError, having read nothing, for an id that is not from 0 to V - 1.
        """
        ...

    def step_many(self, ids: Ids) -> None:
        """Read T tokens per row one after the other, ids (T, B)."""
        for row in ids:
            self.step(row)


def concat_states(states: Sequence[StateArrays]) -> StateArrays:
    """Return one state with the rows of all ``states``, in order."""
    return tuple(np.concatenate(arrays) for arrays in zip(*states, strict=True))


def select_rows(state: StateArrays, rows: Sequence[int]) -> StateArrays:
    """Return a state with copies of these rows of ``state``."""
    return tuple(array[list(rows)] for array in state)


def int8_zeros(architecture: Architecture, rows: int) -> StateArrays:
    """Return the initial state of an int8 runtime: h as uint8 (B, H) with zero point 128, c as float32 (B, H)."""
    size = rows, architecture.width
    state: list[NDArray[Any]] = []
    for _ in range(architecture.layers):
        state += [np.full(size, HIDDEN_ZERO, np.uint8), np.zeros(size, np.float32)]
    return tuple(state)


def require_ids(ids: Ids, vocabulary: int) -> None:
    """Raise UsageError unless all ``ids`` are from 0 to V - 1."""
    if ids.view(np.uint64).max(initial=0) >= vocabulary:  # a negative id is a large unsigned one: one pass for both
        wrong = ids[(ids < 0) | (ids >= vocabulary)]
        raise wrong_id_error(int(wrong.flat[0]), vocabulary)


def wrong_id_error(number: int, vocabulary: int) -> UsageError:
    """Return the error for an id that is no token."""
    return UsageError(f"there is no token {number}; ids are 0 to {vocabulary - 1}")


def require_same_form(state: StateArrays, expected: StateArrays) -> None:
    """Raise StateError unless the arrays have the types and, but for their rows, the shapes of ``expected``."""
    forms = [[(array.shape[1:], array.dtype) for array in arrays] for arrays in (state, expected)]
    if forms[0] != forms[1] or len({len(array) for array in state}) != 1:
        raise StateError("this saved state belongs to a model of another size; read the text again")


MAX_TABLE_BYTES = 1 << 24
"""Largest table of the input of layer 0 for every token. With a larger vocabulary it is computed for each token that is
read: that is little beside the projection to so many tokens, and the table can be sixty times as large as the file."""


def has_input_table(architecture: Architecture) -> bool:
    """Return True if the input of layer 0 is computed for all tokens when the model is opened."""
    return architecture.vocabulary * architecture.width * 4 * 4 <= MAX_TABLE_BYTES


def input_table(file: ModelFile, tokens: Ids | slice = slice(None), gates: slice = slice(None)) -> NDArray[np.float32]:
    """Return the input of layer 0 for each token, (V, 4H): its embedding times the input weights, plus the bias.

    Of all tokens and gates, or of those that are chosen.

    The factors are whole numbers below 2^7 and their sums far below 2^53. Float64 therefore adds them without rounding,
    in any order that a matrix library uses.
    """
    tensors = file.tensors
    embedding, weights = tensors["embedding.weight"][tokens], tensors["lstm.0.weight_ih"][gates]
    sums = embedding.astype(np.float64) @ weights.T.astype(np.float64)
    scaled = sums.astype(np.float32) * tensors["embedding.scale"][tokens, None] * tensors["lstm.0.scale"][gates]
    return np.asarray(scaled + tensors["lstm.0.bias"][gates], np.float32)


def default_threads() -> int:
    """Return the number of threads for a step: AFTERGLOW_THREADS, else 2, or 1 if there is one processor."""
    value = os.environ.get("AFTERGLOW_THREADS", "")
    return int(value) if value.isdecimal() and int(value) else min(2, os.cpu_count() or 1)
