"""What is measured on the way: losses on whole windows, the temperature that calibrates, what this CPU does best."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from ..score import COLD_WINDOW
from .lstm import LSTMLanguageModel


@torch.no_grad()
def logits_and_targets(model: nn.Module, ids: Tensor, window: int = COLD_WINDOW) -> tuple[Tensor, Tensor]:
    """Logits (n, V) and targets (n,) over all whole windows of ``ids``, each from the zero state."""
    window = min(window, len(ids) - 1)
    count = (len(ids) - 1) // window
    inputs, targets = ids[: count * window].view(count, window), ids[1 : count * window + 1]
    logits = [model(chunk)[0].flatten(0, 1) for chunk in torch.split(inputs, 64)]
    return torch.cat(logits), targets


def best_temperature(logits: Tensor, targets: Tensor) -> float:
    """The T for which softmax(logits / T) loses least on the targets, by Newton's method (Guo et al. 2017, 4.2).

    The loss is convex in 1 / T, so a few steps find the one minimum; it is kept in 0.5 to 2.
    """
    inverse = torch.ones(1, dtype=torch.float64)
    logits = logits.double()
    taken = logits.gather(1, targets[:, None])[:, 0]
    for _ in range(20):
        p = (logits * inverse).softmax(1)
        mean = (p * logits).sum(1)
        slope = (mean - taken).mean()
        curvature = ((p * logits**2).sum(1) - mean**2).mean()
        inverse = (inverse - slope / curvature.clamp_min(1e-9)).clamp(0.5, 2.0)
    return float(1 / inverse)


def fastest(model: LSTMLanguageModel, batch: int) -> tuple[bool, float]:
    """Whether this CPU runs the model faster in bfloat16, and roughly how many tokens a second it then learns from.

    Measured, since few CPUs have the instructions.
    """
    ids = torch.zeros(batch, 16, dtype=torch.long)

    def seconds(enabled: bool) -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            model(ids)[0].float().sum().backward()
        return time.perf_counter() - start

    for enabled in (True, False):
        seconds(enabled)
    times = {enabled: min(seconds(enabled) for _ in range(3)) for enabled in (True, False)}
    model.zero_grad(set_to_none=True)
    return times[True] < times[False], ids.numel() / min(times.values())


def settle() -> None:
    """Have torch's vector functions called once before a number counts.

    In torch 2.13 a process's first sqrt, tanh or log on two threads can differ in the fourth digit on one thread's
    half; later ones never did. A run that is resumed would then part from the one that was never stopped.
    """
    ones = torch.ones(1 << 17)
    for function in (torch.sqrt, torch.tanh, torch.log, torch.exp, torch.sigmoid):
        function(ones[:8])
        function(ones)
