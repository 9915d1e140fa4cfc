"""What a run is to be: the recipe that was asked for, and the plan of steps that is fixed while it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ..inference.model_file import Architecture
from .model import Dropout

VALIDATION_SHARE = 0.05
"""How much of a run's time validations may take; one token of them costs a third of a trained one (no backward)."""

SAVING_SECONDS = 30.0
"""How much training a crash may cost."""

MUON_FROM = 16
"""Tokens in a step for each hidden unit of a layer: Muon's products then take a third of the others'."""

PATIENCE = 3
"""Validations without a better one after which an open-ended run begins to cool down."""


@dataclass(frozen=True, slots=True)
class Recipe:
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
    def muon(self) -> bool:
        """Whether a step is large enough for Muon's products, which grow with the width, to be a small part of it."""
        return self.tokens_per_step >= MUON_FROM * self.architecture.width


@dataclass(frozen=True, slots=True)
class Plan:
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


def first_plan(recipe: Recipe, trained: int, validated: int, bf16: bool, threads: int) -> Plan:
    """The plan before the speed is known; the clock has no part in it."""
    per_epoch = max(1.0, trained / recipe.tokens_per_step)
    least = _least_between(recipe, validated)
    if recipe.epochs < math.inf:
        steps = max(1, math.ceil(recipe.epochs * per_epoch))
        every = max(least, math.ceil(steps / recipe.validations))
        return Plan(steps, int(recipe.flat * steps), every, bf16=bf16, threads=threads)
    every = max(least, min(math.ceil(per_epoch / 2), 2_000))
    return Plan(None, None, every, bf16=bf16, threads=threads)


def measured_plan(plan: Plan, recipe: Recipe, validated: int, step: int, seconds: float, per_step: float) -> Plan:
    """The plan with what the speed decides: ``per_step`` seconds were measured up to ``step``, ``seconds`` in."""
    plan = replace(plan, save=max(1, round(SAVING_SECONDS / per_step)))
    if recipe.minutes == math.inf:
        return plan
    rough = step + max(0.0, 60 * recipe.minutes - seconds) / per_step
    every = max(_least_between(recipe, validated), math.ceil(rough / recipe.validations))
    share = validated / 3 / (every * recipe.tokens_per_step)
    steps = max(step, min(plan.steps or math.inf, int(step + (rough - step) / (1 + share))))
    return replace(plan, steps=int(steps), cool=int(recipe.flat * steps), every=every)


def cooling_plan(plan: Plan, step: int) -> Plan:
    """An open-ended plan whose end has come into sight: from here the rate falls for half as long as it was up."""
    return replace(plan, cool=step, steps=step + max(step // 2, 2 * plan.every))


def rate_at(recipe: Recipe, plan: Plan, step: int) -> float:
    """The share of the full rate at ``step``: linear warm-up, flat, linear down to ``last_rate``."""
    share = min(1.0, (step + 1) / recipe.warm_up)
    if plan.cool is None or plan.steps is None or step < plan.cool:
        return share
    down = (step - plan.cool) / max(1, plan.steps - plan.cool)
    return share * (1 - (1 - recipe.last_rate) * down)


def _least_between(recipe: Recipe, validated: int) -> int:
    return math.ceil(validated / 3 / VALIDATION_SHARE / recipe.tokens_per_step)
