"""What moves the weights: AdamW, with a running average of where it has been."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from .plan import Recipe

Tensors = tuple[Tensor, ...] | list[Tensor]


def adamw(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; weight decay is for matrices, not for biases. Fused: its arithmetic is the same in every process."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    biases = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": biases, "weight_decay": 0.0}]
    fused = matrices[0].device.type != "mps"
    return torch.optim.AdamW(groups, recipe.rate, recipe.betas, fused=fused)


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average that forgets the first steps: its decay grows as (1 + n) / (10 + n)."""
    return AveragedModel(model, multi_avg_fn=_towards(decay))


def _towards(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    @torch.no_grad()
    def update(averages: Tensors, current: Tensors, steps: Tensor | int) -> None:
        n = int(steps)
        torch._foreach_lerp_(averages, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update
