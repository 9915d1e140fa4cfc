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
from .batches import TokenSource
from .calibration import benchmark_dtypes, cold_loss, fit_temperature, logits_and_targets, supports_bf16, warm_up_torch
from .distributed import SINGLE_PROCESS, ProcessGroup
from .learner import Learner, strip_prefix
from .model import LSTMLanguageModel
from .schedule import (
    EARLY_STOPPING_PATIENCE,
    Schedule,
    TrainConfig,
    decay_schedule,
    initial_schedule,
    learning_rate_scale,
    measured_schedule,
)

MEASURING_SECONDS, UNMEASURED_STEPS = 10.0, 3
"""How long the speed is measured for at most (a tenth of ``minutes`` where that is less), without the first steps."""

MIN_RATE_FACTOR = 2.0**-10
"""Where a rate halved so often still gives no finite loss, something else is wrong."""


OVERFITTING_NOTE = "validation has turned: it begins to know the text by heart; the best so far is what is kept"
"""Overfitting in words."""


@dataclass(frozen=True, slots=True)
class TrainProgress:
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
class Checkpoint:
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
        config: TrainConfig,
        train_ids: TokenSource,
        valid_ids: Ids,
        initial_weights: Mapping[str, Tensor] | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        warm_up_torch()
        self.config, self.group = config, group
        self.learner = Learner(config, train_ids, initial_weights, group)
        self.schedule: Schedule | None = None
        self.seconds = 0.0
        self.step = self.seen = 0
        self._train_token_count, self.valid_ids = len(train_ids), torch.from_numpy(valid_ids.astype(np.int64))
        self._smooth, self._rate, self._behind = math.log(config.architecture.vocabulary), 1.0, 0
        self.best_loss, self._best_weights = math.inf, copy.deepcopy(self.model.state_dict())
        self._last_good: Checkpoint | None = None

    @property
    def model(self) -> LSTMLanguageModel:
        """With the weights of this step."""
        return self.learner.model

    @property
    def epochs(self) -> float:
        """Passes over the text so far."""
        return self.seen / self._train_token_count

    def run(self) -> Iterator[TrainProgress]:
        """Train until the time, the epochs or the improvement are over. Raises TrainingError where the loss stays NaN.

        A Progress with ``save`` is a good moment to keep ``state``.
        """
        self.prepare()
        assert self.schedule
        self._last_good = self.make_checkpoint()
        begun, pace = time.monotonic() - self.seconds, _SpeedMeter()
        while self.schedule.steps is None or self.step < self.schedule.steps:
            if not self._train_step():
                yield self._roll_back()
                continue
            self.seconds = time.monotonic() - begun
            if self.schedule.save is None:
                self.seconds = self.group.broadcast(self.seconds)
            save = self._measure_speed(pace) or (self.schedule.save is not None and self.step % self.schedule.save == 0)
            yield self._finish_step(save)
        self._last_good = self.make_checkpoint()

    def evaluate(self) -> float:
        """Measure the average on the validation part now, in nats per token, and keep it if it is the best."""
        return self._validate()[0]

    def result(self) -> LSTMLanguageModel:
        """The best averaged model, calibrated: its projection divided by the temperature that validation likes best."""
        with torch.random.fork_rng(devices=[]):  # whoever looks at the model on the way changes no dropout
            model = LSTMLanguageModel(self.config.architecture)
        model.load_state_dict(self._best_weights)
        with torch.no_grad():
            temperature = fit_temperature(*logits_and_targets(model.eval(), self.valid_ids))
            model.projection.weight.div_(temperature)
            model.projection.bias.div_(temperature)
        return model

    def make_checkpoint(self) -> Checkpoint:
        """Everything there is to a run, copied."""
        tensors = self.learner.state_tensors() | {
            f"best.{name}": tensor.cpu() for name, tensor in self._best_weights.items()
        }
        values = {name: getattr(self, name) for name in _SAVED_ATTRIBUTES}
        values |= {
            "plan": asdict(self.schedule) if self.schedule else None,
            "position": self.learner.batch_reader.position,
        }
        return Checkpoint({name: tensor.numpy().copy() for name, tensor in tensors.items()}, values)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from ``state``, in float32 where it was in bfloat16 and this machine has none.

        Raises KeyError, TypeError, ValueError or RuntimeError where it is not of this run.
        """
        tensors = {name: torch.from_numpy(array.copy()) for name, array in checkpoint.tensors.items()}
        for name in _SAVED_ATTRIBUTES:
            setattr(self, name, checkpoint.values[name])
        self.learner.load_tensors(tensors, self.step)
        self._best_weights = strip_prefix("best.", tensors)
        self.schedule = Schedule(**checkpoint.values["plan"]) if checkpoint.values["plan"] else None
        self.learner.batch_reader.position = checkpoint.values["position"]
        if self.schedule:
            self.schedule = replace(self.schedule, bf16=self.schedule.bf16 and supports_bf16(self.group.device))
            torch.set_num_threads(self.schedule.threads)

    def prepare(self) -> float:
        """Make the plan where there is none yet; roughly how many tokens a second this machine learns from."""
        before = torch.get_rng_state()
        bf16, speed = benchmark_dtypes(self.model, self.config.batch // self.group.world_size)
        torch.set_rng_state(before)
        bf16, threads = bool(self.group.broadcast(bf16)), int(self.group.broadcast(torch.get_num_threads()))
        if self.schedule is None:
            self.schedule = initial_schedule(self.config, self._train_token_count, len(self.valid_ids), bf16, threads)
        return speed * self.group.world_size

    def _measure_speed(self, meter: _SpeedMeter) -> bool:
        """Fix what the speed decides once it has been measured; whether that was just now."""
        assert self.schedule
        limit = min(MEASURING_SECONDS, 6 * self.config.minutes)
        if self.schedule.save is not None or not meter.is_ready(self.step, self.seconds, limit):
            return False
        per_step = meter.seconds_per_step(self.step, self.seconds)
        self.schedule = measured_schedule(
            self.schedule, self.config, len(self.valid_ids), self.step, self.seconds, per_step
        )
        return True

    def _train_step(self) -> bool:
        """One step; False where it came to no finite loss."""
        assert self.schedule
        rate = self.config.rate * self._rate * learning_rate_scale(self.config, self.schedule, self.step)
        learned = self.learner.train_step(rate, self.schedule.bf16)
        if learned is None:
            return False
        loss, tokens = learned
        self.step, self.seen = self.step + 1, self.seen + tokens
        self._smooth += (loss - self._smooth) * 0.05
        return True

    def _roll_back(self) -> TrainProgress:
        """To the last good state, with half the rate."""
        assert self._last_good
        rate, step = self._rate / 2, self.step + 1
        if rate < MIN_RATE_FACTOR:
            raise TrainingError(
                f"the loss is not a number at step {step:,}, however low the rate; nothing more is learned from here"
            )
        self.restore(self._last_good)
        self._rate = rate
        note = f"the loss turned NaN at step {step:,}: back to step {self.step:,}, with {rate:g} of the rate"
        return replace(self._make_progress(None, False), note=note)

    def _finish_step(self, save: bool) -> TrainProgress:
        assert self.schedule
        due = self.step % self.schedule.every == 0 or self.step == self.schedule.steps
        valid_loss, best = self._validate() if due else (None, False)
        note = self._update_early_stopping(best) if due else ""
        if save:
            self._last_good = self.make_checkpoint()
        return replace(self._make_progress(valid_loss, best), save=save, note=note)

    def _update_early_stopping(self, best: bool) -> str:
        """Count validations without a better one; an open-ended run cools down behind a few, and ends behind more."""
        assert self.schedule
        self._behind = 0 if best else self._behind + 1
        if self.config.minutes < math.inf or self.config.epochs < math.inf:
            return OVERFITTING_NOTE if self._behind == EARLY_STOPPING_PATIENCE else ""
        if self.schedule.cool is None and (
            self._behind >= EARLY_STOPPING_PATIENCE or self.epochs >= self.config.longest
        ):
            self.schedule, self._behind = decay_schedule(self.schedule, self.step), 0
            return "validation improves no more at this rate: from here on the rate falls"
        if self.schedule.cool is not None and self._behind >= 2 * EARLY_STOPPING_PATIENCE:
            self.schedule = replace(self.schedule, steps=self.step)
            return f"{OVERFITTING_NOTE}, and this is the end"
        return ""

    def _make_progress(self, valid_loss: float | None, best: bool) -> TrainProgress:
        assert self.schedule
        fraction = None if self.schedule.steps is None else self.step / self.schedule.steps
        speed = self.seen / max(self.seconds, 1e-9)
        return TrainProgress(fraction, self.seconds, self.epochs, speed, self._smooth, valid_loss, best, self.step)

    def _validate(self) -> tuple[float, bool]:
        """The average's validation loss, and whether it is the best yet: then it is kept."""
        average = self.learner.ema_model.module.eval()
        loss = self.group.broadcast(cold_loss(average, self.valid_ids) if self.group.is_main else 0.0)
        best = loss < self.best_loss
        if best:
            self.best_loss, self._best_weights = loss, copy.deepcopy(average.state_dict())
        return loss, best


_SAVED_ATTRIBUTES = ("seconds", "step", "seen", "_smooth", "_rate", "_behind", "best_loss")


class _SpeedMeter:
    """When the measured steps began."""

    def __init__(self) -> None:
        self._start: tuple[int, float] | None = None

    def is_ready(self, step: int, seconds: float, limit: float) -> bool:
        if self._start is None and step >= UNMEASURED_STEPS:
            self._start = (step, seconds)
            return seconds >= limit
        return self._start is not None and seconds >= limit

    def seconds_per_step(self, step: int, seconds: float) -> float:
        first, start = self._start or (0, 0.0)
        return (seconds - start) / (step - first) if step > first else seconds / step
