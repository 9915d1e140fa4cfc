"""Texts that take long: the position in the queue, Stop, a full queue, and a shutdown in the middle."""

from __future__ import annotations

import asyncio
import threading

import pytest
from afterglow.core.model import Model

pytest.importorskip("discord")

from afterglow.bot.config import Options

from .bot_helpers import labels, running_bot
from .discord_shapes import OTHER_CHANNEL
from .discord_standin import TIMEOUT, Discord
from .scripted_model import Scripted


async def test_what_takes_long_has_a_placeholder_with_a_way_out_first(there: Discord) -> None:
    gate = threading.Event()
    async with running_bot(there, Scripted("at last", gate), placeholder_delay=0.0):
        answer = await there.command("say", seed="a")
        assert answer.content == "-# writing …"
        gate.set()
        await there.until(lambda: "Retry" in labels(there.rest.messages[answer.original]))
    assert (answer.content or "").startswith("**a**at last")
    assert len(there.messages) == 1


async def test_whatever_else_takes_long_is_announced(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny, placeholder_delay=0.0):
        there.rest.delay = 0.7
        answer = await there.command("explain")
        await there.until(lambda: "no recent text of mine" in (answer.content or ""))
    assert there.rest.content_history[answer.original][0] == "-# one moment …"
    assert len(there.messages) == 1


async def test_who_waits_is_told_the_place_in_line(there: Discord) -> None:
    gate = threading.Event()
    async with running_bot(there, Scripted("x", gate), Options(uses=99, at_once=1), placeholder_delay=0.0):
        first = await there.command("say", seed="a", length=5)
        second = await there.command("say", seed="a", length=5)
        third = await there.command("say", seed="a", length=5)
        assert [first.content, second.content, third.content] == [
            "-# writing …",
            "-# number 1 in the queue …",
            "-# number 2 in the queue …",
        ]
        gate.set()
        await there.until(lambda: all("xxxxx" in (each.content or "") for each in (first, second, third)))


async def test_only_so_many_wait(there: Discord) -> None:
    gate = threading.Event()
    options = Options(uses=99, channel_at_once=1, channel_waiting=1)
    async with running_bot(there, Scripted("x", gate), options, placeholder_delay=0.0):
        busy = [await there.command("say", seed="a") for _ in range(3)]
        assert busy[2].content == "the queue of this channel is full (1 waiting); please try again in a moment"
        assert busy[2].ephemeral
        elsewhere = await there.command("say", seed="a", channel=OTHER_CHANNEL)
        assert elsewhere.content == "-# writing …"
        gate.set()
        await there.until(lambda: all("xxx" in (one.content or "") for one in (*busy[:2], elsewhere)))


async def test_stop_takes_one_out_of_the_line(there: Discord) -> None:
    gate = threading.Event()
    async with running_bot(there, Scripted("x", gate), Options(uses=99, at_once=1), placeholder_delay=0.0):
        first = await there.command("say", seed="a", length=5)
        second = await there.command("say", seed="a", length=5)
        await there.press(second.original, "Stop")
        await there.until(lambda: second.content == "stopped before the text began")
        gate.set()
        await there.until(lambda: "xxxxx" in (first.content or ""))
    assert labels(there.rest.messages[second.original]) == []


async def test_leaving_cuts_the_text_short_delivers_it_and_closes_with_1000(
    there: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    model = Scripted("the end of the story", gate, after=3)
    async with running_bot(there, model, placeholder_delay=0.0) as bot:
        answer = await there.command("say", seed="a")
        assert await asyncio.to_thread(model.script.waiting.wait, TIMEOUT)
        stop = bot.responder.delivery.stop
        monkeypatch.setattr(bot.responder.delivery, "stop", lambda: (stop(), gate.set()))
    await there.until(lambda: there.gateway.close_codes)
    assert there.gateway.close_codes == [1000]
    assert (answer.content or "").startswith("**a**t")
    assert "story" not in (answer.content or "")
    assert "stopped" in (answer.content or "")
