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
from torch import Tensor, nn
from torch.nn import functional

from ..errors import TrainingError
from ..tokenizer import Ids
from .lstm import LSTMLanguageModel, States, detach
from .measuring import best_temperature, cold_loss, fastest, logits_and_targets, settle
from .optimizer import adamw, averaged
from .plan import PATIENCE, Plan, Recipe, cooling_plan, first_plan, measured_plan, rate_at
from .streams import Streams, Tokens

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
    another; the plan is measured once, and travels with it.
    """

    def __init__(
        self, recipe: Recipe, trained: Tokens, validated: Ids, start: Mapping[str, Tensor] | None = None
    ) -> None:
        settle()
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.model = LSTMLanguageModel(recipe.architecture, recipe.dropout)
        if start is not None:
            self.model.load_state_dict(start)
        self.averaged = averaged(self.model, recipe.average)
        self.plan: Plan | None = None
        self.seconds = 0.0
        self.step = self.seen = 0
        self._trained, self.validated = len(trained), torch.from_numpy(validated.astype(np.int64))
        self._streams = Streams(trained, recipe.batch, recipe.steps, recipe.seed)
        self._hidden: States = []
        self._smooth, self._rate, self._behind = math.log(recipe.architecture.vocabulary), 1.0, 0
        self.best_loss, self._best = math.inf, copy.deepcopy(self.model.state_dict())
        self._good: State | None = None
        self._optimizer = adamw(self.model, recipe)

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
            save = self._measure(pace) or (self.plan.save is not None and self.step % self.plan.save == 0)
            yield self._progress(save)
        self._good = self.state()

    def check(self) -> float:
        """Measure the average on the validation part now, in nats per token, and keep it if it is the best."""
        return self._validate()[0]

    def result(self) -> LSTMLanguageModel:
        """The best averaged model, calibrated: its projection divided by the temperature that validation likes best."""
        model = LSTMLanguageModel(self.recipe.architecture)
        model.load_state_dict(self._best)
        with torch.no_grad():
            temperature = best_temperature(*logits_and_targets(model.eval(), self.validated))
            model.projection.weight.div_(temperature)
            model.projection.bias.div_(temperature)
        return model

    def state(self) -> State:
        """Everything there is to a run, copied."""
        modules = {"model": self.model.state_dict(), "averaged": self.averaged.state_dict(), "best": self._best}
        tensors = {f"{kind}.{name}": tensor for kind, state in modules.items() for name, tensor in state.items()}
        for number, moments in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()}
        for layer, (h, c) in enumerate(self._hidden):
            tensors |= {f"hidden.{layer}.h": h, f"hidden.{layer}.c": c}
        tensors["random"] = torch.get_rng_state()
        values = {name: getattr(self, name) for name in _VALUES}
        values |= {"plan": asdict(self.plan) if self.plan else None, "position": self._streams.position}
        return State({name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}, values)

    def restore(self, state: State) -> None:
        """Go on from ``state``; raises KeyError, TypeError, ValueError or RuntimeError where it is not of this run."""
        tensors = {name: torch.from_numpy(array.copy()) for name, array in state.tensors.items()}
        self.model.load_state_dict(_under("model.", tensors))
        self.averaged.load_state_dict(_under("averaged.", tensors))
        self._best = _under("best.", tensors)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimizer.", tensors).items():
            number, field = name.split(".")
            moments.setdefault(int(number), {})[field] = tensor
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        hidden = _under("hidden.", tensors)
        self._hidden = [(hidden[f"{layer}.h"], hidden[f"{layer}.c"]) for layer in range(len(hidden) // 2)]
        torch.set_rng_state(tensors["random"])
        for name in _VALUES:
            setattr(self, name, state.values[name])
        self.plan = Plan(**state.values["plan"]) if state.values["plan"] else None
        self._streams.position = state.values["position"]
        if self.plan:
            torch.set_num_threads(self.plan.threads)

    def prepare(self) -> float:
        """Make the plan where there is none yet; roughly how many tokens a second this machine learns from."""
        before = torch.get_rng_state()
        bf16, speed = fastest(self.model, self.recipe.batch)
        torch.set_rng_state(before)
        if self.plan is None:
            self.plan = first_plan(self.recipe, self._trained, len(self.validated), bf16, torch.get_num_threads())
        return speed

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
        """One step; False, with nothing changed but the dice, where loss or gradient is not finite."""
        assert self.plan
        inputs, targets, first = self._streams.window()
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate * self._rate * rate_at(self.recipe, self.plan, self.step)
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.plan.bf16):
            logits, after = self.model(inputs, None if first else self._some_reset())
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        if not math.isfinite(loss.item()) or not math.isfinite(norm.item()):
            return False
        self._optimizer.step()
        self.averaged.update_parameters(self.model)
        self._hidden = [(h.float(), c.float()) for h, c in detach(after)]  # numpy knows no bfloat16
        self.step, self.seen = self.step + 1, self.seen + inputs.numel()
        self._smooth += (loss.item() - self._smooth) * 0.05
        return True

    def _some_reset(self) -> States | None:
        """The states with a rare row set to zero, so that the model also learns to begin."""
        keep = torch.from_numpy(self._streams.random.random(self.recipe.batch) >= self.recipe.reset)
        return [(h * keep[None, :, None], c * keep[None, :, None]) for h, c in self._hidden]

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
        loss = cold_loss(self.averaged.module.eval(), self.validated)
        best = loss < self.best_loss
        if best:
            self.best_loss, self._best = loss, copy.deepcopy(self.averaged.module.state_dict())
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


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
