"""What is measured on the way: losses on whole windows, the temperature that calibrates, what this CPU does best."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..score import cold_windows
from .model import LSTMLanguageModel

MAX_CALIBRATION_LOGITS = 1 << 23
"""How many logits calibration looks at: 129,000 characters of 65 kinds, or 2,048 word parts of 4,096, in seconds."""

LOGITS_PER_CHUNK = 1 << 22
"""How many logits are made at once: 16 MB."""


def logits_and_targets(model: nn.Module, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (n, V) and targets (n,) over whole windows of ``ids``, each from the zero state: what memory is for."""
    logits, targets, held = [], [], 0
    for some, wanted in _iter_windows(model, ids):
        logits.append(some)
        targets.append(wanted)
        held += some.numel()
        if held >= MAX_CALIBRATION_LOGITS:
            break
    return torch.cat(logits), torch.cat(targets)


def cold_loss(model: nn.Module, ids: Tensor) -> float:
    """Return the cold loss of ``ids`` in nats per token.

    ``score.cold_nats`` computes the same for a runtime; ``test_both_cold_losses_and_both_best_temperatures_agree``
    compares them.
    """
    total = count = 0.0
    for logits, targets in _iter_windows(model, ids):
        total += functional.cross_entropy(logits, targets, reduction="sum").item()
        count += len(targets)
    return total / count


@torch.no_grad()
def _iter_windows(model: nn.Module, ids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits and targets of some windows at a time."""
    inputs, targets = cold_windows(ids)
    vocabulary = int(cast(LSTMLanguageModel, model).architecture.vocabulary)
    device = next(model.parameters()).device
    rows = max(1, min(64, LOGITS_PER_CHUNK // (inputs.shape[1] * vocabulary)))
    for some, wanted in zip(torch.split(inputs, rows), torch.split(targets, rows), strict=True):
        yield model(some.to(device))[0].flatten(0, 1), wanted.flatten().to(device)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """The T for which softmax(logits / T) loses least on the targets, by Newton's method (Guo et al. 2017, 4.2).

    The loss is convex in 1 / T, so a few steps find the one minimum; it is kept in 0.5 to 2. ``score.fit_minimum``
    finds it from losses on a grid; ``test_both_cold_losses_and_both_best_temperatures_agree`` compares them.
    """
    inverse = torch.ones(1, dtype=torch.float64)
    for _ in range(20):
        slope, curvature = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        for some, wanted in zip(torch.split(logits, 8192), torch.split(targets, 8192), strict=True):
            real = some.double()
            p = (real * inverse).softmax(1)
            mean = (p * real).sum(1)
            slope += (mean - real.gather(1, wanted[:, None])[:, 0]).sum()
            curvature += ((p * real**2).sum(1) - mean**2).sum()
        before, step = inverse, slope / curvature.clamp_min(1e-9 * len(targets))
        inverse = (before - step).clamp(0.5, 2.0)
        if abs(inverse - before) < 1e-7:
            break
    return float(1 / inverse)


def supports_bf16(device: torch.device) -> bool:
    """Whether an LSTM can learn in bfloat16 there: torch's has no such kernel for CPUs without AVX-512, and says so
    with a RuntimeError. Apple's GPUs stay with float32."""
    if device.type == "mps":
        return False
    with torch.random.fork_rng(), torch.autocast(device.type, torch.bfloat16):
        layer, some = nn.LSTM(8, 8, device=device), torch.zeros(1, 1, 8, device=device)
        try:
            layer(some)
        except RuntimeError:
            return False
    return True


def benchmark_dtypes(model: LSTMLanguageModel, batch_size: int) -> tuple[bool, float]:
    """Whether the model runs faster in bfloat16, and roughly how many tokens a second it then learns from.

    Measured, since few CPUs have the instructions.
    """
    device = next(model.parameters()).device
    ids = torch.zeros(batch_size, 16, dtype=torch.long, device=device)

    def seconds(enabled: bool) -> float:
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            logits, _ = model(ids)
        logits.float().sum().backward()
        model.embedding.weight.sum().item()  # a GPU is waited for
        return time.perf_counter() - start

    ways = (True, False) if supports_bf16(device) else (False,)
    for enabled in ways:
        seconds(enabled)
    times = {enabled: min(seconds(enabled) for _ in range(3)) for enabled in ways}
    model.zero_grad(set_to_none=True)
    best = min(times, key=times.__getitem__)
    return best, ids.numel() / times[best]


def warm_up_torch() -> None:
    """Have torch's vector functions called once before a number counts.

    In torch 2.13 a process's first sqrt, tanh or log on two threads can differ in the fourth digit on one thread's
    half; later ones never did. A run that is resumed would then part from the one that was never stopped.
    """
    ones = torch.ones(1 << 17)
    for function in (torch.sqrt, torch.tanh, torch.log, torch.exp, torch.sigmoid):
        function(ones[:8])
        function(ones)
