"""One step of an int8 LSTM for many rows at once, on ONNX Runtime.

Every sum over weights is an integer sum, which does not depend on order, batch size or threads; what is left is
elementwise. So a row's logits are the same bit for bit whatever else the batch holds.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from .modelfile import ModelFile
from .quantisation import HIDDEN_SCALE, HIDDEN_ZERO
from .tokenizer import Ids

Logits = NDArray[np.float32]
State = tuple[NDArray[Any], ...]
"""What an LSTM remembers: h and c of each layer in turn, every array with one row a stream."""


class Runtime(Protocol):
    """Something that can step an LSTM. States and logits are never changed in place."""

    def zeros(self, rows: int) -> State:
        """The state that has read nothing, for so many rows."""
        ...

    def step(self, ids: Ids, state: State) -> tuple[Logits, State]:
        """Read one token a row, ids (B,): logits (B, V) for the next one, and the state behind it."""
        ...


def joined(states: Sequence[State]) -> State:
    """One state with the rows of all."""
    return tuple(np.concatenate(arrays) for arrays in zip(*states, strict=True))


def selected(state: State, rows: Sequence[int]) -> State:
    """A state with these rows of ``state``, copied."""
    return tuple(array[list(rows)] for array in state)


class Int8Runtime:
    """ONNX Runtime over a graph of MatMulInteger, Sigmoid, Tanh and QuantizeLinear.

    h travels as uint8 (B, H), c as float32 (B, H). Two ``threads`` keep half the weights each in their own caches.
    """

    def __init__(self, file: ModelFile, threads: int = 1) -> None:
        self._layers, self._width = file.architecture.layers, file.architecture.width
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # A thread that waits a little for its next share keeps steps in a row fast; for ever, as it would, it keeps a
        # core busy while text comes at a reader's pace (docs/experiments.md).
        options.add_session_config_entry("session.intra_op.spin_duration_us", "200")
        options.log_severity_level = 3
        graph = _Graph(file).model().SerializeToString()
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._names = [f"{kind}{layer}" for layer in range(self._layers) for kind in "hc"]

    def zeros(self, rows: int) -> State:
        """The state that has read nothing."""
        h = np.full((rows, self._width), HIDDEN_ZERO, np.uint8)
        return (h, np.zeros((rows, self._width), np.float32)) * self._layers

    def step(self, ids: Ids, state: State) -> tuple[Logits, State]:
        """Read one token a row."""
        feed = dict(zip(self._names, state, strict=True))
        feed["ids"] = ids
        logits, *after = self._session.run(None, feed)
        return logits, tuple(after)


def default_threads() -> int:
    """How many threads a step may use: the environment's AFTERGLOW_THREADS, else 2 where there are two processors."""
    value = os.environ.get("AFTERGLOW_THREADS", "")
    return int(value) if value.isdecimal() and int(value) else min(2, os.cpu_count() or 1)


