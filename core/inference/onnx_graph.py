"""Builds the ONNX graph of one step from a model file: MatMulInteger, Sigmoid, Tanh, QuantizeLinear and little else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from .model_file import ModelFile
from .quantization import HIDDEN_SCALE, HIDDEN_ZERO, to_unsigned_bytes
from .runtime import has_input_table, input_table


class OnnxStepGraph:
    """Builds the graph: ids and states in, logits and states out. Names that end in _ are states after the step.

    ``fused`` uses ONNX Runtime's MatMulIntegerToFloat instead of four operators: the same bits, faster for many rows,
    slower for one.
    """

    def __init__(self, file: ModelFile, fused: bool = False) -> None:
        self._file = file
        self._fused = fused
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["rows"])]
        self._outputs = [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", file.architecture.vocabulary])
        ]

    def build(self) -> ModelProto:
        """Return the graph of the whole step."""
        self._add_constant("zero", np.array(HIDDEN_ZERO, np.uint8))
        self._add_constant("unit", np.array(HIDDEN_SCALE))
        self._add_constant("split", np.array([3 * self._file.architecture.width, self._file.architecture.width]))
        for layer in range(self._file.architecture.layers):
            self._add_layer(layer)
        self._add_projection(f"h{self._file.architecture.layers - 1}_")
        graph = helper.make_graph(self._nodes, "step", self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def _add_layer(self, n: int) -> None:
        self._add_state(f"h{n}", TensorProto.UINT8)
        self._add_state(f"c{n}", TensorProto.FLOAT)
        gates = self._add_first_gates() if n == 0 else self._add_gates(n)
        self._add_node("Split", [gates, "split"], f"ifo{n}", f"g{n}", axis=1)
        self._add_node("Sigmoid", [f"ifo{n}"], f"open{n}")
        self._add_node("Split", [f"open{n}"], f"i{n}", f"f{n}", f"o{n}", axis=1)
        self._add_node("Tanh", [f"g{n}"], f"candidate{n}")
        self._add_node("Mul", [f"i{n}", f"candidate{n}"], f"written{n}")
        self._add_node("Mul", [f"f{n}", f"c{n}"], f"kept{n}")
        self._add_node("Add", [f"written{n}", f"kept{n}"], f"c{n}_")
        self._add_node("Tanh", [f"c{n}_"], f"squashed{n}")
        self._add_node("Mul", [f"o{n}", f"squashed{n}"], f"real{n}")
        self._add_node("QuantizeLinear", [f"real{n}", "unit", "zero"], f"h{n}_")

    def _add_first_gates(self) -> str:
        """Add the gates of layer 0."""
        tensors = self._file.tensors
        if has_input_table(self._file.architecture):
            self._add_constant("table", reorder_gates(input_table(self._file), axis=1))
            self._add_node("Gather", ["table", "ids"], "from_input0")
        else:
            self._add_input_lookup()
        weight, scale = reorder_gates(tensors["lstm.0.weight_hh"]), reorder_gates(tensors["lstm.0.scale"])
        self._add_matmul("recurrent0", "h0", weight, scale)
        self._add_node("Add", ["recurrent0", "from_input0"], "gates0")
        return self._add_shift("gates0") if self._file.styles else "gates0"

    def _add_shift(self, gates: str) -> str:
        """Add the input ``shift``, (rows, 4H), gates in the order of ``reorder_gates``, to the gates of layer 0."""
        shape: list[str | int | None] = ["rows", 4 * self._file.architecture.width]
        self._inputs.append(helper.make_tensor_value_info("shift", TensorProto.FLOAT, shape))
        self._add_node("Add", [gates, "shift"], "shifted0")
        return "shifted0"

    def _add_input_lookup(self) -> None:
        """Add the product of the tokens' embeddings and the input weights: what ``input_table`` has for all tokens."""
        tensors = self._file.tensors
        self._add_constant("embedding", to_unsigned_bytes(tensors["embedding.weight"]))
        self._add_constant("embedding.scale", tensors["embedding.scale"][:, None])
        self._add_constant("input.weight", reorder_gates(tensors["lstm.0.weight_ih"]).T)
        self._add_constant("input.scale", reorder_gates(tensors["lstm.0.scale"]))
        self._add_constant("input.bias", reorder_gates(tensors["lstm.0.bias"]))
        self._add_node("Gather", ["embedding", "ids"], "embedded")
        self._add_node("Gather", ["embedding.scale", "ids"], "embedded.scale")
        self._add_node("MatMulInteger", ["embedded", "input.weight", "zero"], "input.sum")
        self._add_node("Cast", ["input.sum"], "input.cast", to=TensorProto.FLOAT)
        self._add_node("Mul", ["input.cast", "embedded.scale"], "input.product")
        self._add_node("Mul", ["input.product", "input.scale"], "input.scaled")
        self._add_node("Add", ["input.scaled", "input.bias"], "from_input0")

    def _add_gates(self, n: int) -> str:
        tensors = self._file.tensors
        self._add_node("Concat", [f"h{n - 1}_", f"h{n}"], f"read{n}", axis=1)
        weight = np.concatenate([tensors[f"lstm.{n}.weight_{kind}"] for kind in ("ih", "hh")], axis=1)
        scale, bias = reorder_gates(tensors[f"lstm.{n}.scale"]), reorder_gates(tensors[f"lstm.{n}.bias"])
        self._add_matmul(f"gates{n}", f"read{n}", reorder_gates(weight), scale, bias)
        return f"gates{n}"

    def _add_projection(self, h: str) -> None:
        tensors = self._file.tensors
        weight, scale, bias = (tensors[f"projection.{part}"] for part in ("weight", "scale", "bias"))
        self._add_matmul("logits", h, weight, scale, bias)

    def _add_matmul(
        self, out: str, h: str, weight: NDArray[Any], scale: NDArray[Any], bias: NDArray[Any] | None = None
    ) -> None:
        """Add ``out`` = weight x h, summed in integers, times scale plus bias in float32."""
        self._add_constant(f"{out}.weight", weight.T)
        if bias is not None:
            self._add_constant(f"{out}.bias", bias)
        if self._fused:
            self._add_constant(f"{out}.scale", scale)
            inputs = [h, f"{out}.weight", "unit", f"{out}.scale", "zero", "", f"{out}.bias" if bias is not None else ""]
            self._add_node("MatMulIntegerToFloat", inputs, out, domain="com.microsoft")
            return
        self._add_constant(f"{out}.scale", scale * HIDDEN_SCALE)
        self._add_node("MatMulInteger", [h, f"{out}.weight", "zero"], f"{out}.sum")
        self._add_node("Cast", [f"{out}.sum"], f"{out}.cast", to=TensorProto.FLOAT)
        self._add_node("Mul", [f"{out}.cast", f"{out}.scale"], out if bias is None else f"{out}.scaled")
        if bias is not None:
            self._add_node("Add", [f"{out}.scaled", f"{out}.bias"], out)

    def _add_state(self, name: str, kind: int) -> None:
        shape: list[str | int | None] = ["rows", self._file.architecture.width]
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        self._outputs.append(helper.make_tensor_value_info(f"{name}_", kind, shape))

    def _add_node(self, operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(operator, inputs, list(outputs), **attributes))

    def _add_constant(self, name: str, value: NDArray[Any]) -> None:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))


def reorder_gates(gates: NDArray[Any], axis: int = 0) -> NDArray[Any]:
    """Return gates i f g o as i f o g, so that the three with a sigmoid are adjacent."""
    i, f, g, o = np.split(gates, 4, axis)
    return np.concatenate([i, f, o, g], axis)
