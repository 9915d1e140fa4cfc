"""Loads the compiled kernel (``kernel.h``) for the widest vectors that this machine's processor supports."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]

VARIANTS = "avx512", "avx2"
"""Vector instruction sets, the widest first."""


INTERFACE = 3
"""Number of the layout of the C structs and of the functions, as in ``kernel.h``. A module built from other sources
than these, as in a checkout that was updated but not installed again, has another one or none, and is not used."""


class TokenStats(NamedTuple):
    """Statistics of drawn tokens, arrays of the same shape, (B,) or (K, B); fields as in ``events.Token``."""

    logprob: NDArray[np.float64]
    shaped: NDArray[np.float64]
    rank: NDArray[np.float64]
    entropy: NDArray[np.float64]


class Int8Kernel(Protocol):
    """The C module. Arrays must be contiguous."""

    supported: int
    """1 if this machine's processor has the instructions; if 0, the module has no functions."""

    simd_width: int
    """Number of hidden units, or of tokens of the projection, computed at a time: a block."""

    max_threads: int
    """Largest number of threads for one step."""

    max_phases: int
    """Largest number of phases in the ``Step`` struct: those of the largest model that a file can hold."""

    def step(self, step_address: int, ids: AnyArray, /) -> int | None:
        """Read T tokens per row, ids (T, rows), int64, with the ``Step`` struct at this address (kernel_step.h).

        Returns None, or the first id that is no token; then none was read.
        """

    def generate(
        self, step_address: int, uniforms: AnyArray, temperatures: AnyArray, ids: AnyArray, stats: AnyArray, /
    ) -> None:
        """Draw a token for every row and read it, T times.

        In: uniforms (T, rows) and temperatures (rows,), float64. Out: ids (T, rows), int64, and stats (4, T, rows),
        float64, the fields of ``TokenStats`` in order.
        """

    def sample(self, shaped: AnyArray, uniforms: AnyArray, ids: AnyArray, count: int, /) -> None:
        """Draw ids (rows,), int64, from logits (rows, count), float64, by uniforms (rows,)."""

    def token_stats(self, raw: AnyArray, shaped: AnyArray, ids: AnyArray, stats: AnyArray, count: int, /) -> None:
        """Fill stats (4, rows), float64, for ids (rows,) drawn from shaped logits (rows, count)."""


def load_kernel(variant: str) -> Int8Kernel | None:
    """Return the kernel of this variant.

    None if it was not built, or from other sources than these, or if the processor lacks the instructions.
    """
    try:
        module = import_module(f".kernel_{variant}", __package__)
    except ImportError:  # installed from source without a compiler
        return None
    usable = module.supported and getattr(module, "interface", 0) == INTERFACE
    return cast(Int8Kernel, module) if usable else None


KERNEL = next(filter(None, map(load_kernel, VARIANTS)), None)
"""The fastest kernel for this machine; None if there is none."""
