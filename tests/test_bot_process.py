"""The bot as a process: where its token comes from, how it fails, how it leaves."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from afterglow.core.errors import AfterglowError, UsageError

pytest.importorskip("discord")

from afterglow.bot import log_file
from afterglow.bot.config import Options, load_options
from afterglow.bot.credentials import token_from_environment
from afterglow.bot.health import Health, report
from afterglow.bot.log_file import LOG_BACKUPS, LOG_BYTES, log_to
from afterglow.bot.process import run
from afterglow.bot.store import Store

from .bot_helpers import labels
from .conftest import DATA
from .discord_shapes import ANNA
from .discord_standin import TIMEOUT, TOKEN, Discord

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
    async with asyncio.timeout(TIMEOUT):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(there: Discord, number: signal.Signals) -> None:
    process = await started(there, TOKEN)
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
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
    assert err.splitlines()[-1].startswith("afterglow: Discord does not accept the bot's token: ")
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


async def ready(process: asyncio.subprocess.Process) -> None:
    """Wait until the bot says how to begin."""
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        while b"try /say in #general" not in await process.stdout.readline():
            pass


async def test_a_token_that_is_revoked_ends_it_with_what_to_do_and_no_further_try(there: Discord) -> None:
    process = await started(there, TOKEN)
    await ready(process)
    there.gateway.knows_token = False
    there.gateway.cut()
    code, _, err = await ended(process)
    assert (code, "Traceback" in err) == (2, False)
    assert err.splitlines()[-1].startswith("afterglow: Discord no longer accepts the bot's token: ")


async def test_sigterm_while_a_text_grows_brings_it_to_an_end(there: Discord) -> None:
    process = await started(there, TOKEN)
    await ready(process)
    await there.command("settings", name="typewriter", value="on")
    answer = await there.command("say", seed="The lamp", length=3000)
    await there.until(lambda: len(there.rest.content_history[answer.original]) > 1)
    process.send_signal(signal.SIGTERM)
    code, _, _ = await ended(process)
    await there.until(lambda: there.gateway.close_codes)
    assert (code, there.gateway.close_codes) == (0, [1000])
    assert "· stopped" in (answer.content or "")
    assert labels(there.rest.messages[answer.original])[0] == "Retry"


async def test_after_kill_9_and_a_restart_buttons_answer_and_settings_are_there(there: Discord) -> None:
    process = await started(there, TOKEN)
    await ready(process)
    await there.command("temp", value=1.2)
    answer = await there.command("say", seed="The lamp", length=60, rng=7)
    process.kill()
    await ended(process)
    again = await started(there, TOKEN)
    await ready(again)
    pressed = await there.press(answer.original, "Hotter")
    await there.until(lambda: pressed.content)
    assert "Hotter: T 1.20 → 1.40" in (pressed.content or "")
    again.send_signal(signal.SIGTERM)
    assert (await ended(again))[0] == 0
    assert len(there.messages) == 3


async def test_the_log_is_private_bounded_and_free_of_content(there: Discord, home: Path) -> None:
    process = await started(there, TOKEN)
    await ready(process)
    answer = await there.command("say", seed="The secret lamp", length=60, rng=7)
    process.send_signal(signal.SIGTERM)
    _, _, err = await ended(process)
    log = home / "bot.log"
    assert log.stat().st_mode & 0o777 == 0o600
    assert "answered" in log.read_text()
    for private in (TOKEN, "secret", (answer.content or "")[20:40], "interaction-", ANNA["id"]):
        assert private not in log.read_text() + err
    assert (LOG_BYTES, LOG_BACKUPS) == (1_000_000, 3)


def test_a_rotated_log_is_private_too_and_holds_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "LOG_BYTES", 200)
    path = tmp_path / "bot.log"
    with log_to(path):
        for _ in range(LOG_BACKUPS + 2):  # from Python 3.13 on, an empty file is not rotated
            try:
                raise OSError("502, url='http://user:SECRET@127.0.0.1:4100'")
            except OSError:
                logging.getLogger("afterglow.bot").exception("no way to https://me:SECRET@example.org/a@b")
    logs = list(tmp_path.iterdir())
    assert len(logs) == 1 + LOG_BACKUPS
    assert {log.stat().st_mode & 0o777 for log in logs} == {0o600}
    written = "".join(log.read_text() for log in logs)
    assert "SECRET" not in written
    assert "http://127.0.0.1:4100" in written
    assert "https://example.org/a@b" in written


def test_a_clock_that_was_set_back_brings_no_process_to_life() -> None:
    with closing(Store(Options().data_path)) as store:
        Health(store, "all", clock=lambda: 10_000.0).heartbeat()
        assert next(report(store, clock=lambda: 6_400.0)).startswith("not responding for ")
        assert next(report(store, clock=lambda: 10_060.0)).startswith("running for 1 minute")


async def test_the_owner_asks_how_it_fares_while_it_runs_and_afterwards(there: Discord) -> None:
    process = await started(there, TOKEN)
    await ready(process)
    while "servers     1" not in (seen := verb("status")).stdout:
        await asyncio.sleep(0.05)
    assert seen.stdout.startswith("running for ")
    assert "last error  none" in seen.stdout
    process.send_signal(signal.SIGTERM)
    await ended(process)
    assert verb("status").stdout.startswith("stopped for ")


def verb(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``afterglow bot`` with these words."""
    command = [sys.executable, "-m", "afterglow.bot", *words]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)  # noqa: S603


