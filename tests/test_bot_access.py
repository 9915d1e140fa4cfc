"""Where and whom the bot answers: age-restricted and listed channels, blocked words, servers that leave, haste."""

from __future__ import annotations

import pytest
from afterglow.core.model import Model

pytest.importorskip("discord")

from afterglow.bot.config import Options

from .bot_helpers import mention_bot, run_command, running_bot, wait_until
from .discord_shapes import (
    AGE_RESTRICTED_CHANNEL,
    ANNA,
    BASIC_PERMISSIONS,
    BERT,
    BOT,
    CHANNEL,
    DM,
    GUILD,
    OTHER_CHANNEL,
)
from .discord_standin import Discord
from .scripted_model import Scripted

FIXED = {"rng": 7, "length": 60}
AT = f"<@{BOT['id']}>"
METADATA = {"archived": True, "auto_archive_duration": 60, "archive_timestamp": "2026-01-01T00:00:00Z", "locked": False}


async def test_age_restricted_channels_only(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.command("say", seed="a", **FIXED)
        first = there.messages[0]["id"]
        grown_up = {"name": "age-restricted", "value": "on"}
        assert "Manage Server permission" in await run_command(
            there, "settings", permissions=BASIC_PERMISSIONS, **grown_up
        )
        assert await run_command(there, "settings", **grown_up) == "age-restricted off → on"
    async with running_bot(there, tiny):
        no = "on this server I only answer in age-restricted channels"
        assert await run_command(there, "say", seed="a", channel=OTHER_CHANNEL) == no
        assert await mention_bot(there, "a") == no
        assert (await there.press(first, "Retry")).content == no
        assert (await run_command(there, "say", seed="a", channel=AGE_RESTRICTED_CHANNEL, **FIXED)).startswith("**a**")
        assert (await run_command(there, "say", seed="a", channel=DM, **FIXED)).startswith("**a**")
        assert await run_command(there, "settings", name="age-restricted", permissions=BASIC_PERMISSIONS) == no
        assert await run_command(there, "settings", name="age-restricted", value="off") == "age-restricted on → off"
        assert (await run_command(there, "say", seed="a", **FIXED)).startswith("**a**")


async def test_blocked_words_are_refused_and_never_shown(there: Discord) -> None:
    async with running_bot(there, Scripted("say Foo and food "), Options(uses=99, blocklist=("foo",))):
        refused = await there.command("say", seed="a FOO")
        assert refused.content == "this seed contains a word that is blocked here"
        assert refused.ephemeral
        assert await run_command(there, "say", seed="a", length=16, rng=7) == (
            "**a**say ••• and food\n-# T 0.80 · 16 characters · rng 7"
        )
        await run_command(there, "settings", name="typewriter", value="on")
        await run_command(there, "settings", name="speed", value="5")
        slow = await there.command("say", seed="a", length=17, rng=7)
        await there.until(lambda: "•••" in (slow.content or "") and "▌" not in (slow.content or ""))
    assert not any("Foo" in each for each in there.rest.content_history[slow.original])


async def test_a_blocked_word_that_begins_in_the_seed_is_not_shown(there: Discord) -> None:
    async with running_bot(there, Scripted("ck you "), Options(uses=99, blocklist=("fuck",))):
        shown = await run_command(there, "say", seed="so fu", length=6, rng=7)
    assert shown == "**so ••**•• you\n-# T 0.80 · 6 characters · rng 7"


async def test_a_mention_is_answered_in_listed_channels_only(there: Discord, tiny: Model) -> None:
    options = Options(uses=99, channels=(int(OTHER_CHANNEL),), direct_messages=False)
    async with running_bot(there, tiny, options):
        await there.say(f"{AT} a", mentions=[BOT])
        assert (await mention_bot(there, "a", channel=OTHER_CHANNEL)).startswith("**a**")
        assert await there.reply_to(await there.say("a", channel=DM)) == "I only answer on servers"
        assert await run_command(there, "say", seed="a", channel=DM) == "I only answer on servers"
        assert (await run_command(there, "say", seed="a", **FIXED)).startswith("**a**")
        assert len([m for m in there.messages if m["channel_id"] == CHANNEL]) == 1


async def test_a_server_that_left_while_the_bot_was_away_is_forgotten(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        await run_command(there, "temp", value=1.2)
        bot.store.save_setting(77, 770, "temperature", 1.2)
    async with running_bot(there, tiny) as bot:
        await run_command(there, "help")
        await wait_until(lambda: bot.store.guild_ids() == {int(GUILD)})


async def test_a_server_that_is_merely_away_is_not(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        await run_command(there, "temp", value=1.2)
        await there.dispatch("GUILD_DELETE", {"id": GUILD, "unavailable": True})
        await run_command(there, "help", channel=DM)
        assert bot.store.guild_ids() == {int(GUILD)}


async def test_a_server_that_is_not_known_is_no_direct_message(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.say(f"{AT} a", mentions=[BOT], guild_id="9" + GUILD)
        assert (await there.reply_to(await there.say("b", channel=DM))).startswith("**b**")
    assert len(there.messages) == 1


async def test_a_channel_that_is_deleted_is_forgotten(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        await run_command(there, "temp", value=1.2)
        channel = next(each for each in there.gateway.guilds[GUILD]["channels"] if each["id"] == CHANNEL)
        await there.dispatch("CHANNEL_DELETE", channel | {"guild_id": GUILD})
        await run_command(there, "say", seed="a", channel=DM)
        await wait_until(lambda: bot.store.settings(int(CHANNEL)) == {})


async def test_what_was_deleted_while_the_bot_was_away_is_forgotten_and_what_sleeps_is_not(
    there: Discord, tiny: Model
) -> None:
    counts = dict.fromkeys(("message_count", "member_count", "total_message_sent", "rate_limit_per_user"), 0)
    thread = {
        "id": "78",
        "type": 11,
        "name": "asleep",
        "parent_id": CHANNEL,
        "owner_id": "1",
        "thread_metadata": METADATA,
    }
    there.rest.archived_threads.append(thread | counts)
    async with running_bot(there, tiny) as bot:
        for channel in (int(CHANNEL), 78, 79):
            bot.store.save_setting(channel, int(GUILD), "temperature", 1.2)
        bot.store.save_state(80, int(GUILD), b"state")
        await run_command(there, "help")
    async with running_bot(there, tiny) as bot:
        await wait_until(lambda: bot.store.channel_ids(int(GUILD)) == {int(CHANNEL), 78})
        await run_command(there, "help")
    assert [call.path for call in there.rest.calls if call.method == "GET" and "/channels/78" in call.path]


async def test_who_asks_too_often_is_told_once_in_a_channel_and_quietly_elsewhere(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny, Options(uses=2, seconds=60)):
        await run_command(there, "say", seed="a", **FIXED)
        await run_command(there, "say", seed="a", **FIXED)
        quick = await there.command("say", seed="a", **FIXED)
        assert quick.ephemeral
        assert (quick.content or "").startswith("too many requests; please try again in ")
        asked = [await there.say(f"{AT} flood", mentions=[BOT]) for _ in range(20)]
        assert (await there.reply_to(asked[0])).startswith("too many requests")
        assert (await run_command(there, "say", seed="a", who=BERT, **FIXED)).startswith("**a**")
        assert sum(len(there.replies(each)) for each in asked) == 1
    assert ANNA["id"] not in Options().data_path.read_text("latin-1")
