"""Models, text generation, sessions and training. Knows nothing of front ends.

>>> from afterglow.core import load
>>> model = load("shakespeare")
>>> text = "".join(token.text for token in model.stream("ROMEO:", temperature=0.8, length=200))
>>> len(text)
200
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from . import html_views

if TYPE_CHECKING:
    from .errors import AfterglowError
    from .events import Token
    from .generation.stream import StreamOptions
    from .generation.written_text import WrittenText
    from .model import Model, load
    from .sampling.rng import PositionRNG
    from .sampling.sampler import sample
    from .sampling.temperature import effective_choices, probs_at_temperatures, temperature_steps
    from .score import Score
    from .setting_types import Ramp
    from .settings import Settings

__all__ = [
    "AfterglowError",
    "Model",
    "PositionRNG",
    "Ramp",
    "Score",
    "Settings",
    "StreamOptions",
    "Token",
    "WrittenText",
    "effective_choices",
    "load",
    "probs_at_temperatures",
    "sample",
    "temperature_steps",
]

_LAZY_IMPORTS = {
    "AfterglowError": "errors",
    "Model": "model",
    "load": "model",
    "sample": "sampling.sampler",
    "Ramp": "setting_types",
    "Score": "score",
    "Token": "events",
    "Settings": "settings",
    "StreamOptions": "generation.stream",
    "WrittenText": "generation.written_text",
    "PositionRNG": "sampling.rng",
    "effective_choices": "sampling.temperature",
    "probs_at_temperatures": "sampling.temperature",
    "temperature_steps": "sampling.temperature",
}


def __getattr__(name: str) -> object:
    # Lazy: `afterglow --help` imports this package with core.errors, but must not import NumPy and ONNX Runtime.
    if name not in _LAZY_IMPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_LAZY_IMPORTS[name]}", __name__), name)


def _open_drawing() -> html_views.Draw:
    draw: html_views.Draw = importlib.import_module(".render.notebook_html", __name__).to_html
    return draw


html_views.register_drawing(_open_drawing)
