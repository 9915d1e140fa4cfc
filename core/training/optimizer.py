"""Muon for the weights of the gates, AdamW for the rest, and a moving average of the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel

from .train_config import TrainConfig

TensorSequence = tuple[Tensor, ...] | list[Tensor]

GATE_COUNT = 4
"""Matrices stacked in a weight of an LSTM layer: i, f, g, o."""

NEWTON_SCHULZ_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration, tuned to raise small singular values quickly to about 1 (Jordan et al.
2024, "Muon: An optimizer for hidden layers in neural networks")."""

NEWTON_SCHULZ_ITERATIONS = 5

UPDATE_RMS = 0.2
"""RMS of an AdamW update. Muon's are scaled to match it (Liu et al. 2025, arXiv 2502.16982, section 2.2)."""

GATES_LR_SCALE = 2.0
"""Learning rate of the gates relative to the rest (docs/experiments.md, "Muon")."""


class Muon(Optimizer):
    """Nesterov momentum with the update of each gate's matrix made orthogonal, so that all directions move alike.

    Updates are as large as AdamW's at the same learning rate. A group's ``bf16`` is True for products in bfloat16.
    """

    def __init__(self, matrices: Sequence[Tensor], momentum: float, weight_decay: float) -> None:
        defaults = {
            "lr": 0.0,
            "lr_scale": GATES_LR_SCALE,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "bf16": False,
        }
        super().__init__(matrices, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Update every matrix (4H, in) once."""
        for group in self.param_groups:
            for matrix in group["params"]:
                momentum = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                momentum.lerp_(matrix.grad, 1 - group["momentum"])
                lookahead = matrix.grad.lerp(momentum, group["momentum"]).unflatten(0, (GATE_COUNT, -1))
                update = orthogonalize(lookahead.bfloat16() if group["bf16"] else lookahead)
                scale = UPDATE_RMS * max(update.shape[1:]) ** 0.5
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update.flatten(0, 1), alpha=-group["lr"] * scale)


def orthogonalize(matrices: Tensor) -> Tensor:
    """Return matrices (n, rows, columns) with the same singular vectors and singular values near 1 (0.5 to 1.5)."""
    a, b, c = NEWTON_SCHULZ_COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(NEWTON_SCHULZ_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


def build_optimizers(model: nn.Module, config: TrainConfig) -> list[Optimizer]:
    """Return Muon for the weights of the LSTM layers, if ``config.use_muon``, and AdamW for the rest.

    Only matrices decay, biases do not. A group's learning rate is that of the run times its ``lr_scale``. AdamW is
    fused, so its arithmetic is the same in every process.
    """
    named = dict(model.named_parameters())
    gates = [p for name, p in named.items() if name.startswith("layers.") and p.ndim > 1] if config.use_muon else []
    matrices = [p for p in named.values() if p.ndim > 1 and not any(p is gate for gate in gates)]
    biases = [p for p in named.values() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": biases, "weight_decay": 0.0}]
    fused = biases[0].device.type != "mps"
    adamw = AdamW([{**group, "lr_scale": 1.0} for group in groups], config.learning_rate, config.betas, fused=fused)
    return [Muon(gates, config.momentum, config.weight_decay), adamw] if gates else [adamw]


def moment_forms(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return tensors of the shape and type of an optimizer's state after a step, by parameter number and name."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    names = ("momentum",) if isinstance(optimizer, Muon) else ("exp_avg", "exp_avg_sq")
    forms = {f"{number}.{name}": parameter for number, parameter in enumerate(parameters) for name in names}
    if isinstance(optimizer, AdamW):
        forms |= {f"{number}.step": torch.zeros(()) for number in range(len(parameters))}
    return forms


def build_ema_model(model: nn.Module, decay: float) -> AveragedModel:
    """Return a moving average of the weights. At update n its decay is at most (1 + n) / (10 + n)."""
    return AveragedModel(model, multi_avg_fn=_make_ema_update(decay))


def _make_ema_update(decay: float) -> Callable[[TensorSequence, TensorSequence, Tensor | int], None]:
    @torch.no_grad()
    def update(averages: TensorSequence, current: TensorSequence, steps: Tensor | int) -> None:
        n = int(steps)
        torch._foreach_lerp_(averages, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update
