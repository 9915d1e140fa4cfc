"""Exports a model as a plain ONNX graph in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from ..user_files import write_user_file
from .export import Weights, dequantize_weights, export_metadata
from .model_file import Architecture, ModelFile

OPSET, IR_VERSION = 17, 9


def write_onnx(file: ModelFile, path: Path) -> None:
    """Write the graph of ``onnx_model``. Raises StorageError."""
    write_user_file(path, onnx_model(file).SerializeToString())


def onnx_model(file: ModelFile) -> ModelProto:
    """Return a float32 graph of standard operators: ids (B, T), h and c (layers, B, H) → logits (B, T, V), h_ and c_.

    A model with styles has one more input, style (S,): the weight of each style in the mix, all zeros for none. The
    whole batch is read in that style. Metadata holds the tokenizer, the architecture and the names of styles as JSON.
    """
    nodes = [*_style_nodes(), *_build_nodes(file.architecture)] if file.styles else _build_nodes(file.architecture)
    graph = helper.make_graph(nodes, "lstm", *_graph_io(file), _initializers(file, dequantize_weights(file)))
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="afterglow")
    helper.set_model_props(model, export_metadata(file))
    return model


def _style_nodes() -> list[NodeProto]:
    """Return the operators that add the mix of styles to the bias of layer 0."""
    return [
        helper.make_node("MatMul", ["style", "styles"], ["shift"]),
        helper.make_node("Add", ["plain_b0", "shift"], ["b0"]),
    ]


def _build_nodes(a: Architecture) -> list[NodeProto]:
    """Return the operators in the order of computation. Names that end in _ are states after the last token."""
    nodes = [
        helper.make_node("Gather", ["embedding", "ids"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["x0"], perm=[1, 0, 2]),  # ONNX's LSTM wants time first
        helper.make_node("Split", ["h"], [f"h{n}" for n in range(a.layers)], axis=0),
        helper.make_node("Split", ["c"], [f"c{n}" for n in range(a.layers)], axis=0),
    ]
    for n in range(a.layers):
        inputs = [f"x{n}", f"w{n}", f"r{n}", f"b{n}", "", f"h{n}", f"c{n}"]
        nodes.append(helper.make_node("LSTM", inputs, [f"y{n}", f"h{n}_", f"c{n}_"], hidden_size=a.width))
        nodes.append(helper.make_node("Squeeze", [f"y{n}", "direction"], [f"x{n + 1}"]))
    return [
        *nodes,
        helper.make_node("Concat", [f"h{n}_" for n in range(a.layers)], ["h_"], axis=0),
        helper.make_node("Concat", [f"c{n}_" for n in range(a.layers)], ["c_"], axis=0),
        helper.make_node("Transpose", [f"x{a.layers}"], ["read"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["read", "projection"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),
    ]


def _graph_io(file: ModelFile) -> tuple[list[ValueInfoProto], list[ValueInfoProto]]:
    """Return the graph's inputs and outputs."""
    a = file.architecture
    state: list[str | int | None] = [a.layers, "batch", a.width]
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "steps"])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "steps", a.vocabulary])]
    for name in ("h", "c"):
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, state))
        outputs.append(helper.make_tensor_value_info(f"{name}_", TensorProto.FLOAT, state))
    if file.styles:
        inputs.append(helper.make_tensor_value_info("style", TensorProto.FLOAT, [len(file.styles.names)]))
    return inputs, outputs


def _initializers(file: ModelFile, weights: Weights) -> list[TensorProto]:
    arrays: dict[str, NDArray[Any]] = {
        "embedding": weights["embedding.weight"],
        "projection": np.ascontiguousarray(weights["projection.weight"].T),
        "bias": weights["projection.bias"],
        "direction": np.array([1]),
    }
    for n in range(file.architecture.layers):
        arrays[f"w{n}"] = _to_onnx_gate_order(weights[f"lstm.weight_ih_l{n}"])[None]
        arrays[f"r{n}"] = _to_onnx_gate_order(weights[f"lstm.weight_hh_l{n}"])[None]
        biases = [_to_onnx_gate_order(weights[f"lstm.bias_{kind}_l{n}"]) for kind in ("ih", "hh")]
        arrays[f"b{n}"] = np.concatenate(biases)[None]
    if file.styles:
        arrays["plain_b0"] = arrays.pop("b0")
        arrays["styles"] = _style_biases(weights["styles.weight"])
    return [numpy_helper.from_array(array, name) for name, array in arrays.items()]


def _style_biases(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors of styles (S, 4H) as biases of ONNX's LSTM, (S, 8H): its second half is the recurrent bias."""
    biases = _to_onnx_gate_order(rows.T).T
    return np.concatenate([biases, np.zeros_like(biases)], axis=1)


def _to_onnx_gate_order(gates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorder rows of gates from torch's order, i f g o, to ONNX's, i o f c (where c is g)."""
    i, f, g, o = np.split(gates, 4)
    return np.concatenate([i, o, f, g])
