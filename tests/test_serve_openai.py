"""``afterglow serve`` to the ``openai`` package."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("prometheus_client")

from afterglow.core.model import Model
from afterglow.core.setting_types import Ramp

from .conftest import DATA
from .serve_helpers import serving

openai = pytest.importorskip("openai", reason="openai is not installed: pip install openai")


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with serving(DATA / "tiny-char.safetensors") as http:
        url = str(http.make_url("/v1"))
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            yield client


async def test_it_streams_three_texts_with_logprobs_after_the_seed(tiny: Model, client: openai.AsyncOpenAI) -> None:
    seed = "The lamp"
    stream = await client.completions.create(
        model=tiny.name,
        prompt=seed,
        max_tokens=20,
        n=3,
        seed=7,
        logprobs=5,
        echo=True,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 8 + 60)
    for place in range(3):
        own = [c for chunk in chunks for c in chunk.choices if c.index == place]
        *pieces, last = own
        assert (last.finish_reason, last.logprobs) == ("length", None)
        assert all(len(piece.logprobs.tokens) == 1 and piece.text == piece.logprobs.tokens[0] for piece in pieces)
        assert [piece.logprobs.text_offset[0] for piece in pieces] == list(range(28))
        assert "".join(piece.text for piece in pieces[:8]) == seed
        assert pieces[0].logprobs.token_logprobs == [None]
        assert all(len(piece.logprobs.top_logprobs[0]) in (5, 6) for piece in pieces[1:])
        assert all(p.logprobs.top_logprobs[0][p.text] == p.logprobs.token_logprobs[0] for p in pieces[1:])
    first = [c.text for chunk in chunks for c in chunk.choices if c.index == 0]
    assert "".join(first) == seed + tiny.generate(seed, length=20, rng=7)


async def test_three_texts_are_the_takes_of_one_rng(tiny: Model, client: openai.AsyncOpenAI) -> None:
    answer = await client.completions.create(model=tiny.name, prompt="The lamp", max_tokens=30, n=3, seed=7)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.choices[0].text == tiny.generate("The lamp", length=30, rng=7)
    assert len({choice.text for choice in answer.choices}) == 3


async def test_the_best_of_five_are_the_likeliest_per_token(tiny: Model, client: openai.AsyncOpenAI) -> None:
    wanted = {"model": tiny.name, "prompt": "The lamp", "max_tokens": 30, "seed": 7, "logprobs": 0}
    every = (await client.completions.create(**wanted, n=5)).choices
    best = await client.completions.create(**wanted, n=2, best_of=5)
    means = {choice.text: sum(choice.logprobs.token_logprobs) for choice in every}
    assert [choice.text for choice in best.choices] == sorted(means, key=means.__getitem__, reverse=True)[:2]
    assert best.usage.completion_tokens == 150


async def test_all_probabilities_of_the_vocabulary_sum_to_one(tiny: Model, client: openai.AsyncOpenAI) -> None:
    answer = await client.completions.create(model=tiny.name, prompt="The", max_tokens=4, logprobs=tiny.tokenizer.size)
    for top in answer.choices[0].logprobs.top_logprobs:
        assert len(top) == tiny.tokenizer.size
        assert sum(map(math.exp, top.values())) == pytest.approx(1)


async def test_a_prompt_can_be_scored_without_writing(tiny: Model, client: openai.AsyncOpenAI) -> None:
    answer = await client.completions.create(model=tiny.name, prompt="The lamp", max_tokens=0, echo=True, logprobs=1)
    [choice] = answer.choices
    assert (choice.text, choice.finish_reason, answer.usage.completion_tokens) == ("The lamp", "length", 0)
    surprise = tiny.score("The lamp").surprise
    assert [-p / math.log(2) for p in choice.logprobs.token_logprobs[1:]] == pytest.approx(surprise.tolist())


async def test_several_prompts_and_token_ids_are_answered_in_order(tiny: Model, client: openai.AsyncOpenAI) -> None:
    texts = ["The lamp", "the night"]
    ids = [tiny.tokenizer.encode(text).tolist() for text in texts]
    expected = [tiny.generate(text, length=20, rng=7) for text in texts]
    for prompt in (texts, ids):
        answer = await client.completions.create(model=tiny.name, prompt=prompt, max_tokens=20, seed=7)
        assert [choice.text for choice in answer.choices] == expected


async def test_a_bias_by_token_id_is_the_setting(tiny: Model, client: openai.AsyncOpenAI) -> None:
    [e] = tiny.tokenizer.encode("e").tolist()
    answer = await client.completions.create(
        model=tiny.name, prompt="The lamp", max_tokens=40, seed=7, logit_bias={str(e): -100}
    )
    assert answer.choices[0].text == tiny.generate("The lamp", length=40, rng=7, bias={"e": -100})
    assert "e" not in answer.choices[0].text


async def test_a_stop_text_ends_the_text_before_it(tiny: Model, client: openai.AsyncOpenAI) -> None:
    whole = tiny.generate("The lamp", length=100, rng=7)
    stop = whole[40:43]
    answer = await client.completions.create(model=tiny.name, prompt="The lamp", max_tokens=100, seed=7, stop=stop)
    [choice] = answer.choices
    assert (choice.text, choice.finish_reason) == (whole[: whole.index(stop)], "stop")


async def test_settings_of_afterglows_own_are_fields(tiny: Model, client: openai.AsyncOpenAI) -> None:
    own = {
        "min_p": 0.05,
        "dry_multiplier": 0.8,
        "length": 50,
        "finish": "sentence",
        "rng": 3,
    }
    answer = await client.completions.create(
        model=tiny.name, prompt="The lamp", extra_body=own | {"temperature": "0.2..1.6"}
    )
    assert answer.choices[0].text == tiny.generate("The lamp", temperature=Ramp(0.2, 1.6), **own)


async def test_a_chat_is_one_text(tiny: Model, client: openai.AsyncOpenAI) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "The lamp"},
        {"role": "assistant", "content": " was"},
        {"role": "user", "content": [{"type": "text", "text": " lit"}]},
    ]
    wanted = {"model": tiny.name, "messages": messages, "max_completion_tokens": 30, "seed": 7}
    expected = tiny.generate("The lamp was lit", length=30, rng=7)
    answer = await client.chat.completions.create(**wanted, logprobs=True, top_logprobs=2)
    [choice] = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", expected)
    assert [entry.token for entry in choice.logprobs.content] == list(expected)
    assert {len(entry.top_logprobs) for entry in choice.logprobs.content} == {2}
    deltas = [chunk.choices[0].delta async for chunk in await client.chat.completions.create(**wanted, stream=True)]
    assert [delta.role for delta in deltas] == ["assistant", *[None] * 30]
    assert "".join(delta.content for delta in deltas) == expected


async def test_it_lists_models_and_shows_one(tiny: Model, client: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in client.models.list()]
    assert names[0] == tiny.name
    assert (await client.models.retrieve("shakespeare")).id == "shakespeare"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("temperature", 9, "temperature cannot be 9"),
        ("top_p", "much", "top_p cannot be 'much'"),
        ("n", 0, "n cannot be 0"),
        ("max_tokens", 1.5, "max_tokens cannot be 1.5"),
        ("best_of", 1, "best_of is 1, below n"),
        ("logit_bias", {"100000": 1}, "there is no token 100000"),
        ("logit_bias", {"3": 101}, "bias cannot be"),
        ("prompt", [1, "a"], "prompt cannot be 1"),
        ("seed", -2, "seed cannot be -2"),
        ("style", "ann", "has no styles"),
        ("mirostat_mode", 1, "mirostat_mode cannot be 1"),
        ("stop", 5, "stop cannot be 5"),
    ],
)
async def test_a_wrong_field_is_named(
    tiny: Model, client: openai.AsyncOpenAI, field: str, value: object, says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=says) as caught:
        await client.completions.create(model=tiny.name, prompt="The", n=2, extra_body={field: value})
    assert caught.value.type == "invalid_request_error"
    assert field == "style" or caught.value.param == field


async def test_an_unknown_model_is_not_found(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.completions.create(model="gpt", prompt="The")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt")
