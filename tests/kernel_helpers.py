"""The compiled kernels, for tests of each that can run here."""

from __future__ import annotations

import pytest
from afterglow.core.inference.kernel import VARIANTS, load_kernel

KERNELS = {kind: found for kind in VARIANTS if (found := load_kernel(kind))}
"""Those that were built and that this processor can do, by kind, the widest vectors first."""

KERNEL_PARAMS = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(
            kind not in KERNELS, reason=f"no kernel in {kind}: not built, or not for this processor"
        ),
    )
    for kind in VARIANTS
]
"""A parameter for every kind."""
