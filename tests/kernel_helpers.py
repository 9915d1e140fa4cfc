"""The compiled kernels that this processor can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from afterglow.core.inference.kernel import VARIANTS, load_kernel

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
