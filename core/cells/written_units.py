"""The values of units in a text that a model wrote for a script or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from ..errors import SettingError
from ..events import Token
from ..generation.snapshot import Snapshot
from ..settings import Settings
from .traces import Network, UnitReader
from .units import Unit


class SeedReader(Network, Protocol):
    """A model, as far as its texts are read again."""

    settings: Settings

    def read_seed(self, seed: str, settings: Settings) -> Snapshot:
        """Return the snapshot that a text with these settings continues."""
        ...


class WrittenUnits:
    """Reads a text again that was written with these settings, to see a unit in it."""

    def __init__(self, model: SeedReader, seed: str, settings: Mapping[str, object]) -> None:
        self._model = model
        self._seed = seed
        self._settings = model.settings.changed(**settings)

    def values(self, unit: Unit, tokens: Sequence[Token]) -> list[float]:
        """Return the value after each token. Raises UsageError if the model has no such unit, or the style moved."""
        voice = self._settings.voice
        if voice.moves:
            raise SettingError("a unit is shown in a text of one style, not of a ramp")
        reader = UnitReader(self._model, unit)
        start = self._model.voices.restyle(self._model.read_seed(self._seed, self._settings), voice)
        return [float(value) for value in reader.values(start, np.array([token.id for token in tokens], np.int64))]
