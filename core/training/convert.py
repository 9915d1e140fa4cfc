"""Conversion between the torch model, with float weights, and the int8 model file."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
from .style_weights import make_style_table, split_style_rows

FIRST_WEIGHTS = "layers.0.weight_ih_l0"
"""Name of the input weights of layer 0 in ``LSTMLanguageModel``. The columns of styles are the last."""


def to_model_file(model: LSTMLanguageModel, tokenizer: Tokenizer, card: Card, styles: Sequence[str] = ()) -> ModelFile:
    """Return a trained model as an int8 model file. ``styles`` are the names of its styles."""
    tensors: Tensors = {}
    (tensors["embedding.weight"],), tensors["embedding.scale"] = quantize(_to_numpy(model.embedding.weight))
    for n, layer in enumerate(model.layers):
        floats = {name: _to_numpy(parameter) for name, parameter in layer.named_parameters()}
        weight_ih = floats["weight_ih_l0"] if n else floats["weight_ih_l0"][:, : model.architecture.embedding]
        weights, scale = quantize(weight_ih, floats["weight_hh_l0"])
        tensors[f"lstm.{n}.weight_ih"], tensors[f"lstm.{n}.weight_hh"] = weights
        tensors[f"lstm.{n}.scale"] = scale
        tensors[f"lstm.{n}.bias"] = floats["bias_ih_l0"] + floats["bias_hh_l0"]
    (tensors["projection.weight"],), tensors["projection.scale"] = quantize(_to_numpy(model.projection.weight))
    tensors["projection.bias"] = _to_numpy(model.projection.bias)
    table = make_style_table(styles, _to_numpy(model.style_rows()))
    return ModelFile(model.architecture, tokenizer, card, tensors, styles=table).with_sha256()


def to_torch(model: Model | ModelFile) -> LSTMLanguageModel:
    """Return a model or its file as an ``nn.Module`` in evaluation mode, with dequantized float weights."""
    file = model.file if isinstance(model, Model) else model
    state = {
        _to_layer_name(name): torch.from_numpy(np.array(array)) for name, array in dequantize_weights(file).items()
    }
    rows = state.pop("styles.weight", None)
    module = LSTMLanguageModel(file.architecture, styles=0 if rows is None else len(rows))
    if rows is not None:
        embeddings, columns = map(torch.from_numpy, split_style_rows(rows.numpy()))
        state["styles.weight"] = embeddings
        state[FIRST_WEIGHTS] = torch.cat((state[FIRST_WEIGHTS], columns), 1)
    module.load_state_dict(state)
    module.stand_in = file.tokenizer.stand_in
    return module.eval()


def _to_layer_name(name: str) -> str:
    """Return the name of a weight in ``LSTMLanguageModel``: lstm.bias_ih_l1 → layers.1.bias_ih_l0."""
    return re.sub(r"^lstm\.(\w+)_l(\d+)$", r"layers.\2.\1_l0", name)


def _to_numpy(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)
