"""One step of the LSTM worked on paper: every figure is computed from the rounded figures before it.

The equations are those of ``traces``. A person with a calculator gets the same digits. ``true_c`` and ``true_h`` are
those of the network, which rounds nothing but the hidden state: to multiples of 1/127.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import UsageError
from ..inference.model_file import ModelFile
from ..text.tokenizer import Ids
from .gates import GATES, Floats
from .traces import Network, trace
from .units import Unit, require_cells, require_unit

DIGITS = 4
"""Decimals of every figure."""

HIDDEN_STEPS = 127
"""Steps of the hidden state from 0 to 1."""


class WorkedGate(NamedTuple):
    """A gate of the unit: what the input, the unit's layer and the bias add, their sum, and σ or tanh of it."""

    gate: str
    input: float
    recurrent: float
    bias: float
    sum: float
    value: float


class WorkedLogit(NamedTuple):
    """The logit of a token: the unit's weight and product, what all other units add, the bias, and the sum.

    Of a unit below the last layer, which no logit reads, weight and product are 0.
    """

    id: int
    weight: float
    product: float
    others: float
    bias: float
    logit: float


class WorkedStep(NamedTuple):
    """The step that reads the token ``id``. ``logits`` are those of all tokens, by id.

    ``row`` is the token's row of the embedding, which layer 1 reads. ``steps`` is the hidden state in steps
    of 1/127. ``true_c`` and ``true_h`` are the network's own.
    """

    id: int
    row: list[float]
    unit: Unit
    gates: dict[str, WorkedGate]
    c_before: float
    c: float
    tanh_c: float
    product: float
    steps: int
    h: float
    logits: list[WorkedLogit]
    true_c: float
    true_h: float


def work_step(network: Network, ids: Ids, unit: Unit | None = None) -> WorkedStep:
    """Return the step that reads the last of ids (T,), from the zero state on, worked for one unit.

    If ``unit`` is None, it is the one of the last layer that adds most to the likeliest token's logit. Raises
    UsageError for a mixture and for no ids, SettingError if the model has no such unit.
    """
    require_cells(network.file)
    if not len(ids):
        raise UsageError("a step needs a text: its last token is read")
    if unit:
        require_unit(unit, network.file.architecture)
    before, after = _states(network, ids)
    chosen = unit or _most_telling(network.file, after[-1][0])
    layer, index = chosen.layer - 1, chosen.index
    below = after[layer - 1][0] if layer else None
    gates = {gate: _work_gate(network.file, gate, chosen, int(ids[-1]), below, before[layer][0]) for gate in GATES}
    c_before = _round(before[layer][1][index])
    i, f, g, o = (gates[gate].value for gate in GATES)
    c = _round(_round(f * c_before) + _round(i * g))
    tanh_c = _round(np.tanh(c))
    product = _round(o * tanh_c)
    steps = round(product * HIDDEN_STEPS)
    h = _round(steps / HIDDEN_STEPS)
    logits = _work_logits(network.file, chosen, after[-1][0], h)
    true_h, true_c = (float(values[index]) for values in after[layer])
    token = int(ids[-1])
    row = _embedding(network.file, token)
    return WorkedStep(token, row, chosen, gates, c_before, c, tanh_c, product, steps, h, logits, true_c, true_h)


def _round(value: float) -> float:
    return round(float(value), DIGITS) + 0.0  # + 0.0 makes 0 of -0


def _states(network: Network, ids: Ids) -> list[list[tuple[Floats, Floats]]]:
    """Return (h, c) of each layer, before the last token and after it."""
    width = network.file.architecture.width
    latest = [[(np.zeros(width, np.float32),) * 2] * network.file.architecture.layers]
    for block in trace(network, ids):
        latest += [[(layer.h[at], layer.c[at]) for layer in block.layers] for at in range(-min(2, len(block.ids)), 0)]
    return latest[-2:]


def _most_telling(file: ModelFile, h: Floats) -> Unit:
    """Return the unit of the last layer that adds most to the likeliest token's logit."""
    weights = _projection(file)
    likeliest = int((weights @ h + file.tensors["projection.bias"]).argmax())
    return Unit("cell", file.architecture.layers, int((weights[likeliest] * h).argmax()))


def _projection(file: ModelFile) -> Floats:
    return np.asarray(file.tensors["projection.weight"] * file.tensors["projection.scale"][:, None], np.float32)


def _embedding(file: ModelFile, token: int) -> list[float]:
    tensors = file.tensors
    return [_round(value) for value in tensors["embedding.weight"][token] * tensors["embedding.scale"][token]]


def _work_gate(file: ModelFile, gate: str, unit: Unit, token: int, below: Floats | None, h: Floats) -> WorkedGate:
    """Return a gate from the hidden states of the layer below, now, and of its own layer, before. None: layer 1."""
    layer, row = unit.layer - 1, GATES.index(gate) * file.architecture.width + unit.index
    tensors, scale = file.tensors, file.tensors[f"lstm.{layer}.scale"][row]
    if below is None:
        inputs = tensors["embedding.weight"][token].astype(np.float64) * tensors["embedding.scale"][token]
    else:
        inputs = below.astype(np.float64)
    parts = [
        _round(inputs @ tensors[f"lstm.{layer}.weight_ih"][row] * scale),
        _round(h.astype(np.float64) @ tensors[f"lstm.{layer}.weight_hh"][row] * scale),
        _round(tensors[f"lstm.{layer}.bias"][row]),
    ]
    total = _round(sum(parts))
    value = np.tanh(total) if gate == "g" else 1 / (1 + np.exp(-total))
    read, recurrent, bias = parts
    return WorkedGate(gate, read, recurrent, bias, total, _round(value))


def _work_logits(file: ModelFile, unit: Unit, last: Floats, h: float) -> list[WorkedLogit]:
    """Return the logits from the last layer's hidden state."""
    weights, read = _projection(file).astype(np.float64), last.astype(np.float64)
    shown = unit.layer == file.architecture.layers
    rows = []
    for token, row in enumerate(weights):
        own = row[unit.index] * read[unit.index] if shown else 0.0
        weight, others = _round(row[unit.index] if shown else 0), _round(row @ read - own)
        bias, product = (
            _round(file.tensors["projection.bias"][token]),
            _round(_round(row[unit.index] if shown else 0) * h),
        )
        rows.append(WorkedLogit(token, weight, product, others, bias, _round(product + others + bias)))
    return rows
