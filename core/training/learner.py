"""One optimizer step: the model, the batches it reads, its optimizers, and the tensors of a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..text.labels import NO_RUNS, LabelRuns
from .batches import BatchReader, TokenSource
from .distributed import ProcessGroup
from .model import LayerStates, LSTMLanguageModel, detach
from .optimizer import build_ema_model, build_optimizers, moment_forms
from .saved_state import require_forms, require_rng_state
from .train_config import TrainConfig

RNG_STATE = "random"
"""Name of rank 0's torch RNG state in a checkpoint. The names of other ranks' states end with a dot and the rank."""


class Learner:
    """Takes optimizer steps. All processes of a group take each step together, each on its own rows of the batch.

    ``ema_model`` holds the moving average of the weights. ``initial_weights``, by name, replace the random ones.
    ``labels`` of the tokens are numbers of ``config.styles``.
    Raises UsageError if the batch cannot be split evenly among the processes.
    """

    def __init__(
        self,
        config: TrainConfig,
        train_ids: TokenSource,
        initial_weights: Mapping[str, Tensor] | None,
        group: ProcessGroup,
        labels: LabelRuns = NO_RUNS,
        stand_in: int | None = None,
    ) -> None:
        self.config = config
        self.group = group
        self._rows = group.rows(config.batch_size)
        torch.manual_seed(config.seed)
        self.model = LSTMLanguageModel(config.architecture, config.dropout, len(config.styles))
        if initial_weights is not None:
            self.model.load_state_dict(initial_weights)
        self.model.set_stand_in(stand_in)
        self.model.to(group.device)
        self.ema_model = build_ema_model(self.model, config.ema_decay)
        self._data_parallel = group.wrap_model(self.model)
        self._optimizers = build_optimizers(self.model, config)
        reading = (config.batch_size, config.seq_len, config.seed)
        self.batch_reader = BatchReader(train_ids, *reading, self._rows, labels)
        self._hidden: LayerStates = []
        self._seed_rank(0)

    def train_step(self, learning_rate: float, bf16: bool) -> tuple[float, int] | None:
        """Take a step. Return the mean loss in nats per token and the number of tokens, both over all processes.

        Returns None if the loss or the gradient is not finite. Then only the RNG and the reading position have changed.
        """
        inputs, targets, labels, starts_epoch = self.batch_reader.next_window()
        inputs, targets = self._to_device(inputs), self._to_device(targets)
        labels = None if labels is None else self._to_device(labels)
        self.model.train()
        with torch.autocast(self.group.device.type, torch.bfloat16, enabled=bf16):
            logits, states = self._data_parallel(inputs, None if starts_epoch else self._reset_some_states(), labels)
        loss = mean_known_loss(logits.float().flatten(0, 1), targets.flatten(), self.model.stand_in)
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        mean_loss = self.group.mean(loss.item())
        if not math.isfinite(mean_loss) or not math.isfinite(norm.item()):
            return None
        self._optimizer_step(learning_rate, bf16)
        self.ema_model.update_parameters(self.model)
        self._hidden = [(h.float(), c.float()) for h, c in detach(states)]  # numpy has no bfloat16
        return mean_loss, inputs.numel() * self.group.world_size

    def build_model(self, weights: Mapping[str, Tensor]) -> LSTMLanguageModel:
        """Return a model of this shape with ``weights``, on the CPU, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):  # the model's initialization must not disturb the dropout of the run
            model = LSTMLanguageModel(self.config.architecture, styles=len(self.config.styles))
        model.load_state_dict(weights)
        model.stand_in = self.model.stand_in
        return model.eval()

    def state_tensors(self) -> dict[str, Tensor]:
        """Return all state on the CPU, by name: weights, average, optimizers, hidden states of all ranks, RNGs."""
        tensors = self._weights()
        for index, optimizer in enumerate(self._optimizers):
            for number, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{index}.{number}.{name}": tensor for name, tensor in moments.items()}
        for layer, (h, c) in enumerate(self._hidden):
            tensors[f"hidden.{layer}.h"] = self.group.gather(h, 1)
            tensors[f"hidden.{layer}.c"] = self.group.gather(c, 1)
        rng_states = self.group.gather(torch.get_rng_state()[None])
        tensors |= {_rng_name(rank): state for rank, state in enumerate(rng_states)}
        return {name: tensor.detach().cpu() for name, tensor in tensors.items()}

    def require_own(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Raise ValueError if ``state_tensors`` cannot have returned ``tensors`` at ``step``."""
        forms = self._weights()
        if step:
            for index, optimizer in enumerate(self._optimizers):
                forms |= {f"optimizer.{index}.{name}": form for name, form in moment_forms(optimizer).items()}
            hidden = torch.empty(1, self.config.batch_size, self.config.architecture.width)
            forms |= {f"hidden.{layer}.{name}": hidden for layer in range(len(self.model.layers)) for name in "hc"}
        ranks = sum(name.partition(".")[0] == RNG_STATE for name in tensors)
        forms |= {_rng_name(rank): torch.get_rng_state() for rank in range(max(1, ranks))}
        require_forms(tensors, forms)
        for rank in range(ranks):
            require_rng_state(tensors[_rng_name(rank)])

    def load_tensors(self, tensors: dict[str, Tensor], step: int) -> None:
        """Restore what ``state_tensors`` returned at ``step``, also with another number of processes."""
        self.model.load_state_dict(strip_prefix("model.", tensors))
        self.ema_model.load_state_dict(strip_prefix("averaged.", tensors))
        for index, optimizer in enumerate(self._optimizers):
            moments: dict[int, dict[str, Tensor]] = {}
            for name, tensor in strip_prefix(f"optimizer.{index}.", tensors).items():
                number, key = name.split(".")
                moments.setdefault(int(number), {})[key] = tensor
            groups: Any = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self._load_hidden(strip_prefix("hidden.", tensors))
        rng_state = tensors.get(_rng_name(self.group.rank))
        if rng_state is None:
            self._seed_rank(step)
        else:
            torch.set_rng_state(rng_state)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from ``weights``, and begin a new average with them."""
        self.model.load_state_dict(weights)
        self.ema_model.module.load_state_dict(weights)
        self.ema_model.n_averaged.zero_()

    def _weights(self) -> dict[str, Tensor]:
        modules = {"model": self.model.state_dict(), "averaged": self.ema_model.state_dict()}
        return {f"{kind}.{name}": tensor for kind, state in modules.items() for name, tensor in state.items()}

    def _to_device(self, ids: Tensor) -> Tensor:
        """Return ids on the device. A GPU copies them from pinned memory while it computes."""
        device = self.group.device
        return (ids.pin_memory() if device.type == "cuda" else ids).to(device, non_blocking=True)

    def _load_hidden(self, tensors: dict[str, Tensor]) -> None:
        """Take this process's rows of the hidden states."""
        hidden = {name: tensor[:, self._rows].to(self.group.device) for name, tensor in tensors.items()}
        self._hidden = [(hidden[f"{layer}.h"], hidden[f"{layer}.c"]) for layer in range(len(hidden) // 2)]

    def _optimizer_step(self, learning_rate: float, bf16: bool) -> None:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * group["lr_scale"]
                group["bf16"] = bf16
            optimizer.step()

    def _seed_rank(self, step: int) -> None:
        """Seed torch differently on each rank. Rank 0 keeps the seed of a single-process run."""
        if self.group.rank:
            torch.manual_seed(self.config.seed + 1_000_003 * self.group.rank + step)

    def _reset_some_states(self) -> LayerStates:
        """Return the states with a few random rows set to zero, so that the model also learns to start from zero."""
        keep = torch.from_numpy(self.batch_reader.rng.random(self.config.batch_size) >= self.config.state_reset_prob)
        mask = keep[self._rows].to(self.group.device)[None, :, None]
        return [(h * mask, c * mask) for h, c in self._hidden]


def mean_known_loss(logits: Tensor, targets: Tensor, stand_in: int | None) -> Tensor:
    """Return the mean cross-entropy of logits (n, V) on the targets (n,) that are no stand-in; 0 if there are none."""
    if stand_in is None:
        return functional.cross_entropy(logits, targets)
    total = functional.cross_entropy(logits, targets, reduction="sum", ignore_index=stand_in)
    return total / max(1, int((targets != stand_in).sum()))


def strip_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose name starts with ``prefix``, named without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _rng_name(rank: int) -> str:
    return f"{RNG_STATE}.{rank}" if rank else RNG_STATE
