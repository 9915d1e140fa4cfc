"""afterglow's core: everything but the faces.

>>> from afterglow.core import load
>>> model = load("shakespeare")
>>> text = "".join(token.text for token in model.stream("ROMEO:", temperature=0.8, length=200))
>>> len(text)
200
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import AfterglowError
    from .events import Token
    from .model import Model, load
    from .sampling.sampler import sample
    from .score import Score
    from .setting_types import Ramp
    from .settings import Settings

__all__ = ["AfterglowError", "Model", "Ramp", "Score", "Settings", "Token", "load", "sample"]

_HOME = {
    "AfterglowError": "errors",
    "Model": "model",
    "load": "model",
    "sample": "sampling.sampler",
    "Ramp": "setting_types",
    "Score": "score",
    "Token": "events",
    "Settings": "settings",
}


def __getattr__(name: str) -> Any:
    # `afterglow --help` imports core.errors and so this package: numpy and ONNX Runtime wait until they are wanted.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
