"""ONNX's own LSTM operator in int8, as ONNX Runtime's quantizer makes it from an exported model."""

from __future__ import annotations

import tempfile
from pathlib import Path

from onnx import ModelProto, save


def quantize_dynamically(model: ModelProto) -> bytes:
    """Return ``model`` after ONNX Runtime's dynamic quantization, with int8 weights, serialized."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        save(model, before)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8, op_types_to_quantize=["LSTM", "MatMul"])
        return after.read_bytes()
