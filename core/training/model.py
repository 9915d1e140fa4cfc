"""The model: embedding → stacked LSTM → projection, in plain torch, with the regularisers of AWD-LSTM.

Regularisation follows Merity, Keskar and Socher 2017, "Regularizing and Optimizing LSTM Language Models"
(arXiv 1708.02182): one dropout mask for a whole sequence (section 4.2, after Gal and Ghahramani 2016) and
DropConnect on the recurrent weights (section 2).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ..inference.model_file import Architecture
from . import lstm_kernel

LayerState = tuple[Tensor, Tensor]
LayerStates = list[LayerState]

FORGET_BIAS_OFFSET = -1.0
"""Added to torch's own initialisation of the forget gates. A memory that starts short learns characters faster: after
three epochs of tiny Shakespeare 0.07 nats ahead of 0, and further ahead of the customary +1 (docs/experiments.md)."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """Probabilities of dropping: of the embedding, between layers, before the projection, of recurrent weights."""

    embedding: float = 0.0
    between: float = 0.0
    output: float = 0.0
    recurrent: float = 0.0

    def scaled(self, scale: float) -> Dropout:
        """All of them so many times as likely, up to 0.9."""
        return Dropout(*(min(0.9, scale * p) for p in astuple(self)))


class LSTMLanguageModel(nn.Module):
    """Predicts the next token at every position: ids (B, T) → logits (B, T, V), the state carried on.

    ``states`` holds (h, c), each (1, B, H), for every layer; leave it out to start from zeros.
    """

    def __init__(self, architecture: Architecture, dropout: Dropout = Dropout()) -> None:
        super().__init__()
        self.architecture, self.dropout = architecture, dropout
        a = architecture
        inputs = [a.embedding] + [a.width] * (a.layers - 1)
        self.embedding = nn.Embedding(a.vocabulary, a.embedding)
        self.layers = nn.ModuleList(nn.LSTM(size, a.width) for size in inputs)
        self.projection = nn.Linear(a.width, a.vocabulary)
        for layer in self.layers:
            dict(layer.named_parameters())["bias_ih_l0"].detach().chunk(4)[1].add_(FORGET_BIAS_OFFSET)

    def forward(self, ids: Tensor, states: LayerStates | None = None) -> tuple[Tensor, LayerStates]:
        """Logits (B, T, V) after each of ids (B, T), and the states behind the last one."""
        x = self._locked_dropout(self.embedding(ids.T), self.dropout.embedding)
        after: LayerStates = []
        for depth, layer in enumerate(self.layers):
            x, state = self._run_layer(layer, x, states[depth] if states else self._zero_state(len(ids)))
            after.append(state)
            last = depth + 1 == len(self.layers)
            x = self._locked_dropout(x, self.dropout.output if last else self.dropout.between)
        return self.projection(x).transpose(0, 1), after

    def _run_layer(self, layer: nn.Module, x: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """A layer's h (T, B, H) for its input (T, B, in), and the state behind it."""
        compiled, drop = lstm_kernel.supports(layer, x), self.dropout.recurrent if self.training else 0.0
        if not compiled and not drop:
            return layer(x, state)  # type: ignore[no-any-return]
        weights: dict[str, Tensor] = dict(layer.named_parameters())
        if drop:
            weights["weight_hh_l0"] = weight_drop(weights["weight_hh_l0"], drop)
        if compiled:
            return lstm_kernel.run_lstm(x, state, weights)
        return functional_call(layer, weights, (x, state))  # type: ignore[no-any-return]

    def _zero_state(self, rows: int) -> LayerState:
        zeros = self.embedding.weight.new_zeros(1, rows, self.architecture.width)
        return zeros, zeros

    def _locked_dropout(self, x: Tensor, probability: float) -> Tensor:
        """x (T, B, n) with some of a row's places zero at all steps."""
        if not (self.training and probability):
            return x
        mask = x.new_empty(1, *x.shape[1:]).bernoulli_(1 - probability) / (1 - probability)
        return x * mask


def weight_drop(weights: Tensor, probability: float) -> Tensor:
    """Weights (4H, in) of which each is zero with that probability, the others so much larger that sums stay the same.

    On a CPU one throw of 64 bits decides on four of them: torch's own dropout throws for each, a tenth of a step.
    """
    if weights.device.type != "cpu":
        return functional.dropout(weights, probability)
    bits = torch.empty(weights.numel() // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    kept = bits.view_as(weights) >= round(probability * 2**16) - 2**15
    return weights * (kept.to(weights.dtype) / (1 - probability))


def detach(states: LayerStates) -> LayerStates:
    """The same states, cut off from the graph that made them: where truncated BPTT truncates."""
    return [(h.detach(), c.detach()) for h, c in states]
