"""Hostile text in every option of the bot's commands, in its suggestions, on its terminal and in its log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from afterglow.core.sanitize import visible_name

pytest.importorskip("discord")

from afterglow.bot.command_table import BOT_COMMANDS
from afterglow.bot.log_file import log_to
from discord import AppCommandType

from .bot_helpers import mention_bot, running_bot, wait_until
from .discord_shapes import GUILD
from .discord_standin import Discord
from .hostile_text import HOSTILE, HOSTILE_TEXT, HOSTILE_WORD, check_shown, fill_home
from .scripted_model import Scripted

FIXED = {"temperature": 0.5, "length": 20, "rng": 7, "state": "on"}
"""Values of options that are no free text."""


@pytest.fixture
def model(home: Path) -> Scripted:
    """A model of a hostile name that writes hostile text, in a hostile data folder."""
    fill_home(home)
    model = Scripted(HOSTILE_TEXT)
    model.name = visible_name(HOSTILE)
    return model


async def test_every_option_of_every_command_is_shown(there: Discord, model: Scripted) -> None:
    async with running_bot(there, model) as bot:
        for command in bot.tree.get_commands(type=AppCommandType.chat_input):
            names = [each.name for each in command.parameters]
            for payload in (HOSTILE, HOSTILE_WORD, f"'a{HOSTILE_WORD}'"):
                values = dict.fromkeys(names, payload) | {"seed": HOSTILE_TEXT} | FIXED
                for given in ({}, {"name": "stop"}):
                    options = {name: value for name, value in (values | given).items() if name in names}
                    check_shown((await there.command(command.name, **options)).content or "")
        for name in BOT_COMMANDS:
            for line in (f"/{name}", f"/{name} {HOSTILE_WORD}", f"/{HOSTILE_WORD}", HOSTILE_TEXT):
                check_shown(await mention_bot(there, line))
    for message in there.messages:
        check_shown(message["content"])


async def test_suggestions_are_shown(there: Discord, model: Scripted) -> None:
    async with running_bot(there, model):
        await there.command("settings", name="stop", value=f"'a{HOSTILE_WORD[:80]}'")
        for command, option, others in (
            ("settings", "value", {"name": "stop"}),
            ("say", "model", {}),
            ("model", "name", {}),
        ):
            await there.suggestions(command, option, "", **others)
    answers = [
        call.body for call in there.calls if "callback" in call.path and call.body and call.body.get("type") == 8
    ]
    names = [choice["name"] for body in answers for choice in body["data"]["choices"]]
    assert sum("PWN" in name for name in names) >= 3
    check_shown("\n".join(names))


async def test_the_terminal_gets_names_of_channels_shown(
    there: Discord, model: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    for channel in there.gateway.guilds[GUILD]["channels"]:
        channel["name"] = HOSTILE
    async with running_bot(there, model) as bot:
        await wait_until(lambda: bot.invitation_printed)
    out = capsys.readouterr().out
    check_shown(out)
    assert "␛]0;PWN␇" in out


def test_the_log_is_lines_that_can_be_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with log_to(tmp_path / "bot.log"):
        logging.getLogger("discord").warning("%s and https://a:b@c.example", HOSTILE)
    for text in (capsys.readouterr().err, (tmp_path / "bot.log").read_text("utf-8")):
        check_shown(text)
        assert "␛]0;PWN␇" in text
        assert "a:b" not in text
