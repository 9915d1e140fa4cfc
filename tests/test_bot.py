"""The real discord.py client against a stand-in on loopback: commands, mentions, settings, refusals, leaving."""

from __future__ import annotations

import logging
import shutil
from contextlib import closing
from dataclasses import replace

import pytest
from afterglow.core.model import Model
from afterglow.core.paths import models_dir

pytest.importorskip("discord")

from afterglow.bot.commands import FINGERPRINT_KEY
from afterglow.bot.config import Options
from afterglow.bot.formatting import parse_own_message
from afterglow.bot.store import Store

from . import discord_openapi
from .bot_helpers import running_bot, wait_until
from .conftest import DATA
from .discord_shapes import ANNA, BOT, CHANNEL, DM, GUILD, OTHER_BOT, OTHER_CHANNEL
from .discord_standin import TOKEN, Discord
from .scripted_model import Scripted

AT = f"<@{BOT['id']}>"
FIXED = {"rng": 7, "length": 60}
COMMANDS = ["say", "temp", "settings", "model", "sweep", "explain", "memory", "help", "forget", "Continue this"]


async def test_say_answers_with_the_text(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="The lamp", **FIXED)
    text = tiny.generate("The lamp", **FIXED)
    assert answer.content == f"**The lamp**{text}\n-# T 0.80 · 60 characters · rng 7"
    assert not answer.ephemeral


