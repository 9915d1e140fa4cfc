"""The state of a run between two steps, as a checkpoint stores it, and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from .batches import ReaderPosition
from .saved_keys import TRAINER_KEYS, from_file_keys, to_file_keys
from .schedule import Schedule, schedule_from_json, schedule_to_json
from .train_config import TrainConfig
from .typed_json import Between, Count, Share, require_object

MAX_FLOAT32 = 3.5e38
"""A bound on every finite loss."""

MAX_MAGNITUDE = 1e6
"""A bound on weights, states and moments. Gradients are clipped, so none comes near it."""

COUNTERS = (".step", ".n_averaged")
"""Ends of the names of tensors that count steps."""

NEVER_NEGATIVE = (".exp_avg_sq", *COUNTERS)
"""Ends of the names of tensors that are means of squares or counters."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The complete state between two steps, as arrays by name and JSON values. Training resumes from it bit for bit."""

    tensors: dict[str, NDArray[Any]]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrainerState:
    """The numbers that a trainer counts and keeps, named as its attributes.

    ``best_step`` is None before the first validation, and if an earlier release saved the checkpoint.
    """

    seconds: Annotated[float, Between(0, 1e12)]
    step: Count
    tokens_seen: Count
    loss_ema: Annotated[float, Between(0, MAX_FLOAT32)]
    rate_factor: Share
    bad_validations: Count
    best_loss: Annotated[float, Between(0, MAX_FLOAT32, unlimited=True)]
    best_step: Count | None = None


@dataclass(frozen=True, slots=True)
class SavedState:
    """The values of a checkpoint. ``schedule`` is None if this machine had not been measured."""

    trainer: TrainerState
    schedule: Schedule | None
    position: ReaderPosition


def to_tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return copies of a checkpoint's arrays as tensors. Raises ValueError if torch does not know the type of one."""
    try:
        return {name: torch.from_numpy(array.copy()) for name, array in checkpoint.tensors.items()}
    except TypeError:
        raise ValueError("a tensor is of a type that torch does not know") from None


def state_to_json(state: SavedState) -> dict[str, Any]:
    """Return the JSON values that a checkpoint stores."""
    values = to_file_keys(asdict(state.trainer), TRAINER_KEYS)
    values["plan"] = schedule_to_json(state.schedule) if state.schedule else None
    values["position"] = asdict(state.position)
    return values


def state_from_json(saved: object, config: TrainConfig) -> SavedState:
    """Return the values stored in a checkpoint of a run with ``config``.

    Raises ValueError if one is damaged, TrainingError if another release wrote them.
    """
    values = dict(require_object(saved))
    plan, position = values.pop("plan", None), values.pop("position", None)
    return SavedState(
        from_file_keys(TrainerState, values, TRAINER_KEYS),
        None if plan is None else schedule_from_json(plan, config),
        from_file_keys(ReaderPosition, position, {}),
    )


def require_forms(tensors: Mapping[str, Tensor], forms: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless ``tensors`` have the names, shapes and types of ``forms``, and values that can be right.

    torch's optimizers write through their state without a look at its shape.
    """
    if tensors.keys() != forms.keys():
        raise ValueError("it has other tensors than this run")
    for name, tensor in tensors.items():
        if (tensor.shape, tensor.dtype) != (forms[name].shape, forms[name].dtype):
            raise ValueError(f"its tensor {name} has another shape or type")
        lowest = 0 if name.endswith(NEVER_NEGATIVE) else -MAX_MAGNITUDE
        highest = MAX_FLOAT32 if name.endswith(COUNTERS) else MAX_MAGNITUDE
        if not ((tensor >= lowest) & (tensor <= highest)).all():
            raise ValueError(f"its tensor {name} has values that no training gives")


def require_rng_state(state: Tensor) -> None:
    """Raise ValueError if torch's RNG cannot have ``state``."""
    try:
        torch.Generator().set_state(state)
    except RuntimeError:
        raise ValueError("its random state is damaged") from None
