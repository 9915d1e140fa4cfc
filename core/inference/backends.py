"""Picks the runtime for a model's int8 weights. All runtimes give the same bits."""

from __future__ import annotations

from ..errors import MissingExtraError
from .kernel import KERNEL
from .model_file import ModelFile
from .runtime import Runtime, default_threads

NO_KERNEL = "no kernel runs here (installed without a C compiler, or the processor has no AVX2), and "
NO_ONNX_RUNTIME = "ONNX Runtime is not installed: pip install 'afterglow-lm[onnx]'"


def fastest_runtime(file: ModelFile, threads: int | None = None) -> Runtime:
    """Return the compiled kernel if it was built and the processor supports it, else ONNX Runtime.

    ``threads`` is ``default_threads()`` if None. Raises MissingExtraError if there is neither.
    """
    if not KERNEL:
        return onnx_runtime(file, threads)
    from .kernel_backend import KernelRuntime

    return KernelRuntime(file, threads or default_threads(), kernel=KERNEL)


def onnx_runtime(file: ModelFile, threads: int | None = None) -> Runtime:
    """Return ONNX Runtime. It is imported only when needed, since that takes time. Raises MissingExtraError."""
    try:
        from .onnx_backend import OnnxRuntime
    except ImportError as error:
        raise MissingExtraError(("" if KERNEL else NO_KERNEL) + NO_ONNX_RUNTIME) from error
    return OnnxRuntime(file, threads or default_threads())