async def test_say_takes_a_temperature_for_this_once(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        hot = await there.command("say", seed="The lamp", temperature=2.0, **FIXED)
        after = await there.command("say", seed="The lamp", **FIXED)
    assert tiny.generate("The lamp", temperature=2.0, **FIXED) in (hot.content or "")
    assert "T 2.00" in (hot.content or "")
    assert "T 0.80" in (after.content or "")


async def test_temp_is_kept_by_channel_and_over_a_restart(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        assert (await there.command("temp", value=1.2)).content == "T 0.80 → 1.20"
    async with running_bot(there, tiny):
        here = await there.command("say", seed="The lamp", **FIXED)
        elsewhere = await there.command("say", seed="The lamp", channel=OTHER_CHANNEL, **FIXED)
        assert (await there.command("temp", value=0.5)).content == "T 1.20 → 0.50"
    assert "T 1.20" in (here.content or "")
    assert "T 0.80" in (elsewhere.content or "")


@pytest.mark.parametrize("value", [0.0, 0.05, 2.1, 5.0])
async def test_a_temperature_out_of_range_gets_one_quiet_line(there: Discord, tiny: Model, value: float) -> None:
    async with running_bot(there, tiny) as bot:
        answer = await there.command("temp", value=value)
        assert bot.store.settings(int(CHANNEL)) == {}
    assert (
        answer.content
        == f"temperature cannot be {value}: it must be a number from 0.1 to 2, or a ramp such as 0.2..1.6"
    )
    assert answer.ephemeral


async def test_an_unknown_model_gets_one_quiet_line_and_no_path_is_one(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="a", model=str(DATA / "tiny-byte.safetensors"))
    assert answer.ephemeral
    assert (answer.content or "").startswith("there is no model '")


async def test_models_of_the_library_are_offered_and_play(there: Discord, tiny: Model, tiny_bytes: Model) -> None:
    models_dir().mkdir(parents=True)
    shutil.copy(DATA / "tiny-byte.safetensors", models_dir() / "mine.safetensors")
    async with running_bot(there, tiny):
        assert "mine" in await there.suggestions("say", "model", "")
        assert await there.suggestions("say", "model", "min") == ["mine"]
        answer = await there.command("say", seed="The lamp", model="mine", **FIXED)
    assert tiny_bytes.generate("The lamp", **FIXED) in (answer.content or "")


async def test_characters_that_the_model_never_saw_are_reported(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="The λamp", **FIXED)
    assert "\n-# tiny-char has never seen λ: read as ' '" in (answer.content or "")


async def test_a_longer_text_goes_on_in_a_reply_and_the_buttons_stand_under_its_end(
    there: Discord, tiny: Model
) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="The lamp", length=4000, rng=7)
        await there.until(lambda: len(there.messages) == 3 and there.messages[-1]["components"])
    whole = "".join(parse_own_message(each["content"]) for each in there.messages)
    assert "".join(whole.split()) == "".join(("The lamp" + tiny.generate("The lamp", length=4000, rng=7)).split())
    assert all(len(each["content"]) <= 2000 for each in there.messages)
    assert [bool(each["components"]) for each in there.messages] == [False, False, True]
    assert len(answer.followups) == 2


async def test_a_blank_text_is_no_blank_message(there: Discord) -> None:
    async with running_bot(there, Scripted("\n \n")):
        answer = await there.command("say", seed="", length=3, rng=7)
    assert "the model produced only whitespace" in (answer.content or "")


async def test_nothing_pings(there: Discord) -> None:
    async with running_bot(there, Scripted("@everyone <@123456789012345678> @here")):
        answer = await there.command("say", seed="@everyone", length=37, rng=7)
        number = await there.say(f"{AT} @here", mentions=[BOT])
        reply = await there.reply_to(number)
        await there.command("temp", value=1.2)
    for content in (answer.content or "", reply):
        assert not any(ping in content for ping in ("@everyone", "@here", "<@1"))
        assert "@\u200beveryone" in content
    sent = [call.body.get("data", call.body) for call in there.calls if call.body and call.method != "PUT"]
    assert [body["allowed_mentions"] for body in sent if "content" in body] == [{"parse": []}] * 3


async def test_a_mention_is_a_seed(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        reply = await there.reply_to(await there.say(f"{AT} The lamp", mentions=[BOT]))
    assert reply.startswith("**The lamp**")
    assert " · 500 characters · rng " in reply


async def test_a_reply_that_pings_the_bot_is_a_seed_and_one_that_does_not_is_none(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        first = await there.reply_to(await there.say(f"{AT} The lamp", mentions=[BOT]))
        reference = {"message_id": there.messages[0]["id"], "channel_id": CHANNEL}
        await there.say("unheard", type=19, message_reference=reference)
        reply = await there.reply_to(
            await there.say("The keeper", type=19, message_reference=reference, mentions=[BOT])
        )
    assert first.startswith("**The lamp**")
    assert reply.startswith("**The keeper**")
    assert len(there.messages) == 2


async def test_a_direct_message_is_a_seed(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        reply = await there.reply_to(await there.say("The lamp", channel=DM))
    assert reply.startswith("**The lamp**")


async def test_everyone_other_bots_and_webhooks_start_nothing(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.say("@everyone The lamp", mention_everyone=True)
        await there.say(f"{AT} The lamp", mentions=[BOT], author=OTHER_BOT)
        await there.say(f"{AT} The lamp", mentions=[BOT], webhook_id="77")
        await there.say("The lamp", mentions=[ANNA])
        await there.say("", channel=DM)
        await there.reply_to(await there.say("The end", channel=DM))
    assert len(there.messages) == 1


async def test_temp_can_be_typed_to_the_bot(there: Discord, tiny: Model) -> None:
    async def typed(line: str) -> str:
        return await there.reply_to(await there.say(f"{AT} {line}", mentions=[BOT]))

    async with running_bot(there, tiny) as bot:
        assert await typed("/temp 1.2") == "T 0.80 → 1.20"
        assert await typed("/t +0.1") == "T 1.20 → 1.30"
        assert await typed("/temp 0.2..1.6") == "T 1.30 → 0.20..1.60"
        assert await typed("/temp reset") == "T 0.20..1.60 → 0.80"
        assert (await typed("/temp")).startswith("temperature 0.80: ")
        for wrong in ("3", "0.2..3", "warm", "nan"):
            assert "it must be a number from 0.1 to 2" in await typed(f"/temp {wrong}")
        assert bot.store.settings(int(CHANNEL)) == {"temperature": 0.8}


@pytest.mark.parametrize("line", ["/save x", "/export /tmp/x.txt", "/nonsense", "/", "/quit", "/undo", "/heat rank"])
async def test_other_typed_commands_are_answered_with_those_there_are(there: Discord, tiny: Model, line: str) -> None:
    async with running_bot(there, tiny):
        reply = await there.reply_to(await there.say(line, channel=DM))
    assert reply == "type a seed, or one of /say /temp /settings /model /sweep /explain /memory /help /forget"


async def test_say_can_be_typed_and_two_slashes_begin_a_seed(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        assert (await there.reply_to(await there.say("/say The lamp", channel=DM))).startswith("**The lamp**")
        assert (await there.reply_to(await there.say("//temp", channel=DM))).startswith("**/temp**")
        assert (await there.reply_to(await there.say("/Say\nThe lamp", channel=DM))).startswith("**The lamp**")


async def test_commands_are_registered_once(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        pass
    async with running_bot(there, tiny) as bot:
        bot.store.set_meta(FINGERPRINT_KEY, "another shape")
    assert len(there.calls_to("PUT", "/applications/1000/commands")) == 1
    async with running_bot(there, tiny):
        pass
    puts = there.calls_to("PUT", "/applications/1000/commands")
    assert [[command["name"] for command in put.body] for put in puts] == [COMMANDS] * 2


async def test_as_few_intents_as_can_be(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        pass
    assert there.gateway.identified[0]["intents"] == 4609


async def test_a_server_that_lets_the_bot_go_is_forgotten(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        await there.command("temp", value=1.2)
        await there.dispatch("GUILD_DELETE", {"id": GUILD})
        await there.reply_to(await there.say("The lamp", channel=DM))
        await wait_until(lambda: bot.store.settings(int(CHANNEL)) == {})


async def test_another_application_on_the_same_file_forgets_nothing_of_the_first(there: Discord, tiny: Model) -> None:
    with closing(Store(Options().data_path)) as store:
        store.save_setting(1, 999888777666555444, "temperature", 1.2)
        store.set_meta("application", "1")
    async with running_bot(there, tiny) as bot:
        await there.reply_to(await there.say("The lamp", channel=DM))
        assert 999888777666555444 in bot.store.guild_ids()
        bot.store.set_meta("application", str(bot.application_id))
    async with running_bot(there, tiny) as bot:
        await wait_until(lambda: 999888777666555444 not in bot.store.guild_ids())


async def test_ready_says_how_to_begin(there: Discord, tiny: Model, capsys: pytest.CaptureFixture[str]) -> None:
    async with running_bot(there, tiny) as bot:
        await there.command("temp", value=1.2)
        await wait_until(lambda: bot.invitation_printed)
    invitation, hint = capsys.readouterr().out.splitlines()
    assert "client_id=1000" in invitation
    assert "scope=bot+applications.commands" in invitation
    assert hint == "try /say in #general"


async def test_a_bug_is_logged_without_what_people_wrote(there: Discord, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = "a secret"
    async with running_bot(there, Scripted(bug=ZeroDivisionError(text))):
        answer = await there.command("say", seed=text)
        reply = await there.reply_to(await there.say(text, channel=DM))
    assert answer.content == reply == "something went wrong; the bot's log has the details"
    assert answer.ephemeral
    assert "ZeroDivisionError" in caplog.text
    assert text not in caplog.text


async def test_the_log_holds_no_token_and_no_text(
    there: Discord, tiny: Model, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="The lamp", **FIXED)
        await there.reply_to(await there.say("The keeper", channel=DM))
    assert "answered" in caplog.text
    for private in (TOKEN, "The lamp", "The keeper", (answer.content or "")[20:40]):
        assert private not in caplog.text


async def test_the_check_against_discords_description_can_fail(there: Discord, tiny: Model) -> None:
    discord_openapi.skip_unless_available()
    jsonschema = pytest.importorskip("jsonschema")
    async with running_bot(there, tiny):
        await there.command("say", seed="The lamp", **FIXED)
    assert discord_openapi.check(there.calls) >= 6
    callback = there.calls_to("POST", "/interactions")[0]
    for broken in (replace(callback, body={"type": 4, "data": {"content": 7}}), replace(callback, answer={})):
        with pytest.raises(jsonschema.ValidationError):
            discord_openapi.check([broken])
