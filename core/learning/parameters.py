"""The weights of a model as float32, in one array, and their way from and to the int8 of a model file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..inference.model_file import Architecture, ModelFile, Tensors
from ..inference.quantization import dequantize, quantize

Array = NDArray[np.float32]
Named = Mapping[str, Array]
"""Arrays by the names that a model file gives them: "lstm.0.weight_hh"."""


class Parameters:
    """All weights and biases of a model, or a value for each of them, such as its gradient.

    ``flat`` (n,) holds them one after another, so that an update is a few operations on whole arrays. ``named`` are
    views into it, in the shapes of the model file.
    """

    def __init__(self, architecture: Architecture) -> None:
        specs = architecture.tensor_specs().items()
        shapes = {name: spec.shape for name, spec in specs if not name.endswith("scale")}
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()]).tolist()
        self.flat: Array = np.zeros(ends[-1], np.float32)
        parts = np.split(self.flat, ends[:-1])
        self.named: Named = {name: part.reshape(shapes[name]) for name, part in zip(shapes, parts, strict=True)}


def from_file(file: ModelFile) -> Parameters:
    """Return the weights of a model file: each int8 value times the scale of its row."""
    parameters = Parameters(file.architecture)
    for name, values in parameters.named.items():
        stored = file.tensors[name]
        values[...] = stored if name.endswith("bias") else dequantize(stored, file.tensors[_scale_of(name)])
    return parameters


def to_tensors(parameters: Parameters) -> Tensors:
    """Return the weights as the tensors of a model file: int8, a scale for each row, and float32 biases."""
    named = parameters.named
    tensors: Tensors = {name: values.copy() for name, values in named.items() if name.endswith("bias")}
    for scale in dict.fromkeys(_scale_of(name) for name in named if not name.endswith("bias")):
        sharing = [name for name in named if not name.endswith("bias") and _scale_of(name) == scale]
        rows, tensors[scale] = quantize(*(named[name] for name in sharing))
        tensors |= zip(sharing, rows, strict=True)
    return tensors


def _scale_of(name: str) -> str:
    """Return the name of the scales of a weight's rows. The two matrices of an LSTM layer share theirs."""
    return f"{name.rpartition('.')[0]}.scale"
