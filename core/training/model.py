"""The model in plain torch: embedding → stacked LSTM → projection, with the regularization of AWD-LSTM.

Regularization follows Merity, Keskar and Socher 2017, "Regularizing and Optimizing LSTM Language Models"
(arXiv 1708.02182): one dropout mask for a whole sequence (section 4.2, after Gal and Ghahramani 2016) and
DropConnect on the recurrent weights (section 2).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ..inference.model_file import Architecture
from . import lstm_kernel
from .lstm_kernel import LayerState
from .sizes import NO_DROPOUT, Dropout
from .style_weights import style_width

LayerStates = list[LayerState]

FORGET_BIAS_OFFSET = -1.0
"""Added to torch's initial bias of the forget gates. A short initial memory learns characters faster: 0.07 nats better
than 0 after three epochs of tiny Shakespeare, and better still than the customary +1 (docs/experiments.md)."""


NEVER_BIAS = -1e5
"""Bias of a token that is never predicted: at every temperature its probability is 0, and so is its gradient."""


class LSTMLanguageModel(nn.Module):
    """Predicts the next token at every position: ids (B, T) → logits (B, T, V).

    ``states`` holds (h, c), each (1, B, H), for every layer. None starts from zeros. With ``styles``, their number,
    layer 0 also reads the embedding of a style at every step. At first no style differs from none. ``stand_in`` is the
    token that stands for unknown characters; losses do not count it.
    """

    def __init__(self, architecture: Architecture, dropout: Dropout = NO_DROPOUT, styles: int = 0) -> None:
        super().__init__()
        self.architecture = architecture
        self.dropout = dropout
        a = architecture
        style_inputs = style_width(styles, a.width)
        inputs = [a.embedding + style_inputs] + [a.width] * (a.layers - 1)
        self.embedding = nn.Embedding(a.vocabulary, a.embedding)
        self.layers = nn.ModuleList(nn.LSTM(size, a.width) for size in inputs)
        self.projection = nn.Linear(a.width, a.vocabulary)
        for layer in self.layers:
            dict(layer.named_parameters())["bias_ih_l0"].detach().chunk(4)[1].add_(FORGET_BIAS_OFFSET)
        self.stand_in: int | None = None
        self.styles = nn.Embedding(styles, style_inputs) if styles else None
        self.style_weights.detach().zero_()

    def set_stand_in(self, token: int | None) -> None:
        """Never predict ``token``, which stands for unknown characters. None permits all."""
        self.stand_in = token
        if token is not None:
            self.projection.weight.detach()[token] = 0
            self.projection.bias.detach()[token] = NEVER_BIAS

    @property
    def style_weights(self) -> Tensor:
        """The input weights of layer 0 for the embeddings of styles, (4H, D)."""
        return dict(self.layers[0].named_parameters())["weight_ih_l0"][:, self.architecture.embedding :]

    def style_rows(self) -> Tensor:
        """Return what each style adds to the gates of layer 0, (S, 4H). Without styles, S is 0."""
        return self.styles.weight @ self.style_weights.T if self.styles is not None else self.style_weights.T

    def forward(
        self, ids: Tensor, states: LayerStates | None = None, styles: Tensor | None = None
    ) -> tuple[Tensor, LayerStates]:
        """Return the logits (B, T, V) after each of ids (B, T), and the states after the last.

        ``styles`` (B, T) are the numbers of the styles at every step, -1 for none. None is none at all steps.
        """
        x = self._drop(self.embedding(ids.T), self.dropout.embedding)
        if self.styles is not None:
            x = torch.cat((x, self._embed_styles(torch.full_like(ids, -1) if styles is None else styles)), -1)
        next_states: LayerStates = []
        for depth, layer in enumerate(self.layers):
            x, state = self._run_layer(layer, x, states[depth] if states else self._zero_state(len(ids)))
            next_states.append(state)
            is_last = depth + 1 == len(self.layers)
            x = self._drop(x, self.dropout.output if is_last else self.dropout.between)
        return self.projection(x).transpose(0, 1), next_states

    def _embed_styles(self, styles: Tensor) -> Tensor:
        """Return the embeddings (T, B, D) of styles (B, T), zeros for -1."""
        assert self.styles is not None
        return self.styles(styles.T.clamp(min=0)) * (styles.T >= 0)[..., None]  # type: ignore[no-any-return]

    def _run_layer(self, layer: nn.Module, x: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Return a layer's h (T, B, H) for its input (T, B, in), and its state after the last step."""
        kernel = lstm_kernel.find_kernel(layer, x)
        drop = self.dropout.recurrent if self.training else 0.0
        on_gpu_in_bf16 = x.device.type == "cuda" and torch.is_autocast_enabled("cuda")
        if kernel is None and not drop and not on_gpu_in_bf16:
            return layer(x, state)  # type: ignore[no-any-return]
        weights: dict[str, Tensor] = dict(layer.named_parameters())
        if drop:
            weights["weight_hh_l0"] = weight_drop(weights["weight_hh_l0"], drop)
        if kernel is not None:
            return lstm_kernel.run_lstm(kernel, x, state, weights)
        if on_gpu_in_bf16:
            return run_in_bfloat16(layer, x, state, weights)
        return functional_call(layer, weights, (x, state))  # type: ignore[no-any-return]

    def _zero_state(self, rows: int) -> LayerState:
        zeros = self.embedding.weight.new_zeros(1, rows, self.architecture.width)
        return zeros, zeros

    def _drop(self, x: Tensor, probability: float) -> Tensor:
        return locked_dropout(x, probability) if self.training and probability else x


def run_in_bfloat16(
    layer: nn.Module, x: Tensor, state: LayerState, weights: dict[str, Tensor]
) -> tuple[Tensor, LayerState]:
    """Return what the layer returns with these weights, by name, computed in bfloat16.

    Autocast would run cuDNN's LSTM in float16 (ATen/cudnn/AutocastRNN.cpp), in which small gradients become zero.
    """
    low = {name: weight.bfloat16() for name, weight in weights.items()}
    with torch.autocast(x.device.type, enabled=False):
        return functional_call(layer, low, (x.bfloat16(), tuple(half.bfloat16() for half in state)))  # type: ignore[no-any-return]


def locked_dropout(x: Tensor, probability: float) -> Tensor:
    """Return x (T, B, n) with random features of each row set to zero, the same ones at all T steps.

    The others are scaled so that the mean stays.
    """
    mask = x.new_empty(1, *x.shape[1:]).bernoulli_(1 - probability) / (1 - probability)
    return x * mask


def weight_drop(weights: Tensor, probability: float) -> Tensor:
    """Return weights (4H, H), each set to zero with ``probability``, the others scaled so that the mean stays.

    On a CPU one draw of 64 bits serves four weights. torch's dropout draws for each, which takes a tenth of a step.
    """
    if weights.device.type != "cpu":
        return functional.dropout(weights, probability)
    bits = torch.empty(weights.numel() // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    mask = bits.view_as(weights) >= round(probability * 2**16) - 2**15
    return weights * (mask.to(weights.dtype) / (1 - probability))


def detach(states: LayerStates) -> LayerStates:
    """Return the states without their autograd graph. This is what truncates BPTT."""
    return [(h.detach(), c.detach()) for h, c in states]
