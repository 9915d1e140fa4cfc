"""The stand-in's REST API, with the rules of Discord that a bot can break.

Token, at most 2,000 code points, no blank messages, nonces, permissions, rate limits by bucket, one first response to
an interaction within 3 seconds, and 15 minutes for the rest. See https://discord.com/developers/docs/reference.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .discord_gateway import TOKEN, Gateway
from .discord_limits import Buckets, LimitedError, RefusedError, bucket_of, refusal_headers
from .discord_shapes import APPLICATION, application, command, components, me, message

DROPPED_CONNECTION = 599
"""A status in ``forced_statuses`` that drops the connection instead."""

FIRST_RESPONSE, TOKEN_LIFETIME = 3.0, 900.0
MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, SUGGESTIONS = 4, 5, 6, 7, 8
EPHEMERAL = 64


@dataclass(frozen=True)
class Call:
    """A REST request and its answer."""

    method: str
    path: str
    body: Any
    status: int = 0
    answer: Any = None


@dataclass
class Interaction:
    """A slash command or press of a button: the callbacks accepted for it, and the messages shown."""

    id: str
    token: str
    channel: str
    began: float
    pressed: str = ""
    first: int | None = None
    original: str = ""
    ephemeral: bool = False
    choices: list[str] = field(default_factory=list)
    followups: list[str] = field(default_factory=list)
    rest: Any = field(default=None, repr=False)

    @property
    def content(self) -> str | None:
        """Text of the original response. None if there is none yet."""
        found = self.rest.messages.get(self.original) if self.original else None
        return found["content"] if found else None


class Rest:
    """Messages and interactions. ``content_history`` has every content that a message has had, by its id."""

    def __init__(self, gateway: Gateway, changed: Callable[[], Awaitable[None]], limit: int, window: float) -> None:
        self.calls: list[Call] = []
        self.interactions: dict[str, Interaction] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.content_history: dict[str, list[str]] = {}
        self.token_lifetime = TOKEN_LIFETIME
        self.delay = 0.0
        self.refused_channels: dict[str, tuple[int, int]] = {}
        self.archived_threads: list[dict[str, Any]] = []
        self.forced_statuses: list[int] = []
        """Statuses of the next requests. With 500 the request is executed all the same; DROPPED_CONNECTION gets no
        answer.
        """
        self.ids = itertools.count(9000)
        self._gateway, self._changed, self._buckets = gateway, changed, Buckets(limit, window)
        self._nonces: dict[tuple[str, str], str] = {}

    def calls_to(self, method: str, start: str) -> list[Call]:
        """Return the calls of a method to paths that begin with ``start``."""
        return [call for call in self.calls if call.method == method and call.path.startswith(start)]

    async def hear(self, request: web.Request) -> web.Response:
        """Answer a request."""
        body = await request.json() if request.can_read_body else None
        path, status, answer, headers = "/" + request.match_info["path"], 200, None, dict[str, str]()
        if self.delay:
            await asyncio.sleep(self.delay)
        try:
            if not path.startswith(("/webhooks", "/interactions")):
                self._allow(request.headers.get("Authorization"))
            forced = self.forced_statuses.pop(0) if self.forced_statuses else 0
            if forced == DROPPED_CONNECTION and request.transport:
                request.transport.abort()
            if forced == 429:
                raise LimitedError(0.02, "shared")
            if forced and forced != 500:
                raise RefusedError(forced, 0, "forced error")
            headers = self._buckets.take(bucket_of(request.method, path), _now())
            answer = self._answer(request.method, path.strip("/").split("/"), body, request.query)
            if forced:
                raise RefusedError(forced, 0, "forced error")
        except RefusedError as error:
            status, answer, headers = error.status, error.body(), refusal_headers(error, headers)
        self.calls.append(Call(request.method, path, body, status, answer))
        await self._changed()
        return web.Response(status=204, headers=headers) if answer is None else as_json(answer, status, headers)

    def add(self, channel: str, content: str, **more: Any) -> dict[str, Any]:
        """Add a message, and return it."""
        made = message(str(next(self.ids)), channel, content, **more)
        self.messages[made["id"]] = made
        self.content_history[made["id"]] = [content]
        return made

    def delete(self, number: str) -> None:
        """Delete a message, as a moderator does."""
        del self.messages[number]

    def _allow(self, authorization: str | None) -> None:
        if authorization != f"Bot {TOKEN}" or not self._gateway.knows_token:
            raise RefusedError(401, 0, "401: Unauthorized")

    def _answer(self, method: str, path: list[str], body: Any, query: Any) -> Any:
        match method, path:
            case "GET", _ if path[0] in ("users", "oauth2", "gateway"):
                return self._startup_info(path[0])
            case "PUT", ["applications", _, "commands"]:
                return [command(each, number) for number, each in enumerate(body, 70)]
            case "GET", ["channels", channel]:
                return self._get_channel(channel)
            case _, ["channels", channel, "messages", *rest]:
                return self._channel(method, channel, rest, body, query)
            case "POST", ["interactions", number, token, "callback"]:
                return self._callback(number, token, body)
            case _, ["webhooks", _, token, *rest]:
                return self._webhook(method, token, rest, body)
        raise RefusedError(404, 0, f"the stand-in does not know {method} /{'/'.join(path)}")

    def _startup_info(self, what: str) -> Any:
        limit = {"total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": 16}
        gateway = {"url": self._gateway.url, "shards": 2, "session_start_limit": limit}
        return {"users": me(), "oauth2": application(), "gateway": gateway}[what]

    def _get_channel(self, channel: str) -> Any:
        for guild, about in self._gateway.guilds.items():
            for each in [*about["channels"], *self.archived_threads]:
                if each["id"] == channel:
                    return {"flags": 0, **each, "guild_id": guild}
        raise RefusedError(404, 10003, "Unknown Channel")

    def _channel(self, method: str, channel: str, rest: list[str], body: Any, query: Any) -> Any:
        if channel in self.refused_channels:
            raise RefusedError(403, *self._refusal_message(self.refused_channels[channel]))
        match method, rest:
            case "POST", []:
                return self._create(channel, body)
            case "GET", []:
                there = [m for m in self.messages.values() if m["channel_id"] == channel]
                return there[::-1][: int(query.get("limit", 50))]
            case "GET", [number]:
                return self._get_message(number, channel)
            case "PATCH", [number]:
                return self._change(self._get_message(number, channel), body)
        raise RefusedError(405, 0, "405: Method Not Allowed")

    def _refusal_message(self, refusal: tuple[int, int]) -> tuple[int, str]:
        return refusal[1], {50013: "Missing Permissions", 50001: "Missing Access"}[refusal[1]]

    def _get_message(self, number: str, channel: str) -> dict[str, Any]:
        found = self.messages.get(number)
        if found is None or found["channel_id"] != channel:
            raise RefusedError(404, 10008, "Unknown Message")
        return found

    def _create(self, channel: str, body: Any) -> Any:
        nonce = channel, str(body.get("nonce"))
        if body.get("enforce_nonce") and nonce in self._nonces:
            return self.messages[self._nonces[nonce]]
        more: dict[str, Any] = {"flags": body.get("flags", 0), "components": components(body.get("components"))}
        if reference := body.get("message_reference"):
            parts = {name: str(value) for name, value in reference.items() if name in ("channel_id", "message_id")}
            more |= {"type": 19, "message_reference": {"type": 0} | parts}
        made = self.add(channel, check_content(body["content"]), **more)
        self._nonces[nonce] = made["id"]
        return made

    def _change(self, found: dict[str, Any], body: Any) -> Any:
        if "content" in body:
            found["content"] = check_content(body["content"])
            self.content_history[found["id"]].append(found["content"])
        if "components" in body:
            found["components"] = components(body["components"])
        found["edited_timestamp"] = "2026-01-01T00:00:01+00:00"
        return found

    def _callback(self, number: str, token: str, body: Any) -> Any:
        found = self.interactions.get(token)
        if found is None or found.id != number or _now() > found.began + FIRST_RESPONSE:
            raise RefusedError(404, 10062, "Unknown interaction")
        if found.first is not None:
            raise RefusedError(400, 40060, "Interaction has already been acknowledged.")
        data, kind = body.get("data") or {}, body["type"]
        answer: dict[str, Any] = {"interaction": {"id": number, "type": 2}}
        if kind == MESSAGE:
            content, flags = check_content(data["content"]), data.get("flags", 0)
            found.ephemeral = bool(flags & EPHEMERAL)
            made = self.add(found.channel, content, flags=flags, components=components(data.get("components")))
            found.original = made["id"]
            answer["interaction"]["response_message_id"] = made["id"]
            answer["resource"] = {"type": MESSAGE, "message": made}
        if kind == UPDATE:
            self._change(self.messages[found.pressed], data)
            found.original = found.pressed
        if kind == DEFERRED_UPDATE:
            found.original = found.pressed
        found.choices = [choice["value"] for choice in data.get("choices", [])]
        found.first = kind
        return answer

    def _webhook(self, method: str, token: str, rest: list[str], body: Any) -> Any:
        found = self.interactions.get(token)
        if found is None or found.first is None:
            raise RefusedError(404, 10015, "Unknown Webhook")
        if _now() > found.began + self.token_lifetime:
            raise RefusedError(401, 50027, "Invalid Webhook Token")
        if method == "POST":
            more = {"flags": body.get("flags", 0), "components": components(body.get("components"))}
            made = self.add(found.channel, check_content(body["content"]), application_id=APPLICATION, **more)
            found.followups.append(made["id"])
            return made
        number = found.original if rest[1] == "@original" else rest[1]
        shown = self._get_message(number, found.channel)
        return self._change(shown, body) if method == "PATCH" else shown


def check_content(content: str) -> str:
    """Return a message's text, stripped. Raise RefusedError if it is too long or blank."""
    if len(content) > 2000:
        raise RefusedError(400, 50035, "Invalid Form Body")
    if not content.strip():
        raise RefusedError(400, 50006, "Cannot send an empty message")
    return content.strip()


def as_json(value: Any, status: int, headers: dict[str, str]) -> web.Response:
    """Return a response with exactly the content type that discord.py expects."""
    kind = {"Content-Type": "application/json"}
    return web.Response(body=json.dumps(value).encode(), status=status, headers=headers | kind)


def _now() -> float:
    return asyncio.get_running_loop().time()
