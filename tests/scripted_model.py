"""A model that writes a fixed text."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from afterglow.core.inference.model_file import ModelFile, open_model_file
from afterglow.core.inference.runtime import Stepper
from afterglow.core.model import Model, Prefill

from .conftest import DATA

GATE_TIMEOUT = 20.0
"""Seconds to wait for the gate."""


class ScriptedRuntime:
    """A runtime that generates ``text`` again and again, byte by byte.

    Before each byte from number ``after`` on it sets ``waiting`` and waits for ``gate``. ``bug`` is raised at the first
    step.
    """

    max_batches = 1

    def __init__(self, text: str, gate: threading.Event | None, after: int, bug: Exception | None) -> None:
        self._bytes, self._gate, self._after, self._bug = text.encode(), gate, after, bug
        self.waiting = threading.Event()

    def zeros(self, rows: int) -> tuple[Any, ...]:
        """Return the state: the number of bytes generated, 0."""
        return (np.zeros((rows, 1), np.int64),)

    def logits(self, count: int) -> Any:
        """Return logits that make the byte after ``count`` bytes certain."""
        row = np.full(256, -1000, np.float32)
        row[self._bytes[count % len(self._bytes)]] = 0
        return row

    def wait(self, count: int) -> None:
        """Wait until ``count`` bytes may be generated."""
        if self._bug:
            raise self._bug
        if self._gate and count > self._after:
            self.waiting.set()
            assert self._gate.wait(GATE_TIMEOUT)

    def stepper(self, state: Any, exclusive: bool = True) -> Any:  # noqa: ARG002
        """Return a stepper that generates from ``state`` on."""
        return _ScriptedStepper(self, state)


class _ScriptedStepper(Stepper):
    def __init__(self, script: ScriptedRuntime, state: Any) -> None:
        self._script, self._counts = script, state[0].copy()
        self._logits = np.empty((len(state[0]), 256), np.float32)

    @property
    def logits(self) -> Any:
        return self._logits

    @property
    def state(self) -> Any:
        return (self._counts,)

    def shift_gates(self, shifts: Any) -> None:
        """Write the same text in every style."""

    def step(self, _: Any) -> None:
        """Count a byte, whatever token was drawn."""
        counts = self._counts + 1
        self._script.wait(counts.max())
        self._logits = np.stack([self._script.logits(int(count)) for count in counts[:, 0]])
        self._counts = counts


class Scripted(Model):
    """A model that continues every seed with ``text``."""

    def __init__(
        self, text: str = "x", gate: threading.Event | None = None, after: int = 0, bug: Exception | None = None
    ) -> None:
        self.script = ScriptedRuntime(text, gate, after, bug)
        super().__init__("scripted", replace(_bytes_file(), tensors={}), self.script)

    def prefill_chunks(self, *given: Any, **more: Any) -> Generator[float, None, Prefill]:
        """Read the seed, then start at the beginning of the text."""
        reading = yield from super().prefill_chunks(*given, **more)
        begin = replace(reading.snapshot, state=self.script.zeros(1), logits=self.script.logits(0))
        return reading._replace(snapshot=begin)


def _bytes_file() -> ModelFile:
    return open_model_file(DATA / "tiny-byte.safetensors")
