"""The run in steps: its length, learning-rate decay, and the intervals of validation and checkpoints."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from .saved_keys import SCHEDULE_KEYS, from_file_keys, to_file_keys
from .train_config import TrainConfig
from .typed_json import Between, Count, Positive

MAX_VALIDATION_SHARE = 0.05
"""Maximum share of a run's time spent on validation. A token costs a third of a training token (no backward pass)."""

SAVE_INTERVAL_SECONDS = 30.0
"""Seconds of training between checkpoints. A crash loses no more than these."""


MEASURING_SECONDS = 10.0
"""Seconds over which the speed is measured, or a tenth of ``minutes`` if that is less."""

UNMEASURED_STEPS = 3
"""Number of first steps left out of the measurement, because they are slower."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The run in steps. It is stored in every checkpoint, so a resumed run takes the steps of an uninterrupted one.

    ``total_steps`` and ``decay_start`` are None until the end is known, ``save_every`` until the speed is measured.
    ``bf16`` is True if products are computed in bfloat16. ``threads`` is 0 until this machine has been measured.
    """

    total_steps: Count | None
    decay_start: Count | None
    eval_every: Positive
    save_every: Positive | None = None
    bf16: bool = False
    threads: Annotated[int, Between(0, 1_024)] = 0


def initial_schedule(
    config: TrainConfig, train_tokens: int, valid_tokens: int, bf16: bool = False, threads: int = 0
) -> Schedule:
    """Return the schedule before the speed is known, without regard to ``config.minutes``."""
    steps_per_epoch = max(1.0, train_tokens / config.tokens_per_step)
    min_interval = _min_eval_interval(config, valid_tokens)
    eval_every = max(min_interval, min(math.ceil(steps_per_epoch / 2), 2_000))
    if config.epochs == math.inf:
        return Schedule(None, None, eval_every, bf16=bf16, threads=threads)
    steps = max(1, math.ceil(config.epochs * steps_per_epoch))
    eval_every = _evaluations_interval(config, eval_every, min_interval, steps)
    return Schedule(steps, int(config.flat_fraction * steps), eval_every, bf16=bf16, threads=threads)


def measured_schedule(
    schedule: Schedule, config: TrainConfig, valid_tokens: int, step: int, seconds: float, seconds_per_step: float
) -> Schedule:
    """Return the schedule for the measured ``seconds_per_step``, at ``step`` after ``seconds`` of training."""
    schedule = replace(schedule, save_every=max(1, round(SAVE_INTERVAL_SECONDS / seconds_per_step)))
    if config.minutes == math.inf:
        return schedule
    rough_steps = step + max(0.0, 60 * config.minutes - seconds) / seconds_per_step
    min_interval = _min_eval_interval(config, valid_tokens)
    eval_every = _evaluations_interval(config, schedule.eval_every, min_interval, rough_steps)
    eval_share = valid_tokens / 3 / (eval_every * config.tokens_per_step)
    steps_by_time = int(step + (rough_steps - step) / (1 + eval_share))
    steps = int(max(step, min(schedule.total_steps or math.inf, steps_by_time)))
    return replace(schedule, total_steps=steps, decay_start=int(config.flat_fraction * steps), eval_every=eval_every)


def decay_schedule(schedule: Schedule, step: int) -> Schedule:
    """Return the schedule with an end: the learning rate decays from ``step`` on, over half as many steps again."""
    return replace(schedule, decay_start=step, total_steps=step + max(step // 2, 2 * schedule.eval_every))


def end_at(schedule: Schedule, step: int) -> Schedule:
    """Return the schedule of a run that ends at ``step``."""
    return replace(
        schedule, total_steps=step, decay_start=step if schedule.decay_start is None else schedule.decay_start
    )


def learning_rate_scale(config: TrainConfig, schedule: Schedule, step: int) -> float:
    """Return the share of the peak learning rate at ``step``: linear warm-up, flat, then linear decay."""
    scale = min(1.0, (step + 1) / config.warmup_steps)
    if schedule.decay_start is None or schedule.total_steps is None or step < schedule.decay_start:
        return scale
    progress = (step - schedule.decay_start) / max(1, schedule.total_steps - schedule.decay_start)
    return scale * (1 - (1 - config.final_rate_fraction) * progress)


def schedule_to_json(schedule: Schedule) -> dict[str, Any]:
    """Return the JSON values that a checkpoint stores."""
    return to_file_keys(asdict(schedule), SCHEDULE_KEYS)


def schedule_from_json(values: object, config: TrainConfig) -> Schedule:
    """Return the schedule stored in a checkpoint of a run with ``config``.

    Raises ValueError if it is damaged, TrainingError if another release wrote it.
    """
    schedule = from_file_keys(Schedule, values, SCHEDULE_KEYS)
    has_no_end = schedule.total_steps is None
    if has_no_end != (schedule.decay_start is None):
        raise ValueError("its end and the start of its decay do not belong together")
    if has_no_end and not config.is_open_ended and (config.minutes == math.inf or schedule.save_every):
        raise ValueError("it has no end")
    return schedule


def _evaluations_interval(config: TrainConfig, half_epoch: int, min_interval: int, steps: float) -> int:
    """Return the steps between validations of a run of ``steps``: as many as ``config`` has, or fine-tuning's half
    epoch if that is less than a quarter of the run."""
    if config.finetune:
        return max(min_interval, min(half_epoch, math.ceil(steps / 4)))
    return max(min_interval, math.ceil(steps / config.evaluations))


def _min_eval_interval(config: TrainConfig, valid_tokens: int) -> int:
    return math.ceil(valid_tokens / 3 / MAX_VALIDATION_SHARE / config.tokens_per_step)


class SpeedMeter:
    """Measures seconds per step, without the first steps."""

    def __init__(self) -> None:
        self._start: tuple[int, float] | None = None

    def is_ready(self, step: int, seconds: float, minutes: float) -> bool:
        """Return True if the measurement in a run of ``minutes`` is over. Call it after every step."""
        if self._start is None and step >= UNMEASURED_STEPS:
            self._start = (step, seconds)
        return self._start is not None and seconds >= min(MEASURING_SECONDS, 6 * minutes)

    def seconds_per_step(self, step: int, seconds: float) -> float:
        """Return the mean since the first steps; without later ones, the mean of all steps."""
        first, start = self._start or (0, 0.0)
        return (seconds - start) / (step - first) if step > first else seconds / step
