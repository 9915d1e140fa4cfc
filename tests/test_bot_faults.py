"""What goes wrong between a bot and Discord, and that nothing is lost without a word, sent twice, or left hanging."""

from __future__ import annotations

import asyncio
import logging
from contextlib import closing
from typing import Any

import pytest
from afterglow.core.model import Model

pytest.importorskip("discord")

from afterglow.bot.client import Bot, serve
from afterglow.bot.config import Options
from afterglow.bot.store import Store
from afterglow.bot.writer import TextService

from .bot_helpers import labels, running_bot, wait_until
from .discord_gateway import TOKEN
from .discord_rest import DROPPED_CONNECTION
from .discord_shapes import BOT, CHANNEL, OTHER_CHANNEL
from .discord_standin import TIMEOUT, Discord

AT = f"<@{BOT['id']}>"
FIXED = {"rng": 7, "length": 60}


async def test_the_gateway_is_compressed(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        session = next(iter(there.gateway.sessions.values()))
        assert session.connection
        assert session.connection._stream
        assert (await there.command("say", seed="a", **FIXED)).content


async def test_twenty_cuts_of_the_network_lose_no_click_and_repeat_none(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="a", **FIXED)
        for number in range(20):
            there.gateway.cut()
            pressed = await there.press(first.original, "Hotter" if number % 2 else "Cooler")
            await there.until(lambda: pressed.content)  # noqa: B023
    assert len(there.gateway.resumed) >= 20
    assert len(there.gateway.identified) == 1
    assert len(there.messages) == 21


async def test_a_cut_while_a_text_grows_leaves_it_whole(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.command("settings", name="typewriter", value="on")
        answer = await there.command("say", seed="The lamp", length=60, rng=7)
        there.gateway.cut()
        await there.until(lambda: "Retry" in labels(there.rest.messages[answer.original]))
    assert tiny.generate("The lamp", length=60, rng=7) in (answer.content or "")


async def test_a_dropped_connection_while_a_text_grows_leaves_it_whole(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.command("settings", name="typewriter", value="on")
        await there.command("settings", name="speed", value="50")
        answer = await there.command("say", seed="The lamp", length=60, rng=7)
        edits = len(there.calls_to("PATCH", "/webhooks"))
        there.rest.forced_statuses += [DROPPED_CONNECTION]
        await there.until(lambda: len(there.calls_to("PATCH", "/webhooks")) > edits and not there.rest.forced_statuses)
        await there.until(lambda: "Retry" in labels(there.rest.messages[answer.original]))
    assert tiny.generate("The lamp", length=60, rng=7) in (answer.content or "")


async def test_where_nothing_comes_through_any_more_nothing_is_left_unheard(
    there: Discord, tiny: Model, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "afterglow.bot")
    async with running_bot(there, tiny) as bot:
        asked = await there.say(f"{AT} a", mentions=[BOT])
        there.rest.forced_statuses += [DROPPED_CONNECTION] * 8
        await there.until(lambda: len(there.rest.forced_statuses) < 8)
        await wait_until(lambda: not bot.responder.tasks)
        there.rest.forced_statuses.clear()
        assert not there.replies(asked)
        assert "could not be delivered" in caplog.text
        assert (await there.command("say", seed="a", **FIXED)).content


@pytest.mark.parametrize("resumable", [None, True])
async def test_discord_asks_to_come_again_and_the_session_goes_on(
    there: Discord, tiny: Model, resumable: bool | None
) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="a", **FIXED)
        await (there.gateway.ask_to_reconnect() if resumable is None else there.gateway.invalidate(True))
        pressed = await there.press(first.original, "Hotter")
        await there.until(lambda: pressed.content)
    assert there.gateway.resumed
    assert len(there.gateway.identified) == 1


@pytest.mark.slow
async def test_a_lost_session_is_begun_anew_and_the_commands_are_not_registered_again(
    there: Discord, tiny: Model
) -> None:
    async with running_bot(there, tiny):
        await there.gateway.invalidate(False)
        await there.until(lambda: len(there.gateway.identified) == 2)
        assert (await there.command("say", seed="a", **FIXED)).content
    assert len(there.calls_to("PUT", "/applications")) == 1


async def test_a_session_that_becomes_ready_after_the_bot_closed_is_no_error(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        pass
    bot.dispatch("ready")


async def test_a_storm_of_429_is_waited_out(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        for _ in range(5):
            there.rest.forced_statuses += [429] * 4
            answer = await there.command("say", seed="a", **FIXED)
            assert tiny.generate("a", **FIXED) in (answer.content or "")
            there.rest.forced_statuses += [429] * 3
            asked = await there.say(f"{AT} a", mentions=[BOT])
            assert (await there.reply_to(asked)).startswith("**a**")
            assert len(there.replies(asked)) == 1


@pytest.mark.slow
async def test_failures_of_discord_make_no_duplicates(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        there.rest.forced_statuses += [500]  # done, and yet answered as a failure
        answer = await there.command("say", seed="a", **FIXED)
        await there.until(lambda: answer.original and not there.rest.forced_statuses)
        there.rest.forced_statuses += [502, 500]
        asked = await there.say(f"{AT} a", mentions=[BOT])
        await there.until(lambda: len([c for c in there.calls_to("POST", "/channels") if c.status == 200]) == 1)
        assert len(there.replies(asked)) == 1
        pressed = await there.press(answer.original, "Hotter")
        await there.until(lambda: pressed.content)
    assert len(there.messages) == 3


@pytest.mark.parametrize("code", [50013, 50001])
async def test_a_missing_permission_is_logged_and_stops_nothing(
    there: Discord, tiny: Model, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    there.rest.refused_channels[CHANNEL] = 403, code
    async with running_bot(there, tiny) as bot:
        await there.say(f"{AT} a secret", mentions=[BOT])
        await there.until(lambda: there.calls_to("POST", f"/channels/{CHANNEL}"))
        assert (await there.reply_to(await there.say(f"{AT} a", OTHER_CHANNEL, mentions=[BOT]))).startswith("**a**")
        assert (await there.command("say", seed="a", **FIXED)).content
        assert "Message History" in ((await there.command("explain")).content or "")
        assert str(code) in bot.responder.health.last_error
    assert f"could not be delivered: 403, code {code}" in caplog.text
    assert "secret" not in caplog.text


async def test_what_was_asked_is_answered_though_the_question_was_deleted(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        asked = await there.say(f"{AT} a", mentions=[BOT])
        await there.reply_to(asked)
    (call,) = there.calls_to("POST", f"/channels/{CHANNEL}")
    assert call.body["message_reference"]["fail_if_not_exists"] is False


async def test_an_answer_that_comes_too_late_is_logged(
    there: Discord, tiny: Model, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running_bot(there, tiny):
        late = await there.interact(2, {"id": "70", "name": "say", "type": 1, "options": seed("a")}, CHANNEL)
        late.began -= 3.1
        await there.until(lambda: [call for call in there.calls if call.status == 404])
        assert (await there.command("say", seed="a", **FIXED)).content
    assert "could not be delivered: 404, code 10062" in caplog.text


async def test_leaving_while_texts_grow_brings_each_to_an_end(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny, edit_interval=30.0):  # their next edits are far away
        await there.command("settings", name="typewriter", value="on")
        answers = [await there.command("say", seed="The lamp", length=3000, rng=n) for n in range(3)]
        await there.until(lambda: len(there.rest.content_history[answers[0].original]) > 1)
    assert there.gateway.close_codes == [1000]
    for answer in answers:
        assert "· stopped" in (answer.content or "")
        assert "Retry" in labels(there.rest.messages[answer.original])


async def test_shards_share_the_servers(there: Discord, tiny: Model) -> None:
    options = Options(uses=99, shard_ids=(0,), shard_count=2)
    async with running_bot(there, tiny, options) as bot:
        assert (await there.command("say", seed="a", **FIXED)).content
        bot.store.save_setting(1, 1 << 22, "temperature", 1.2)
    async with running_bot(there, tiny, options) as bot:
        await there.command("help")
        assert bot.store.guild_ids() == {1 << 22}
    assert [each["shard"] for each in there.gateway.identified] == [[0, 2]] * 2


@pytest.mark.slow
async def test_as_many_shards_as_discord_advises(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny, Options(uses=99, shards="auto")) as bot:
        assert (await there.command("say", seed="a", **FIXED)).content
        assert len(bot.guilds) == 1
    assert sorted(each["shard"] for each in there.gateway.identified) == [[0, 2], [1, 2]]
    assert there.gateway.close_codes == [1000, 1000]


async def test_a_wrong_token_is_tried_once(there: Discord, tiny: Model) -> None:
    import discord

    with closing(Store(Options().data_path)) as store, pytest.raises(discord.LoginFailure):
        async with asyncio.timeout(TIMEOUT):
            await serve(Bot(TextService(tiny, store), Options()), TOKEN + "x")
    assert len(there.calls) == 1


def seed(text: str) -> list[dict[str, Any]]:
    """The options of a /say."""
    return [{"name": "seed", "type": 3, "value": text}]
