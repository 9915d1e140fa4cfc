"""What hostile or tired people send: bounded, polite, and nothing of it steers or pings anybody."""

from __future__ import annotations

import pytest
from afterglow.core.model import Model

pytest.importorskip("discord")

from afterglow.bot.config import Options

from .bot_helpers import labels, running_bot
from .discord_shapes import BERT, BOT, CHANNEL
from .discord_standin import Discord
from .scripted_model import Scripted

AT = f"<@{BOT['id']}>"
SEEDS = {
    "6,000 characters": "The lamp " * 666,
    "6,000 characters that are escaped": "*" * 6000,
    "6,000 beyond the basic plane": "\U0001f525" * 6000,
    "zalgo": "".join(c + "\u0300\u0489\u20dd" * 30 for c in "lamp"),
    "right to left": "\u202eeht \u2066pmal\u2069 \u200f",
    "control": "\x00\x1b[31m\x07lamp\x7f\x9b",
    "pings": "@everyone @here <@2000> <@&3000> <#4000> </say:70>",
    "a code fence": "```python\nprint('```')\n```",
    "markdown": "# a\n> b\n- c\n||d|| **e** [f](https://g.example) <https://h.example>",
    "links": "https://example.org https://discord.gg/abc",
    "blank": " \n\t\u2003 ",
    "nothing": "",
    "a message of ours": "**The lamp** went\n-# T 0.80 · 60 characters · rng 7",
    "a path": "../../../etc/passwd",
}


@pytest.mark.parametrize("kind", SEEDS)
async def test_any_seed_gets_a_text_with_buttons_that_work(there: Discord, tiny: Model, kind: str) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("say", seed=SEEDS[kind], length=200, rng=7)
        assert not answer.ephemeral
        shown = there.messages[-1]
        assert labels(shown) == ["Retry", "Continue", "Hotter", "Cooler"]
        for label in ("Retry", "Continue", "Hotter"):
            pressed = await there.press(shown["id"], label)
            await there.until(lambda: pressed.content)  # noqa: B023
            assert f"-# {label}" in (pressed.content or "")
    for message in there.messages:
        content = message["content"]
        assert 0 < len(content) <= 2000
        assert not any(ping in content for ping in ("@everyone", "@here", "<@2", "<@&", "\u202e", "\x1b", "```"))
    sent = [call.body.get("data", call.body) for call in there.calls if call.body and call.method != "PUT"]
    written = [body for body in sent if "content" in body]
    assert all(body["allowed_mentions"] == {"parse": []} for body in written)
    assert all(body.get("flags", 4) & 4 for body in written)


async def test_a_model_that_writes_pings_pings_nobody(there: Discord) -> None:
    async with running_bot(there, Scripted("@everyone <@2000> @here ```\n# ")):
        answer = await there.command("say", seed="a", length=90, rng=7)
        explained = await there.command("explain")
        swept = await there.command("sweep", seed="```")
    for content in (answer.content or "", explained.content or "", swept.content or ""):
        assert not any(ping in content for ping in ("@everyone", "@here", "<@2"))


@pytest.mark.parametrize("text", ["\U0001f525", "*", " ", "\n", "a\n> "])
async def test_long_texts_of_any_characters_fit(there: Discord, text: str) -> None:
    async with running_bot(there, Scripted(text)):
        await there.command("say", seed="a", length=6000, rng=7)
        await there.until(lambda: "Retry" in labels(there.messages[-1]))
    assert 1 <= len(there.messages) <= 8


async def test_a_name_that_pings_is_harmless_in_an_error(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="a", model="@everyone <@2000>")
        named = await there.command("settings", name="@everyone", value="`")
    for content in (answer.content or "", named.content or ""):
        assert "@everyone" not in content
        assert "<@2000>" not in content


async def test_settings_of_texts_are_few_short_and_harmless(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        many = await there.command("settings", name="stop", value=" ".join(map(str, range(17))))
        long = await there.command("settings", name="stop", value="x" * 5000)
        assert many.content == long.content == "stop can have at most 16 texts of 100 characters"
        texts = " ".join(f"{'@everyone*' * 9}{number}" for number in range(16))
        set_ = await there.command("settings", name="stop", value=texts)
        shown = await there.command("settings")
        one = await there.command("settings", name="stop")
    for answer in (set_, shown, one):
        assert "@\u200beveryone\\*" in (answer.content or "")
        assert "@everyone" not in (answer.content or "")


async def test_a_flood_from_one_person_keeps_nobody_else_waiting(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny, Options(uses=3, seconds=60)):
        flood = [await there.ask("say", seed="a", length=60) for _ in range(60)]
        calm = await there.command("say", seed="a", length=60, rng=7, who=BERT)
        await there.until(lambda: all(each.first for each in flood))
    assert (calm.content or "").startswith("**a**")
    assert sum(not each.ephemeral for each in flood) == 3
    assert all("too many requests" in (each.content or "") for each in flood if each.ephemeral)


async def test_everyone_is_no_mention_of_the_bot_and_hidden_text_is_not_read(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await there.say("@everyone The lamp", mention_everyone=True)
        await there.say("a reply without a ping", message_reference={"message_id": "1", "channel_id": CHANNEL})
        assert (await there.reply_to(await there.say(f"{AT} The end", mentions=[BOT]))).startswith("**The end**")
    assert len(there.messages) == 1
