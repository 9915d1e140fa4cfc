"""The training loop: stateful truncated BPTT over parallel streams of a text, the best average kept, calibrated."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import TrainingError
from ..text.tokenizer import Ids
from .batches import Tokens
from .calibration import best_temperature, cold_loss, fastest, logits_and_targets, settle, takes_bf16
from .distributed import ALONE, Group
from .learner import Learner, under
from .model import LSTMLanguageModel
from .schedule import PATIENCE, Plan, Recipe, cooling_plan, first_plan, measured_plan, rate_at

MEASURING_SECONDS, UNMEASURED_STEPS = 10.0, 3
"""How long the speed is measured for at most (a tenth of ``minutes`` where that is less), without the first steps."""

SMALLEST_RATE = 2.0**-10
"""Where a rate halved so often still gives no finite loss, something else is wrong."""


TURNED = "validation has turned: it begins to know the text by heart; the best so far is what is kept"
"""Overfitting in words."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands behind a step. Losses are nats per token; ``valid_loss`` stands where it was just measured.

    ``fraction`` is None while an open-ended run does not know its end; ``note`` says what the trainer did by itself.
    """

    fraction: float | None
    seconds: float
    epoch: float
    chars_per_second: float
    train_loss: float
    valid_loss: float | None = None
    best: bool = False
    step: int = 0
    save: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """All that a run is between two steps, as arrays by name and JSON values: enough to go on bit for bit."""

    tensors: dict[str, NDArray[Any]]
    values: dict[str, Any]


class Trainer:
    """Trains a model on ids; ``run`` yields Progress and can be left at any time, ``result`` is the best so far.

    ``start`` holds the weights to begin with, by name. ``state`` and ``restore`` carry a run from one process to
    another; the plan is measured once, and travels with it. Where a ``group`` of processes trains together, each calls
    the same of these at the same time.
    """

    def __init__(
        self,
        recipe: Recipe,
        trained: Tokens,
        validated: Ids,
        start: Mapping[str, Tensor] | None = None,
        group: Group = ALONE,
    ) -> None:
        settle()
        self.recipe, self.group = recipe, group
        self.learner = Learner(recipe, trained, start, group)
        self.plan: Plan | None = None
        self.seconds = 0.0
        self.step = self.seen = 0
        self._trained, self.validated = len(trained), torch.from_numpy(validated.astype(np.int64))
        self._smooth, self._rate, self._behind = math.log(recipe.architecture.vocabulary), 1.0, 0
        self.best_loss, self._best = math.inf, copy.deepcopy(self.model.state_dict())
        self._good: State | None = None

    @property
    def model(self) -> LSTMLanguageModel:
        """With the weights of this step."""
        return self.learner.model

    @property
    def epochs(self) -> float:
        """Passes over the text so far."""
        return self.seen / self._trained

    def run(self) -> Iterator[Progress]:
        """Train until the time, the epochs or the improvement are over. Raises TrainingError where the loss stays NaN.

        A Progress with ``save`` is a good moment to keep ``state``.
        """
        self.prepare()
        assert self.plan
        self._good = self.state()
        begun, pace = time.monotonic() - self.seconds, _Pace()
        while self.plan.steps is None or self.step < self.plan.steps:
            if not self._train():
                yield self._go_back()
                continue
            self.seconds = time.monotonic() - begun
            if self.plan.save is None:
                self.seconds = self.group.told(self.seconds)
            save = self._measure(pace) or (self.plan.save is not None and self.step % self.plan.save == 0)
            yield self._progress(save)
        self._good = self.state()

    def check(self) -> float:
        """Measure the average on the validation part now, in nats per token, and keep it if it is the best."""
        return self._validate()[0]

    def result(self) -> LSTMLanguageModel:
        """The best averaged model, calibrated: its projection divided by the temperature that validation likes best."""
        with torch.random.fork_rng(devices=[]):  # whoever looks at the model on the way changes no dropout
            model = LSTMLanguageModel(self.recipe.architecture)
        model.load_state_dict(self._best)
        with torch.no_grad():
            temperature = best_temperature(*logits_and_targets(model.eval(), self.validated))
            model.projection.weight.div_(temperature)
            model.projection.bias.div_(temperature)
        return model

    def state(self) -> State:
        """Everything there is to a run, copied."""
        tensors = self.learner.tensors() | {f"best.{name}": tensor.cpu() for name, tensor in self._best.items()}
        values = {name: getattr(self, name) for name in _VALUES}
        values |= {"plan": asdict(self.plan) if self.plan else None, "position": self.learner.streams.position}
        return State({name: tensor.numpy().copy() for name, tensor in tensors.items()}, values)

    def restore(self, state: State) -> None:
        """Go on from ``state``, in float32 where it was in bfloat16 and this machine has none.

        Raises KeyError, TypeError, ValueError or RuntimeError where it is not of this run.
        """
        tensors = {name: torch.from_numpy(array.copy()) for name, array in state.tensors.items()}
        for name in _VALUES:
            setattr(self, name, state.values[name])
        self.learner.put(tensors, self.step)
        self._best = under("best.", tensors)
        self.plan = Plan(**state.values["plan"]) if state.values["plan"] else None
        self.learner.streams.position = state.values["position"]
        if self.plan:
            self.plan = replace(self.plan, bf16=self.plan.bf16 and takes_bf16(self.group.device))
            torch.set_num_threads(self.plan.threads)

    def prepare(self) -> float:
        """Make the plan where there is none yet; roughly how many tokens a second this machine learns from."""
        before = torch.get_rng_state()
        bf16, speed = fastest(self.model, self.recipe.batch // self.group.size)
        torch.set_rng_state(before)
        bf16, threads = bool(self.group.told(bf16)), int(self.group.told(torch.get_num_threads()))
        if self.plan is None:
            self.plan = first_plan(self.recipe, self._trained, len(self.validated), bf16, threads)
        return speed * self.group.size

    def _measure(self, pace: _Pace) -> bool:
        """Fix what the speed decides once it has been measured; whether that was just now."""
        assert self.plan
        limit = min(MEASURING_SECONDS, 6 * self.recipe.minutes)
        if self.plan.save is not None or not pace.knows(self.step, self.seconds, limit):
            return False
        per_step = pace.per_step(self.step, self.seconds)
        self.plan = measured_plan(self.plan, self.recipe, len(self.validated), self.step, self.seconds, per_step)
        return True

    def _train(self) -> bool:
        """One step; False where it came to no finite loss."""
        assert self.plan
        rate = self.recipe.rate * self._rate * rate_at(self.recipe, self.plan, self.step)
        learned = self.learner.train(rate, self.plan.bf16)
        if learned is None:
            return False
        loss, tokens = learned
        self.step, self.seen = self.step + 1, self.seen + tokens
        self._smooth += (loss - self._smooth) * 0.05
        return True

    def _go_back(self) -> Progress:
        """To the last good state, with half the rate."""
        assert self._good
        rate, step = self._rate / 2, self.step + 1
        if rate < SMALLEST_RATE:
            raise TrainingError(
                f"the loss is not a number at step {step:,}, however low the rate; nothing more is learned from here"
            )
        self.restore(self._good)
        self._rate = rate
        note = f"the loss turned NaN at step {step:,}: back to step {self.step:,}, with {rate:g} of the rate"
        return replace(self._told(None, False), note=note)

    def _progress(self, save: bool) -> Progress:
        assert self.plan
        due = self.step % self.plan.every == 0 or self.step == self.plan.steps
        valid_loss, best = self._validate() if due else (None, False)
        note = self._see_the_end(best) if due else ""
        if save:
            self._good = self.state()
        return replace(self._told(valid_loss, best), save=save, note=note)

    def _see_the_end(self, best: bool) -> str:
        """Count validations without a better one; an open-ended run cools down behind a few, and ends behind more."""
        assert self.plan
        self._behind = 0 if best else self._behind + 1
        if self.recipe.minutes < math.inf or self.recipe.epochs < math.inf:
            return TURNED if self._behind == PATIENCE else ""
        if self.plan.cool is None and (self._behind >= PATIENCE or self.epochs >= self.recipe.longest):
            self.plan, self._behind = cooling_plan(self.plan, self.step), 0
            return "validation improves no more at this rate: from here on the rate falls"
        if self.plan.cool is not None and self._behind >= 2 * PATIENCE:
            self.plan = replace(self.plan, steps=self.step)
            return f"{TURNED}, and this is the end"
        return ""

    def _told(self, valid_loss: float | None, best: bool) -> Progress:
        assert self.plan
        fraction = None if self.plan.steps is None else self.step / self.plan.steps
        speed = self.seen / max(self.seconds, 1e-9)
        return Progress(fraction, self.seconds, self.epochs, speed, self._smooth, valid_loss, best, self.step)

    def _validate(self) -> tuple[float, bool]:
        """The average's validation loss, and whether it is the best yet: then it is kept."""
        average = self.learner.averaged.module.eval()
        loss = self.group.told(cold_loss(average, self.validated) if self.group.leads else 0.0)
        best = loss < self.best_loss
        if best:
            self.best_loss, self._best = loss, copy.deepcopy(average.state_dict())
        return loss, best


_VALUES = ("seconds", "step", "seen", "_smooth", "_rate", "_behind", "best_loss")


class _Pace:
    """When the measured steps began."""

    def __init__(self) -> None:
        self._start: tuple[int, float] | None = None

    def knows(self, step: int, seconds: float, limit: float) -> bool:
        if self._start is None and step >= UNMEASURED_STEPS:
            self._start = (step, seconds)
            return seconds >= limit
        return self._start is not None and seconds >= limit

    def per_step(self, step: int, seconds: float) -> float:
        first, start = self._start or (0, 0.0)
        return (seconds - start) / (step - first) if step > first else seconds / step