class _Graph:
    """Builds the ONNX graph of one step. Names ending in _ are the state behind the step."""

    def __init__(self, file: ModelFile) -> None:
        self._file, self._nodes, self._constants = file, list[Any](), list[Any]()
        self._inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["rows"])]
        self._outputs = [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", file.architecture.vocabulary])
        ]

    def model(self) -> ModelProto:
        """The whole step: ids and states in, logits and states out."""
        self._constant("zero", np.array(HIDDEN_ZERO, np.uint8))
        self._constant("unit", np.array(HIDDEN_SCALE))
        self._constant("split", np.array([3 * self._file.architecture.width, self._file.architecture.width]))
        for layer in range(self._file.architecture.layers):
            self._layer(layer)
        self._projection(f"h{self._file.architecture.layers - 1}_")
        graph = helper.make_graph(self._nodes, "step", self._inputs, self._outputs, self._constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    def _layer(self, n: int) -> None:
        self._state(f"h{n}", TensorProto.UINT8)
        self._state(f"c{n}", TensorProto.FLOAT)
        gates = self._first_gates() if n == 0 else self._gates(n)
        self._node("Split", [gates, "split"], f"ifo{n}", f"g{n}", axis=1)
        self._node("Sigmoid", [f"ifo{n}"], f"open{n}")
        self._node("Split", [f"open{n}"], f"i{n}", f"f{n}", f"o{n}", axis=1)
        self._node("Tanh", [f"g{n}"], f"candidate{n}")
        self._node("Mul", [f"i{n}", f"candidate{n}"], f"written{n}")
        self._node("Mul", [f"f{n}", f"c{n}"], f"kept{n}")
        self._node("Add", [f"written{n}", f"kept{n}"], f"c{n}_")
        self._node("Tanh", [f"c{n}_"], f"squashed{n}")
        self._node("Mul", [f"o{n}", f"squashed{n}"], f"real{n}")
        self._node("QuantizeLinear", [f"real{n}", "unit", "zero"], f"h{n}_")

    def _first_gates(self) -> str:
        """Layer 0 looks its input's share up in a table (V, 4H): embedding, input weights and bias folded into one."""
        tensors = self._file.tensors
        self._constant("table", _reordered(input_table(self._file), axis=1))
        self._constant("weight0", _reordered(tensors["lstm.0.weight_hh"]).T)
        self._constant("scale0", _reordered(tensors["lstm.0.scale"]) * HIDDEN_SCALE)
        self._node("Gather", ["table", "ids"], "from_input0")
        self._node("MatMulInteger", ["h0", "weight0", "zero"], "sum0")
        return self._real(0, "sum0", "from_input0")

    def _gates(self, n: int) -> str:
        tensors = self._file.tensors
        for kind, source in (("ih", f"h{n - 1}_"), ("hh", f"h{n}")):
            self._constant(f"{kind}{n}", _reordered(tensors[f"lstm.{n}.weight_{kind}"]).T)
            self._node("MatMulInteger", [source, f"{kind}{n}", "zero"], f"sum_{kind}{n}")
        self._constant(f"scale{n}", _reordered(tensors[f"lstm.{n}.scale"]) * HIDDEN_SCALE)
        self._constant(f"bias{n}", _reordered(tensors[f"lstm.{n}.bias"]))
        self._node("Add", [f"sum_ih{n}", f"sum_hh{n}"], f"sum{n}")
        return self._real(n, f"sum{n}", f"bias{n}")

    def _projection(self, h: str) -> None:
        tensors = self._file.tensors
        self._constant("projection", tensors["projection.weight"].T)
        self._constant("scale", tensors["projection.scale"] * HIDDEN_SCALE)
        self._constant("bias", tensors["projection.bias"])
        self._node("MatMulInteger", [h, "projection", "zero"], "sum")
        self._real("", "sum", "bias", out="logits")

    def _real(self, n: int | str, total: str, offset: str, out: str = "") -> str:
        """total x scale + offset in float32."""
        out = out or f"gates{n}"
        self._node("Cast", [total], f"cast{n}", to=TensorProto.FLOAT)
        self._node("Mul", [f"cast{n}", f"scale{n}"], f"scaled{n}")
        self._node("Add", [f"scaled{n}", offset], out)
        return out

    def _state(self, name: str, kind: int) -> None:
        shape: list[str | int | None] = ["rows", self._file.architecture.width]
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        self._outputs.append(helper.make_tensor_value_info(f"{name}_", kind, shape))

    def _node(self, operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(operator, inputs, list(outputs), **attributes))

    def _constant(self, name: str, value: NDArray[Any]) -> None:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))


def input_table(file: ModelFile) -> NDArray[np.float32]:
    """What layer 0 gets from each token, (V, 4H): its embedding through the input weights, plus the bias.

    The factors are whole numbers below 2^7 and their sums far below 2^53, so float64 adds them without rounding, in
    whatever order a matrix library likes.
    """
    tensors = file.tensors
    sums = tensors["embedding.weight"].astype(np.float64) @ tensors["lstm.0.weight_ih"].T.astype(np.float64)
    scaled = sums.astype(np.float32) * tensors["embedding.scale"][:, None] * tensors["lstm.0.scale"]
    return np.asarray(scaled + tensors["lstm.0.bias"], np.float32)


def _reordered(gates: NDArray[Any], axis: int = 0) -> NDArray[Any]:
    """Gates i f g o as i f o g: the three that go through a sigmoid lie together."""
    i, f, g, o = np.split(gates, 4, axis)
    return np.concatenate([i, f, o, g], axis)
