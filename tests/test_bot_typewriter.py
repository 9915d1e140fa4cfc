"""Typewriter mode: a text that grows by edits, within the channel's limits, while people turn the temperature."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from afterglow.core.model import Model

pytest.importorskip("discord")

import itertools

from afterglow.bot.formatting import parse_own_message
from afterglow.bot.scheduling import EditThrottle

from .bot_helpers import labels, loopback, running_bot
from .discord_shapes import BOT, CHANNEL
from .discord_standin import Discord
from .scripted_model import Scripted

STARS = "***a"
"""Written over and over, it fills a message soon: every star is escaped."""


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discord]:
    """Discord, whose limits are those of the real one, a hundred times as fast."""
    async with loopback(monkeypatch) as standin:
        yield standin


def written(there: Discord, number: str) -> bool:
    """Whether a text is there with its buttons."""
    return "Retry" in labels(there.rest.messages[number])


async def watched(there: Discord, speed: str = "200") -> None:
    """Let texts grow slowly."""
    await there.command("settings", name="typewriter", value="on")
    await there.command("settings", name="speed", value=speed)


async def test_the_text_grows_and_ends_whole_with_buttons(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await watched(there)
        answer = await there.command("say", seed="The lamp", length=200, rng=7)
        assert (answer.content or "").endswith("▌")
        await there.until(lambda: written(there, answer.original))
    text = tiny.generate("The lamp", length=200, rng=7)
    assert answer.content == f"**The lamp**{text}\n-# T 0.80 · 200 characters · rng 7"
    told = there.rest.content_history[answer.original]
    assert len(told) > 3
    assert all(whole.startswith(part.removesuffix(" ▌").rstrip()) for part, whole in itertools.pairwise(told))
    assert not [call for call in there.calls if call.status == 429]


async def test_a_mention_grows_too(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await watched(there)
        await there.command("settings", name="length", value="200")
        asked = await there.say(f"<@{BOT['id']}> The lamp", mentions=[BOT])
        await there.until(lambda: there.replies(asked) and written(there, there.replies(asked)[0]["id"]))
    (reply,) = there.replies(asked)
    assert len(parse_own_message(reply["content"])) >= 200
    assert len(there.rest.content_history[reply["id"]]) > 2


async def test_temp_acts_on_what_is_being_written(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await watched(there)
        answer = await there.command("say", seed="The lamp", length=600, rng=7)
        await there.until(lambda: len(there.rest.content_history[answer.original]) > 2)  # some of it is at 0.8
        await there.command("temp", value=1.9)
        await there.until(lambda: written(there, answer.original))
    assert "-# T 0.80 to 1.90 · 600 characters" in (answer.content or "")


async def test_stop_ends_it_where_it_is(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await watched(there)
        answer = await there.command("say", seed="The lamp", length=2000, rng=7)
        await there.until(lambda: len(there.rest.content_history[answer.original]) > 2)
        await there.press(answer.original, "Stop")
        await there.until(lambda: written(there, answer.original))
    assert "· stopped" in (answer.content or "")
    assert len(answer.content or "") < 1000
    assert tiny.generate("The lamp", length=2000, rng=7).startswith(parse_own_message(answer.content or "")[8:])


async def test_a_longer_text_goes_on_in_further_messages(there: Discord) -> None:
    async with running_bot(there, Scripted(STARS)):
        await watched(there, "400")
        answer = await there.command("say", seed="The lamp", length=1000, rng=7)
        await there.until(lambda: len(there.messages) == 4 and written(there, there.messages[-1]["id"]))
    first, second = there.messages[-2:]
    assert first["id"] == answer.original
    assert first["components"] == []
    whole = parse_own_message(first["content"]) + parse_own_message(second["content"])
    assert whole == "The lamp" + (STARS * 1000)[:1000]
    assert not [call for call in there.calls if call.status == 429]


async def test_several_in_one_channel_share_its_limits(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await watched(there)
        answers = [await there.command("say", seed="The lamp", length=150, rng=n) for n in range(4)]
        await there.until(lambda: all(written(there, each.original) for each in answers))
    for n, answer in enumerate(answers):
        assert tiny.generate("The lamp", length=150, rng=n) in (answer.content or "")
    assert not [call for call in there.calls if call.status == 429]


async def test_after_a_quarter_of_an_hour_the_text_is_still_brought_to_its_end(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await watched(there, "60")
        there.rest.token_lifetime = 0.5
        answer = await there.command("say", seed="The lamp", length=200, rng=7)
        await there.until(lambda: written(there, answer.original))
    assert tiny.generate("The lamp", length=200, rng=7) in (answer.content or "")
    assert there.calls_to("PATCH", f"/channels/{CHANNEL}/messages/{answer.original}")
    assert [call for call in there.calls if call.status == 401]


async def test_and_further_messages_are_replies_then(there: Discord) -> None:
    async with running_bot(there, Scripted(STARS)):
        await watched(there, "400")
        there.rest.token_lifetime = 0.5
        await there.command("say", seed="The lamp", length=1000, rng=7)
        await there.until(lambda: len(there.messages) == 4 and written(there, there.messages[-1]["id"]))
    first, second = there.messages[-2:]
    assert second["message_reference"]["message_id"] == first["id"]
    whole = parse_own_message(first["content"]) + parse_own_message(second["content"])
    assert whole == "The lamp" + (STARS * 1000)[:1000]


async def test_a_message_that_a_moderator_deletes_ends_the_writing_quietly(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        await watched(there)
        answer = await there.command("say", seed="The lamp", length=2000, rng=7)
        there.rest.delete(answer.original)
        while bot.responder.delivery.jobs:
            await asyncio.sleep(0.01)
        assert not bot.service.running
    assert [message["id"] for message in there.messages].count(answer.original) == 0
    assert len(there.messages) == 2


async def test_blank_text_is_no_blank_message(there: Discord) -> None:
    async with running_bot(there, Scripted("\n \n")):
        await watched(there)
        answer = await there.command("say", seed="", length=60, rng=7)
        await there.until(lambda: written(there, answer.original))
    assert "the model produced only whitespace" in (answer.content or "")


async def test_edits_in_one_channel_keep_their_distance_and_others_do_not_wait() -> None:
    pace, loop = EditThrottle(0.05), asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(pace.wait(1) for _ in range(4)))
    assert loop.time() - began >= 0.15 * 0.95
    began = loop.time()
    await asyncio.gather(*(pace.wait(channel) for channel in range(10, 60)))
    assert loop.time() - began < 0.05
