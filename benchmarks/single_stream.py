"""One stream through the whole path (model, sampler, decoding), beside a plain ``nn.LSTM`` loop in torch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from afterglow.core.model import Model, load
from afterglow.core.training import to_torch

OURS, THEIRS = 1000, 60
"""Characters a round: enough to last about as long each."""


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Microseconds a character of each way, medians over rounds that take turns, and each one's ratio to ours."""
    model = load(name)
    ways: dict[str, Callable[[], float]] = {
        "afterglow, whole path": lambda: _ours(model),
        "torch nn.LSTM loop, fp32, 1 thread": lambda: _plain_loop(model, 1),
        "torch nn.LSTM loop, fp32, 2 threads": lambda: _plain_loop(model, 2),
    }
    taken: dict[str, list[float]] = {what: [] for what in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for what, way in ways.items():
            taken[what].append(way())
    medians = {what: statistics.median(times) for what, times in taken.items()}
    ours = medians["afterglow, whole path"]
    return [
        {"what": what, "per_second": 1 / s, "microseconds": s * 1e6, "ratio": s / ours} for what, s in medians.items()
    ]


def _ours(model: Model) -> float:
    tokens = model.stream("ROMEO:", length=OURS, temperature=0.8, rng=7)
    next(tokens)
    start = time.perf_counter()
    count = sum(len(token.text) for token in tokens)
    return (time.perf_counter() - start) / count


@torch.no_grad()
def _plain_loop(model: Model, threads: int) -> float:
    """What char-rnn's many heirs do: one step of the module, softmax, multinomial, and the id back in."""
    torch.set_num_threads(threads)
    module, tokenizer = to_torch(model.file), model.tokenizer
    logits, state = module(torch.from_numpy(tokenizer.encode("ROMEO:"))[None])
    start, text = time.perf_counter(), ""
    for _ in range(THEIRS):
        token = torch.multinomial(torch.softmax(logits[0, -1] / 0.8, 0), 1)
        text += tokenizer.decode([int(token)])
        logits, state = module(token[None], state)
    return (time.perf_counter() - start) / len(text)
