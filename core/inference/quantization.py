"""Converts weights to int8 with one scale per row, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WEIGHT_LIMIT = 64
"""Largest absolute value of an int8 weight. Two neighboring products with unsigned bytes then add up to at most
2 x 255 x 64 = 32,640. So the 16-bit saturation of `vpmaddubsw`, on CPUs without VNNI, never occurs, and the sums are
exact everywhere."""

HIDDEN_SCALE = np.float32(1 / 127)
"""Size of one step of the quantized hidden state. h = o tanh(c) lies in (-1, 1), so it needs no calibration."""

HIDDEN_ZERO = 128
"""Zero point of the hidden state, which is stored as unsigned bytes."""


def quantize(*matrices: NDArray[np.float32]) -> tuple[list[NDArray[np.int8]], NDArray[np.float32]]:
    """Return matrices (R, ·) as int8, and one scale for each row, (R,), which all the matrices share."""
    largest = np.max([np.abs(m).max(axis=1) for m in matrices], axis=0)
    scale = (np.maximum(largest, 1e-8) / WEIGHT_LIMIT).astype(np.float32)
    return [np.rint(m / scale[:, None]).astype(np.int8) for m in matrices], scale


def dequantize(matrix: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the float32 values (R, C) of int8 rows with their scales (R,)."""
    return matrix.astype(np.float32) * scale[:, None]


def to_unsigned_bytes(matrix: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return int8 values as unsigned bytes with the zero point 128, as a product with int8 weights reads them."""
    return matrix.view(np.uint8) ^ np.uint8(HIDDEN_ZERO)
