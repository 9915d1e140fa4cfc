"""``afterglow serve`` to the clients in use: the requests that they send, and what they read of the answers."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("prometheus_client")

from afterglow.core.model import Model
from afterglow.core.render.model_page import model_page
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from .conftest import DATA
from .serve_helpers import events_of, objects_of, serving

Client = TestClient[Request, Application]

SEED = "The lamp"

MIKUPAD: dict[str, Any] = {
    "model": "",
    "prompt": SEED,
    "temperature": 0.7,
    "max_tokens": 30,
    "logprobs": 10,
    "stream": True,
    "stop": ["\n\n\n"],
    "seed": 7,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "top_k": 40,
    "min_p": 0.05,
    "typical_p": 1,
    "tfs": 1,
    "repetition_penalty": 1.1,
    "repetition_penalty_range": -1,
    "penalize_nl": False,
    "ban_eos_token": False,
    "dynatemp_range": 0,
    "dynatemp_exponent": 1,
    "mirostat_mode": 0,
    "mirostat_tau": 5,
    "mirostat_eta": 0.1,
    "xtc_threshold": 0.1,
    "xtc_probability": 0,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 2,
    "dry_penalty_last_n": -1,
    "dry_sequence_breakers": '["\\n", ":", "\\"", "*"]',
    "banned_tokens": "",
    "grammar_string": "",
}
"""mikupad, type "OpenAI Compatible"."""

MIKUPAD_SETTINGS: dict[str, Any] = {
    "temperature": 0.7,
    "length": 30,
    "rng": 7,
    "stop": ("\n\n\n",),
    "top_k": 40,
    "min_p": 0.05,
    "repeat_penalty": 1.1,
    "repeat_last_n": 8192,
    "dry_multiplier": 0.8,
}
"""The same as settings."""

LLAMA: dict[str, Any] = {
    "prompt": SEED,
    "n_predict": 30,
    "n_probs": 10,
    "temperature": 0.7,
    "top_k": 40,
    "top_p": 1,
    "min_p": 0.05,
    "typical_p": 1,
    "repeat_penalty": 1.1,
    "repeat_last_n": -1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "mirostat": 0,
    "mirostat_tau": 5,
    "mirostat_eta": 0.1,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 2,
    "dry_penalty_last_n": -1,
    "dry_sequence_breakers": ["\n", ":", '"', "*"],
    "xtc_probability": 0,
    "xtc_threshold": 0.1,
    "seed": 7,
    "stop": ["\n\n\n"],
    "stream": True,
    "cache_prompt": True,
    "post_sampling_probs": False,
}
"""mikupad, type "llama.cpp"."""


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving(DATA / "tiny-char.safetensors") as client:
        yield client


async def post(client: Client, path: str, sent: dict[str, Any]) -> str:
    answer = await client.post(path, json=sent, headers={"Authorization": "Bearer "})
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_mikupad_finds_each_tokens_chance_by_its_text(tiny: Model, client: Client) -> None:
    *events, end = objects_of(await post(client, "/v1/completions", MIKUPAD))
    choices: list[Any] = [event["choices"][0] for event in events]  # type: ignore[index]
    assert "".join(choice["text"] for choice in choices) == tiny.generate(SEED, **MIKUPAD_SETTINGS)
    assert all(choice["text"] in choice["logprobs"]["top_logprobs"][0] for choice in choices)
    assert end["choices"][0]["finish_reason"] == "length"  # type: ignore[index]


async def test_mikupad_reads_the_same_whole(tiny: Model, client: Client) -> None:
    answer = json.loads(await post(client, "/v1/completions", MIKUPAD | {"stream": False}))
    logprobs = answer["choices"][0]["logprobs"]
    assert "".join(logprobs["tokens"]) == answer["choices"][0]["text"] == tiny.generate(SEED, **MIKUPAD_SETTINGS)
    assert len(logprobs["top_logprobs"]) == 30


@pytest.mark.parametrize("drawn", [False, True])
async def test_mikupad_as_with_llama_cpp(tiny: Model, client: Client, drawn: bool) -> None:
    sent = LLAMA | {"post_sampling_probs": drawn, "n_probs": 47 if drawn else 10}
    *pieces, end = map(json.loads, events_of(await post(client, "/completion", sent)))
    assert "".join(piece["content"] for piece in pieces) == tiny.generate(SEED, **MIKUPAD_SETTINGS)
    assert [piece["stop"] for piece in (*pieces, end)] == [False] * 30 + [True]
    assert (end["stop_type"], end["tokens_predicted"], end["tokens_evaluated"]) == ("limit", 30, 8)
    for piece in pieces:
        [entry] = piece["completion_probabilities"]
        likeliest = entry["top_probs" if drawn else "top_logprobs"]
        chances = [each["prob"] if drawn else math.exp(each["logprob"]) for each in likeliest]
        assert entry["token"] == piece["content"]
        assert sum(chances) == pytest.approx(1) if drawn else len(chances) == 10


async def test_llama_cpps_tokens_are_those_of_the_model(tiny: Model, client: Client) -> None:
    ids = json.loads(await post(client, "/tokenize", {"content": SEED}))["tokens"]
    assert ids == tiny.tokenizer.encode(SEED).tolist()
    assert json.loads(await post(client, "/detokenize", {"tokens": ids})) == {"content": SEED}
    assert (await client.post("/detokenize", json={"tokens": [10**6]})).status == 400


async def test_llama_cpps_props_and_health(tiny: Model, client: Client) -> None:
    props = await (await client.get("/props")).json()
    assert props["default_generation_settings"]["n_ctx"] == 8192
    assert props["model_path"] == tiny.name
    assert await (await client.get("/health")).json() == {"status": "ok"}


async def test_sillytavern_reads_swipes_by_their_index(client: Client) -> None:
    sent = {
        "model": "tiny-char",
        "prompt": SEED,
        "stream": True,
        "temperature": 1,
        "top_p": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "stop": ["\nYou:", "\nBot:"],
        "seed": 7,
        "logit_bias": {},
        "logprobs": 10,
        "max_tokens": 20,
        "n": 2,
        "best_of": 2,
    }
    models = await (await client.get("/v1/models")).json()
    assert all(isinstance(entry["id"], str) for entry in models["data"])
    choices: list[Any] = [event["choices"][0] for event in objects_of(await post(client, "/v1/completions", sent))]  # type: ignore[index]
    texts = ["".join(choice["text"] for choice in choices if choice["index"] == swipe) for swipe in (0, 1)]
    assert [len(text) for text in texts] == [20, 20]
    assert texts[0] != texts[1]


async def test_koboldai_lite_fills_its_table(client: Client) -> None:
    sent = {
        "model": "tiny-char",
        "prompt": SEED,
        "max_tokens": 12,
        "temperature": 0.75,
        "top_p": 0.92,
        "logprobs": 5,
        "stop": ["###"],
        "presence_penalty": 0,
        "logit_bias": {},
        "stream": False,
    }
    logprobs = json.loads(await post(client, "/v1/completions", sent))["choices"][0]["logprobs"]
    assert {len(logprobs[key]) for key in ("tokens", "token_logprobs", "top_logprobs")} == {12}


async def test_loomsidian_gets_as_many_texts_as_it_asks_for(client: Client) -> None:
    sent = {"prompt": SEED, "model": "tiny-char", "max_tokens": 20, "n": 5, "temperature": 1, "top_p": 1}
    choices = json.loads(await post(client, "/v1/completions", sent))["choices"]
    assert len({choice["text"] for choice in choices}) == 5


async def test_looms_read_the_seeds_tokens_before_the_texts(client: Client) -> None:
    sent = {"prompt": SEED, "max_tokens": 10, "n": 2, "echo": True, "logprobs": 20, "model": "tiny-char"}
    for choice in json.loads(await post(client, "/v1/completions", sent))["choices"]:
        logprobs = choice["logprobs"]
        assert "".join(logprobs["tokens"][:8]) == SEED
        assert (logprobs["token_logprobs"][0], logprobs["top_logprobs"][0]) == (None, None)
        assert all(len(top) in (20, 21) for top in logprobs["top_logprobs"][1:])
        assert logprobs["text_offset"] == list(range(18))
        assert choice["text"].startswith(SEED)


async def test_a_browser_gets_the_page_that_is_exported(tiny: Model, client: Client) -> None:
    answers = await asyncio.gather(*(client.get("/") for _ in range(3)))
    assert {answer.headers["Content-Type"] for answer in answers} == {"text/html; charset=utf-8"}
    assert {await answer.read() for answer in answers} == {model_page(tiny.name, tiny.file)}
