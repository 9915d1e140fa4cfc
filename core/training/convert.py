"""Between a torch model with real weights and the int8 model file that plays."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..modelfile import Card, ModelFile, Tensors
from ..quantisation import dequantised, quantised
from ..tokenizer import Tokenizer
from .lstm import LSTMLanguageModel


def to_model_file(model: LSTMLanguageModel, tokenizer: Tokenizer, card: Card) -> ModelFile:
    """The int8 file of a trained model."""
    tensors: Tensors = {}
    (tensors["embedding.weight"],), tensors["embedding.scale"] = quantised(_array(model.embedding.weight))
    for n, layer in enumerate(model.layers):
        real = {name: _array(parameter) for name, parameter in layer.named_parameters()}
        weights, scale = quantised(real["weight_ih_l0"], real["weight_hh_l0"])
        tensors[f"lstm.{n}.weight_ih"], tensors[f"lstm.{n}.weight_hh"] = weights
        tensors[f"lstm.{n}.scale"] = scale
        tensors[f"lstm.{n}.bias"] = real["bias_ih_l0"] + real["bias_hh_l0"]
    (tensors["projection.weight"],), tensors["projection.scale"] = quantised(_array(model.projection.weight))
    tensors["projection.bias"] = _array(model.projection.bias)
    return ModelFile(model.architecture, tokenizer, card, tensors).identified()


def to_torch(file: ModelFile) -> LSTMLanguageModel:
    """The ``nn.Module`` of a model file, its int8 weights made real, in evaluation mode."""
    tensors = file.tensors
    state = {
        "embedding.weight": dequantised(tensors["embedding.weight"], tensors["embedding.scale"]),
        "projection.weight": dequantised(tensors["projection.weight"], tensors["projection.scale"]),
        "projection.bias": tensors["projection.bias"],
    }
    for n in range(file.architecture.layers):
        scale, bias = tensors[f"lstm.{n}.scale"], tensors[f"lstm.{n}.bias"]
        state[f"layers.{n}.weight_ih_l0"] = dequantised(tensors[f"lstm.{n}.weight_ih"], scale)
        state[f"layers.{n}.weight_hh_l0"] = dequantised(tensors[f"lstm.{n}.weight_hh"], scale)
        state[f"layers.{n}.bias_ih_l0"], state[f"layers.{n}.bias_hh_l0"] = bias, np.zeros_like(bias)
    model = LSTMLanguageModel(file.architecture)
    model.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    return model.eval()


def extended(model: LSTMLanguageModel, vocabulary: int) -> dict[str, Tensor]:
    """The weights of ``model`` with rows for new tokens behind those it knows.

    A new token is read as the average one, and is at first as unlikely as the least likely one.
    """
    state = dict(model.state_dict())
    new = vocabulary - model.architecture.vocabulary
    for name in ("embedding.weight", "projection.weight"):
        state[name] = torch.cat([state[name], state[name].mean(0, keepdim=True).expand(new, -1)])
    bias = state["projection.bias"]
    state["projection.bias"] = torch.cat([bias, bias.min().expand(new)])
    return state


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)
