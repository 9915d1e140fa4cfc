"""What steps an LSTM: the protocol, and the states that it reads and writes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..text.tokenizer import Ids
from .model_file import Architecture, ModelFile
from .quantization import HIDDEN_ZERO

Logits = NDArray[np.float32]
StateArrays = tuple[NDArray[Any], ...]
"""What an LSTM remembers: h and c of each layer in turn, every array with one row a stream."""


class Runtime(Protocol):
    """Something that can step an LSTM."""

    max_batches: int
    """How many batches it can step at once, each on a thread of its own."""

    def zeros(self, rows: int) -> StateArrays:
        """The state that has read nothing, for so many rows."""
        ...

    def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:
        """What steps rows on from ``state``, which it copies; ``alone`` where no other batch is stepped meanwhile."""
        ...


class Stepper(Protocol):
    """Steps the same rows again and again. Its arrays are views that the next step may overwrite.

    ``logits``, (B, V), mean nothing before the first step, unless somebody puts in those that go with the state.
    """

    logits: Logits
    state: StateArrays

    def step(self, ids: Ids) -> None:
        """Read one token a row, ids (B,): logits (B, V) for the next one, and the state behind it."""
        ...

    def step_many(self, ids: Ids) -> None:
        """Read T tokens a row one after the other, ids (T, B)."""
        for row in ids:
            self.step(row)


def concat_states(states: Sequence[StateArrays]) -> StateArrays:
    """One state with the rows of all."""
    return tuple(np.concatenate(arrays) for arrays in zip(*states, strict=True))


def select_rows(state: StateArrays, rows: Sequence[int]) -> StateArrays:
    """A state with these rows of ``state``, copied."""
    return tuple(array[list(rows)] for array in state)


def int8_zeros(shape: Architecture, rows: int) -> StateArrays:
    """The state of an int8 runtime that has read nothing: h as uint8 (B, H) around 128, c as float32 (B, H)."""
    size = rows, shape.width
    return tuple(
        a for _ in range(shape.layers) for a in (np.full(size, HIDDEN_ZERO, np.uint8), np.zeros(size, np.float32))
    )


def input_table(file: ModelFile) -> NDArray[np.float32]:
    """What layer 0 gets from each token, (V, 4H): its embedding through the input weights, plus the bias.

    The factors are whole numbers below 2^7 and their sums far below 2^53, so float64 adds them without rounding, in
    whatever order a matrix library likes.
    """
    tensors = file.tensors
    sums = tensors["embedding.weight"].astype(np.float64) @ tensors["lstm.0.weight_ih"].T.astype(np.float64)
    scaled = sums.astype(np.float32) * tensors["embedding.scale"][:, None] * tensors["lstm.0.scale"]
    return np.asarray(scaled + tensors["lstm.0.bias"], np.float32)


def default_threads() -> int:
    """How many threads a step may use: the environment's AFTERGLOW_THREADS, else 2 where there are two processors."""
    value = os.environ.get("AFTERGLOW_THREADS", "")
    return int(value) if value.isdecimal() and int(value) else min(2, os.cpu_count() or 1)
