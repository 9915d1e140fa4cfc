"""The model as ONNX's own LSTM operators: what an exporter writes, and what ONNX Runtime's quantiser makes of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from afterglow.core.modelfile import ModelFile
from afterglow.core.quantisation import dequantised
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


def float_graph(file: ModelFile) -> bytes:
    """ids (1, B) and states (1, B, H) in; logits (B, V) and states out."""
    shape, tensors = file.architecture, file.tensors
    state = [1, "rows", shape.width]
    embedding = dequantised(tensors["embedding.weight"], tensors["embedding.scale"])
    constants = [("embedding", embedding), ("projection", _projection(file).T), ("bias", tensors["projection.bias"])]
    nodes = [helper.make_node("Gather", ["embedding", "ids"], ["x0"])]
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "rows"])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", shape.vocabulary])]
    for n in range(shape.layers):
        constants += [(f"{name}{n}", value) for name, value in zip("WRB", _layer(file, n), strict=True)]
        gates = [f"x{n}", f"W{n}", f"R{n}", f"B{n}", "", f"h{n}", f"c{n}"]
        nodes.append(helper.make_node("LSTM", gates, [f"y{n}", f"h{n}_", f"c{n}_"], hidden_size=shape.width))
        nodes.append(helper.make_node("Squeeze", [f"y{n}", "one"], [f"x{n + 1}"]))
        inputs += [helper.make_tensor_value_info(f"{kind}{n}", TensorProto.FLOAT, state) for kind in "hc"]
        outputs += [helper.make_tensor_value_info(f"{kind}{n}_", TensorProto.FLOAT, state) for kind in "hc"]
    nodes.append(helper.make_node("Squeeze", [f"x{shape.layers}", "zero"], ["top"]))
    nodes.append(helper.make_node("Gemm", ["top", "projection", "bias"], ["logits"]))
    made = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants]
    made += [numpy_helper.from_array(np.array([axis]), name) for name, axis in (("zero", 0), ("one", 1))]
    graph = helper.make_graph(nodes, "lstm", inputs, outputs, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def dynamically_quantised(graph: bytes) -> bytes:
    """The graph behind ONNX Runtime's dynamic quantisation, int8 weights."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(graph)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8, op_types_to_quantize=["LSTM"])
        return after.read_bytes()


def _layer(file: ModelFile, n: int) -> list[NDArray[Any]]:
    """W (1, 4H, E), R (1, 4H, H) and B (1, 8H), gates in ONNX's order i o f c."""
    tensors, scale = file.tensors, file.tensors[f"lstm.{n}.scale"]
    weights = [dequantised(tensors[f"lstm.{n}.weight_{kind}"], scale) for kind in ("ih", "hh")]
    bias = tensors[f"lstm.{n}.bias"]
    w, r, b = (np.concatenate([part[k] for k in (0, 3, 1, 2)])[None] for part in map(_four, (*weights, bias)))
    return [w, r, np.concatenate([b, np.zeros_like(b)], axis=1)]


def _four(gates: NDArray[Any]) -> list[NDArray[Any]]:
    return np.split(gates, 4)


def _projection(file: ModelFile) -> NDArray[np.float32]:
    return dequantised(file.tensors["projection.weight"], file.tensors["projection.scale"])
