"""What a run is to be: the recipe that was asked for, and the plan of steps that is fixed while it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ..inference.model_file import Architecture
from .model import Dropout

MAX_VALIDATION_SHARE = 0.05
"""How much of a run's time validations may take; one token of them costs a third of a trained one (no backward)."""

SAVE_INTERVAL_SECONDS = 30.0
"""How much training a crash may cost."""

MIN_MUON_TOKENS_PER_UNIT = 16
"""Tokens in a step for each hidden unit of a layer: Muon's products then take a third of the others'."""

EARLY_STOPPING_PATIENCE = 3
"""Validations without a better one after which an open-ended run begins to cool down."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train. ``minutes`` bounds wall time, ``epochs`` passes over the text; the nearer ends it.

    Without either the rate stays up until validation stops improving, or for ``longest`` epochs; then it cools down.
    """

    architecture: Architecture
    dropout: Dropout = field(default_factory=Dropout)
    minutes: float = math.inf
    epochs: float = math.inf
    longest: float = 60.0
    batch: int = 32
    steps: int = 64
    rate: float = 4e-3
    betas: tuple[float, float] = (0.9, 0.99)
    momentum: float = 0.95
    weight_decay: float = 0.02
    warm_up: int = 30
    flat: float = 0.4
    last_rate: float = 0.01
    clip: float = 0.5
    average: float = 0.998
    reset: float = 0.03
    validations: int = 20
    seed: int = 1

    @property
    def tokens_per_step(self) -> int:
        """B x T."""
        return self.batch * self.steps

    @property
    def use_muon(self) -> bool:
        """Whether a step is large enough for Muon's products, which grow with the width, to be a small part of it."""
        return self.tokens_per_step >= MIN_MUON_TOKENS_PER_UNIT * self.architecture.width


@dataclass(frozen=True, slots=True)
class Schedule:
    """How many steps there are, from which on the rate falls, and how many lie between validations and between saves.

    It is made once and kept in every checkpoint, so that a resumed run takes the very steps of one that was never
    stopped. ``steps`` and ``cool`` are None while nobody knows yet when the run ends; ``save`` is None until the
    speed has been measured; ``bf16`` tells what the products are computed in, ``threads`` on how many threads.
    """

    steps: int | None
    cool: int | None
    every: int
    save: int | None = None
    bf16: bool = False
    threads: int = 1


def initial_schedule(config: TrainConfig, train_tokens: int, valid_tokens: int, bf16: bool, threads: int) -> Schedule:
    """The plan before the speed is known; the clock has no part in it."""
    per_epoch = max(1.0, train_tokens / config.tokens_per_step)
    least = _min_eval_interval(config, valid_tokens)
    if config.epochs < math.inf:
        steps = max(1, math.ceil(config.epochs * per_epoch))
        every = max(least, math.ceil(steps / config.validations))
        return Schedule(steps, int(config.flat * steps), every, bf16=bf16, threads=threads)
    every = max(least, min(math.ceil(per_epoch / 2), 2_000))
    return Schedule(None, None, every, bf16=bf16, threads=threads)


def measured_schedule(
    schedule: Schedule, config: TrainConfig, valid_tokens: int, step: int, seconds: float, seconds_per_step: float
) -> Schedule:
    """The plan with what the speed decides: ``per_step`` seconds were measured up to ``step``, ``seconds`` in."""
    schedule = replace(schedule, save=max(1, round(SAVE_INTERVAL_SECONDS / seconds_per_step)))
    if config.minutes == math.inf:
        return schedule
    rough = step + max(0.0, 60 * config.minutes - seconds) / seconds_per_step
    every = max(_min_eval_interval(config, valid_tokens), math.ceil(rough / config.validations))
    share = valid_tokens / 3 / (every * config.tokens_per_step)
    steps = max(step, min(schedule.steps or math.inf, int(step + (rough - step) / (1 + share))))
    return replace(schedule, steps=int(steps), cool=int(config.flat * steps), every=every)


def decay_schedule(schedule: Schedule, step: int) -> Schedule:
    """An open-ended plan whose end has come into sight: from here the rate falls for half as long as it was up."""
    return replace(schedule, cool=step, steps=step + max(step // 2, 2 * schedule.every))


def learning_rate_scale(config: TrainConfig, schedule: Schedule, step: int) -> float:
    """The share of the full rate at ``step``: linear warm-up, flat, linear down to ``last_rate``."""
    share = min(1.0, (step + 1) / config.warm_up)
    if schedule.cool is None or schedule.steps is None or step < schedule.cool:
        return share
    down = (step - schedule.cool) / max(1, schedule.steps - schedule.cool)
    return share * (1 - (1 - config.last_rate) * down)


def _min_eval_interval(config: TrainConfig, valid_tokens: int) -> int:
    return math.ceil(valid_tokens / 3 / MAX_VALIDATION_SHARE / config.tokens_per_step)
