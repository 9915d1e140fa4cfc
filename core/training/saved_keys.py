"""Keys of run.json and of checkpoints that differ from the attribute's name. They never change: older runs resume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ..errors import TrainingError
from .typed_json import OtherKeysError, parse, require_object

T = TypeVar("T")

REQUEST_KEYS = {
    "encoding": "reading.encoding",
    "keep_boilerplate": "reading.keep_boilerplate",
    "field": "reading.field",
    "column": "reading.column",
    "lines": "reading.lines",
    "split": "reading.split",
    "minutes": "wanted.minutes",
    "epochs": "wanted.epochs",
    "size": "wanted.size",
    "layers": "wanted.layers",
    "width": "wanted.width",
    "batch_size": "wanted.batch",
    "learning_rate": "wanted.rate",
    "dropout": "wanted.dropout",
    "vocabulary_size": "vocabulary",
    "parent": "start",
}
"""``TrainRequest`` → ``wish`` in run.json. A dot leads into an inner object."""

CONFIG_KEYS = {
    "max_flat_epochs": "longest",
    "batch_size": "batch",
    "seq_len": "steps",
    "learning_rate": "rate",
    "warmup_steps": "warm_up",
    "flat_fraction": "flat",
    "final_rate_fraction": "last_rate",
    "grad_clip": "clip",
    "ema_decay": "average",
    "state_reset_prob": "reset",
    "evaluations": "validations",
}
"""``TrainConfig`` → ``recipe`` in run.json."""

SCHEDULE_KEYS = {"total_steps": "steps", "decay_start": "cool", "eval_every": "every", "save_every": "save"}
"""``Schedule`` → ``plan`` in a checkpoint."""

TRAINER_KEYS = {
    "tokens_seen": "seen",
    "loss_ema": "_smooth",
    "rate_factor": "_rate",
    "bad_validations": "_behind",
}
"""``Trainer`` → the values of a checkpoint."""

OTHER_RELEASE = "another release of afterglow began this run; resume it with that one, or start again with --replace"
"""Error message for a run.json with keys that this release does not know."""


def to_file_keys(values: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """Return ``values``, given by attribute name, under the keys of the file."""
    saved: dict[str, Any] = {}
    for name, value in values.items():
        section, dot, key = keys.get(name, name).rpartition(".")
        (saved.setdefault(section, {}) if dot else saved)[key] = value
    return saved


def from_file_keys(cls: type[T], saved: object, keys: Mapping[str, str]) -> T:
    """Return the dataclass whose fields a file has under ``keys``.

    Raises ValueError if a value is damaged, TrainingError if another release wrote them.
    """
    try:
        return parse(cls, to_attributes(saved, keys))
    except OtherKeysError:
        raise TrainingError(OTHER_RELEASE) from None


def to_attributes(saved: object, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return a file's values by attribute name. Raises ValueError if they or an inner object are missing."""
    values = require_object(saved)
    names = {key: name for name, key in keys.items()}
    sections = {key.partition(".")[0] for key in names if "." in key}
    if not all(isinstance(values.get(section), dict) for section in sections):
        raise OtherKeysError("an inner object is missing")
    flat = {key: value for key, value in values.items() if key not in sections}
    flat |= {f"{section}.{key}": value for section in sections for key, value in values[section].items()}
    return {names.get(key, key): value for key, value in flat.items()}
