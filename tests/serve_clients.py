"""Clients of the completions server of every kind: those that read their text, and those that a server has to bear."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from afterglow.core.inference.library import ModelEntry
from afterglow.repl.serve.api_keys import NO_KEYS, ApiKeys
from afterglow.repl.serve.limits import Limits
from afterglow.repl.serve.origins import OWN_PAGES, Origins
from afterglow.repl.serve.routes import make_app
from afterglow.repl.serve.service import CompletionService
from aiohttp import ClientSession
from aiohttp.web import AppRunner, TCPSite
from yarl import URL

DATA = Path(__file__).parent / "data"
ENTRIES = [ModelEntry(name, DATA / f"{name}.safetensors", False) for name in ("tiny-char", "tiny-byte")]

MODELS = ("tiny-char", "tiny-byte")
PROMPTS = ("The lamp", "The sea was", "")
REQUESTS: list[dict[str, Any]] = [
    {"model": model, "prompt": prompt, "max_tokens": length, "seed": 7, "temperature": temperature}
    for model in MODELS
    for prompt in PROMPTS
    for length, temperature in ((20, 1.0), (60, 0.5), (200, 1.3))
]
"""Requests whose texts are known."""

BAD_BODIES = [
    b"",
    b"{",
    b"[" * 100_000,
    b'{"model": "tiny-char"',
    b"\xff\xfe",
    b"[]",
    b"null",
    b'{"model": "tiny-char", "prompt": "a", "max_tokens": -1}',
    b'{"model": "tiny-char", "prompt": "a", "temperature": NaN}',
    b'{"model": "tiny-char", "prompt": "a", "temperature": 1e999}',
    b'{"model": "tiny-char", "prompt": "a", "seed": ' + b"9" * 5000 + b"}",
    b'{"model": "tiny-char", "prompt": {"a": 1}}',
    b'{"model": "../../etc/passwd", "prompt": "a"}',
    b'{"model": "tiny-char", "prompt": "a", "n": 100000}',
    b'{"model": "tiny-char", "prompt": "a", "top_k": "many"}',
]
"""Bodies that are refused, with a status of 4xx."""

GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    b"\x00" * 1000,
]
"""What is no request."""


class Running:
    """A server in this process, on a port of its own, and a client for it."""

    def __init__(self, service: CompletionService, runner: AppRunner, session: ClientSession) -> None:
        self.service = service
        self.runner = runner
        self.session = session
        self.host, self.port = runner.addresses[0]
        self.address = f"http://{self.host}:{self.port}"

    async def connect(self, body: dict[str, Any] | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of its own, on which a request for a completion has been sent if there is a ``body``."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        if body is not None:
            data = json.dumps(body).encode()
            writer.write(request_head(len(data)) + data)
        return reader, writer


@asynccontextmanager
async def running(
    limits: Limits | None = None, origins: Origins = OWN_PAGES, keys: ApiKeys = NO_KEYS, model: str = "tiny-char"
) -> AsyncIterator[Running]:
    """A server as ``afterglow serve`` runs it, but for signals."""
    default = next(entry for entry in ENTRIES if entry.name == model)
    service = CompletionService(default, ENTRIES, limits)
    runner = AppRunner(
        make_app(service, origins, keys), handler_cancellation=True, shutdown_timeout=10, access_log=None
    )
    await runner.setup()
    await TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as session:
        try:
            yield Running(service, runner, session)
        finally:
            await runner.cleanup()


def request_head(length: int) -> bytes:
    """The head of a request for a completion whose body has so many bytes."""
    return f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


class Crowd:
    """Visits a server again and again, each time as one of several kinds of client, chosen by ``number``."""

    def __init__(self, address: str, session: ClientSession, number: int) -> None:
        self._address = address
        self._session = session
        self._random = random.Random(number)
        self._texts: dict[str, str] = {}
        self._kinds: list[Callable[[], Awaitable[None]]] = [
            *[self.read_stream] * 4,
            *[self.read_whole] * 2,
            *[self.go_away] * 3,
            self.read_nothing,
            self.send_half,
            self.send_garbage,
            self.send_bad_body,
            self.knock,
            self.flood,
        ]
        self.counts: Counter[str] = Counter()

    async def learn_texts(self) -> None:
        """Ask for every known text once, while nothing else happens."""
        for request in REQUESTS:
            self._texts[json.dumps(request)] = await self._ask(request)

    async def visit(self) -> None:
        """Be one client."""
        kind = self._random.choice(self._kinds)
        await kind()
        self.counts[kind.__name__] += 1

    async def read_stream(self) -> None:
        """Read a text token by token, slower or faster. It is the known one, whatever else is written."""
        request = self._random.choice(REQUESTS)
        pause = self._random.random() < 0.2
        parts = []
        async with self._session.post(f"{self._address}/v1/completions", json=request | {"stream": True}) as answer:
            if not await self._is_served(answer.status, answer.headers.get("Retry-After")):
                return
            async for line in answer.content:
                if line.startswith(b"data: {"):
                    parts.append(json.loads(line[6:])["choices"][0]["text"])
                if pause:
                    await asyncio.sleep(0)
        assert line == b"\n"
        assert "".join(parts) == self._texts[json.dumps(request)]

    async def read_whole(self) -> None:
        """Read a text that comes at once. It is the known one."""
        request = self._random.choice(REQUESTS)
        assert await self._ask(request) in ("", self._texts[json.dumps(request)])

    async def go_away(self) -> None:
        """Cut the connection somewhere in a long text, or before it begins."""
        _, writer = await self._send(self._long_request())
        reader = _
        await reader.read(self._random.choice([1, 200, 5000])) if self._random.random() < 0.8 else None
        writer.transport.abort()

    async def read_nothing(self) -> None:
        """Ask for a long text and leave it on the line for the time of two other visits."""
        _, writer = await self._send(self._long_request())
        for _ in range(2):
            await self.read_whole()
        writer.transport.abort()

    async def send_half(self) -> None:
        """Send the beginning of a request, and go."""
        whole = request_head(10_000) + b'{"model": "tiny-char", "prompt": "'
        _, writer = await self._connect()
        writer.write(whole[: self._random.randrange(1, len(whole))])
        await self.read_whole()
        writer.transport.abort()

    async def send_garbage(self) -> None:
        """Send what is no request. The answer is a status of 4xx, or the end."""
        reader, writer = await self._connect()
        writer.write(self._random.choice(GARBAGE))
        writer.write_eof()
        answer = await reader.read()
        assert answer[:10] in (b"", b"HTTP/1.1 4", b"HTTP/1.0 4"), answer[:100]
        writer.close()

    async def send_bad_body(self) -> None:
        """Send a request that is refused with an error in OpenAI's shape."""
        body = self._random.choice(BAD_BODIES)
        async with self._session.post(f"{self._address}/v1/completions", data=body) as answer:
            assert 400 <= answer.status < 500, body[:100]
            assert (await answer.json())["error"]["message"]

    async def knock(self) -> None:
        """Ask for small things."""
        for place, status in (("/v1/models", 200), ("/health", 200), ("/metrics", 200), ("/nowhere", 404)):
            async with self._session.get(f"{self._address}{place}") as answer:
                assert answer.status == status, place
                await answer.read()

    async def flood(self) -> None:
        """Ask for many texts at once, and take what comes."""
        await asyncio.gather(*(self.read_whole() for _ in range(20)))

    async def _ask(self, request: dict[str, Any]) -> str:
        """Return the text that is written, "" if there was no place for it."""
        async with self._session.post(f"{self._address}/v1/completions", json=request) as answer:
            if not await self._is_served(answer.status, answer.headers.get("Retry-After")):
                return ""
            return str((await answer.json())["choices"][0]["text"])

    async def _is_served(self, status: int, retry_after: str | None) -> bool:
        assert status in (200, 429)
        if status == 429:
            assert 1 <= int(retry_after or "") <= 60
            self.counts["no place"] += 1
        return status == 200

    def _long_request(self) -> bytes:
        body = json.dumps({"model": "tiny-char", "prompt": "The lamp", "max_tokens": 100_000, "stream": True}).encode()
        return request_head(len(body)) + body

    async def _send(self, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self._connect()
        writer.write(request)
        return reader, writer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        url = URL(self._address)
        return await asyncio.open_connection(url.host, url.port)
