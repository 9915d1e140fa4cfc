"""The compiled kernels that this processor can run, and the most extreme weights that they may get."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from afterglow.core.inference.kernel import VARIANTS, load_kernel
from afterglow.core.inference.model_file import MAX_FLOAT, ModelFile
from afterglow.core.inference.quantization import WEIGHT_LIMIT

if TYPE_CHECKING:
    from afterglow.core.inference.onnx_backend import OnnxRuntime

KERNELS = {variant: kernel for variant in VARIANTS if (kernel := load_kernel(variant))}
"""Kernels that were built and that this processor can run, by variant, widest vectors first."""

KERNEL_PARAMS = [
    pytest.param(
        variant,
        marks=pytest.mark.skipif(
            variant not in KERNELS, reason=f"the {variant} kernel is not built, or this processor cannot run it"
        ),
    )
    for variant in VARIANTS
]
"""A test parameter for every variant; those that cannot run are skipped."""

NO_ONNX = "the extra onnx is not installed: pip install 'afterglow-lm[onnx]'"


def import_onnx_runtime() -> type[OnnxRuntime]:
    """Return the class; skip the test if ONNX Runtime is not installed."""
    pytest.importorskip("onnx", reason=NO_ONNX)
    pytest.importorskip("onnxruntime", reason=NO_ONNX)
    from afterglow.core.inference.onnx_backend import OnnxRuntime

    return OnnxRuntime


def save_extreme_model(path: Path, file: ModelFile, size: float) -> None:
    """Save ``file`` with every weight at its limit, and every scale and bias 0, ±size or ±``MAX_FLOAT``.

    Half of the logits are sums of weights of one sign.
    """
    rng, tensors = np.random.default_rng(9), {}
    for name, s in file.architecture.tensor_specs().items():
        extremes = [-WEIGHT_LIMIT, WEIGHT_LIMIT] if s.dtype == "I8" else [0, size, -size, MAX_FLOAT, -MAX_FLOAT]
        tensors[name] = rng.choice(np.array(extremes, s.numpy_dtype), s.shape)
    tensors["projection.weight"][rng.random(file.architecture.vocabulary) < 0.5] = WEIGHT_LIMIT
    replace(file, tensors=tensors).save(path)
