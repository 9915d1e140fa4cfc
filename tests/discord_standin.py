"""A stand-in for Discord on loopback: enough of the gateway and of REST for discord.py's own, unmodified client.

It enforces what Discord enforces and a bot can get wrong: the token, 2,000 code points, no blank messages, one first
response to an interaction and that within three seconds.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from .discord_shapes import ANNA, APPLICATION, BOT, CHANNEL, DM, GUILD, application, guild, member, message

TOKEN = "a-token.for-the.stand-in"  # noqa: S105
PATIENCE = 20.0
FIRST_RESPONSE = 3.0
MESSAGE, DEFERRED = 4, 5


@dataclass(frozen=True)
class Call:
    """One REST request as it came in."""

    method: str
    path: str
    body: Any


@dataclass
class Interaction:
    """What became of one slash command: the callbacks that were taken, and the text that people see."""

    id: str
    token: str
    deadline: float
    first: int | None = None
    content: str | None = None
    ephemeral: bool = False
    choices: list[str] = field(default_factory=list)


class RefusedError(Exception):
    """Discord says no."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def option_type(value: Any) -> int:
    """Discord's number for the type of an option's value."""
    return {str: 3, int: 4, float: 10}[type(value)]


class Discord:
    """The stand-in. Use as an async context manager; ``url`` is the REST root and ``gateway`` the websocket."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.identified: list[dict[str, Any]] = []
        self.close_codes: list[int | None] = []
        self.interactions: dict[str, Interaction] = {}
        self.messages: list[dict[str, Any]] = []
        self.refuses_with: int | None = None
        self._socket: web.WebSocketResponse | None = None
        self._ids, self._sequence = itertools.count(9000), itertools.count(1)
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Discord:
        app = web.Application()
        app.router.add_get("/", self._gateway)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url, self.gateway = f"http://127.0.0.1:{port}/api/v10", f"ws://127.0.0.1:{port}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def until(self, happened: Callable[[], Any]) -> Any:
        """Wait until ``happened()`` is true, which is looked at after everything that comes in; its value."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(happened)
            return happened()

    def made(self, method: str, start: str) -> list[Call]:
        """The calls of this method to paths that begin so."""
        return [call for call in self.calls if call.method == method and call.path.startswith(start)]

    async def command(self, name: str, channel: str = CHANNEL, **options: Any) -> Interaction:
        """Somebody uses a slash command; what the bot does with it, once a text is there."""
        given = [{"name": k, "type": option_type(v), "value": v} for k, v in options.items()]
        found = await self.interact(2, {"id": "70", "name": name, "type": 1, "options": given}, channel)
        await self.until(lambda: found.content is not None)
        return found

    async def suggestions(self, name: str, option: str, typed: str) -> list[str]:
        """What is offered while somebody types an option."""
        focused = [{"name": option, "type": 3, "value": typed, "focused": True}]
        found = await self.interact(4, {"id": "70", "name": name, "type": 1, "options": focused}, CHANNEL)
        await self.until(lambda: found.first is not None)
        return found.choices

    async def interact(self, kind: int, data: dict[str, Any], channel: str) -> Interaction:
        """Send INTERACTION_CREATE and do not wait."""
        number = str(next(self._ids))
        found = Interaction(number, f"interaction-{number}", asyncio.get_running_loop().time() + FIRST_RESPONSE)
        self.interactions[found.token] = found
        event = {"id": number, "application_id": APPLICATION, "type": kind, "token": found.token, "version": 1}
        place = {"guild_id": GUILD, "member": member(ANNA)} if channel != DM else {"user": ANNA}
        rest = {
            "data": data,
            "channel": {"id": channel, "type": 1 if channel == DM else 0},
            "channel_id": channel,
            "attachment_size_limit": 10_000_000,
            "entitlements": [],
            "app_permissions": "0",
        }
        await self.dispatch("INTERACTION_CREATE", event | place | rest)
        return found

    async def say(self, content: str, channel: str = CHANNEL, author: Any = ANNA, **more: Any) -> str:
        """Somebody writes a message; its id. ``more`` goes into the event."""
        number = str(next(self._ids))
        event = {"id": number, "channel_id": channel, "author": author, "content": content, "type": 0, "mentions": []}
        place = {} if channel == DM else {"guild_id": GUILD, "member": member(author)}
        await self.dispatch("MESSAGE_CREATE", event | place | more)
        return number

    async def reply_to(self, message: str) -> str:
        """The text that the bot answers a message with."""

        def found() -> list[str]:
            return [m["content"] for m in self.messages if str(m["message_reference"]["message_id"]) == message]

        return str((await self.until(found))[0])

    async def dispatch(self, name: str, data: Any) -> None:
        """Send an event down the gateway."""
        assert self._socket is not None
        await self._socket.send_str(json.dumps({"op": 0, "t": name, "s": next(self._sequence), "d": data}))

    # The gateway: https://discord.com/developers/docs/events/gateway

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket = socket
        await socket.send_str(json.dumps({"op": 10, "d": {"heartbeat_interval": 45_000}}))
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._hear(socket, json.loads(frame.data))
        self.close_codes.append(socket.close_code)
        await self._notify()
        return socket

    async def _hear(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        if said["op"] == 1:
            await socket.send_str(json.dumps({"op": 11}))
        if said["op"] == 2:
            refusal = self.refuses_with or (4004 if said["d"]["token"] != TOKEN else None)
            if refusal:
                await socket.close(code=refusal)
                return
            self.identified.append(said["d"])
            await self.dispatch("READY", self._ready())
            await self.dispatch("GUILD_CREATE", guild())
            await self._notify()

    def _ready(self) -> dict[str, Any]:
        return {
            "v": 10,
            "user": BOT,
            "guilds": [{"id": GUILD, "unavailable": True}],
            "session_id": "session",
            "resume_gateway_url": self.gateway,
            "application": {"id": APPLICATION, "flags": 0},
        }

    # REST: https://discord.com/developers/docs/reference

    async def _rest(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        path = "/" + request.match_info["path"]
        self.calls.append(Call(request.method, path, body))
        try:
            if not path.startswith(("/webhooks", "/interactions")):
                allow(request.headers.get("Authorization"))
            answer = self._answer(request.method, path.strip("/").split("/"), body)
        except RefusedError as no:
            return as_json({"code": no.code, "message": no.message}, no.status)
        finally:
            await self._notify()
        return as_json(answer) if answer is not None else web.Response(status=204)

    def _answer(self, method: str, path: list[str], body: Any) -> Any:
        match method, path:
            case "GET", ["users", "@me"]:
                return BOT
            case "GET", ["oauth2", "applications", "@me"]:
                return application()
            case "PUT", ["applications", _, "commands"]:
                return [command | {"id": str(n), "application_id": APPLICATION, "version": "1"}
                        for n, command in enumerate(body, 70)]  # fmt: skip
            case "POST", ["channels", channel, "messages"]:
                return self._message(channel, body)
            case "POST", ["channels", _, "typing"]:
                return None
            case "POST", ["interactions", number, token, "callback"]:
                return self._callback(number, token, body)
            case "PATCH", ["webhooks", _, token, "messages", "@original"]:
                return self._edit(token, body)
        raise RefusedError(404, 0, f"the stand-in does not know {method} /{'/'.join(path)}")

    def _message(self, channel: str, body: Any) -> Any:
        check_content(body["content"])
        made = message(str(next(self._ids)), channel, body["content"])
        self.messages.append(made | body)
        return made

    def _callback(self, number: str, token: str, body: Any) -> Any:
        found = self.interactions.get(token)
        if found is None or found.id != number or asyncio.get_running_loop().time() > found.deadline:
            raise RefusedError(404, 10062, "Unknown interaction")
        if found.first is not None:
            raise RefusedError(400, 40060, "Interaction has already been acknowledged.")
        data = body.get("data") or {}
        if body["type"] == MESSAGE:
            check_content(data["content"])
            found.content, found.ephemeral = data["content"], bool(data.get("flags", 0) & 64)
        found.choices = [choice["name"] for choice in data.get("choices", [])]
        found.first = body["type"]
        answer: dict[str, Any] = {"interaction": {"id": number, "type": 2}}
        if body["type"] == MESSAGE:
            shown = message(str(next(self._ids)), CHANNEL, data["content"])
            answer["resource"] = {"type": MESSAGE, "message": shown}
        return answer

    def _edit(self, token: str, body: Any) -> Any:
        found = self.interactions.get(token)
        if found is None or found.first is None:
            raise RefusedError(404, 10015, "Unknown Webhook")
        check_content(body["content"])
        found.content = body["content"]
        return message(str(next(self._ids)), CHANNEL, body["content"])

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def check_content(content: str) -> None:
    """What Discord does with a message's text."""
    if len(content) > 2000:
        raise RefusedError(400, 50035, "Invalid Form Body")
    if not content.strip():
        raise RefusedError(400, 50006, "Cannot send an empty message")


def allow(authorization: str | None) -> None:
    """The one token that is known."""
    if authorization != f"Bot {TOKEN}":
        raise RefusedError(401, 0, "401: Unauthorized")


def as_json(value: Any, status: int = 200) -> web.Response:
    """JSON with exactly the content type that discord.py looks for."""
    return web.Response(body=json.dumps(value).encode(), status=status, headers={"Content-Type": "application/json"})
