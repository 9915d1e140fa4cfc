"""The trace of a text: the state and the gates of every unit at every token, as the runtime that plays has them.

Each layer of an LSTM keeps, for each of its H units, a cell c and a hidden state h. At token t it reads x_t, the
token's embedding or the h_t of the layer below, and its own state after the token before:

    a = W_ih x_t + W_hh h_(t-1) + b                 four numbers for each unit, in the order i f g o of the model file
    i = σ(a_i)      input gate: the share of the candidate that is written
    f = σ(a_f)      forget gate: the share of the cell that is kept
    g = tanh(a_g)   candidate: the new content
    o = σ(a_o)      output gate: the share of the cell that is shown
    c_t = f c_(t-1) + i g
    h_t = o tanh(c_t)

After Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget gate is that of Gers, Schmidhuber and
Cummins 2000, "Learning to forget". A style adds its shift to the a of layer 1. An int8 runtime keeps h_t as the nearest
multiple of 1/127. The gates are computed from the states that the runtime had: the products are whole numbers, summed
exactly, so only the last bits of σ and tanh can differ from those of the runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from ..generation.snapshot import Snapshot
from ..generation.voices import VoiceReader
from ..inference.model_file import Architecture, ModelFile
from ..inference.quantization import HIDDEN_SCALE
from ..inference.runtime import Runtime, StateArrays
from ..text.tokenizer import Ids
from .gates import GATES, Floats, GateWeights, hidden_steps
from .units import SYMBOLS, Unit, require_cells, require_unit

BLOCK_VALUES = 1 << 20
"""Values of each part in a block, 4 MB: a block has as many tokens as that allows."""


class Network(Protocol):
    """A model, as far as a trace needs it."""

    @property
    def file(self) -> ModelFile:
        """Its weights."""
        ...

    @property
    def runtime(self) -> Runtime:
        """The runtime that plays it."""
        ...

    @property
    def voices(self) -> VoiceReader:
        """Reads with the runtime, under a style."""
        ...


class LayerTrace:
    """The parts of one layer, float32 (t, H). The gates are computed when they are first asked for."""

    def __init__(self, h: Floats, c: Floats, compute_gate: Callable[[str], Floats]) -> None:
        self.h = h
        """Hidden state after each token, -1 to 1."""
        self.c = c
        """Cell after each token."""
        self._compute_gate = compute_gate

    @cached_property
    def i(self) -> Floats:
        """Input gate at each token, 0 to 1."""
        return self._compute_gate("i")

    @cached_property
    def f(self) -> Floats:
        """Forget gate at each token, 0 to 1."""
        return self._compute_gate("f")

    @cached_property
    def g(self) -> Floats:
        """Candidate at each token, -1 to 1."""
        return self._compute_gate("g")

    @cached_property
    def o(self) -> Floats:
        """Output gate at each token, 0 to 1."""
        return self._compute_gate("o")


class TraceBlock(NamedTuple):
    """A run of tokens, ids (t,), and the trace of each layer, the lowest first."""

    ids: Ids
    layers: list[LayerTrace]


def trace(network: Network, ids: Ids, start: Snapshot | None = None) -> Iterator[TraceBlock]:
    """Return an iterator over the trace of tokens ids (T,), read after ``start``, or from the zero state if it is None.

    They are read under the style of ``start``; of a ramp, its beginning counts. Raises UsageError for a mixture, which
    has no cells of its own.
    """
    recorder = _Recorder(network, start)
    return map(recorder.trace, recorder.split(ids))


class UnitReader:
    """Computes a single unit, without the gates of all others: fast enough for each new token."""

    def __init__(self, network: Network, unit: Unit) -> None:
        """Raises SettingError if the model has no such unit, UsageError for a mixture."""
        require_cells(network.file)
        require_unit(unit, network.file.architecture)
        self._network = network
        self._unit = unit
        self._symbol = SYMBOLS[unit.part]
        if self._symbol in GATES:
            units = slice(unit.index, unit.index + 1)
            self._weights = GateWeights(network.file, unit.layer - 1, self._symbol, units)

    def values(self, start: Snapshot | None, ids: Ids) -> Floats:
        """Return the value after each token of ids (T,), read as ``trace`` reads them, (T,)."""
        return self.follow(start)(ids)

    def follow(self, start: Snapshot | None) -> Callable[[Ids], Floats]:
        """Return a function that reads more tokens (T,) at each call, at first after ``start``: their values (T,)."""
        recorder = _Recorder(self._network, start)

        def read(ids: Ids) -> Floats:
            blocks = [self._compute(recorder, block) for block in recorder.split(ids)]
            return np.concatenate([*blocks, np.empty(0, np.float32)])

        return read

    def _compute(self, recorder: _Recorder, ids: Ids) -> Floats:
        states, layer, index = recorder.read(ids), self._unit.layer, self._unit.index
        if self._symbol == "c":
            return np.asarray(states[2 * layer - 1][1:, index])
        if self._symbol == "h":
            return hidden_steps(states[2 * layer - 2][1:, index]) * HIDDEN_SCALE
        return self._weights.compute(ids, states, recorder.shift)[:, 0]


class _Recorder:
    """Reads tokens and keeps the state after each."""

    def __init__(self, network: Network, start: Snapshot | None) -> None:
        file = network.file
        require_cells(file)
        start = start or Snapshot(network.runtime.zeros(1), np.empty(0, np.float32), 0)
        voice = start.voice.at(0)
        self.shift = file.styles.shift(dict(voice.mix)) if file.styles and voice.mix else None
        """Added by the style to the gates of layer 1, (4H,); None without a style."""
        self._file = file
        self._stepper = network.voices.stepper((start.rows[0], None), voice)
        self._weights = [
            {gate: GateWeights(file, layer, gate) for gate in GATES} for layer in range(file.architecture.layers)
        ]

    def split(self, ids: Ids) -> Iterator[Ids]:
        """Yield the tokens in runs of bounded size."""
        size = _block_tokens(self._file.architecture)
        return (ids[at : at + size] for at in range(0, len(ids), size))

    def read(self, ids: Ids) -> StateArrays:
        """Read tokens (t,); return the state's arrays before the first and after each, (t + 1, H)."""
        rows = len(ids) + 1
        states = tuple(np.empty((rows, array.shape[1]), array.dtype) for array in self._stepper.state)
        for n in range(rows):
            if n:
                self._stepper.step(ids[n - 1 : n])
            for kept, array in zip(states, self._stepper.state, strict=True):
                kept[n] = array[0]
        return states

    def trace(self, ids: Ids) -> TraceBlock:
        """Read a run of tokens and return its trace."""
        states = self.read(ids)
        return TraceBlock(ids, [self._layer_trace(n, ids, states) for n in range(len(self._weights))])

    def _layer_trace(self, layer: int, ids: Ids, states: StateArrays) -> LayerTrace:
        h, c = states[2 * layer : 2 * layer + 2]
        weights = self._weights[layer]
        return LayerTrace(
            hidden_steps(h[1:]) * HIDDEN_SCALE, c[1:], lambda gate: weights[gate].compute(ids, states, self.shift)
        )


def _block_tokens(architecture: Architecture) -> int:
    """Return the number of tokens of a block."""
    return max(1, BLOCK_VALUES // (architecture.layers * architecture.width))
