"""A model while it learns: what it reads, what moves its weights, and all that it takes to go on from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .batches import Streams, Tokens
from .distributed import Group
from .model import LSTMLanguageModel, States, detach
from .optimizer import averaged, optimizers
from .schedule import Recipe

DICE = "random"
"""The state of torch's dice in the first process; others' have their rank behind it."""


class Learner:
    """One step after another; several processes of a group take each of them together, each with rows of its own.

    ``averaged`` is a running average of the weights. ``start`` holds the weights to begin with, by name. Raises
    UsageError where the processes cannot share the streams.
    """

    def __init__(self, recipe: Recipe, trained: Tokens, start: Mapping[str, Tensor] | None, group: Group) -> None:
        self.recipe, self.group = recipe, group
        self._rows = group.rows(recipe.batch)
        torch.manual_seed(recipe.seed)
        self.model = LSTMLanguageModel(recipe.architecture, recipe.dropout)
        if start is not None:
            self.model.load_state_dict(start)
        self.model.to(group.device)
        self.averaged = averaged(self.model, recipe.average)
        self._parallel = group.parallel(self.model)
        self._optimizers = optimizers(self.model, recipe)
        self.streams = Streams(trained, recipe.batch, recipe.steps, recipe.seed, self._rows)
        self._hidden: States = []
        self._own_dice(0)

    def train(self, rate: float, bf16: bool) -> tuple[float, int] | None:
        """A step: the mean loss, and how many tokens it was over.

        None, with nothing changed but the dice and the place, where loss or gradient is not finite.
        """
        inputs, targets, first = self.streams.window()
        inputs, targets = inputs.to(self.group.device), targets.to(self.group.device)
        self.model.train()
        with torch.autocast(self.group.device.type, torch.bfloat16, enabled=bf16):
            logits, after = self._parallel(inputs, None if first else self._some_reset())
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        mean = self.group.mean(loss.item())
        if not math.isfinite(mean) or not math.isfinite(norm.item()):
            return None
        self._move(rate, bf16)
        self.averaged.update_parameters(self.model)
        self._hidden = [(h.float(), c.float()) for h, c in detach(after)]  # numpy knows no bfloat16
        return mean, inputs.numel() * self.group.size

    def tensors(self) -> dict[str, Tensor]:
        """What is in tensors, on the CPU, by name: weights, average, moments, hidden states of all streams, dice."""
        modules = {"model": self.model.state_dict(), "averaged": self.averaged.state_dict()}
        found = {f"{kind}.{name}": tensor for kind, state in modules.items() for name, tensor in state.items()}
        for which, optimizer in enumerate(self._optimizers):
            for number, moments in optimizer.state_dict()["state"].items():
                found |= {f"optimizer.{which}.{number}.{name}": tensor for name, tensor in moments.items()}
        for layer, (h, c) in enumerate(self._hidden):
            gathered = self.group.gathered(h, 1), self.group.gathered(c, 1)
            found |= dict(zip((f"hidden.{layer}.h", f"hidden.{layer}.c"), gathered, strict=True))
        dice = self.group.gathered(torch.get_rng_state()[None])
        found |= {DICE + (f".{rank}" if rank else ""): state for rank, state in enumerate(dice)}
        return {name: tensor.detach().cpu() for name, tensor in found.items()}

    def put(self, tensors: dict[str, Tensor], step: int) -> None:
        """Go on from what ``tensors`` gave at ``step``, also with another number of processes.

        Raises KeyError, ValueError or RuntimeError where they are not of this model.
        """
        self.model.load_state_dict(under("model.", tensors))
        self.averaged.load_state_dict(under("averaged.", tensors))
        for which, optimizer in enumerate(self._optimizers):
            moments: dict[int, dict[str, Tensor]] = {}
            for name, tensor in under(f"optimizer.{which}.", tensors).items():
                number, field = name.split(".")
                moments.setdefault(int(number), {})[field] = tensor
            groups: Any = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": moments, "param_groups": groups})
        hidden = {
            name: tensor[:, self._rows].to(self.group.device) for name, tensor in under("hidden.", tensors).items()
        }
        self._hidden = [(hidden[f"{layer}.h"], hidden[f"{layer}.c"]) for layer in range(len(hidden) // 2)]
        rank = self.group.rank
        mine = tensors.get(f"{DICE}.{rank}" if rank else DICE)
        if mine is None:
            self._own_dice(step)
        else:
            torch.set_rng_state(mine)

    def _move(self, rate: float, bf16: bool) -> None:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"], group["bf16"] = rate * group["share"], bf16
            optimizer.step()

    def _own_dice(self, step: int) -> None:
        """Dice of its own for each process but the first, which has those that a run alone has."""
        if self.group.rank:
            torch.manual_seed(self.recipe.seed + 1_000_003 * self.group.rank + step)

    def _some_reset(self) -> States:
        """The states with a rare row set to zero, so that the model also learns to begin."""
        keep = torch.from_numpy(self.streams.random.random(self.recipe.batch) >= self.recipe.reset)
        mine = keep[self._rows].to(self.group.device)[None, :, None]
        return [(h * mine, c * mine) for h, c in self._hidden]


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
