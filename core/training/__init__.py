"""From a text to a model file: the torch LSTM and its trainer. Nothing else in afterglow imports torch.

Four configurations: ``TrainRequest`` (the options of the command line), ``TrainConfig`` (hyperparameters, derived from
the request and the length of the text), ``Schedule`` (length and intervals in steps) and ``ModelSize`` (shape and
regularization of small, medium and large). Three classes train: ``TrainingRun`` (files: text, checkpoints, the finished
model) drives ``Trainer`` (loop, validation, early stopping), which drives ``Learner`` (one optimizer step).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .convert import to_torch

# GNU OpenMP's spin count, read when torch loads. With the default of 300,000, two busy programs can slow each other a
# hundredfold. With 2,000 no cost could be measured (docs/experiments.md).
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

__all__ = ["to_torch"]


def __getattr__(name: str) -> Any:
    # `afterglow --help` imports training.request and so this package. Importing torch takes seconds.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .convert import to_torch

    return to_torch
