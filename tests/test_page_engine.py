"""The page's engine against the terminal's: the same seed, settings and rng give the same text."""

from __future__ import annotations

from pathlib import Path

import pytest
from afterglow.core.model import load

from .page_helpers import needs_node, run_page

pytestmark = needs_node

TEMPERATURES = (0.5, 0.8, 1.2)
BUNDLED = sorted((Path(__file__).parent.parent / "models").glob("*.safetensors"))


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_bundled_model_writes_the_same_tokens_on_the_page(path: Path) -> None:
    model, settings = load(str(path)), [{"temperature": t, "length": 150, "stop": []} for t in TEMPERATURES]
    [texts] = run_page({"do": "write", "model": str(path), "seed": "The ", "rng": 7, "settings": settings})
    for values, tokens in zip(settings, texts, strict=True):
        expected = list(model.stream("The ", rng=7, **values))
        assert len(expected) > 50
        assert [(token["id"], token["text"]) for token in tokens] == [(token.id, token.text) for token in expected]
