"""The benchmarks: every implementation and every idle object can be made, and the tables show all results."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from afterglow.core.model import Model

sys.path.append(str(Path(__file__).parent.parent))
pytest.importorskip("benchmarks", reason="the benchmarks are not here: this is no checkout")

from benchmarks import serving, tables
from benchmarks.implementations import IMPLEMENTATIONS
from benchmarks.results import Results


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_every_implementation_draws_tokens(name: str, tiny: Model) -> None:
    if "torch" in name:
        pytest.importorskip("afterglow.core.training.model")
    assert IMPLEMENTATIONS[name](tiny, 2)(3) > 0


@pytest.mark.parametrize("kind", serving.PARKED_KINDS)
def test_every_idle_object_can_be_made(kind: str, tiny: Model) -> None:
    assert serving.PARKED_KINDS[kind](tiny)(1)


def test_the_tables_show_every_result() -> None:
    results: Results = {
        "model": "2 x 512 over 65 tokens",
        "machine": "2 x CPU",
        "rounds": 7,
        "rows": (1, 8),
        "seconds_per_token": {"afterglow": [0.00002, 0.00001]},
        "ratios": {"afterglow": [1.0, 1.1]},
        "processes": {"afterglow": {"seconds": 0.31, "peak_bytes": 82e6}},
        "roofline": {"1 row": {"seconds": 22e-6, "least": 20e-6}},
        "gaps": {"median_ms": 2.7, "p99_ms": 7.1, "others_per_second": 23_450},
        "lens": 7_765,
        "terminal": [{"what": "first paint", "figure": 463, "unit": "ms", "target": 700}],
        "learning": {"rows": (32, 128), "speeds": {"afterglow": [14_300, 12_100]}, "shares": [0.79, 0.67]},
        "parked": {"a stream": 8_500},
    }
    figures = ("50,000", "100,000", "1.1", "0.31", "82", "1.10 x 20", "2.7 ms", "7.1 ms", "23,450", "7,765", "463 ms")
    for page in (tables.as_text(results), tables.as_page(results, "make bench")):
        for figure in (*figures, "14,300", "79%", "8.5 KB", "2 x 512"):
            assert figure in page
