"""The stand-in itself: what it refuses, as Discord does, and that its gateway keeps a session's events."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("discord")

import aiohttp

from .discord_gateway import TOKEN
from .discord_shapes import CHANNEL
from .discord_standin import Discord

HERE = f"/channels/{CHANNEL}/messages"


class Client:
    """Requests by hand."""

    def __init__(self, there: Discord, session: Any) -> None:
        self.there, self.session = there, session

    async def ask(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any, Any]:
        """Status, answer, headers."""
        headers = {"Authorization": f"Bot {token}"}
        async with self.session.request(method, self.there.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(), answer.headers


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client without a library, and a stand-in with the real limits."""
    async with Discord(window=5.0) as there, aiohttp.ClientSession() as session:
        yield Client(there, session)


@pytest.mark.parametrize(
    ("content", "status", "code"), [("x" * 2001, 400, 50035), (" \n", 400, 50006), ("\U0001f525" * 2000, 200, 0)]
)
async def test_content_is_counted_in_code_points_and_never_blank(
    client: Client, content: str, status: int, code: int
) -> None:
    got, answer, _ = await client.ask("POST", HERE, {"content": content})
    assert (got, answer.get("code", 0)) == (status, code)


async def test_the_sixth_request_in_five_seconds_is_429_with_via(client: Client) -> None:
    answers = [await client.ask("POST", HERE, {"content": "a"}) for _ in range(6)]
    assert [status for status, _, _ in answers] == [200] * 5 + [429]
    assert [headers["X-RateLimit-Remaining"] for _, _, headers in answers[:5]] == list("43210")
    _, body, headers = answers[5]
    assert headers["Via"]
    assert 4 < body["retry_after"] <= 5
    assert (await client.ask("POST", HERE.replace(CHANNEL, "4001"), {"content": "a"}))[0] == 200


async def test_a_nonce_makes_no_second_message_and_a_wrong_token_none(client: Client) -> None:
    body = {"content": "a", "nonce": "7", "enforce_nonce": True}
    first, second = [await client.ask("POST", HERE, body) for _ in range(2)]
    assert first[1]["id"] == second[1]["id"]
    assert (await client.ask("POST", HERE, body, token="other"))[0] == 401  # noqa: S106
    assert (await client.ask("PATCH", f"{HERE}/1", {"content": "a"}))[1]["code"] == 10008


async def test_an_interaction_has_three_seconds_one_answer_and_a_quarter_of_an_hour(client: Client) -> None:
    there = client.there
    late, fine = [await there.interact(2, {}, CHANNEL) for _ in range(2)]
    late.began -= 3.1
    answer = {"type": 4, "data": {"content": "a"}}

    async def call(which: Any) -> Any:
        return (await client.ask("POST", f"/interactions/{which.id}/{which.token}/callback", answer))[1].get("code")

    assert [await call(each) for each in (late, fine, fine)] == [10062, None, 40060]
    fine.began -= 901
    edited = await client.ask("PATCH", f"/webhooks/1000/{fine.token}/messages/@original", {"content": "b"})
    assert edited[1]["code"] == 50027


async def test_the_gateway_is_one_zlib_stream_and_resume_gives_what_was_missed(client: Client) -> None:
    there, inflate = client.there, zlib.decompressobj()

    async def heard(socket: Any) -> Any:
        frame = await asyncio.wait_for(socket.receive(), 5)
        assert frame.data.endswith(b"\x00\x00\xff\xff")
        return json.loads(inflate.decompress(frame.data))

    url = f"{there.gateway.url}?compress=zlib-stream"
    async with client.session.ws_connect(url) as socket:
        assert (await heard(socket))["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": TOKEN, "intents": 4609}})
        ready = await heard(socket)
        assert (ready["t"], ready["s"]) == ("READY", 1)
    await there.until(lambda: there.gateway.close_codes)
    await there.dispatch("TYPING_START", {})
    inflate = zlib.decompressobj()
    async with client.session.ws_connect(url) as socket:
        await heard(socket)
        resume = {"token": TOKEN, "session_id": ready["d"]["session_id"], "seq": 2}
        await socket.send_json({"op": 6, "d": resume})
        assert [(await heard(socket))["t"] for _ in range(2)] == ["TYPING_START", "RESUMED"]
        await socket.send_json({"op": 6, "d": resume | {"session_id": "another"}})
        assert (await heard(socket))["op"] == 9


@pytest.mark.parametrize(("token", "intents", "code"), [("x", 0, 4004), (TOKEN, 2, 4014)])
async def test_who_may_not_is_turned_away(client: Client, token: str, intents: int, code: int) -> None:
    async with client.session.ws_connect(client.there.gateway.url) as socket:
        await socket.receive()
        await socket.send_json({"op": 2, "d": {"token": token, "intents": intents}})
        assert (await socket.receive()).data == code
