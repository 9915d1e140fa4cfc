"""Conversion between the torch model, with float weights, and the int8 model file."""

from __future__ import annotations

import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..inference.export import dequantize_weights
from ..inference.model_card import Card
from ..inference.model_file import ModelFile, Tensors
from ..inference.quantization import quantize
from ..model import Model
from ..text.tokenizer import Tokenizer
from .model import LSTMLanguageModel


def to_model_file(model: LSTMLanguageModel, tokenizer: Tokenizer, card: Card) -> ModelFile:
    """Return a trained model as an int8 model file."""
    tensors: Tensors = {}
    (tensors["embedding.weight"],), tensors["embedding.scale"] = quantize(_to_numpy(model.embedding.weight))
    for n, layer in enumerate(model.layers):
        floats = {name: _to_numpy(parameter) for name, parameter in layer.named_parameters()}
        weights, scale = quantize(floats["weight_ih_l0"], floats["weight_hh_l0"])
        tensors[f"lstm.{n}.weight_ih"], tensors[f"lstm.{n}.weight_hh"] = weights
        tensors[f"lstm.{n}.scale"] = scale
        tensors[f"lstm.{n}.bias"] = floats["bias_ih_l0"] + floats["bias_hh_l0"]
    (tensors["projection.weight"],), tensors["projection.scale"] = quantize(_to_numpy(model.projection.weight))
    tensors["projection.bias"] = _to_numpy(model.projection.bias)
    return ModelFile(model.architecture, tokenizer, card, tensors).with_sha256()


def to_torch(model: Model | ModelFile) -> LSTMLanguageModel:
    """Return a model or its file as an ``nn.Module`` in evaluation mode, with dequantized float weights."""
    file = model.file if isinstance(model, Model) else model
    state = {
        _to_layer_name(name): torch.from_numpy(np.array(array)) for name, array in dequantize_weights(file).items()
    }
    state.pop("styles.weight", None)
    module = LSTMLanguageModel(file.architecture)
    module.load_state_dict(state)
    return module.eval()


def _to_layer_name(name: str) -> str:
    """Return the name of a weight in ``LSTMLanguageModel``: lstm.bias_ih_l1 → layers.1.bias_ih_l0."""
    return re.sub(r"^lstm\.(\w+)_l(\d+)$", r"layers.\2.\1_l0", name)


def _to_numpy(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)
