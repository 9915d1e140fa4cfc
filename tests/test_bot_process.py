"""The bot as a process: where its token comes from, how it fails, how it leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from afterglow.core.errors import AfterglowError, UsageError

pytest.importorskip("discord")

from afterglow.bot.options import Options
from afterglow.bot.process import run, token_from_environment

from .conftest import DATA
from .discord_standin import PATIENCE, TOKEN, Discord

MODEL = str(DATA / "tiny-char.safetensors")
BOT_PROCESS = """
import sys
import discord, yarl
from afterglow.bot.__main__ import main

url, gateway = sys.argv[1:3]
discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = url, yarl.URL(gateway)
sys.argv[1:] = ["--model", sys.argv[3]]
main()
"""


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own token gets into the tests."""
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    monkeypatch.delenv("DISCORD_TOKEN_FILE", raising=False)


@pytest.fixture
async def there() -> AsyncIterator[Discord]:
    """Discord."""
    async with Discord() as standin:
        yield standin


async def started(there: Discord, token: str) -> asyncio.subprocess.Process:
    """The bot in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BOT_PROCESS, there.url, there.gateway.url, MODEL),
        env={**os.environ, "DISCORD_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    """Exit code, standard output, standard error."""
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(there: Discord, number: signal.Signals) -> None:
    process = await started(there, TOKEN)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert b"client_id=1000" in await process.stdout.readline()
    process.send_signal(number)
    code, out, err = await ended(process)
    await there.until(lambda: there.gateway.close_codes)
    assert (code, there.gateway.close_codes) == (0, [1000])
    assert out == "try /say in #general\n"
    assert "stopped" in err
    assert "Traceback" not in err
    assert TOKEN not in out + err


async def test_a_token_that_discord_does_not_know_is_one_line_and_one_try(there: Discord) -> None:
    code, out, err = await ended(await started(there, "a.wrong.one"))
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("afterglow: Discord does not know the bot's token: ")
    assert "Traceback" not in err
    assert "a.wrong.one" not in err
    assert len(there.calls) == 1


@pytest.mark.parametrize(
    ("code", "line"), [(4014, "Discord refuses the intents"), (4013, "code 4013"), (4011, "--shards auto")]
)
async def test_a_connection_that_discord_refuses_is_one_line(there: Discord, code: int, line: str) -> None:
    there.gateway.refuses_with = code
    exit_code, _, err = await ended(await started(there, TOKEN))
    assert (exit_code, "Traceback" in err) == (1 if code == 4013 else 2, False)
    assert line in err.splitlines()[-1]


def test_a_missing_token_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"the bot has no token: .*set DISCORD_TOKEN"):
        run(Options(model=MODEL))


def test_the_token_can_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("from.a.file\n")
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(tmp_path / "token"))
    assert token_from_environment() == "from.a.file"
    monkeypatch.setenv("DISCORD_TOKEN", "from.the.environment")
    assert token_from_environment() == "from.the.environment"


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"cannot read .*none, named by DISCORD_TOKEN_FILE: no such file"):
        token_from_environment()


@pytest.mark.parametrize("token", ["Bot abc.def", "abc\ndef", "abcdéf"])
def test_what_cannot_be_a_token_is_not_sent_and_not_shown(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    with pytest.raises(UsageError, match="cannot be one") as error:
        token_from_environment()
    assert token not in str(error.value)


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    with pytest.raises(AfterglowError, match=r"cannot reach Discord \(ClientProxyConnectionError\)") as error:
        run(Options(model=MODEL, proxy="http://name:secret@127.0.0.1:9"))
    assert "secret" not in str(error.value)
