"""``afterglow serve``: every setting of a text is a field of a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client")

from afterglow.core.model import Model
from afterglow.core.setting_types import Ramp
from afterglow.repl.option_specs import OPTION_SPECS
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from .serve_helpers import serving

Client = TestClient[Request, Application]

VALUES: dict[str, tuple[object, object]] = {
    "temperature": ("0.2..1.6", Ramp(0.2, 1.6)),
    "style": ("ann", "ann"),
    "style_strength": (2, 2.0),
    "ban": (["e", "a"], ("e", "a")),
    "bias": ({"e": -2, "a": 3}, {"e": -2.0, "a": 3.0}),
    "top_k": (3, 3),
    "top_p": (0.5, 0.5),
    "min_p": (0.3, 0.3),
    "typical": (0.4, 0.4),
    "repeat_penalty": (1.5, 1.5),
    "repeat_last_n": (3, 3),
    "frequency_penalty": (1.5, 1.5),
    "presence_penalty": (1, 1.0),
    "dry_multiplier": (3, 3.0),
    "dry_base": (3, 3.0),
    "dry_allowed_length": (1, 1),
    "dry_penalty_last_n": (16, 16),
    "dry_sequence_breakers": ('["a"]', ("a",)),
    "surprise": (1, 1.0),
    "surprise_rate": (0.9, 0.9),
    "length": (33, 33),
    "finish": ("line", "line"),
    "stop": ("e", ("e",)),
    "keep_stop": (True, True),
    "rng": (11, 11),
    "whole_seed": (True, True),
}
"""A value of each setting as a request has it, and as the library takes it."""

DRY: dict[str, object] = {"dry_multiplier": 0.5, "temperature": 0, "length": 400}

BASE: dict[str, dict[str, object]] = {
    "style_strength": {"style": "ann"},
    "repeat_last_n": {"frequency_penalty": 2},
    "dry_base": DRY,
    "dry_allowed_length": DRY,
    "dry_penalty_last_n": DRY,
    "dry_sequence_breakers": DRY,
    "surprise_rate": {"surprise": 1},
    "keep_stop": {"stop": ["e"]},
}
"""Other settings with which one acts at all."""

NOT_SEEN = {"whole_seed"}
"""Settings that change nothing in this short text."""


@pytest.fixture(scope="module")
def file(styled: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with styles, as a file."""
    path = tmp_path_factory.mktemp("models") / "styled.safetensors"
    styled.file.save(path)
    return path


@pytest.fixture
async def client(file: Path) -> AsyncIterator[Client]:
    async with serving(file) as client:
        yield client


async def write(client: Client, **fields: object) -> str:
    answer = await client.post("/v1/completions", json={"prompt": "The lamp was", "rng": 7, "length": 60} | fields)
    assert answer.status == 200, await answer.text()
    return str((await answer.json())["choices"][0]["text"])


async def test_every_setting_is_a_field(styled: Model, client: Client) -> None:
    assert VALUES.keys() == {spec.name for spec in OPTION_SPECS}
    for name, (sent, value) in VALUES.items():
        base = BASE.get(name, {})
        text = await write(client, **(base | {name: sent}))
        expected = {"rng": 7, "length": 60, **base, name: value}
        assert text == styled.generate("The lamp was", **expected), name
        assert name in NOT_SEEN or text != await write(client, **base), name


async def test_a_name_with_hyphens_and_a_null_are_read_too(client: Client) -> None:
    assert await write(client, **{"top-k": 1}) == await write(client, top_k=1, temperature=None, stop=None)


async def test_view_settings_and_memory_are_passed_over(client: Client) -> None:
    assert await write(client, speed="fast", memory=5, autosave={}) == await write(client)
