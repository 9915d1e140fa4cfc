"""Training speed of a 2 x 512 model: afterglow's step, and the same written plainly in torch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.results import LearningResult

VOCABULARY, EMBEDDING, LAYERS, WIDTH, SEQUENCE_LENGTH = 65, 128, 2, 512, 64
ROWS = (32, 128)
ROUNDS = 7

WARM_UP_ROUNDS = 2
"""Rounds that are not counted."""

MATMUL_SIZE = 4096
"""Rows and columns of the matrix product that shows the machine's best speed in bfloat16."""

Step = Callable[[], object]


def measure() -> LearningResult:
    """Measure characters per second, and the share of the machine's best bfloat16 product that afterglow reaches."""
    makers: dict[str, Callable[[int], Step]] = {
        "afterglow": afterglow,
        "torch, nn.LSTM in bfloat16": partial(plain, bf16=True),
        "torch, nn.LSTM in float32": plain,
    }
    seconds = {rows: _median_seconds({name: make(rows) for name, make in makers.items()}) for rows in ROWS}
    speeds = {name: [rows * SEQUENCE_LENGTH / seconds[rows][name] for rows in ROWS] for name in makers}
    best = 2 * MATMUL_SIZE**3 / _median_seconds({"product": _matmul()})["product"]
    return {"rows": ROWS, "speeds": speeds, "shares": [speed * operations() / best for speed in speeds["afterglow"]]}


def operations() -> int:
    """Floating-point operations to train on one character: 2 for each weight in the forward pass, 4 in the backward."""
    gates = 4 * WIDTH * (EMBEDDING + WIDTH + (LAYERS - 1) * 2 * WIDTH)
    return 6 * (gates + VOCABULARY * WIDTH)


def afterglow(rows: int) -> Step:
    """Return a step of ``afterglow train``."""
    from afterglow.core.training.calibration import benchmark_dtypes
    from afterglow.core.training.distributed import SINGLE_PROCESS
    from afterglow.core.training.learner import Learner
    from afterglow.core.training.request import TrainRequest
    from afterglow.core.training.train_config import make_config

    config = make_config(VOCABULARY, 1_000_000, TrainRequest(width=WIDTH, batch_size=rows))
    learner = Learner(config, np.arange(1_000_000) % VOCABULARY, None, SINGLE_PROCESS)
    bf16, _ = benchmark_dtypes(learner.model, rows)
    return lambda: learner.train_step(1e-3, bf16)


def plain(rows: int, bf16: bool = False) -> Step:
    """Return a step as descendants of char-rnn write it, with the one kind of dropout that ``nn.LSTM`` has."""
    import torch
    from torch import nn
    from torch.nn import functional

    embedding, projection = nn.Embedding(VOCABULARY, EMBEDDING), nn.Linear(WIDTH, VOCABULARY)
    lstm = nn.LSTM(EMBEDDING, WIDTH, LAYERS, batch_first=True, dropout=0.2)
    parameters = [*embedding.parameters(), *lstm.parameters(), *projection.parameters()]
    optimizer = torch.optim.AdamW(parameters, 1e-3, fused=True)
    text = torch.arange(rows * (SEQUENCE_LENGTH + 1)).view(rows, -1) % VOCABULARY

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = projection(lstm(embedding(text[:, :-1]))[0])
        functional.cross_entropy(logits.float().flatten(0, 1), text[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()

    return step


def _matmul() -> Step:
    import torch

    matrix = torch.ones(MATMUL_SIZE, MATMUL_SIZE, dtype=torch.bfloat16)
    return lambda: matrix @ matrix


def _median_seconds(steps: dict[str, Step]) -> dict[str, float]:
    """Run the steps in turn, and return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(WARM_UP_ROUNDS + ROUNDS):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if round_ >= WARM_UP_ROUNDS:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}
