"""A model while it learns: what it reads, what moves its weights, and all that it takes to go on from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .batches import BatchReader, TokenSource
from .distributed import ProcessGroup
from .model import LayerStates, LSTMLanguageModel, detach
from .optimizer import build_ema_model, build_optimizers
from .schedule import TrainConfig

RNG_STATE = "random"
"""The state of torch's dice in the first process; others' have their rank behind it."""


class Learner:
    """One step after another; several processes of a group take each of them together, each with rows of its own.

    ``averaged`` is a running average of the weights. ``start`` holds the weights to begin with, by name. Raises
    UsageError where the processes cannot share the streams.
    """

    def __init__(
        self,
        config: TrainConfig,
        train_ids: TokenSource,
        initial_weights: Mapping[str, Tensor] | None,
        group: ProcessGroup,
    ) -> None:
        self.config, self.group = config, group
        self._rows = group.rows(config.batch)
        torch.manual_seed(config.seed)
        self.model = LSTMLanguageModel(config.architecture, config.dropout)
        if initial_weights is not None:
            self.model.load_state_dict(initial_weights)
        self.model.to(group.device)
        self.ema_model = build_ema_model(self.model, config.average)
        self._parallel = group.wrap_model(self.model)
        self._optimizers = build_optimizers(self.model, config)
        self.batch_reader = BatchReader(train_ids, config.batch, config.steps, config.seed, self._rows)
        self._hidden: LayerStates = []
        self._seed_rank(0)

    def train_step(self, learning_rate: float, bf16: bool) -> tuple[float, int] | None:
        """A step: the mean loss, and how many tokens it was over.

        None, with nothing changed but the dice and the place, where loss or gradient is not finite.
        """
        inputs, targets, first = self.batch_reader.next_window()
        inputs, targets = inputs.to(self.group.device), targets.to(self.group.device)
        self.model.train()
        with torch.autocast(self.group.device.type, torch.bfloat16, enabled=bf16):
            logits, after = self._parallel(inputs, None if first else self._reset_some_states())
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        mean = self.group.mean(loss.item())
        if not math.isfinite(mean) or not math.isfinite(norm.item()):
            return None
        self._optimizer_step(learning_rate, bf16)
        self.ema_model.update_parameters(self.model)
        self._hidden = [(h.float(), c.float()) for h, c in detach(after)]  # numpy knows no bfloat16
        return mean, inputs.numel() * self.group.world_size

    def state_tensors(self) -> dict[str, Tensor]:
        """What is in tensors, on the CPU, by name: weights, average, moments, hidden states of all streams, dice."""
        modules = {"model": self.model.state_dict(), "averaged": self.ema_model.state_dict()}
        found = {f"{kind}.{name}": tensor for kind, state in modules.items() for name, tensor in state.items()}
        for which, optimizer in enumerate(self._optimizers):
            for number, moments in optimizer.state_dict()["state"].items():
                found |= {f"optimizer.{which}.{number}.{name}": tensor for name, tensor in moments.items()}
        for layer, (h, c) in enumerate(self._hidden):
            gathered = self.group.gather(h, 1), self.group.gather(c, 1)
            found |= dict(zip((f"hidden.{layer}.h", f"hidden.{layer}.c"), gathered, strict=True))
        dice = self.group.gather(torch.get_rng_state()[None])
        found |= {RNG_STATE + (f".{rank}" if rank else ""): state for rank, state in enumerate(dice)}
        return {name: tensor.detach().cpu() for name, tensor in found.items()}

    def load_tensors(self, tensors: dict[str, Tensor], step: int) -> None:
        """Go on from what ``tensors`` gave at ``step``, also with another number of processes.

        Raises KeyError, ValueError or RuntimeError where they are not of this model.
        """
        self.model.load_state_dict(strip_prefix("model.", tensors))
        self.ema_model.load_state_dict(strip_prefix("averaged.", tensors))
        for which, optimizer in enumerate(self._optimizers):
            moments: dict[int, dict[str, Tensor]] = {}
            for name, tensor in strip_prefix(f"optimizer.{which}.", tensors).items():
                number, field = name.split(".")
                moments.setdefault(int(number), {})[field] = tensor
            groups: Any = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": moments, "param_groups": groups})
        hidden = {
            name: tensor[:, self._rows].to(self.group.device)
            for name, tensor in strip_prefix("hidden.", tensors).items()
        }
        self._hidden = [(hidden[f"{layer}.h"], hidden[f"{layer}.c"]) for layer in range(len(hidden) // 2)]
        rank = self.group.rank
        mine = tensors.get(f"{RNG_STATE}.{rank}" if rank else RNG_STATE)
        if mine is None:
            self._seed_rank(step)
        else:
            torch.set_rng_state(mine)

    def _optimizer_step(self, learning_rate: float, bf16: bool) -> None:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"], group["bf16"] = learning_rate * group["share"], bf16
            optimizer.step()

    def _seed_rank(self, step: int) -> None:
        """Dice of its own for each process but the first, which has those that a run alone has."""
        if self.group.rank:
            torch.manual_seed(self.config.seed + 1_000_003 * self.group.rank + step)

    def _reset_some_states(self) -> LayerStates:
        """The states with a rare row set to zero, so that the model also learns to begin."""
        keep = torch.from_numpy(self.batch_reader.rng.random(self.config.batch) >= self.config.reset)
        mine = keep[self._rows].to(self.group.device)[None, :, None]
        return [(h * mine, c * mine) for h, c in self._hidden]


def strip_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
