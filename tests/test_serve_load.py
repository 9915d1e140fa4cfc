"""The completions server under load: a full queue, clients that leave or do not read, texts whose time is over."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("prometheus_client")

from afterglow.repl.serve import routes
from afterglow.repl.serve.limits import Limits

from .serve_clients import Running, request_head, running

LONG = {"prompt": "The lamp", "max_tokens": 100_000, "seed": 7, "stream": True}
SHORT = {"prompt": "The lamp", "max_tokens": 20, "seed": 7}


async def until(condition: Callable[[], object]) -> None:
    """Let the server work until something is so. Fails if it never is."""
    async with asyncio.timeout(8):
        while not condition():
            await asyncio.sleep(0.001)


async def ask(server: Running, body: dict[str, Any], route: str = "/v1/completions") -> tuple[int, Any, str | None]:
    """Status, body and Retry-After of the answer to a request."""
    async with server.session.post(f"{server.address}{route}", json=body) as answer:
        return answer.status, await answer.json(), answer.headers.get("Retry-After")


async def begin_long(server: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A long text that is being written: its client has read the beginning."""
    reader, writer = await server.connect(LONG)
    assert b"data: " in await reader.readuntil(b"\n\ndata: ")
    return reader, writer


def rows(server: Running) -> int:
    """Number of texts that the engine writes."""
    (slot,) = server.service.shelf._slots.values()
    return slot.loading.result().worker._engine.row_count


ROUTES = {
    "/v1/completions": SHORT,
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "The lamp"}], "max_tokens": 20},
    "/completion": {"prompt": "The lamp", "n_predict": 20},
}
"""All routes that write texts, each with a request."""


async def test_a_request_that_finds_the_queue_full_is_refused_and_one_that_waits_is_served() -> None:
    async with running(Limits(texts=1, waiting=1)) as server:
        _, first = await begin_long(server)
        second = asyncio.create_task(ask(server, SHORT))
        await until(lambda: server.service.places.waiting == 1)
        for route, body in ROUTES.items():
            status, answer, retry_after = await ask(server, body, route)
            assert (status, answer["error"]["type"], retry_after) == (429, "rate_limit_error", "1"), route
        first.transport.abort()
        status, answer, _ = await second
        assert (status, len(answer["choices"][0]["text"])) == (200, 20)
        assert (server.service.places.taken, server.service.places.waiting) == (0, 0)


async def test_a_request_takes_a_place_for_each_of_its_texts() -> None:
    async with running(Limits(texts=3)) as server:
        _, writer = await server.connect(LONG | {"n": 3, "max_tokens": 50_000})
        await until(lambda: server.service.places.taken == 3)
        writer.transport.abort()
        status, answer, _ = await ask(server, SHORT | {"n": 4})
        assert (status, answer["error"]["param"]) == (400, "n")


async def test_a_text_ends_with_its_client() -> None:
    async with running() as server:
        _, writer = await begin_long(server)
        (stream,) = rows_written(server)
        writer.transport.abort()
        await until(lambda: server.service.places.taken == 0 and stream.finished)
        assert stream.token_count < 100_000
        assert rows(server) == 0


@pytest.mark.parametrize("body", [LONG, LONG | {"stream": False}, LONG | {"prompt": "The lamp " * 11_000}])
async def test_a_client_that_leaves_before_anything_is_sent_leaves_nothing(body: dict[str, Any]) -> None:
    async with running() as server:
        _, writer = await server.connect(body)
        await until(lambda: server.service.places.taken == 1)
        writer.transport.abort()
        await until(lambda: server.service.places.taken == 0)
        assert (await ask(server, SHORT))[0] == 200
        assert rows(server) == 0


async def test_a_client_that_leaves_the_queue_is_forgotten() -> None:
    async with running(Limits(texts=1, waiting=1)) as server:
        _, first = await begin_long(server)
        _, second = await server.connect(SHORT)
        await until(lambda: server.service.places.waiting == 1)
        second.transport.abort()
        await until(lambda: not any(not turn.cancelled() for _, turn in server.service.places._turns))
        first.transport.abort()
        assert (await ask(server, SHORT))[0] == 200


