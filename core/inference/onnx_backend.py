"""One step of an int8 LSTM for many rows at once, on ONNX Runtime: wherever that runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..text.tokenizer import Ids
from .model_file import ModelFile
from .onnx_graph import OnnxStepGraph
from .runtime import Logits, StateArrays, Stepper, int8_zeros


class OnnxRuntime:
    """ONNX Runtime over a graph of MatMulInteger, Sigmoid, Tanh and QuantizeLinear.

    h travels as uint8 (B, H), c as float32 (B, H). A batch that is alone is stepped on all ``threads``, each of which
    keeps its share of the weights in its own caches; else every batch has one thread, and none waits for another.
    """

    def __init__(self, file: ModelFile, threads: int = 1) -> None:
        self.max_batches = threads
        self.state_names = [f"{kind}{layer}" for layer in range(file.architecture.layers) for kind in "hc"]
        """The graph's names of the arrays of a state."""
        self._file = file
        self._sessions: dict[bool, onnxruntime.InferenceSession] = {}
        self.session(exclusive=True)

    def session(self, exclusive: bool) -> onnxruntime.InferenceSession:
        """What runs a step; all give the same bits."""
        if exclusive not in self._sessions:
            graph = OnnxStepGraph(self._file, fused=not exclusive).build()
            self._sessions[exclusive] = _open_session(graph.SerializeToString(), self.max_batches if exclusive else 1)
        return self._sessions[exclusive]

    def zeros(self, rows: int) -> StateArrays:
        """The state that has read nothing."""
        return int8_zeros(self._file.architecture, rows)

    def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:
        """What steps rows on from ``state``."""
        logits = np.empty((len(state[0]), self._file.architecture.vocabulary), np.float32)
        return _BoundStepper(self.session(exclusive), self.state_names, state, logits)


def _open_session(graph: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # A thread that waits a little for its next share keeps steps in a row fast; for ever, as it would, it keeps a
    # core busy while text comes at a reader's pace (docs/experiments.md).
    options.add_session_config_entry("session.intra_op.spin_duration_us", "200")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class _BoundStepper(Stepper):
    """Two sets of buffers, bound to the session once: a step reads the one and writes the other."""

    def __init__(
        self, session: onnxruntime.InferenceSession, names: Sequence[str], state: StateArrays, logits: Logits
    ) -> None:
        self._session, self._names = session, names
        self._ids = np.zeros(len(logits), np.int64)
        states = tuple(array.copy() for array in state), tuple(np.empty_like(array) for array in state)
        both = logits, np.empty_like(logits)
        self._bindings = [self._bind(*states, both[1]), self._bind(*states[::-1], both[0])]
        self._outputs = [(both[1], states[1]), (both[0], states[0])]
        self.logits, self.state = both[0], states[0]
        self._current = 0

    def step(self, ids: Ids) -> None:
        self._ids[:] = ids
        self._session.run_with_iobinding(self._bindings[self._current])
        self.logits, self.state = self._outputs[self._current]
        self._current = 1 - self._current

    def _bind(self, before: StateArrays, after: StateArrays, logits: Logits) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        binding.bind_cpu_input("ids", self._ids)
        for name, read, written in zip(self._names, before, after, strict=True):
            binding.bind_cpu_input(name, read)
            _bind_output(binding, f"{name}_", written)
        _bind_output(binding, "logits", logits)
        return binding


def _bind_output(binding: onnxruntime.IOBinding, name: str, array: NDArray[Any]) -> None:
    binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
