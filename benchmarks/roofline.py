"""The limits of the machine: how fast it reads as many bytes as a step does, and multiplies 8-bit integers."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
import onnxruntime
from afterglow.core.inference.model_file import ModelFile
from onnx import TensorProto, helper, numpy_helper

ROUNDS = 15


def weight_bytes(file: ModelFile) -> int:
    """Bytes of weights and constants that a step of one row reads. Of the embedding it reads one row only."""
    shape = file.architecture
    read = sum(array.nbytes for name, array in file.tensors.items() if not name.startswith(("embedding", "lstm.0")))
    recurrent = sum(file.tensors[f"lstm.0.{part}"].nbytes for part in ("weight_hh", "scale"))
    return read + recurrent + 4 * 4 * shape.width


def multiplications(file: ModelFile) -> int:
    """Integer multiply-adds in a step of one row."""
    a = file.architecture
    return 4 * a.width * (a.width + (a.layers - 1) * 2 * a.width) + a.vocabulary * a.width


def bandwidth(size: int, threads: int) -> float:
    """Measure the bytes per second at which ``threads`` threads repeatedly read ``size`` bytes in all."""
    arrays = [np.zeros(size // threads // 8, np.int64) for _ in range(threads)]
    return size / _median_seconds([array.max for array in arrays], repeats=200)


def integer_rate(threads: int, rows: int = 256) -> float:
    """Measure the multiply-adds per second of u8 x s8 products on ONNX Runtime, large enough to keep the CPU busy."""
    inner, outer = 1024, 2048
    session = _matmul_session(inner, outer)
    inputs = {"x": np.full((rows, inner), 128, np.uint8)}
    return threads * rows * inner * outer / _median_seconds([lambda: session.run(None, inputs)] * threads, repeats=5)


def _median_seconds(calls: list[Callable[[], object]], repeats: int) -> float:
    """Return the median seconds in which every call runs once, each on its own thread."""
    return statistics.median(_time_threads(calls, repeats) for _ in range(ROUNDS))


def _time_threads(calls: list[Callable[[], object]], repeats: int) -> float:
    barrier = threading.Barrier(len(calls))
    starts = list[float]()
    ends = list[float]()

    def run(call: Callable[[], object]) -> None:
        call()
        barrier.wait()
        starts.append(time.perf_counter())
        for _ in range(repeats):
            call()
        ends.append(time.perf_counter())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (max(ends) - min(starts)) / repeats


def _matmul_session(inner: int, outer: int) -> onnxruntime.InferenceSession:
    weight = np.random.default_rng(1).integers(-64, 65, (inner, outer)).astype(np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "weight", "zero"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["rows", inner])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, ["rows", outer])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.array(128, np.uint8), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
