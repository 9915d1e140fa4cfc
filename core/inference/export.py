"""Exports a model's weights as float32 under torch's names. Needs no torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..user_files import write_user_file
from .model_file import ModelFile
from .quantization import dequantize

Weights = dict[str, NDArray[np.float32]]


def dequantize_weights(file: ModelFile) -> Weights:
    """Return all weights as float32, named as in torch.

    These are embedding.weight (V, E), lstm.weight_ih_l0 (4H, E) and so on as in a stacked ``nn.LSTM``,
    projection.weight (V, H) and projection.bias (V,). A layer has one bias, in bias_ih; bias_hh is 0. A model with
    styles has styles.weight (S, 4H) too: row n, added to lstm.bias_ih_l0, gives the model in style n.

    Raises UsageError for a mixture.
    """
    tensors = file.tensors
    if not tensors:
        raise UsageError("a mixture has no weights of its own; choose one model")
    weights: Weights = {
        "embedding.weight": dequantize(tensors["embedding.weight"], tensors["embedding.scale"]),
        "projection.weight": dequantize(tensors["projection.weight"], tensors["projection.scale"]),
        "projection.bias": tensors["projection.bias"],
    }
    for n in range(file.architecture.layers):
        scale, bias = tensors[f"lstm.{n}.scale"], tensors[f"lstm.{n}.bias"]
        weights[f"lstm.weight_ih_l{n}"] = dequantize(tensors[f"lstm.{n}.weight_ih"], scale)
        weights[f"lstm.weight_hh_l{n}"] = dequantize(tensors[f"lstm.{n}.weight_hh"], scale)
        weights[f"lstm.bias_ih_l{n}"], weights[f"lstm.bias_hh_l{n}"] = bias, np.zeros_like(bias)
    if file.styles:
        weights["styles.weight"] = file.styles.rows()
    return weights


def write_pytorch(file: ModelFile, path: Path) -> None:
    """Write a state dict of ``nn.Embedding``, ``nn.LSTM`` and ``nn.Linear`` as safetensors. Raises StorageError."""
    from safetensors.numpy import save

    write_user_file(path, save(dequantize_weights(file), metadata=export_metadata(file)))


def export_metadata(file: ModelFile) -> dict[str, str]:
    """Return architecture, tokenizer and names of styles as JSON, by name. A program needs them to use the weights."""
    values: dict[str, object] = {"architecture": asdict(file.architecture), "tokenizer": file.tokenizer.header()}
    if file.styles:
        values["styles"] = list(file.styles.names)
    return {name: json.dumps(value) for name, value in values.items()}
