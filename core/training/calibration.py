"""Measurements during training: the cold loss, the best temperature, the fastest data type.

``cold_loss`` and ``fit_temperature`` do the same as ``score.cold_nats`` and ``score.fit_minimum``, which work
without torch. ``test_both_cold_losses_and_both_best_temperatures_agree`` compares them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..inference.model_file import Architecture
from ..score import cold_windows
from ..text.labels import NO_LABEL
from ..text.tokenizer import Ids
from .distributed import ProcessGroup
from .model import LSTMLanguageModel
from .sizes import MODEL_SIZES
from .train_config import DEFAULT_BATCH_SIZE

MAX_FIT_LOGITS = 1 << 23
"""Logits used for calibration: 129,000 tokens of a vocabulary of 65, or 2,048 of one of 4,096. They take seconds."""

MAX_BLOCK_TOKENS = 1 << 15
"""Tokens of which losses are compared block by block."""

LOGITS_PER_CHUNK = 1 << 22
"""Logits computed at a time: 16 MB."""


def logits_and_targets(model: nn.Module, slices: Sequence[Ids], labels: Sequence[Ids] = ()) -> tuple[Tensor, Tensor]:
    """Return logits (n, V) and targets (n,) of the windows of ``slices``, each from the zero state.

    ``labels`` are the numbers of the styles of their tokens; empty for no style. If there are more than
    ``MAX_FIT_LOGITS``, every k-th window is taken, to bound the memory.
    """
    tokens = sum(targets.size for _, targets in cold_windows(slices))
    every = -(-tokens * _vocabulary(model) // MAX_FIT_LOGITS)
    logits, targets = zip(*_iter_windows(model, slices, labels, every), strict=True)
    return torch.cat(logits), torch.cat(targets)


def cold_loss(model: nn.Module, slices: Sequence[Ids], labels: Sequence[Ids] = ()) -> float:
    """Return the loss in nats per token over all windows of ``slices``, each from the zero state.

    ``labels`` are the numbers of the styles of their tokens; empty for no style.
    """
    total = count = 0.0
    for logits, targets in _iter_windows(model, slices, labels):
        total += functional.cross_entropy(logits, targets, reduction="sum").item()
        count += len(targets)
    return total / max(1, count)


def block_losses(model: nn.Module, slices: Sequence[Ids], labels: Sequence[Ids] = ()) -> Tensor:
    """Return the mean losses of blocks of 64 tokens of the windows of ``slices``, in nats per token, (blocks,).

    Of a long text, every k-th window is taken. ``labels`` are as for ``cold_loss``.
    """
    every = -(-sum(map(len, slices)) // MAX_BLOCK_TOKENS)
    windows = _iter_windows(model, slices, labels, every)
    losses = torch.cat([functional.cross_entropy(*window, reduction="none") for window in windows]).cpu()
    return torch.stack([block.mean() for block in torch.split(losses, 64)[: max(1, len(losses) // 64)]])


@torch.no_grad()
def _iter_windows(
    model: nn.Module, slices: Sequence[Ids], labels: Sequence[Ids] = (), every: int = 1
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits (n, V) and targets (n,) of some of ``every``-th window at a time, without stand-ins as targets."""
    device, stand_in = next(model.parameters()).device, cast(LSTMLanguageModel, model).stand_in
    labels = labels or [np.full(ids.shape, NO_LABEL) for ids in slices]
    for (inputs, targets), (_, styles) in zip(cold_windows(slices), cold_windows(labels), strict=True):
        rows = max(1, min(64, LOGITS_PER_CHUNK // (inputs.shape[1] * _vocabulary(model))))
        arrays = (torch.from_numpy(ids[::every].astype(np.int64)) for ids in (inputs, styles, targets))
        for batch, numbers, goals in zip(*(torch.split(ids, rows) for ids in arrays), strict=True):
            logits, goals = (
                model(batch.to(device), None, numbers.to(device))[0].flatten(0, 1),
                goals.flatten().to(device),
            )
            known = slice(None) if stand_in is None else goals != stand_in
            yield logits[known], goals[known]


def _vocabulary(model: nn.Module) -> int:
    return int(cast(LSTMLanguageModel, model).architecture.vocabulary)


@torch.no_grad()
def calibrate(model: LSTMLanguageModel, slices: Sequence[Ids], labels: Sequence[Ids] = ()) -> None:
    """Divide the logits of ``model`` by the temperature that fits ``slices`` best, so that T = 1 does from now on."""
    temperature = fit_temperature(*logits_and_targets(model, slices, labels))
    model.projection.weight.div_(temperature)
    model.projection.bias.div_(temperature)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """Return the T in 0.5 to 2 with the lowest loss of softmax(logits / T) on the targets (Guo et al. 2017,
    section 4.2).

    The loss is convex in 1 / T, so a few steps of Newton's method find the minimum.
    """
    inverse = torch.ones(1, dtype=torch.float64)
    for _ in range(20):
        slope, curvature = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        for batch, goals in zip(torch.split(logits, 8192), torch.split(targets, 8192), strict=True):
            x = batch.double()
            p = (x * inverse).softmax(1)
            mean = (p * x).sum(1)
            slope += (mean - x.gather(1, goals[:, None])[:, 0]).sum()
            curvature += ((p * x**2).sum(1) - mean**2).sum()
        before = inverse
        inverse = (before - slope / curvature.clamp_min(1e-9 * len(targets))).clamp(0.5, 2.0)
        if abs(inverse - before) < 1e-7:
            break
    return float(1 / inverse)


def supports_bf16(device: torch.device) -> bool:
    """Return True if an LSTM can train in bfloat16 on ``device``.

    torch raises RuntimeError on CPUs without AVX-512. Apple's GPUs always train in float32.
    """
    if device.type == "mps":
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    with torch.random.fork_rng(), torch.autocast(device.type, torch.bfloat16):
        layer, x = nn.LSTM(8, 8, device=device), torch.zeros(1, 1, 8, device=device)
        try:
            layer(x)
        except RuntimeError:
            return False
    return True


def benchmark_dtypes(model: LSTMLanguageModel, batch_size: int) -> tuple[bool, float]:
    """Return True if the model trains faster in bfloat16, and its rough speed in tokens per second.

    This is measured, because few CPUs have instructions for bfloat16.
    """
    device = next(model.parameters()).device
    ids = torch.zeros(batch_size, 16, dtype=torch.long, device=device)
    choices = (True, False) if supports_bf16(device) else (False,)
    for bf16 in choices:
        _time_pass(model, ids, bf16)  # warm-up
    times = {bf16: min(_time_pass(model, ids, bf16) for _ in range(3)) for bf16 in choices}
    model.zero_grad(set_to_none=True)
    best = min(times, key=times.__getitem__)
    return best, ids.numel() / times[best]


def measure_speeds(vocabulary: int, group: ProcessGroup) -> dict[str, float]:
    """Return the rough speed of all processes of ``group`` together with a model of each size, in tokens per second.

    The medium size is measured. The time of the others is taken to grow with their parameters, which is right within a
    tenth (docs/experiments.md, "three and thirty minutes").
    """
    shapes = {
        name: Architecture(vocabulary, size.embedding, size.layers, size.width) for name, size in MODEL_SIZES.items()
    }
    with torch.random.fork_rng(devices=[]):
        medium = LSTMLanguageModel(shapes["medium"], MODEL_SIZES["medium"].dropout).to(group.device)
        speed = benchmark_dtypes(medium, DEFAULT_BATCH_SIZE)[1] * group.world_size
    return {name: speed * shapes["medium"].parameters / shape.parameters for name, shape in shapes.items()}


def _time_pass(model: LSTMLanguageModel, ids: Tensor, bf16: bool) -> float:
    """Return the seconds that a forward and a backward pass over ``ids`` take."""
    start = time.perf_counter()
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=bf16):
        logits, _ = model(ids)
    logits.float().sum().backward()
    model.embedding.weight.sum().item()  # waits for a GPU
    return time.perf_counter() - start


def warm_up_torch() -> None:
    """Call torch's vector functions once, before any result counts.

    In torch 2.13 a process's first sqrt, tanh or log on two threads can differ in the fourth digit in one thread's
    half. Later calls never did. A resumed run would then differ from an uninterrupted one.
    """
    ones = torch.ones(1 << 17)
    for function in (torch.sqrt, torch.tanh, torch.log, torch.exp, torch.sigmoid):
        function(ones[:8])
        function(ones)
