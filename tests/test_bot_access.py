"""Where and whom the bot answers: age-restricted and listed channels, blocked words, servers that leave, haste."""

from __future__ import annotations

import pytest
from afterglow.core.model import Model

pytest.importorskip("discord")

from afterglow.bot.config import Options
from afterglow.bot.store import default_place

from .bot_helpers import Scripted, becomes, running, told, typed
from .discord_shapes import ANNA, BERT, BOT, CHANNEL, DM, GROWN_UP, GUILD, LITTLE, OTHER_CHANNEL
from .discord_standin import Discord

FIXED = {"rng": 7, "length": 60}
AT = f"<@{BOT['id']}>"
METADATA = {"archived": True, "auto_archive_duration": 60, "archive_timestamp": "2026-01-01T00:00:00Z", "locked": False}


async def test_age_restricted_channels_only(there: Discord, tiny: Model) -> None:
    async with running(there, tiny):
        await there.command("say", seed="a", **FIXED)
        first = there.messages[0]["id"]
        grown_up = {"name": "age-restricted", "value": "on"}
        assert "manage the server" in await told(there, "settings", permissions=LITTLE, **grown_up)
        assert await told(there, "settings", **grown_up) == "age-restricted off → on"
    async with running(there, tiny):
        no = "this server lets me answer in its age-restricted channels only"
        assert await told(there, "say", seed="a", channel=OTHER_CHANNEL) == no
        assert await typed(there, "a") == no
        assert (await there.press(first, "Retry")).content == no
        assert (await told(there, "say", seed="a", channel=GROWN_UP, **FIXED)).startswith("**a**")
        assert (await told(there, "say", seed="a", channel=DM, **FIXED)).startswith("**a**")
        assert await told(there, "settings", name="age-restricted", permissions=LITTLE) == no
        assert await told(there, "settings", name="age-restricted", value="off") == "age-restricted on → off"
        assert (await told(there, "say", seed="a", **FIXED)).startswith("**a**")


async def test_blocked_words_are_refused_and_never_shown(there: Discord) -> None:
    async with running(there, Scripted("say Foo and food "), Options(uses=99, blocklist=("foo",))):
        refused = await there.command("say", seed="a FOO")
        assert refused.content == "this seed holds a word that is blocked here"
        assert refused.ephemeral
        assert await told(there, "say", seed="a", length=16, rng=7) == (
            "**a**say ••• and food\n-# T 0.80 · 16 characters · rng 7"
        )
        await told(there, "settings", name="typewriter", value="on")
        await told(there, "settings", name="speed", value="5")
        slow = await there.command("say", seed="a", length=17, rng=7)
        await there.until(lambda: "•••" in (slow.content or "") and "▌" not in (slow.content or ""))
    assert not any("Foo" in each for each in there.rest.told[slow.original])


async def test_a_blocked_word_that_begins_in_the_seed_is_not_shown(there: Discord) -> None:
    async with running(there, Scripted("ck you "), Options(uses=99, blocklist=("fuck",))):
        shown = await told(there, "say", seed="so fu", length=6, rng=7)
    assert shown == "**so ••**•• you\n-# T 0.80 · 6 characters · rng 7"


async def test_a_mention_is_answered_in_listed_channels_only(there: Discord, tiny: Model) -> None:
    options = Options(uses=99, channels=(int(OTHER_CHANNEL),), direct_messages=False)
    async with running(there, tiny, options):
        await there.say(f"{AT} a", mentions=[BOT])
        assert (await typed(there, "a", channel=OTHER_CHANNEL)).startswith("**a**")
        assert await there.reply_to(await there.say("a", channel=DM)) == "I answer in servers only"
        assert await told(there, "say", seed="a", channel=DM) == "I answer in servers only"
        assert (await told(there, "say", seed="a", **FIXED)).startswith("**a**")
        assert len([m for m in there.messages if m["channel_id"] == CHANNEL]) == 1


async def test_a_server_that_left_while_the_bot_was_away_is_forgotten(there: Discord, tiny: Model) -> None:
    async with running(there, tiny) as bot:
        await told(there, "temp", value=1.2)
        bot.store.keep(77, 770, "temperature", 1.2)
    async with running(there, tiny) as bot:
        await told(there, "help")
        await becomes(lambda: bot.store.guilds() == {int(GUILD)})


async def test_a_server_that_is_merely_away_is_not(there: Discord, tiny: Model) -> None:
    async with running(there, tiny) as bot:
        await told(there, "temp", value=1.2)
        await there.dispatch("GUILD_DELETE", {"id": GUILD, "unavailable": True})
        await told(there, "help", channel=DM)
        assert bot.store.guilds() == {int(GUILD)}


async def test_a_server_that_is_not_known_is_no_direct_message(there: Discord, tiny: Model) -> None:
    async with running(there, tiny):
        await there.say(f"{AT} a", mentions=[BOT], guild_id="9" + GUILD)
        assert (await there.reply_to(await there.say("b", channel=DM))).startswith("**b**")
    assert len(there.messages) == 1


async def test_a_channel_that_is_deleted_is_forgotten(there: Discord, tiny: Model) -> None:
    async with running(there, tiny) as bot:
        await told(there, "temp", value=1.2)
        channel = next(each for each in there.gateway.guilds[GUILD]["channels"] if each["id"] == CHANNEL)
        await there.dispatch("CHANNEL_DELETE", channel | {"guild_id": GUILD})
        await told(there, "say", seed="a", channel=DM)
        await becomes(lambda: bot.store.settings(int(CHANNEL)) == {})


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
    async with running(there, tiny) as bot:
        for channel in (int(CHANNEL), 78, 79):
            bot.store.keep(channel, int(GUILD), "temperature", 1.2)
        bot.store.keep_state(80, int(GUILD), b"state")
        await told(there, "help")
    async with running(there, tiny) as bot:
        await becomes(lambda: bot.store.channels(int(GUILD)) == {int(CHANNEL), 78})
        await told(there, "help")
    assert [call.path for call in there.rest.calls if call.method == "GET" and "/channels/78" in call.path]


async def test_who_asks_too_often_is_told_once_in_a_channel_and_quietly_elsewhere(there: Discord, tiny: Model) -> None:
    async with running(there, tiny, Options(uses=2, seconds=60)):
        await told(there, "say", seed="a", **FIXED)
        await told(there, "say", seed="a", **FIXED)
        quick = await there.command("say", seed="a", **FIXED)
        assert quick.ephemeral
        assert (quick.content or "").startswith("that was quick: try again in ")
        asked = [await there.say(f"{AT} flood", mentions=[BOT]) for _ in range(20)]
        assert (await there.reply_to(asked[0])).startswith("that was quick")
        assert (await told(there, "say", seed="a", who=BERT, **FIXED)).startswith("**a**")
        assert sum(len(there.replies(each)) for each in asked) == 1
    assert ANNA["id"] not in default_place().read_text("latin-1")
