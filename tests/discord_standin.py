"""A stand-in for Discord on loopback, for the unmodified client of discord.py, and the actions of its users."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .discord_gateway import TOKEN, Gateway
from .discord_rest import DEFERRED, Call, Interaction, Rest
from .discord_shapes import ALL_PERMISSIONS, ANNA, APPLICATION, BOT, CHANNEL, DM, GUILD, MESSAGE_CONTENT, member

__all__ = ["DEFERRED", "TIMEOUT", "TOKEN", "Call", "Discord", "Interaction"]

TIMEOUT = 20.0
COMMAND, PRESS, TYPING = 2, 3, 4


def option_type(value: Any) -> int:
    """Return Discord's number for the type of an option's value."""
    return {str: 3, int: 4, float: 10}[type(value)]


class Discord:
    """The stand-in, an async context manager. ``url`` is the root of the REST API, ``gateway.url`` the websocket.

    ``limit`` requests in ``window`` seconds are allowed for each route and channel. With ``certificate`` it uses TLS.
    """

    def __init__(self, limit: int = 5, window: float = 0.05, certificate: ssl.SSLContext | None = None) -> None:
        self.gateway = Gateway(self._notify)
        self.rest = Rest(self.gateway, self._notify, limit, window)
        self._certificate, self._changed = certificate, asyncio.Condition()

    async def __aenter__(self) -> Discord:
        app = web.Application()
        app.router.add_get("/", self.gateway.connect)
        app.router.add_route("*", "/api/v10/{path:.*}", self.rest.hear)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._certificate).start()
        self.port = self._runner.addresses[0][1]
        self.url, self.gateway.url = f"http://127.0.0.1:{self.port}/api/v10", f"ws://127.0.0.1:{self.port}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def calls(self) -> list[Call]:
        """All REST requests."""
        return self.rest.calls

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All messages of the bot that are not deleted."""
        return [each for each in self.rest.messages.values() if each["author"]["id"] == BOT["id"]]

    def calls_to(self, method: str, start: str) -> list[Call]:
        """Return the calls of a method to paths that begin with ``start``."""
        return self.rest.calls_to(method, start)

    async def until(self, happened: Callable[[], Any], timeout: float = TIMEOUT) -> Any:
        """Wait until ``happened()`` is true, checked after every request and message, and return its value."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(happened)
            return happened()

    async def command(self, name: str, /, channel: str = CHANNEL, who: Any = ANNA, **options: Any) -> Interaction:
        """Use a slash command, and return the interaction when it has a text."""
        found = await self.ask(name, channel, who, **options)
        await self.until(lambda: found.content is not None)
        return found

    async def ask(self, name: str, /, channel: str = CHANNEL, who: Any = ANNA, **options: Any) -> Interaction:
        """Use a slash command, and return the interaction at once."""
        permissions = options.pop("permissions", ALL_PERMISSIONS)
        given = [{"name": k, "type": option_type(v), "value": v} for k, v in options.items()]
        data = {"id": "70", "name": name, "type": 1, "options": given}
        return await self.interact(COMMAND, data, channel, who=who, permissions=permissions)

    async def menu(self, name: str, target: dict[str, Any], channel: str = CHANNEL) -> Interaction:
        """Choose a command from a message's menu, and return the interaction when it has a text."""
        resolved = {"messages": {target["id"]: target}}
        data = {"id": "71", "name": name, "type": 3, "target_id": target["id"], "resolved": resolved}
        found = await self.interact(COMMAND, data, channel)
        await self.until(lambda: found.content is not None)
        return found

    async def press(self, number: str, label: str, who: Any = ANNA, permissions: str = ALL_PERMISSIONS) -> Interaction:
        """Press a button of a message, and return the interaction when the bot has responded."""
        shown = self.rest.messages[number]
        buttons = [button for row in shown["components"] for button in row["components"]]
        pressed = next(button["custom_id"] for button in buttons if button["label"] == label)
        data = {"custom_id": pressed, "component_type": 2}
        found = await self.interact(
            PRESS, data, shown["channel_id"], who=who, permissions=permissions, message=dict(shown)
        )
        found.pressed = number
        await self.until(lambda: found.first is not None)
        return found

    async def suggestions(self, name: str, option: str, typed: str, /, **others: Any) -> list[str]:
        """Return the suggestions for an option of which ``typed`` has been typed."""
        given: list[dict[str, Any]] = [{"name": k, "type": option_type(v), "value": v} for k, v in others.items()]
        given.append({"name": option, "type": 3, "value": typed, "focused": True})
        found = await self.interact(TYPING, {"id": "70", "name": name, "type": 1, "options": given}, CHANNEL)
        await self.until(lambda: found.first is not None)
        return found.choices

    async def interact(
        self,
        kind: int,
        data: dict[str, Any],
        channel: str,
        who: Any = ANNA,
        permissions: str = ALL_PERMISSIONS,
        **more: Any,
    ) -> Interaction:
        """Send INTERACTION_CREATE, and return the interaction at once."""
        number = str(next(self.rest.ids))
        now = asyncio.get_running_loop().time()
        found = Interaction(number, f"interaction-{number}", channel, now, rest=self.rest)
        self.rest.interactions[found.token] = found
        event = {"id": number, "application_id": APPLICATION, "type": kind, "token": found.token, "version": 1}
        place = {"guild_id": GUILD, "member": member(who, permissions)} if channel != DM else {"user": who}
        known = {each["id"]: each for each in self.gateway.guilds[GUILD]["channels"]}
        rest = {
            "data": data,
            "channel": {"id": channel, "type": 1} if channel == DM else known.get(channel, {"id": channel, "type": 0}),
            "channel_id": channel,
            "attachment_size_limit": 10_000_000,
            "entitlements": [],
            "app_permissions": "0",
        }
        await self.gateway.dispatch("INTERACTION_CREATE", event | place | rest | more)
        return found

    async def say(self, content: str, channel: str = CHANNEL, author: Any = ANNA, **more: Any) -> str:
        """Write a message, and return its id. ``more`` is added to the event.

        The text is hidden from a bot that is not mentioned, unless it was granted the message content intent.
        """
        number = str(next(self.rest.ids))
        mentions = more.get("mentions", [])
        addressed = channel == DM or any(each["id"] == BOT["id"] for each in mentions)
        readable = addressed or self.gateway.granted & MESSAGE_CONTENT
        content = content if readable else ""
        event = {"id": number, "channel_id": channel, "author": author, "content": content, "type": 0, "mentions": []}
        place = {} if channel == DM else {"guild_id": GUILD, "member": member(author)}
        await self.gateway.dispatch("MESSAGE_CREATE", event | place | more)
        return number

    def replies(self, number: str) -> list[dict[str, Any]]:
        """Return the bot's replies to a message."""
        return [m for m in self.messages if m.get("message_reference", {}).get("message_id") == number]

    async def reply_to(self, number: str) -> str:
        """Wait for the bot's reply to a message, and return its text."""
        return str((await self.until(lambda: self.replies(number)))[0]["content"])

    async def dispatch(self, name: str, data: Any) -> None:
        """Send an event through the gateway."""
        await self.gateway.dispatch(name, data)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
