"""What the machine allows: how fast it reads as many bytes as a step reads, and multiplies small integers."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from afterglow.core.inference.model_file import ModelFile
from onnx import TensorProto, helper, numpy_helper

ROUNDS = 15


def weight_bytes(file: ModelFile) -> int:
    """Bytes of weights and constants that one step of one row reads: all but the embedding, of which it is one row."""
    shape = file.architecture
    read = sum(array.nbytes for name, array in file.tensors.items() if not name.startswith(("embedding", "lstm.0")))
    recurrent = sum(file.tensors[f"lstm.0.{part}"].nbytes for part in ("weight_hh", "scale"))
    return read + recurrent + 4 * 4 * shape.width


def multiplications(file: ModelFile) -> int:
    """Integer multiply-adds in one step of one row."""
    a = file.architecture
    return 4 * a.width * (a.width + (a.layers - 1) * 2 * a.width) + a.vocabulary * a.width


def bandwidth(size: int, threads: int) -> float:
    """Bytes a second at which ``threads`` read a working set of ``size`` bytes again and again."""
    parts = [np.zeros(size // threads // 8, np.int64) for _ in range(threads)]
    return size / _fastest_of_many([lambda part=part: part.max() for part in parts], repeats=200)


def integer_rate(threads: int, rows: int = 256) -> float:
    """Multiply-adds a second of u8 x s8 products large enough to keep the CPU busy, on ONNX Runtime."""
    inner, outer = 1024, 2048
    session = _product(inner, outer)
    feed = {"x": np.full((rows, inner), 128, np.uint8)}
    return threads * rows * inner * outer / _fastest_of_many([lambda: session.run(None, feed)] * threads, repeats=5)


def _fastest_of_many(works: list[Callable[[], Any]], repeats: int) -> float:
    """Median seconds of one round in which every work runs once, each on a thread of its own."""
    return statistics.median(_run_together(works, repeats) for _ in range(ROUNDS))


def _run_together(works: list[Callable[[], Any]], repeats: int) -> float:
    gate, ended = threading.Barrier(len(works)), list[float]()
    begun = list[float]()

    def run(work: Callable[[], Any]) -> None:
        work()
        gate.wait()
        begun.append(time.perf_counter())
        for _ in range(repeats):
            work()
        ended.append(time.perf_counter())

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (max(ended) - min(begun)) / repeats


def _product(inner: int, outer: int) -> onnxruntime.InferenceSession:
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
