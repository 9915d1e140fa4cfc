"""What steps a model's int8 weights fastest on this machine; every way gives the same bits."""

from __future__ import annotations

from .kernel import KERNEL
from .model_file import ModelFile
from .runtime import Runtime, default_threads


def fastest_runtime(file: ModelFile, threads: int | None = None) -> Runtime:
    """The compiled kernel where it was built and the processor can do it; else ONNX Runtime."""
    if not KERNEL:
        return onnx_runtime(file, threads)
    from .kernel_backend import KernelRuntime

    return KernelRuntime(file, threads or default_threads())


def onnx_runtime(file: ModelFile, threads: int | None = None) -> Runtime:
    """ONNX Runtime, which is only imported where it is used."""
    from .onnx_backend import OnnxRuntime

    return OnnxRuntime(file, threads or default_threads())
