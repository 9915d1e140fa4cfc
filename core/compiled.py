"""The compiled kernel (``kernel.c``, ``kernel.pyi``), if it was built and this machine's processor can do it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def _found() -> ModuleType | None:
    try:
        kernel = import_module(".kernel", __package__)
    except ImportError:  # installed from source without a compiler
        return None
    return kernel if kernel.supported else None


KERNEL = _found()
