"""The buttons under a text and the menu's "Continue this": what they make of it, and that they outlive the process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest
from afterglow.core.model import Model
from afterglow.core.setting_types import Ramp

pytest.importorskip("discord")

from afterglow.bot.button_state import ButtonState, decode_state
from afterglow.bot.channel_settings import ChannelContext
from afterglow.bot.formatting import parse_own_message
from afterglow.core.errors import SettingError
from hypothesis import given
from hypothesis import strategies as st

from .bot_helpers import labels, run_command, running_bot
from .discord_shapes import ALL_PERMISSIONS, ANNA, BASIC_PERMISSIONS, BERT, BOT, CHANNEL, DM, GUILD
from .discord_standin import TIMEOUT, Discord
from .scripted_model import Scripted

FIXED = {"rng": 7, "length": 60}
AT = f"<@{BOT['id']}>"


async def test_a_text_has_four_buttons(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="The lamp", **FIXED)
    assert labels(there.rest.messages[answer.original]) == ["Retry", "Continue", "Hotter", "Cooler"]


@pytest.mark.parametrize(("label", "after"), [("Hotter", 1.0), ("Cooler", 0.6)])
async def test_hotter_and_cooler_are_the_same_seed_and_dice_a_notch_on(
    there: Discord, tiny: Model, label: str, after: float
) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="The lamp ", **FIXED)
        answer = await there.press(first.original, label)
    text = tiny.generate("The lamp ", temperature=after, **FIXED)
    assert answer.content == (
        f"**The lamp** {text}\n-# {label}: T 0.80 → {after:.2f} · T {after:.2f} · 60 characters · rng 7"
    )
    assert answer.original != first.original


async def test_hotter_is_hotter_than_what_a_text_was_turned_to_meanwhile(there: Discord) -> None:
    gate = threading.Event()
    model = Scripted("x", gate, after=3)
    async with running_bot(there, model, placeholder_delay=0.0):
        first = await there.command("say", seed="a", **FIXED)
        assert await asyncio.to_thread(model.script.waiting.wait, TIMEOUT)
        await run_command(there, "temp", value=1.5)
        gate.set()
        await there.until(lambda: "Retry" in labels(there.rest.messages[first.original]))
        assert "T 0.80 to 1.50" in (first.content or "")
        hotter = await there.press(first.original, "Hotter")
        await there.until(lambda: "Hotter: T 1.50 → 1.70" in (hotter.content or ""))


async def test_settings_that_a_button_has_no_room_for_are_the_channels(there: Discord, tiny: Model) -> None:
    set_to = {"dry-multiplier": "0.812345", "dry-base": "1.612345", "surprise-rate": "0.212345", "typical": "0.912345"}
    set_to |= {"min-p": "0.012345", "top-p": "0.912345", "repeat-penalty": "1.012345", "frequency-penalty": "0.012345"}
    async with running_bot(there, tiny) as bot:
        for name, value in set_to.items():
            await run_command(there, "settings", name=name, value=value)
        first = await there.command("say", seed="The lamp", **FIXED)
        packed = there.rest.messages[first.original]["components"][0]["components"][0]["custom_id"].split(":", 2)[2]
        order = await bot.responder.handlers.request_from_state(
            ChannelContext(int(CHANNEL), int(GUILD), False, False), decode_state(packed), "The lamp"
        )
    assert decode_state(packed).settings_cut
    for name, value in set_to.items():
        assert getattr(order.settings, name.replace("-", "_")) == float(value)


async def test_retry_throws_other_dice_and_says_which(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="The lamp", **FIXED)
        answers = [await there.press(first.original, "Retry") for _ in range(2)]
    dice = [int((answer.content or "").rpartition("rng ")[2]) for answer in answers]
    for answer, rng in zip(answers, dice, strict=True):
        assert tiny.generate("The lamp", rng=rng, length=60) in (answer.content or "")
        assert f"Retry: rng 7 → {rng}" in (answer.content or "")
    assert len({7, *dice}) == 3


async def test_continue_goes_on_from_the_message_and_can_be_retried_and_continued(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="The lamp", **FIXED)
        second = await there.press(first.original, "Continue")
        hotter = await there.press(second.original, "Hotter")
        third = await there.press(second.original, "Continue")
    written = "The lamp" + tiny.generate("The lamp", **FIXED)
    text = tiny.generate(written, **FIXED)
    assert (second.content or "").lstrip("\u200b").startswith(text.strip("\n")[:20])
    assert "-# Continue · T 0.80 · 60 characters · rng 7" in (second.content or "")
    assert parse_own_message(hotter.content or "") == tiny.generate(written, temperature=1.0, **FIXED)
    assert parse_own_message(third.content or "") == tiny.generate(parse_own_message(second.content or ""), **FIXED)


async def test_buttons_under_a_second_page_find_the_seed_on_the_first(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="The lamp", length=3000, rng=7)
        await there.until(lambda: there.messages[-1]["components"])
        last = there.messages[-1]["id"]
        assert last != first.original
        answer = await there.press(last, "Hotter")
        await there.until(lambda: len(there.messages) == 4)
        text = tiny.generate("The lamp", temperature=1.0, length=3000, rng=7)
        assert (answer.content or "").startswith("**The lamp**" + text[:500])
        there.rest.delete(first.original)
        gone = await there.press(last, "Cooler")
        await there.until(lambda: gone.content)
        assert gone.content == "the message with the start of this text was deleted"
        assert gone.ephemeral


async def test_of_a_long_seed_the_end_is_read_again_and_that_is_said(there: Discord, tiny: Model) -> None:
    seed = "The lamp was lit. " * 150
    async with running_bot(there, tiny):
        first = await there.command("say", seed=seed, **FIXED)
        answer = await there.press(first.original, "Hotter")
    assert tiny.generate(seed, **FIXED) in (first.content or "")
    assert tiny.generate(seed[-1000:], temperature=1.0, **FIXED) in (answer.content or "")
    assert "Hotter: T 0.80 → 1.00 · from the last 1,000 characters of the seed" in (answer.content or "")


async def test_they_outlive_the_process_in_channels_and_direct_messages(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="The lamp", **FIXED)
        asked = await there.say("The keeper", channel=DM)
        await there.reply_to(asked)
    async with running_bot(there, tiny):
        answer = await there.press(first.original, "Hotter")
        direct = await there.press(there.replies(asked)[0]["id"], "Continue")
        assert "Hotter: T 0.80 → 1.00" in (answer.content or "")
        assert "-# Continue" in (direct.content or "")


async def test_other_settings_ride_along_though_the_channel_has_changed_them(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.command("settings", name="top-p", value="0.5")
        await there.command("settings", name="top-k", value="9")
        first = await there.command("say", seed="The lamp", **FIXED)
        await there.command("settings", name="top-p", value="reset")
        answer = await there.press(first.original, "Hotter")
    assert tiny.generate("The lamp", temperature=1.0, top_p=0.5, top_k=9, **FIXED) in (answer.content or "")


async def test_at_the_end_of_the_range_that_is_said_quietly(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        first = await there.command("say", seed="The lamp", temperature=2.0, **FIXED)
        answer = await there.press(first.original, "Hotter")
    assert answer.content == "T 2.00 is already the limit"
    assert answer.ephemeral


async def test_continue_this_reads_anybodys_message(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.command("temp", value=0.5)
        theirs = there.rest.add(CHANNEL, "The lamp", author=BERT)
        answer = await there.menu("Continue this", theirs)
        own = await there.menu("Continue this", there.rest.messages[answer.original])
    assert (answer.content or "").startswith("**The lamp**")
    assert "-# Continue · T 0.50 · 500 characters" in (answer.content or "")
    assert not (own.content or "").startswith("**")


@pytest.mark.parametrize(
    ("who", "permissions", "may"),
    [(ANNA, BASIC_PERMISSIONS, True), (BERT, BASIC_PERMISSIONS, False), (BERT, ALL_PERMISSIONS, True)],
)
async def test_stop_ends_the_writing_for_its_owner_and_for_moderators(
    there: Discord, who: Any, permissions: str, may: bool
) -> None:
    gate = threading.Event()
    model = Scripted("the end of the story ", gate, after=9)
    async with running_bot(there, model, placeholder_delay=0.0) as bot:
        answer = await there.command("say", seed="a", length=3000)
        assert await asyncio.to_thread(model.script.waiting.wait, TIMEOUT)
        pressed = await there.press(answer.original, "Stop", who=who, permissions=permissions)
        gate.set()
        await there.until(lambda: "Retry" in labels(there.messages[-1]))
    assert not bot.responder.delivery.jobs
    assert ("· stopped" in (answer.content or "")) is may
    assert (len(parse_own_message(answer.content or "")) < 200) is may
    assert pressed.ephemeral is not may


async def test_stop_of_an_earlier_process_says_so_and_goes_away(there: Discord) -> None:
    gate = threading.Event()
    model = Scripted("x", gate)
    async with running_bot(there, model, placeholder_delay=0.0):
        answer = await there.command("say", seed="a", length=5)
        old = dict(there.rest.messages[answer.original])
        gate.set()
        await there.until(lambda: "xxxxx" in (answer.content or ""))
    there.rest.messages[answer.original]["components"] = old["components"]
    async with running_bot(there, model):
        pressed = await there.press(answer.original, "Stop")
        await there.until(lambda: pressed.followups)
    assert labels(there.rest.messages[answer.original]) == []
    assert there.rest.messages[pressed.followups[0]]["content"] == "this text is already finished"
    assert "xxxxx" in (answer.content or "")


async def test_what_is_no_button_of_ours_is_one_line(there: Discord, tiny: Model) -> None:
    button = {"type": 2, "style": 2, "label": "Retry", "custom_id": "ag1:r:from:another:release"}
    row = {"type": 1, "id": 1, "components": [button | {"id": 2}]}
    async with running_bot(there, tiny):
        message = there.rest.add(CHANNEL, "old", components=[row])
        answer = await there.press(message["id"], "Retry")
    assert answer.content == "this button is from another version of the bot; use /say instead"


recipes = st.builds(
    ButtonState,
    st.integers(0, 2**63),
    st.none() | st.integers(0, 2000),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.integers(100, 2000).map(lambda t: t / 1000)
    | st.tuples(*[st.integers(100, 2000).map(lambda t: t / 1000)] * 2).map(lambda ends: Ramp(*ends)),
    st.integers(1, 6000),
    st.just("shakespeare") | st.just("~0123456789") | st.just("a" * 24),
    st.dictionaries(st.sampled_from(["top_k", "repeat_last_n"]), st.integers(0, 5000))
    | st.dictionaries(st.sampled_from(["top_p", "min_p", "typical"]), st.integers(0, 100).map(lambda n: n / 100)),
)


@given(recipes)
def test_a_recipe_fits_into_a_button_and_reads_back_as_itself(recipe: ButtonState) -> None:
    packed = recipe.encode()
    assert len(f"ag1:r:{packed}") <= 100
    back = decode_state(packed)
    assert back._replace(settings={}, settings_cut=False) == recipe._replace(settings={}, settings_cut=False)
    assert back.settings.items() <= recipe.settings.items()
    assert back.settings_cut == (recipe.settings_cut or back.settings != recipe.settings)
    assert decode_state(back.encode()) == back


@given(st.text(max_size=94))
def test_any_other_text_is_a_setting_error(text: str) -> None:
    with contextlib.suppress(SettingError):
        assert isinstance(decode_state(text), ButtonState)
