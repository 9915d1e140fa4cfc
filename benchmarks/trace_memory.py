"""Measure the peak memory of a long trace: ``python -m benchmarks.trace_memory [MODEL] [TOKENS]``."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
from afterglow.core.cells.traces import trace
from afterglow.core.model import load


def peak_mib() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(name: str = "tolstoy", tokens: str = "1000000") -> None:
    """Trace random tokens with all gates and print the memory before and at the peak."""
    model = load(name)
    ids = np.random.default_rng(1).integers(0, model.tokenizer.size, int(tokens))
    before, start, values = peak_mib(), time.perf_counter(), 0
    for block in trace(model, ids):
        values += sum(
            part.size for layer in block.layers for part in (layer.h, layer.c, layer.i, layer.f, layer.g, layer.o)
        )
    seconds = time.perf_counter() - start
    print(f"{name}: {len(ids):,} tokens, {values:,} values ({values * 4 / 2**30:.1f} GiB) in {seconds:.0f} s")
    print(f"peak {peak_mib():.0f} MiB, {before:.0f} MiB before the trace")


if __name__ == "__main__":
    main(*sys.argv[1:])
