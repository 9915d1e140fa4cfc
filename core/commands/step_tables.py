"""The tables of one worked step of the LSTM: from a letter to the probabilities of the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..cells.worked_step import WorkedLogit, WorkedStep
from .effects import Listing

SHOWN_TOKENS = 6
"""Tokens whose logits are shown, the likeliest. The others are summed up."""

SHOWN_INPUTS = 7
"""Numbers of the token's row that are shown."""

GATE_NAMES = {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"}


class WorkedChance(NamedTuple):
    """A token's logit less the highest one, divided by T, its exponential, and that divided by the sum of all."""

    id: int | None
    less: float
    divided: float
    exponential: float
    p: float


def work_softmax(step: WorkedStep, temperature: float) -> tuple[list[WorkedChance], float]:
    """Return the shown tokens, then the others in one row, and the sum of the exponentials. T is above 0.

    The id of the others is None.
    """
    ranked = sorted(step.logits, key=lambda row: -row.logit)
    shown, others = ranked[:SHOWN_TOKENS], ranked[SHOWN_TOKENS:]
    highest = ranked[0].logit
    less = [round(row.logit - highest, 4) + 0.0 for row in shown]
    divided = [round(value / temperature, 4) + 0.0 for value in less]
    rest = round(sum(math.exp((row.logit - highest) / temperature) for row in others), 4)
    exponentials = [*(round(math.exp(value), 4) for value in divided), rest]
    total = round(sum(exponentials), 4)
    ids: list[int | None] = [*(row.id for row in shown), None]
    columns = zip(ids, [*less, math.nan], [*divided, math.nan], exponentials, strict=True)
    return [WorkedChance(*row, round(row[-1] / total, 4)) for row in columns], total


def step_listings(step: WorkedStep, temperature: float, label: Callable[[int], str]) -> Iterator[Listing]:
    """Yield the tables of a step in the order of the computation."""
    yield _letter(step, label)
    yield _gates(step, label)
    yield _memory(step)
    yield _logits(step, label)
    yield _softmax(step, temperature, label)


def _letter(step: WorkedStep, label: Callable[[int], str]) -> Listing:
    shown = "  ".join(f"{value:.4f}" for value in step.row[:SHOWN_INPUTS])
    title = (
        f"1. {label(step.id)} is token {step.id} of {len(step.logits):,}: its row of {len(step.row)} numbers is read"
    )
    return Listing(title, [("row", f"{shown}  …")])


def _gates(step: WorkedStep, label: Callable[[int], str]) -> Listing:
    layer = step.unit.layer
    reads = f"the row of {label(step.id)}" if layer == 1 else f"h of layer {layer - 1}"
    title = f"2. the gates of unit {step.unit.index} of layer {layer}, which reads {reads} and its own layer's h"
    head = f"{'input':>9}   {'own layer':>9}   {'bias':>8}   {'sum':>8}"
    rows = [("", head)]
    for gate in step.gates.values():
        name = "tanh" if gate.gate == "g" else "σ"
        parts = f"{gate.input:9.4f} + {gate.recurrent:9.4f} + {gate.bias:8.4f} = {gate.sum:8.4f}"
        rows.append((f"{GATE_NAMES[gate.gate]} {gate.gate}", f"{parts}   {name:>4} {gate.value:7.4f}"))
    return Listing(title, rows)


def _memory(step: WorkedStep) -> Listing:
    i, f, g, o = (step.gates[gate].value for gate in "ifgo")
    kept, written = round(f * step.c_before, 4) + 0.0, round(i * g, 4) + 0.0
    rows = [
        ("kept", f"f × c before = {f:.4f} × {step.c_before:.4f} = {kept:.4f}"),
        ("written", f"i × g = {i:.4f} × {g:.4f} = {written:.4f}"),
        ("cell c", f"{kept:.4f} + {written:.4f} = {step.c:.4f}   (the network, unrounded: {step.true_c:.4f})"),
        ("shown", f"o × tanh c = {o:.4f} × {step.tanh_c:.4f} = {step.product:.4f}"),
        ("hidden h", f"{step.steps}/127 = {step.h:.4f}   (the network: {step.true_h:.4f})"),
    ]
    return Listing("3. the cell is the memory, the hidden state what is shown of it", rows)


def _likeliest(step: WorkedStep) -> list[WorkedLogit]:
    return sorted(step.logits, key=lambda row: -row.logit)[:SHOWN_TOKENS]


def _logits(step: WorkedStep, label: Callable[[int], str]) -> Listing:
    head = f"{'weight':>8}     {'h':>7}   {'this unit':>9}   {'others':>8}   {'bias':>7}   {'logit':>8}"
    rows = [("", head)]
    for row in _likeliest(step):
        own = f"{row.weight:8.4f}  ×  {step.h:7.4f} → {row.product:9.4f}"
        rows.append((label(row.id), f"{own} + {row.others:8.4f} + {row.bias:7.4f} = {row.logit:8.4f}"))
    if not any(row.weight for row in step.logits):
        rows = [("", f"{'all units':>9}   {'bias':>7}   {'logit':>8}")]
        rows += [(label(r.id), f"{r.others:9.4f} + {r.bias:7.4f} = {r.logit:8.4f}") for r in _likeliest(step)]
    return Listing("4. the last layer's hidden state becomes a logit for each token", rows)


def _softmax(step: WorkedStep, temperature: float, label: Callable[[int], str]) -> Listing:
    chances, total = work_softmax(step, temperature)
    rows = [("", f"{'- highest':>9}   {'/ T':>9}   {'exp':>8}   {'sums to 1':>9}")]
    for row in chances:
        name = f"{len(step.logits) - SHOWN_TOKENS} others" if row.id is None else label(row.id)
        less, divided = ("" if math.isnan(value) else f"{value:.4f}" for value in (row.less, row.divided))
        rows.append((name, f"{less:>9}   {divided:>9}   {row.exponential:8.4f}   {row.p:9.4f}"))
    rows.append(("sum", f"{'':>9}   {'':>9}   {total:8.4f}   {round(sum(r.p for r in chances), 4):9.4f}"))
    return Listing(f"5. softmax at T {temperature:g}: exp, divided by the sum of all", rows)


def step_as_json(step: WorkedStep, temperature: float, label: Callable[[int], str]) -> dict[str, Any]:
    """Return all figures of a step, for JSON, with the labels of the tokens. The others' id is None."""
    chances, total = work_softmax(step, temperature)
    named = [{**row._asdict(), "token": label(row.id)} for row in step.logits]
    values = step._asdict()
    return {
        **values,
        "token": label(step.id),
        "unit": str(step.unit),
        "gates": {name: gate._asdict() for name, gate in step.gates.items()},
        "logits": named,
        "temperature": temperature,
        "softmax": [{k: v for k, v in row._asdict().items() if v is None or not math.isnan(v)} for row in chances],
        "sum": total,
    }
