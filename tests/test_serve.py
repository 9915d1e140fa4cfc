"""``afterglow serve``: the routes of OpenAI's completions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

pytest.importorskip("prometheus_client")

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


async def test_bytes_of_a_character_are_named_by_their_numbers(tiny_bytes: Model) -> None:
    async with serving(DATA / "tiny-byte.safetensors") as client:
        sent = {"prompt": "é d", "max_tokens": 2, "echo": True, "logprobs": 1, "seed": 7}
        [choice] = (await (await client.post("/v1/completions", json=sent)).json())["choices"]
        written = tiny_bytes.generate("é d", length=2, rng=7)
        assert choice["text"] == "é d" + written
        assert choice["logprobs"]["tokens"] == ["token_id:195", "token_id:169", " ", "d", *written]
        assert choice["logprobs"]["text_offset"] == [0, 0, 1, 2, 3, 4]
        pieces = (await (await client.post("/tokenize", json={"content": "é", "with_pieces": True})).json())["tokens"]
        assert [piece["id"] for piece in pieces] == [195, 169]


async def test_the_tokens_of_a_stop_text_are_there_without_text(tiny: Model, client: Client) -> None:
    whole = tiny.generate("The lamp", length=60, rng=7)
    stop = whole[20:23]
    end = whole.index(stop)
    sent = {"prompt": "The lamp", "max_tokens": 60, "seed": 7, "stop": [stop], "logprobs": 0, "stream": True}
    choices = [
        event["choices"][0] for event in objects_of(await (await client.post("/v1/completions", json=sent)).text())
    ]
    assert [choice["text"] for choice in choices] == [*whole[:end], "", "", "", ""]
    assert "".join(choice["logprobs"]["tokens"][0] for choice in choices[:-1]) == whole[: end + 3]
    assert choices[-1]["finish_reason"] == "stop"


@pytest.mark.parametrize("prompt", ["", [], [[]], None])
async def test_without_a_prompt_a_text_begins(tiny: Model, client: Client, prompt: object) -> None:
    answer = await (await client.post("/v1/completions", json={"prompt": prompt, "seed": 7, "max_tokens": 9})).json()
    assert [choice["text"] for choice in answer["choices"]] == [tiny.generate("", length=9, rng=7)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/nothing", None, 404, "Not Found"),
        ("GET", "/v1/completions", None, 405, "Method Not Allowed"),
        ("POST", "/v1/completions", "[]", 400, "the body must be a JSON object"),
        ("POST", "/v1/completions", "{", 400, "the body is not usable JSON"),
        ("POST", "/v1/completions", '{"prompt": "a", "temperature": NaN}', 400, "NaN"),
        ("POST", "/v1/completions", '{"temperature": true}', 400, "temperature cannot be true: it must be a number"),
        ("POST", "/v1/chat/completions", "{}", 400, "messages is missing: it must be a list"),
        ("POST", "/v1/chat/completions", '{"messages": [{"role": {}}]}', 400, "role cannot be an object"),
        ("POST", "/v1/chat/completions", '{"messages": [{"role": "user", "content": 5}]}', 400, "content cannot be 5"),
        ("POST", "/completion", '{"prompt": ["a", "b"]}', 400, "this route takes one prompt"),
        ("POST", "/detokenize", '{"tokens": [1.5]}', 400, "tokens cannot be a list"),
        ("POST", "/tokenize", '{"content": 1}', 400, "content cannot be 1"),
    ],
)
async def test_every_error_has_openais_shape(
    client: Client, method: str, path: str, body: str | None, status: int, says: str
) -> None:
    answer = await client.request(method, path, data=body)
    error = (await answer.json())["error"]
    assert (answer.status, error["type"], error.keys()) == (
        status,
        "invalid_request_error",
        {"message", "type", "param", "code"},
    )
    assert says in error["message"]
