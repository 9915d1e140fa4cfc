"""The training loop: stateful truncated BPTT over parallel streams of a text, the best average kept, calibrated."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from ..modelfile import Architecture
from ..score import COLD_WINDOW
from ..tokenizer import Ids
from .lstm import Dropout, LSTMLanguageModel, States, detach

Tensors = tuple[Tensor, ...] | list[Tensor]

VALIDATION_PAUSE = 20
"""How many times longer than a validation, with what its hearer does with it, is trained before the next one."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. ``minutes`` bounds wall time, ``epochs`` passes over the text; the nearer ends it."""

    architecture: Architecture
    dropout: Dropout = field(default_factory=Dropout)
    minutes: float = math.inf
    epochs: float = math.inf
    batch: int = 32
    steps: int = 64
    rate: float = 4e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.02
    warm_up: float = 0.01
    flat: float = 0.4
    last_rate: float = 0.01
    clip: float = 0.5
    average: float = 0.998
    reset: float = 0.01
    validations: int = 20
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands. Losses are nats per token; ``valid_loss`` is there where it was just measured."""

    fraction: float
    seconds: float
    epoch: float
    chars_per_second: float
    train_loss: float
    valid_loss: float | None = None
    best: bool = False


class Trainer:
    """Trains a model on ids; ``run`` yields Progress and can be left at any time, ``result`` is the best so far."""

    def __init__(self, recipe: Recipe, trained: Ids, validated: Ids) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.model = LSTMLanguageModel(recipe.architecture, recipe.dropout)
        self.averaged = AveragedModel(self.model, multi_avg_fn=_average_towards(recipe.average))
        self.seconds = self.epochs = 0.0
        self._trained, self._validated = torch.from_numpy(trained), torch.from_numpy(validated)
        self._best_loss, self._best = math.inf, copy.deepcopy(self.model.state_dict())
        self._random = np.random.default_rng(recipe.seed)
        self._optimizer = torch.optim.AdamW(
            _decayed_and_not(self.model, recipe.weight_decay), recipe.rate, recipe.betas, fused=True
        )

    def run(self) -> Iterator[Progress]:
        """Train until the time or the epochs are over."""
        recipe = self.recipe
        autocast = bf16_is_faster(self.model, recipe.batch)
        start, seen, smooth = time.monotonic(), 0, math.log(recipe.architecture.vocabulary)
        next_fraction, next_seconds = 1 / recipe.validations, 0.0
        for inputs, targets, states in self._batches():
            self.seconds = time.monotonic() - start
            fraction = max(self.seconds / (60 * recipe.minutes), seen / (recipe.epochs * len(self._trained)))
            if fraction >= 1:
                break
            loss, states[:] = self._step(inputs, targets, states, fraction, autocast)
            seen += inputs.numel()
            smooth += (loss - smooth) * 0.05
            due = fraction >= next_fraction and self.seconds >= next_seconds
            yield self._progress(fraction, seen, smooth, due)
            if due:
                cost = time.monotonic() - start - self.seconds
                next_fraction, next_seconds = fraction + 1 / recipe.validations, self.seconds + VALIDATION_PAUSE * cost
        self.seconds = time.monotonic() - start
        yield self._progress(1.0, seen, smooth, validate=True)

    def check(self) -> float:
        """Measure the average on the validation part now, in nats per token, and keep it if it is the best."""
        return self._validate()[0]

    def result(self) -> LSTMLanguageModel:
        """The best averaged model, calibrated: its projection divided by the temperature that validation likes best."""
        model = LSTMLanguageModel(self.recipe.architecture)
        model.load_state_dict(self._best)
        with torch.no_grad():
            temperature = best_temperature(*logits_and_targets(model.eval(), self._validated))
            model.projection.weight.div_(temperature)
            model.projection.bias.div_(temperature)
        return model

    def _batches(self) -> Iterator[tuple[Tensor, Tensor, States]]:
        """Inputs and targets (B, T) down ``batch`` streams, epoch after epoch, with the states to go on from."""
        recipe, states = self.recipe, States()
        while True:
            shifted = self._trained[int(self._random.integers(0, recipe.steps)) :]
            length = (len(shifted) - 1) // recipe.batch
            inputs = shifted[: length * recipe.batch].view(recipe.batch, length)
            targets = shifted[1 : length * recipe.batch + 1].view(recipe.batch, length)
            states.clear()
            for at in range(0, max(1, length - recipe.steps + 1), recipe.steps):
                yield inputs[:, at : at + recipe.steps], targets[:, at : at + recipe.steps], states

    def _step(
        self, inputs: Tensor, targets: Tensor, states: States, fraction: float, autocast: bool
    ) -> tuple[float, States]:
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate * _schedule(self.recipe, fraction)
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits, after = self.model(inputs, self._some_reset(states))
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self._optimizer.step()
        self.averaged.update_parameters(self.model)
        return loss.item(), detach(after)

    def _some_reset(self, states: States) -> States | None:
        """The states with a rare row set to zero, so that the model also learns to begin."""
        if not states:
            return None
        keep = torch.from_numpy(self._random.random(self.recipe.batch) >= self.recipe.reset)
        return [(h * keep[None, :, None], c * keep[None, :, None]) for h, c in states]

    def _progress(self, fraction: float, seen: int, loss: float, validate: bool) -> Progress:
        valid_loss, best = self._validate() if validate else (None, False)
        self.epochs = seen / len(self._trained)
        speed = seen / max(self.seconds, 1e-9)
        return Progress(fraction, self.seconds, self.epochs, speed, loss, valid_loss, best)

    def _validate(self) -> tuple[float, bool]:
        """The average's validation loss, and whether it is the best yet: then it is kept."""
        logits, targets = logits_and_targets(self.averaged.module.eval(), self._validated)
        loss = functional.cross_entropy(logits, targets).item()
        best = loss < self._best_loss
        if best:
            self._best_loss, self._best = loss, copy.deepcopy(self.averaged.module.state_dict())
        return loss, best


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


def bf16_is_faster(model: LSTMLanguageModel, batch: int) -> bool:
    """Whether this CPU runs the model faster in bfloat16: measured, since few of them have the instructions."""
    ids = torch.zeros(batch, 16, dtype=torch.long)

    def seconds(enabled: bool) -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            model(ids)[0].float().sum().backward()
        return time.perf_counter() - start

    for enabled in (True, False):
        seconds(enabled)
    faster = min(seconds(True) for _ in range(3)) < min(seconds(False) for _ in range(3))
    model.zero_grad(set_to_none=True)
    return faster


def _schedule(recipe: Recipe, fraction: float) -> float:
    """The share of the full rate at ``fraction`` of the run: linear warm-up, flat, linear down to ``last_rate``."""
    if fraction < recipe.warm_up:
        return (fraction + 0.1 * recipe.warm_up) / (1.1 * recipe.warm_up)
    down = max(0.0, (fraction - recipe.flat) / (1 - recipe.flat))
    return 1 - (1 - recipe.last_rate) * down


def _average_towards(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential moving average that forgets the first steps: its decay grows as (1 + n) / (10 + n)."""

    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, steps: Tensor | int) -> None:
        n = int(steps)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update


def _decayed_and_not(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """Parameter groups: weight decay is for matrices, not for biases."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    biases = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": matrices, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]
