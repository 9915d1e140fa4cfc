"""Steps an int8 LSTM, many rows at once, on ONNX Runtime: works on every platform that has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..text.tokenizer import Ids
from .model_file import ModelFile
from .onnx_graph import OnnxStepGraph, reorder_gates
from .runtime import Logits, StateArrays, Stepper, int8_zeros, require_ids, require_same_form
from .styles import NO_SHIFT, require_shifts


class OnnxRuntime:
    """Runs a model on ONNX Runtime, with a graph of MatMulInteger, Sigmoid, Tanh and QuantizeLinear.

    h is uint8 (B, H), c float32 (B, H). An exclusive batch is stepped on all ``threads``, each of which keeps its share
    of the weights in its own caches. Otherwise every batch has one thread, and none waits for another.
    """

    def __init__(self, file: ModelFile, threads: int = 1) -> None:
        self.max_batches = threads
        self.state_names = [f"{kind}{layer}" for layer in range(file.architecture.layers) for kind in "hc"]
        """Names of the state's arrays in the graph, in order."""
        self._file = file
        self._sessions: dict[bool, onnxruntime.InferenceSession] = {}
        self.session(exclusive=True)

    def session(self, exclusive: bool) -> onnxruntime.InferenceSession:
        """Return the session that runs a step, on all threads if ``exclusive``. Both sessions give the same bits."""
        if exclusive not in self._sessions:
            graph = OnnxStepGraph(self._file, fused=not exclusive).build()
            self._sessions[exclusive] = _open_session(graph.SerializeToString(), self.max_batches if exclusive else 1)
        return self._sessions[exclusive]

    def zeros(self, rows: int) -> StateArrays:
        """Return the initial state, before any token."""
        return int8_zeros(self._file.architecture, rows)

    def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:
        """Return a stepper that continues from a copy of ``state``."""
        require_same_form(state, self.zeros(0))
        logits = np.empty((len(state[0]), self._file.architecture.vocabulary), np.float32)
        shift = np.full((len(logits), 4 * self._file.architecture.width), NO_SHIFT) if self._file.styles else None
        return _BoundStepper(self.session(exclusive), self.state_names, state, logits, shift)


def _open_session(graph: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Threads that spin briefly before they sleep keep consecutive steps fast. By default they spin without end, which
    # keeps a core busy while text comes at reading speed (docs/experiments.md).
    options.add_session_config_entry("session.intra_op.spin_duration_us", "200")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class _BoundStepper(Stepper):
    """Has two sets of buffers, bound to the session once: each step reads one set and writes the other."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        names: Sequence[str],
        state: StateArrays,
        logits: Logits,
        shift: NDArray[np.float32] | None,
    ) -> None:
        self._session = session
        self._names = names
        self._ids = np.zeros(len(logits), np.int64)
        self._shift = shift
        states = tuple(array.copy() for array in state), tuple(np.empty_like(array) for array in state)
        logits_pair = logits, np.empty_like(logits)
        self._bindings = [self._bind(*states, logits_pair[1]), self._bind(*states[::-1], logits_pair[0])]
        self._outputs = [(logits_pair[1], states[1]), (logits_pair[0], states[0])]
        self._logits, self._state = self._outputs[1]
        self._current = 0

    @property
    def logits(self) -> Logits:
        return self._logits

    @property
    def state(self) -> StateArrays:
        return self._state

    def shift_gates(self, shifts: NDArray[np.float32] | None) -> None:
        if shifts is not None:
            require_shifts(shifts, len(self._ids), self._state[0].shape[1])
        if self._shift is not None:
            self._shift[:] = NO_SHIFT if shifts is None else reorder_gates(shifts, axis=1)
        elif shifts is not None:
            raise ValueError("the model has no styles, so its gates are not shifted")

    def step(self, ids: Ids) -> None:
        require_ids(ids, self._logits.shape[1])
        self._ids[:] = ids
        self._session.run_with_iobinding(self._bindings[self._current])
        self._logits, self._state = self._outputs[self._current]
        self._current = 1 - self._current

    def _bind(self, before: StateArrays, after: StateArrays, logits: Logits) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        binding.bind_cpu_input("ids", self._ids)
        if self._shift is not None:
            binding.bind_cpu_input("shift", self._shift)
        for name, old, new in zip(self._names, before, after, strict=True):
            binding.bind_cpu_input(name, old)
            _bind_output(binding, f"{name}_", new)
        _bind_output(binding, "logits", logits)
        return binding


def _bind_output(binding: onnxruntime.IOBinding, name: str, array: NDArray[Any]) -> None:
    binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
