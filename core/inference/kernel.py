"""The compiled kernel (``kernel.h``), built once for each kind of vectors; the widest that the processor can do."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from numpy.typing import NDArray

Array = NDArray[Any]

VARIANTS = "avx512", "avx2"
"""The widest vectors first."""


class Int8Kernel(Protocol):
    """A module in C. Arrays are contiguous."""

    supported: int
    """Whether this machine's processor can do it; where not, there are no functions."""

    simd_width: int
    """How many units or tokens it computes at a time: a block."""

    max_threads: int
    """On how many threads a step can be."""

    def step(self, program: int, ids: Array, /) -> None:
        """Step the rows of the ``Step`` at this address on by T tokens each, ids (T, rows), int64."""

    def generate(self, program: int, uniforms: Array, temperatures: Array, ids: Array, stats: Array, /) -> None:
        """Draw a token for every row and step on, T times.

        In: uniforms (T, rows) and temperatures (rows,), float64. Out: ids (T, rows), int64, and what is told of them,
        (4, T, rows), float64, in the order of ``sampler.Described``.
        """

    def sample(self, shaped: Array, uniforms: Array, ids: Array, count: int, /) -> None:
        """Draw ids (rows,), int64, from logits (rows, count), float64, by uniforms (rows,)."""

    def token_stats(self, raw: Array, shaped: Array, ids: Array, stats: Array, count: int, /) -> None:
        """What is to be told of ids (rows,), drawn from shaped logits (rows, count), into told (4, rows), float64."""


def load_kernel(variant: str) -> Int8Kernel | None:
    """The kernel in vectors of this kind, if it was built and this machine's processor can do it."""
    try:
        built = import_module(f".kernel_{variant}", __package__)
    except ImportError:  # installed from source without a compiler
        return None
    return cast(Int8Kernel, built) if built.supported else None


KERNEL = next(filter(None, map(load_kernel, VARIANTS)), None)
