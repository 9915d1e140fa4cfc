"""The units of the network that the page shows, against those of the terminal."""

from __future__ import annotations

import pytest
from afterglow.core.inference.library import find_model
from afterglow.core.model import load

from .page_helpers import needs_node, run_page

TEXT = "To be, or not"


@needs_node
@pytest.mark.parametrize(("layer", "index"), [(1, 7), (2, 22), (2, 319)])
def test_the_gates_of_a_unit_are_those_of_the_trace(layer: int, index: int) -> None:
    model = load("shakespeare")
    path = str(find_model("shakespeare").path)
    [unit] = run_page({"do": "unit", "model": path, "fast": True, "text": TEXT, "layer": layer, "index": index})
    *_, last = model.trace(TEXT)
    states = last.layers[layer - 1]
    for gate in "ifgo":
        assert unit["gates"][gate]["value"] == pytest.approx(float(getattr(states, gate)[-1, index]), abs=1e-5)
    assert unit["c"] == float(states.c[-1, index])
    assert unit["before"] == float(states.c[-2, index])
    assert unit["h"] == pytest.approx(float(states.h[-1, index]), abs=1e-6)
    kept, written = (
        unit["gates"][a]["value"] * b for a, b in (("f", unit["before"]), ("i", unit["gates"]["g"]["value"]))
    )
    assert kept + written == pytest.approx(unit["c"], abs=1e-5)
