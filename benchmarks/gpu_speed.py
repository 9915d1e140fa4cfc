"""Training speed on a device: afterglow's step beside the same model written plainly with torch's LSTM (cuDNN's)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from afterglow.core.training.distributed import ProcessGroup
from afterglow.core.training.learner import Learner
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.train_config import make_config
from torch import nn
from torch.nn import functional

VOCABULARY, EMBEDDING, SEQUENCE_LENGTH = 96, 128, 128
ROUNDS, WARM_UP_ROUNDS = 7, 3

Step = Callable[[], object]


class Shape(NamedTuple):
    """Layers of an LSTM, and units of each."""

    layers: int
    width: int

    def __str__(self) -> str:
        return f"{self.layers} x {self.width}"


def measure_speed(shape: Shape, rows: tuple[int, ...], device: torch.device, matrix: int) -> dict[str, Any]:
    """Return characters per second by implementation and streams in a batch, and shares of the best speed in bfloat16.

    The best speed is that of a product of two matrices with ``matrix`` rows and columns.
    """
    best = peak_flops(device, matrix)
    speeds: dict[str, Any] = {}
    for count in rows:
        steps = {
            "afterglow bf16": afterglow_step(shape, count, device, bf16=True),
            "afterglow float32": afterglow_step(shape, count, device, bf16=False),
            "nn.LSTM bf16": plain_step(shape, count, device, torch.bfloat16),
            "nn.LSTM float32": plain_step(shape, count, device, torch.float32),
        }
        for name, step in steps.items():
            speed = count * SEQUENCE_LENGTH / median_seconds(step, device)
            speeds[f"{name}, {count} rows"] = {
                "characters_per_second": round(speed),
                "share": share(shape, speed, best),
            }
    return speeds


def share(shape: Shape, speed: float, best: float) -> float:
    """Return the share of ``best`` operations a second that training at ``speed`` characters a second takes."""
    return round(speed * operations(shape) / best, 4)


def operations(shape: Shape) -> int:
    """Floating-point operations to train on one character: 2 for each weight in the forward pass, 4 in the backward."""
    gates = 4 * shape.width * (EMBEDDING + shape.width + (shape.layers - 1) * 2 * shape.width)
    return 6 * (gates + VOCABULARY * shape.width)


def peak_flops(device: torch.device, size: int) -> float:
    """Return the floating-point operations a second of a product of two bfloat16 matrices."""
    matrix = torch.randn(size, size, device=device).bfloat16()
    return 2 * size**3 / median_seconds(lambda: matrix @ matrix, device)


def afterglow_step(shape: Shape, rows: int, device: torch.device, bf16: bool) -> Step:
    """Return a step of ``afterglow train``."""
    tokens = max(100_000, 4 * rows * SEQUENCE_LENGTH)
    request = TrainRequest(layers=shape.layers, width=shape.width, batch_size=rows)
    config = make_config(VOCABULARY, tokens, request)
    learner = Learner(config, np.arange(tokens) % VOCABULARY, None, ProcessGroup(device=device))
    return lambda: learner.train_step(1e-3, bf16)


def plain_step(shape: Shape, rows: int, device: torch.device, dtype: torch.dtype) -> Step:
    """Return a step of all layers in one ``nn.LSTM``, with weights of ``dtype`` and one kind of dropout."""
    embedding, projection = nn.Embedding(VOCABULARY, EMBEDDING), nn.Linear(shape.width, VOCABULARY)
    lstm = nn.LSTM(EMBEDDING, shape.width, shape.layers, dropout=0.2 if shape.layers > 1 else 0.0)
    modules = nn.ModuleList([embedding, lstm, projection]).to(device, dtype)
    parameters = list(modules.parameters())
    optimizer = torch.optim.AdamW(parameters, 1e-3, fused=True)
    text = torch.arange(rows * (SEQUENCE_LENGTH + 1), device=device).view(-1, rows) % VOCABULARY

    def step() -> None:
        optimizer.zero_grad()
        logits = projection(lstm(embedding(text[:-1]))[0])
        functional.cross_entropy(logits.float().flatten(0, 1), text[1:].flatten()).backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()

    return step


def median_seconds(step: Step, device: torch.device) -> float:
    """Return the median seconds of a step, after some that are not counted."""
    seconds = []
    for _ in range(WARM_UP_ROUNDS + ROUNDS):
        start = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[WARM_UP_ROUNDS:])
