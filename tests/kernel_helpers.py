"""The compiled kernels that this processor can run, and the most extreme weights that they may get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from afterglow.core.inference.kernel import VARIANTS, load_kernel
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import MAX_FLOAT, Architecture, ModelFile
from afterglow.core.inference.quantization import WEIGHT_LIMIT
from afterglow.core.inference.runtime import Runtime, Stepper
from afterglow.core.inference.styles import StyleTable
from afterglow.core.text.tokenizer import CharTokenizer

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


def random_file(shape: Architecture) -> ModelFile:
    """Weights of the size that training gives, in any shape: odd widths, one layer or three."""
    rng, tensors = np.random.default_rng(3), {}
    for name, s in shape.tensor_specs().items():
        small = rng.uniform(0.002, 0.01, s.shape) if name.endswith("scale") else rng.normal(0, 0.5, s.shape)
        tensors[name] = (rng.integers(-64, 65, s.shape) if s.dtype == "I8" else small).astype(s.numpy_dtype)
    tokenizer = CharTokenizer([chr(65 + n) for n in range(shape.vocabulary)])
    return ModelFile(shape, tokenizer, Card(), tensors).with_sha256()


def random_styles(shape: Architecture, *names: str) -> StyleTable:
    """Vectors of a size that shows in every gate."""
    rng = np.random.default_rng(6)
    weight = rng.integers(-64, 65, (len(names), 4 * shape.width)).astype(np.int8)
    return StyleTable(names, weight, rng.uniform(0.005, 0.02, len(names)).astype(np.float32))


def trace(runtime: Runtime, ids: np.ndarray, alone: bool = True) -> list[bytes]:
    """Every logit and every state along ids (B, T), as bytes by row and step."""
    return trace_of(runtime.stepper(runtime.zeros(len(ids)), alone), ids)


def trace_of(steps: Stepper, ids: np.ndarray) -> list[bytes]:
    """Every logit and every state along ids (B, T) from where the stepper is."""
    found = []
    for at in range(ids.shape[1]):
        steps.step(ids[:, at])
        found += [b"".join(array[row].tobytes() for array in (steps.logits, *steps.state)) for row in range(len(ids))]
    return found


Make = Callable[..., Runtime]


def runtime_of(kind: str) -> Make:
    """A way to step int8 weights: a file and a number of threads in, a runtime out."""
    if kind == "onnx":
        return import_onnx_runtime()
    from afterglow.core.inference.kernel_backend import KernelRuntime

    return partial(KernelRuntime, kernel=KERNELS[kind])


def torch_runtime(file: ModelFile, _threads: int = 1) -> Runtime:
    pytest.importorskip("torch")
    from afterglow.core.training.torch_runtime import TorchRuntime

    return TorchRuntime(file)
