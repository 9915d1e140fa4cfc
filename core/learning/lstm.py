"""An LSTM language model in numpy: forward, the loss, and backpropagation through time.

Written to be read beside a textbook, and the same numbers as torch's (tests/test_learning_gradients.py). One text at a
time: T is the number of its tokens, E the size of an embedding, H that of a layer, V that of the vocabulary. The gates
of a layer are one matrix product, (4H), in the order i, f, g, o:

    i = σ(a_i)    input gate: how much of the new is written          c_t = f c_{t-1} + i g
    f = σ(a_f)    forget gate: how much of the old is kept            h_t = o tanh(c_t)
    g = tanh(a_g) the new content
    o = σ(a_o)    output gate: how much of the cell is shown          a = W_ih x_t + W_hh h_{t-1} + b

After Hochreiter and Schmidhuber 1997, "Long short-term memory", with the forget gate of Gers, Schmidhuber and Cummins
2000. The gradient of the loss with respect to a value v is named d_v.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..cells.gates import sigmoid
from ..text.tokenizer import Ids
from .parameters import Array, Named

State = tuple[tuple[Array, Array], ...]
"""(h, c), each (H,), for every layer."""


class LayerTape(NamedTuple):
    """The values that a layer computed for T tokens, kept because its gradient is made of them.

    ``x`` is its input (T, in). ``h`` and ``c`` are (T + 1, H): the state before the first token, then after each.
    ``gates`` are the activated i f g o (T, 4H). ``tanh_c`` is (T, H).
    """

    x: Array
    h: Array
    c: Array
    gates: Array
    tanh_c: Array


class Tape(NamedTuple):
    """A forward pass over ``ids`` (T,): the layers' tapes, and the logits (T, V) after each token."""

    ids: Ids
    layers: list[LayerTape]
    logits: Array

    @property
    def state(self) -> State:
        """The state after the last token."""
        return tuple((layer.h[-1], layer.c[-1]) for layer in self.layers)


def zero_state(weights: Named) -> State:
    """Return the state before any token."""
    layers = sum(name.endswith("weight_hh") for name in weights)
    return tuple((np.zeros(size, np.float32), np.zeros(size, np.float32)) for size in _widths(weights, layers))


def _widths(weights: Named, layers: int) -> list[int]:
    return [weights[f"lstm.{layer}.weight_hh"].shape[1] for layer in range(layers)]


def forward(weights: Named, ids: Ids, state: State) -> Tape:
    """Read tokens ids (T,) after ``state``."""
    x = weights["embedding.weight"][ids]
    tapes = []
    for number, (h, c) in enumerate(state):
        tapes.append(_layer_forward(weights, f"lstm.{number}", x, h, c))
        x = tapes[-1].h[1:]
    return Tape(ids, tapes, x @ weights["projection.weight"].T + weights["projection.bias"])


def _layer_forward(weights: Named, layer: str, x: Array, h_before: Array, c_before: Array) -> LayerTape:
    w_hh, steps, width = weights[f"{layer}.weight_hh"], len(x), len(h_before)
    gates = x @ weights[f"{layer}.weight_ih"].T + weights[f"{layer}.bias"]  # of all tokens in one product
    h, c, tanh_c = (np.empty((n, width), np.float32) for n in (steps + 1, steps + 1, steps))
    h[0], c[0] = h_before, c_before
    for t in range(steps):
        a = gates[t]
        a += w_hh @ h[t]
        i, f, g, o = np.split(a, 4)  # views: what follows is written into ``gates``
        for gate in (i, f, o):
            gate[...] = sigmoid(gate)
        np.tanh(g, out=g)
        c[t + 1] = f * c[t] + i * g
        np.tanh(c[t + 1], out=tanh_c[t])
        h[t + 1] = o * tanh_c[t]
    return LayerTape(x, h, c, gates, tanh_c)


def cross_entropy(logits: Array, targets: Ids) -> tuple[Array, Array]:
    """Return the losses (T,), -log p(target) in nats, and the gradient of their sum with respect to ``logits`` (T, V).

    The gradient is the famous one of softmax and cross-entropy together: p - 1 at the target, p elsewhere.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    log_probs = shifted - log_sum
    rows = np.arange(len(targets))
    d_logits = np.exp(log_probs)
    d_logits[rows, targets] -= 1
    return -log_probs[rows, targets], d_logits


def backward(weights: Named, tape: Tape, d_logits: Array, gradients: Named) -> None:
    """Write the gradient of the loss with respect to every weight into ``gradients``, given that of the logits (T, V).

    Errors flow from the last token to the first, and not beyond it: backpropagation through time, truncated to T tokens
    (Williams and Peng 1990).
    """
    np.matmul(d_logits.T, tape.layers[-1].h[1:], out=gradients["projection.weight"])
    d_logits.sum(axis=0, out=gradients["projection.bias"])
    d_h = d_logits @ weights["projection.weight"]
    for number in reversed(range(len(tape.layers))):
        d_h = _layer_backward(weights, f"lstm.{number}", tape.layers[number], d_h, gradients)
    gradients["embedding.weight"].fill(0)
    np.add.at(gradients["embedding.weight"], tape.ids, d_h)


def _layer_backward(weights: Named, layer: str, tape: LayerTape, d_above: Array, gradients: Named) -> Array:
    """Return the gradient with respect to the layer's input (T, in), given that of its h from above, (T, H)."""
    w_hh, steps = weights[f"{layer}.weight_hh"], len(tape.x)
    d_a = np.empty_like(tape.gates)
    d_h = np.zeros_like(d_above[0])  # what the next token sends back through h, and through c
    d_c = np.zeros_like(d_h)
    for t in reversed(range(steps)):
        i, f, g, o = np.split(tape.gates[t], 4)
        d_h += d_above[t]
        d_c += d_h * o * (1 - tape.tanh_c[t] ** 2)
        d_i, d_f, d_g, d_o = np.split(d_a[t], 4)
        d_i[...] = d_c * g * i * (1 - i)  # σ' = σ (1 - σ)
        d_f[...] = d_c * tape.c[t] * f * (1 - f)
        d_g[...] = d_c * i * (1 - g**2)  # tanh' = 1 - tanh²
        d_o[...] = d_h * tape.tanh_c[t] * o * (1 - o)
        d_c *= f
        d_h = d_a[t] @ w_hh
    np.matmul(d_a.T, tape.x, out=gradients[f"{layer}.weight_ih"])
    np.matmul(d_a.T, tape.h[:-1], out=gradients[f"{layer}.weight_hh"])
    d_a.sum(axis=0, out=gradients[f"{layer}.bias"])
    return d_a @ weights[f"{layer}.weight_ih"]
