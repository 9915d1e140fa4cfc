"""ONNX's own LSTM operator in int8: what ONNX Runtime's quantiser makes of an exported model."""

from __future__ import annotations

import tempfile
from pathlib import Path

from onnx import ModelProto, save


def quantize_dynamically(model: ModelProto) -> bytes:
    """The graph behind ONNX Runtime's dynamic quantisation, int8 weights."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        save(model, before)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8, op_types_to_quantize=["LSTM", "MatMul"])
        return after.read_bytes()
