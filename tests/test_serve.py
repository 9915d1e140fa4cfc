"""``afterglow serve``: the routes of OpenAI's completions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from afterglow.core.model import Model
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from .conftest import DATA
from .serve_helpers import objects_of, serving

Client = TestClient[Request, Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving(DATA / "tiny-char.safetensors") as client:
        yield client


async def test_a_completion_is_the_text_that_the_library_writes(tiny: Model, client: Client) -> None:
    sent = {"prompt": "The lamp", "max_tokens": 40, "temperature": 0.8, "seed": 7}
    answer = await (await client.post("/v1/completions", json=sent)).json()
    choice = {"index": 0, "text": "", "logprobs": None, "finish_reason": "length"}
    assert answer["choices"] == [choice | {"text": tiny.generate("The lamp", temperature=0.8, length=40, rng=7)}]
    assert answer["usage"] == {"prompt_tokens": 8, "completion_tokens": 40, "total_tokens": 48}


async def test_a_stream_has_one_token_an_event_and_then_the_end(tiny: Model, client: Client) -> None:
    sent = {"prompt": "The lamp", "max_tokens": 40, "seed": 7, "stream": True, "model": tiny.name}
    answer = await client.post("/v1/completions", json=sent)
    *pieces, last = [event["choices"][0] for event in objects_of(await answer.text())]
    assert [piece["text"] for piece in pieces] == list(tiny.generate("The lamp", length=40, rng=7))
    assert (last["text"], last["finish_reason"]) == ("", "length")


async def test_the_models_are_those_of_the_library_after_the_default(tiny: Model, client: Client) -> None:
    listed = await (await client.get("/v1/models")).json()
    assert listed["data"][0]["id"] == tiny.name
    assert "shakespeare" in [entry["id"] for entry in listed["data"]]


async def test_a_path_is_no_model(client: Client) -> None:
    answer = await client.post("/v1/completions", json={"model": "/etc/passwd", "prompt": ""})
    error = (await answer.json())["error"]
    assert (answer.status, error["code"], error["param"]) == (404, "model_not_found", "model")