async def test_a_slow_reader_slows_only_itself() -> None:
    async with running() as server:
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect((server.host, server.port))
            data = json.dumps(LONG).encode()
            line.sendall(request_head(len(data)) + data)
            stream = await stalled_stream(server)
            assert stream.token_count < 80_000
            assert len(stream.events) <= 256
        await until(lambda: server.service.places.taken == 0)


def rows_written(server: Running) -> list[Any]:
    ends = [holder.end for holder in server.service.places._holders]
    return [stream for end in ends for stream in getattr(getattr(end, "__self__", None), "streams", [])]


async def stalled_stream(server: Running) -> Any:
    """The stream whose client does not read, when nothing more of it is drawn while others get their texts."""
    await until(lambda: rows_written(server) and rows_written(server)[0].token_count)
    (stream,), written = rows_written(server), -1
    while stream.token_count != written:
        written = stream.token_count
        for _ in range(5):
            assert (await ask(server, SHORT))[0] == 200
    return stream


@pytest.mark.parametrize("stream", [True, False])
async def test_a_text_whose_time_is_over_ends_as_if_it_had_its_length(stream: bool) -> None:
    async with running() as server, asyncio.TaskGroup() as group:
        asked = group.create_task(read_all(server, LONG | {"stream": stream}))
        await until(lambda: rows_written(server) and rows_written(server)[0].token_count)
        for holder in server.service.places._holders:
            holder.end()
        body = await asked
        if stream:
            assert body.endswith(b"data: [DONE]\n\n")
        assert b'"finish_reason": "length"' in body.replace(b'":"', b'": "')
        assert rows(server) == 0


async def read_all(server: Running, body: dict[str, Any]) -> bytes:
    async with server.session.post(f"{server.address}/v1/completions", json=body) as answer:
        assert answer.status == 200
        return await answer.read()


async def test_a_client_that_reads_nothing_is_cut_off_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterglow.repl.serve.places.GRACE_SECONDS", 0.0)
    async with running() as server:
        reader, writer = await server.connect(LONG)
        writer.transport.pause_reading()
        await stalled_stream(server)
        for holder in list(server.service.places._holders):
            holder.end_within(0)
        await until(lambda: server.service.places.taken == 0 and rows(server) == 0)
        writer.transport.resume_reading()
        async with asyncio.timeout(8):
            assert b"[DONE]" not in await read_rest(reader)
        writer.transport.abort()


async def read_rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends, or is cut."""
    found = b""
    try:
        while data := await reader.read(1 << 16):
            found = data
    except ConnectionError:
        pass
    return found


async def test_a_server_that_stops_ends_texts_refuses_the_queue_and_takes_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "DRAIN_SECONDS", 0.0)
    async with running(Limits(texts=1)) as server:
        writing = asyncio.create_task(read_all(server, LONG))
        await until(lambda: rows_written(server) and rows_written(server)[0].token_count)
        waiting = asyncio.create_task(ask(server, SHORT))
        await until(lambda: server.service.places.waiting == 1)
        await server.runner.cleanup()
        status, answer, retry_after = await waiting
        assert (status, retry_after, answer["error"]["type"]) == (503, "1", "server_error")
        body = await writing
        assert body.endswith(b"data: [DONE]\n\n")
        assert b'"length"' in body


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": "a" * 1001}, "prompt"),
        ({"prompt": ["a", "a" * 1001]}, "prompt"),
        ({"prompt": [1] * 1001}, "prompt"),
        ({"max_tokens": 2001}, "max_tokens"),
        ({"max_tokens": 1001, "n": 2}, "max_tokens"),
        ({"length": 2001, "max_tokens": None}, "max_tokens"),
        ({"stop": ["a" * 5001, "b" * 5001]}, "stop"),
        ({"dry_sequence_breakers": ["a"] * 1001}, "dry_sequence_breakers"),
        ({"n": 65}, "n"),
        ({"prompt": ["a"] * 65}, "n"),
    ],
)
async def test_what_is_too_much_is_refused_at_once(body: dict[str, Any], param: str) -> None:
    async with running(Limits(seed=1000, length=2000)) as server:
        status, answer, _ = await ask(server, {"prompt": "a", "max_tokens": 20} | body)
        assert (status, answer["error"]["param"]) == (400, param)
        assert server.service.places.taken == 0
