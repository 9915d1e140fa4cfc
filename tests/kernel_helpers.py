"""The compiled kernels that this processor can run."""

from __future__ import annotations

import pytest
from afterglow.core.inference.kernel import VARIANTS, load_kernel

KERNELS = {variant: kernel for variant in VARIANTS if (kernel := load_kernel(variant))}
"""Kernels that were built and that this processor can run, by variant, widest vectors first."""

KERNEL_PARAMS = [
    pytest.param(
        variant,
        marks=pytest.mark.skipif(
            variant not in KERNELS, reason=f"the {variant} kernel is not built, or this processor cannot run it"
        ),
    )
    for variant in VARIANTS
]
"""A test parameter for every variant; those that cannot run are skipped."""
