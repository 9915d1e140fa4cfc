"""Picks the runtime for a model's int8 weights. All runtimes give the same bits."""

from __future__ import annotations

from .kernel import KERNEL
from .model_file import ModelFile
from .runtime import Runtime, default_threads


def fastest_runtime(file: ModelFile, threads: int | None = None) -> Runtime:
    """Return the compiled kernel if it was built and the processor supports it, else ONNX Runtime.

    ``threads`` is ``default_threads()`` if None.
    """
    if not KERNEL:
        return onnx_runtime(file, threads)
    from .kernel_backend import KernelRuntime

    return KernelRuntime(file, threads or default_threads(), kernel=KERNEL)


def onnx_runtime(file: ModelFile, threads: int | None = None) -> Runtime:
    """Return ONNX Runtime. It is imported only when needed, since that takes time."""
    from .onnx_backend import OnnxRuntime

    return OnnxRuntime(file, threads or default_threads())
