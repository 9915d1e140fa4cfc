"""The real ``afterglow bot``, unmodified: through ``--proxy`` to a stand-in that speaks TLS under Discord's names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("discord")

from . import discord_openapi
from .conftest import DATA
from .discord_standin import TIMEOUT, TOKEN, Discord

NAMES = ("discord.com", "gateway.discord.gg")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for Discord's names that nobody but this test trusts, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a test certificate with")
    path = tmp_path_factory.mktemp("tls") / "discord.pem"
    names = ",".join(f"DNS:{name}" for name in NAMES)
    made = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    command = [*made.split(), "-addext", f"subjectAltName={names}", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return path


class Proxy:
    """An HTTP proxy that knows CONNECT alone, and leads everything to one port. ``asked`` is for what."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self._port = port

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split()[1].decode())
        there = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    with contextlib.suppress(ConnectionError, RuntimeError):
        sink.close()


@pytest.fixture
async def there(certificate: Path) -> AsyncIterator[Discord]:
    """Discord, over TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{certificate}.crt", certificate)
    async with Discord(certificate=context) as standin:
        standin.gateway.url = f"wss://{NAMES[1]}/"
        yield standin


async def test_the_command_line_serves_a_bot_through_a_proxy(there: Discord, certificate: Path) -> None:
    command = [sys.executable, "-m", "afterglow.repl", "bot", "--model", str(DATA / "tiny-char.safetensors")]
    environment = {**os.environ, "DISCORD_TOKEN": TOKEN, "SSL_CERT_FILE": f"{certificate}.crt"}
    async with Proxy(there.port) as proxy:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--proxy",
            proxy.url,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            invitation = await process.stdout.readline()
            hint = await process.stdout.readline()
        answer = await there.command("say", seed="The lamp", length=60, rng=7)
        pressed = await there.press(answer.original, "Continue")
        await there.until(lambda: pressed.content)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT):
            _, errors = await process.communicate()
        await there.until(lambda: there.gateway.close_codes)
    assert b"client_id=1000" in invitation
    assert hint == b"try /say in #general\n"
    assert (answer.content or "").startswith("**The lamp**")
    assert (process.returncode, there.gateway.close_codes) == (0, [1000])
    assert {each.partition(":")[0] for each in proxy.asked} == set(NAMES)
    assert TOKEN.encode() not in errors
    if discord_openapi.is_available():
        assert discord_openapi.check(there.calls) >= 6
