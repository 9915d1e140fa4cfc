"""The training loop: stateful truncated BPTT, validation of the averaged weights, early stopping, calibration."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ..errors import TrainingError
from ..text.labels import NO_RUNS, LabelRuns
from ..text.tokenizer import Ids
from .batches import TokenSource
from .calibration import benchmark_dtypes, calibrate, cold_loss, supports_bf16, warm_up_torch
from .distributed import SINGLE_PROCESS, ProcessGroup
from .finetuning import MIN_GAIN, PATIENCE, RATE_STEP, lowest_rate, mix_with_parent
from .learner import Learner, strip_prefix
from .model import LSTMLanguageModel
from .saved_state import (
    Checkpoint,
    SavedState,
    TrainerState,
    require_forms,
    state_from_json,
    state_to_json,
    to_tensors,
)
from .schedule import SpeedMeter, decay_schedule, end_at, initial_schedule, learning_rate_scale, measured_schedule
from .train_config import TrainConfig

EARLY_STOPPING_PATIENCE = 3
"""Validations in a row without improvement after which an open-ended run starts to decay its learning rate."""

MIN_RATE_FACTOR = 2.0**-10
"""Lowest share of the learning rate that is tried. If the loss is NaN even then, training gives up."""

OVERFITTING_NOTE = "validation loss is rising (overfitting); the best model so far is kept"


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """The state of training after a step. Losses are in nats per token.

    ``fraction`` is None while the end of an open-ended run is unknown. ``train_loss`` is a moving average.
    ``valid_loss`` is None unless it was measured at this step. ``save`` is True if a checkpoint is due. ``note`` is a
    message about a change that the trainer made by itself, or "".
    """

    fraction: float | None
    seconds: float
    epoch: float
    tokens_per_second: float
    train_loss: float
    valid_loss: float | None = None
    is_best: bool = False
    step: int = 0
    save: bool = False
    note: str = ""


class Trainer:
    """Trains a model on token ids. ``run`` can be left at any step, ``result`` is the best model so far.

    ``initial_weights``, by name, replace the random ones. ``make_checkpoint`` and ``restore`` carry a run from one
    process to another. If a ``group`` of processes trains together, each must call the same methods at the same time.
    ``labels`` of the training tokens and ``valid_labels`` are numbers of ``config.styles``.
    """

    def __init__(
        self,
        config: TrainConfig,
        train_ids: TokenSource,
        valid_slices: Sequence[Ids],
        initial_weights: Mapping[str, Tensor] | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
        labels: LabelRuns = NO_RUNS,
        valid_labels: Sequence[Ids] = (),
        stand_in: int | None = None,
    ) -> None:
        warm_up_torch()
        self.config = config
        self.group = group
        self.learner = Learner(config, train_ids, initial_weights, group, labels, stand_in)
        self.valid_slices, self.valid_labels = ([i for i in ids if len(i) > 1] for ids in (valid_slices, valid_labels))
        self.schedule = initial_schedule(config, len(train_ids), self.valid_token_count)
        self.seconds = 0.0
        self.step = 0
        self.tokens_seen = 0
        self._train_token_count = len(train_ids)
        self.loss_ema = math.log(config.architecture.vocabulary)
        self.rate_factor = 1.0
        self.bad_validations = 0
        self.best_loss = math.inf
        self.best_step: int | None = None
        self._best_weights = copy.deepcopy(self.model.state_dict())
        self._parent_weights = self._best_weights if config.finetune and initial_weights is not None else None

    @property
    def valid_token_count(self) -> int:
        """Number of validation tokens."""
        return sum(map(len, self.valid_slices))

    @property
    def model(self) -> LSTMLanguageModel:
        """The model with the weights of this step."""
        return self.learner.model

    @property
    def epochs(self) -> float:
        """Passes over the text so far."""
        return self.tokens_seen / self._train_token_count

    def run(self) -> Iterator[TrainProgress]:
        """Train until the time or the epochs are over, or validation stops improving. Yields after each step.

        Goes back to the last checkpoint if the loss is NaN. Raises TrainingError if it stays NaN.
        """
        self.prepare()
        if self.config.finetune and self.best_loss == math.inf:  # the parent is the first candidate
            self.loss_ema, is_best = self._validate()
            yield self._make_progress(self.loss_ema, is_best)
        last_good = self.make_checkpoint()
        begin = time.monotonic() - self.seconds
        meter = SpeedMeter()
        while self.schedule.total_steps is None or self.step < self.schedule.total_steps:
            if not self._train_step():
                yield self._roll_back(last_good)
                continue
            self.seconds = time.monotonic() - begin
            if self.schedule.save_every is None:  # all ranks must end the measurement at the same step
                self.seconds = self.group.broadcast(self.seconds)
            save = self._measure_speed(meter) or self._save_is_due()
            progress = self._finish_step(save)
            if save:
                last_good = self.make_checkpoint()
            yield progress

    def evaluate(self) -> float:
        """Return the validation loss of the averaged weights in nats per token, and keep them if they are the best."""
        return self._validate()[0]

    def result(self) -> LSTMLanguageModel:
        """Return the best model, averaged with its parent if it has one, and calibrated on the validation text."""
        model = self.learner.build_model(self._best_weights)
        valid = self.valid_slices, self.valid_labels
        if self._parent_weights is None or mix_with_parent(model, self._parent_weights, *valid):
            calibrate(model, *valid)
        return model

    def last(self) -> LSTMLanguageModel:
        """Return the model of this step as training left it: its averaged weights, not calibrated."""
        return self.learner.build_model(self.learner.ema_model.module.state_dict())

    def make_checkpoint(self) -> Checkpoint:
        """Return a copy of the complete state."""
        tensors = self.learner.state_tensors()
        for prefix, weights in ("best.", self._best_weights), ("parent.", self._parent_weights or {}):
            tensors |= {f"{prefix}{name}": tensor.cpu() for name, tensor in weights.items()}
        counters = TrainerState(**{field.name: getattr(self, field.name) for field in fields(TrainerState)})
        schedule = self.schedule if self.schedule.threads else None
        state = SavedState(counters, schedule, self.learner.batch_reader.position)
        return Checkpoint({name: tensor.numpy().copy() for name, tensor in tensors.items()}, state_to_json(state))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from ``checkpoint``, in float32 if this machine has no bfloat16.

        Raises ValueError, before anything has changed, if it is not of this run; TrainingError if it is of another
        release.
        """
        state = state_from_json(checkpoint.values, self.config)
        tensors = to_tensors(checkpoint)
        own = {name: tensor for name, tensor in tensors.items() if not name.startswith(("best.", "parent."))}
        self.learner.batch_reader.require_in_text(state.position)
        self.learner.require_own(own, state.trainer.step)
        require_forms(strip_prefix("best.", tensors), self._best_weights)
        require_forms(strip_prefix("parent.", tensors), self._best_weights if self.config.finetune else {})
        self._load(state, tensors)

    def _load(self, state: SavedState, tensors: dict[str, Tensor]) -> None:
        for field in fields(TrainerState):
            setattr(self, field.name, getattr(state.trainer, field.name))
        self.learner.load_tensors(tensors, self.step)
        self._best_weights = strip_prefix("best.", tensors)
        self._parent_weights = strip_prefix("parent.", tensors) or None
        self.learner.batch_reader.position = state.position
        if state.schedule:
            self.schedule = replace(state.schedule, bf16=state.schedule.bf16 and supports_bf16(self.group.device))
            torch.set_num_threads(max(1, self.schedule.threads))

    def prepare(self) -> float:
        """Measure this machine and return its rough speed in tokens per second.

        Sets data type and threads of the schedule, unless they came with a checkpoint.
        """
        before = torch.get_rng_state()
        bf16, speed = benchmark_dtypes(self.model, self.config.batch_size // self.group.world_size)
        torch.set_rng_state(before)
        bf16 = bool(self.group.broadcast(bf16))
        threads = int(self.group.broadcast(torch.get_num_threads()))
        if not self.schedule.threads:
            self.schedule = replace(self.schedule, bf16=bf16, threads=threads)
        return speed * self.group.world_size

    def _measure_speed(self, meter: SpeedMeter) -> bool:
        """Complete the schedule if the measurement of the speed ends at this step. Return True if it does."""
        if self.schedule.save_every is not None or not meter.is_ready(self.step, self.seconds, self.config.minutes):
            return False
        seconds_per_step = meter.seconds_per_step(self.step, self.seconds)
        self.schedule = measured_schedule(
            self.schedule, self.config, self.valid_token_count, self.step, self.seconds, seconds_per_step
        )
        return True

    def _save_is_due(self) -> bool:
        return self.schedule.save_every is not None and self.step % self.schedule.save_every == 0

    def _train_step(self) -> bool:
        """Take a step. Return False if the loss is not finite."""
        scale = learning_rate_scale(self.config, self.schedule, self.step)
        outcome = self.learner.train_step(self.config.learning_rate * self.rate_factor * scale, self.schedule.bf16)
        if outcome is None:
            return False
        loss, tokens = outcome
        self.step += 1
        self.tokens_seen += tokens
        self.loss_ema += (loss - self.loss_ema) * 0.05
        return True

    def _roll_back(self, last_good: Checkpoint) -> TrainProgress:
        """Restore ``last_good`` and halve the learning rate. Raise TrainingError if it is too low already."""
        factor = self.rate_factor / 2
        step = self.step + 1
        if factor < MIN_RATE_FACTOR:
            raise TrainingError(f"the loss is NaN at step {step:,}, even at the lowest learning rate; stopped")
        self._load(state_from_json(last_good.values, self.config), to_tensors(last_good))
        self.rate_factor = factor
        note = f"the loss was NaN at step {step:,}: back to step {self.step:,}, at {factor:g} of the learning rate"
        return replace(self._make_progress(None, False), note=note)

    def _finish_step(self, save: bool) -> TrainProgress:
        due = self.step % self.schedule.eval_every == 0 or self.step == self.schedule.total_steps
        wanted = self.best_loss - (MIN_GAIN if self.config.finetune else 0)
        valid_loss, is_best = self._validate() if due else (None, False)
        note = "" if valid_loss is None else self._update_early_stopping(valid_loss < wanted)
        return replace(self._make_progress(valid_loss, is_best), save=save, note=note)

    def _update_early_stopping(self, improved: bool) -> str:
        """Count validations without improvement, and decay or end an open-ended run after some. Return a note or ""."""
        self.bad_validations = 0 if improved else self.bad_validations + 1
        if self.config.finetune:
            return self._go_back_if_due()
        if not self.config.is_open_ended:
            return OVERFITTING_NOTE if self.bad_validations == EARLY_STOPPING_PATIENCE else ""
        if self.schedule.decay_start is None:
            return self._start_decay_if_due()
        if self.bad_validations >= 2 * EARLY_STOPPING_PATIENCE:
            self.schedule = end_at(self.schedule, self.step)
            return f"{OVERFITTING_NOTE}, and training ends"
        return ""

    def _go_back_if_due(self) -> str:
        """Go back to the best weights at a lower rate if validation stopped improving. End the run at the lowest."""
        if self.bad_validations < PATIENCE:
            return ""
        self.bad_validations = 0
        self.rate_factor /= RATE_STEP
        self.learner.load_weights(self._best_weights)
        if self.rate_factor >= lowest_rate(self._parent_weights or {}, self._best_weights):
            return "validation loss has stopped improving; back to the best model so far, at a lower learning rate"
        self.schedule = end_at(self.schedule, self.step)
        return "validation loss improves at no learning rate; training ends, and the best model is kept"

    def _start_decay_if_due(self) -> str:
        if self.bad_validations < EARLY_STOPPING_PATIENCE and self.epochs < self.config.max_flat_epochs:
            return ""
        self.schedule = decay_schedule(self.schedule, self.step)
        self.bad_validations = 0
        return "validation loss has stopped improving; lowering the learning rate"

    def _make_progress(self, valid_loss: float | None, is_best: bool) -> TrainProgress:
        fraction = None if self.schedule.total_steps is None else self.step / self.schedule.total_steps
        speed = self.tokens_seen / max(self.seconds, 1e-9)
        return TrainProgress(fraction, self.seconds, self.epochs, speed, self.loss_ema, valid_loss, is_best, self.step)

    def _validate(self) -> tuple[float, bool]:
        """Return the validation loss of the averaged weights, and True if it is the best so far. If so, keep them."""
        average = self.learner.ema_model.module.eval()
        valid = self.valid_slices, self.valid_labels
        loss = self.group.broadcast(cold_loss(average, *valid) if self.group.is_main else 0.0)
        is_best = loss < self.best_loss
        if is_best:
            self.best_loss, self.best_step = loss, self.step
            self._best_weights = copy.deepcopy(average.state_dict())
        return loss, is_best
