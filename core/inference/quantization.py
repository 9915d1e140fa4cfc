"""Weights as small integers with a scale for each row, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WEIGHT_LIMIT = 64
"""Weights use -64..64: two neighbouring products with unsigned bytes then add up to at most 2 x 255 x 64 = 32,640, so
the 16-bit saturation of `vpmaddubsw`, on CPUs without VNNI, never bites and the sums are exact everywhere."""

HIDDEN_SCALE = np.float32(1 / 127)
"""h = o tanh(c) lies in (-1, 1), so it needs no calibration: one step is 1/127."""

HIDDEN_ZERO = 128
"""The hidden state travels as unsigned bytes around this zero."""


def quantize(*matrices: NDArray[np.float32]) -> tuple[list[NDArray[np.int8]], NDArray[np.float32]]:
    """Matrices with the same number of rows (R, ·) as int8, and the one scale (R,) that each of their rows shares."""
    largest = np.max([np.abs(m).max(axis=1) for m in matrices], axis=0)
    scale = (np.maximum(largest, 1e-8) / WEIGHT_LIMIT).astype(np.float32)
    return [np.rint(m / scale[:, None]).astype(np.int8) for m in matrices], scale


def dequantize(matrix: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """The real values (R, C) that int8 rows stand for."""
    return matrix.astype(np.float32) * scale[:, None]
