"""The weights of styles in the torch model: an embedding for each style, read by layer 0 beside the token's.

A vector that is added to the gates at every step is the product of input weights and an input that stays the same. So
the LSTM, its kernel and its optimizers need not know of styles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..inference.model_file import ModelFile
from ..inference.quantization import quantize
from ..inference.styles import StyleTable

MAX_STYLE_WIDTH = 64
"""Largest size of a style's embedding. With more styles than this, their vectors are combinations of as many."""

Floats = NDArray[np.float32]


def style_width(count: int, width: int) -> int:
    """Return the size of the embeddings of ``count`` styles, for ``width`` hidden units."""
    return min(count, MAX_STYLE_WIDTH, 4 * width)


def split_style_rows(rows: Floats) -> tuple[Floats, Floats]:
    """Return embeddings (S, D) and input weights (4H, D) whose products are the vectors ``rows`` (S, 4H).

    Of more than ``MAX_STYLE_WIDTH`` independent vectors, the products are the nearest ones possible. Embeddings are as
    large as those of a new ``nn.Embedding``.
    """
    size = style_width(len(rows), rows.shape[1] // 4)
    left, sizes, right = np.linalg.svd(rows.astype(np.float64), full_matrices=False)
    scale = len(rows) ** 0.5
    weights = right[:size].T * sizes[:size] / scale
    return (left[:, :size] * scale).astype(np.float32), weights.astype(np.float32)


def make_style_table(names: Sequence[str], rows: Floats) -> StyleTable | None:
    """Return the table of a model file for vectors (S, 4H); None if there are no names."""
    if not names:
        return None
    (weight,), scale = quantize(rows)
    return StyleTable(tuple(names), weight, scale)


def add_styles(file: ModelFile, names: Sequence[str]) -> ModelFile:
    """Return the model with the styles ``names``, which begin with its own. New ones add nothing to the gates."""
    known = file.styles.rows() if file.styles else np.zeros((0, 4 * file.architecture.width), np.float32)
    rows = np.concatenate([known, np.zeros((len(names) - len(known), known.shape[1]), np.float32)])
    return replace(file, styles=make_style_table(names, rows))