def test_check_says_what_is_missing_before_anything_connects(tmp_path: Path) -> None:
    done = verb("--check", "--model", "nobody")
    assert done.returncode == 1
    token, model, data = done.stdout.splitlines()
    assert token.startswith("failed   token: the bot has no token: create an application at https://")
    assert model.startswith("failed   model nobody: there is no model 'nobody'")
    assert data.startswith("ok       data file ")
    done = verb("--check", "--model", MODEL, DISCORD_TOKEN=TOKEN)
    assert (done.returncode, done.stdout.count("ok  ")) == (0, 3)
    assert TOKEN not in done.stdout + done.stderr
    (tmp_path / "folder").mkdir()
    config = tmp_path / "bot.toml"
    config.write_text(f'data = "{tmp_path}/folder"\nmodel = "{MODEL}"\n')
    done = verb("--config", str(config), "--check", DISCORD_TOKEN=TOKEN)
    assert done.returncode == 1
    assert f"failed   data file {tmp_path}/folder: cannot use {tmp_path}/folder: it is a folder" in done.stdout


def test_without_discord_py_it_says_how_to_get_it() -> None:
    hide = "import sys; sys.modules['discord'] = None; sys.argv[1:] = []"
    script = f"{hide}; from afterglow.bot.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr == "afterglow: the bot needs discord.py: pip install 'afterglow-lm[bot]'\n"


def test_status_before_the_first_run_and_config(tmp_path: Path) -> None:
    assert verb("status").stdout.startswith("the bot has not run yet: ")
    printed = verb("config").stdout
    config = tmp_path / "bot.toml"
    config.write_text("\n".join(line.removeprefix("# ") for line in printed.splitlines() if " = " in line))
    assert load_options(config) == Options()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tokn = 1", "line 2: there is no option 'tokn'"),
        ('token = "x"', "do not put the token in this file; set DISCORD_TOKEN"),
        ("uses = 0", "line 2: uses cannot be '0': it must be a number from 1 to 1e+06"),
        ("channels = ['x']", "channels cannot be \"['x']\": it must be a list of whole numbers"),
        ("shards = 'two'", "shards must be one or auto"),
        ("shard_ids = [2]", "shard_ids and shard_count go together"),
        ("uses = ", "cannot read"),
    ],
)
def test_a_wrong_config_is_one_line_with_its_name(tmp_path: Path, text: str, line: str) -> None:
    config = tmp_path / "bot.toml"
    config.write_text(f"# mine\n{text}")
    done = verb("--config", str(config), "--check")
    assert done.returncode == 2
    assert line in done.stderr
    assert str(config) in done.stderr
    assert done.stderr.count("\n") == 1


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
    with pytest.raises(UsageError, match="contains characters that no token has") as error:
        token_from_environment()
    assert token not in str(error.value)


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    with pytest.raises(AfterglowError, match=r"cannot reach Discord \(ClientProxyConnectionError\)") as error:
        run(Options(model=MODEL, proxy="http://name:secret@127.0.0.1:9"))
    assert "secret" not in str(error.value)
