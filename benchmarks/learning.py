"""How fast 2 x 512 learns, forwards, backwards and the optimizer: ours, and as one would write it in torch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

VOCABULARY, EMBEDDING, LAYERS, WIDTH, SEQUENCE_LENGTH = 65, 128, 2, 512, 64
ROWS = (32, 128)
ROUNDS = 7
MATMUL_SIZE = 4096
"""Rows and columns of the products that tell what the machine can do in bfloat16."""

Step = Callable[[], object]


def measure() -> dict[str, Any]:
    """Characters a second by way and number of rows, and the share of the best product in bfloat16 that ours is."""
    ways = {
        "afterglow": afterglow,
        "torch, nn.LSTM in bfloat16": partial(plain, bf16=True),
        "torch, nn.LSTM in float32": plain,
    }
    seconds = {rows: _rounds({name: make(rows) for name, make in ways.items()}) for rows in ROWS}
    speeds = {name: [rows * SEQUENCE_LENGTH / seconds[rows][name] for rows in ROWS] for name in ways}
    best = 2 * MATMUL_SIZE**3 / next(iter(_rounds({"product": _product()}).values()))
    return {"rows": ROWS, "speeds": speeds, "shares": [speed * operations() / best for speed in speeds["afterglow"]]}


def operations() -> int:
    """Of floating point in learning from one character: two for each weight forwards, four backwards."""
    gates = 4 * WIDTH * (EMBEDDING + WIDTH + (LAYERS - 1) * 2 * WIDTH)
    return 6 * (gates + VOCABULARY * WIDTH)


def afterglow(rows: int) -> Step:
    """A step of a run as ``afterglow train`` makes it."""
    from afterglow.core.training.calibration import benchmark_dtypes
    from afterglow.core.training.distributed import SINGLE_PROCESS
    from afterglow.core.training.learner import Learner
    from afterglow.core.training.sizes import TrainOverrides, make_config

    recipe = make_config(VOCABULARY, 1_000_000, TrainOverrides(width=WIDTH, batch=rows))
    learner = Learner(recipe, np.arange(1_000_000) % VOCABULARY, None, SINGLE_PROCESS)
    bf16, _ = benchmark_dtypes(learner.model, rows)
    return lambda: learner.train_step(1e-3, bf16)


def plain(rows: int, bf16: bool = False) -> Step:
    """What the heirs of char-rnn do, with as many kinds of dropout as ``nn.LSTM`` has."""
    import torch
    from torch import nn
    from torch.nn import functional

    embedding, projection = nn.Embedding(VOCABULARY, EMBEDDING), nn.Linear(WIDTH, VOCABULARY)
    lstm = nn.LSTM(EMBEDDING, WIDTH, LAYERS, batch_first=True, dropout=0.2)
    every = [*embedding.parameters(), *lstm.parameters(), *projection.parameters()]
    optimizer = torch.optim.AdamW(every, 1e-3, fused=True)
    text = torch.arange(rows * (SEQUENCE_LENGTH + 1)).view(rows, -1) % VOCABULARY

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = projection(lstm(embedding(text[:, :-1]))[0])
        functional.cross_entropy(logits.float().flatten(0, 1), text[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(every, 0.5)
        optimizer.step()

    return step


def _product() -> Step:
    import torch

    large = torch.ones(MATMUL_SIZE, MATMUL_SIZE, dtype=torch.bfloat16)
    return lambda: large @ large


def _rounds(steps: dict[str, Step]) -> dict[str, float]:
    """Median seconds of a step of each; they take turns, the first two of each uncounted."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(ROUNDS + 2):
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            if round_ >= 2:
                taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(times) for name, times in taken.items()}
