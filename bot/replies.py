"""One interface for the two ways to reply on Discord: to an interaction and to a message."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol, TypedDict

import aiohttp
import discord

log = logging.getLogger("afterglow.bot")

TOKEN_LIFETIME = 14 * 60.0
"""Seconds for which an interaction's token is used. It expires after fifteen minutes."""

ALREADY_ACKNOWLEDGED = 40060
"""Discord's error code for a first response to an interaction that already has one."""

EXPIRED_CODES = (10015, 10062, 50027)
"""Discord's error codes for an interaction whose token has expired."""

CONNECTION_ERRORS = (discord.DiscordServerError, aiohttp.ClientError, ConnectionError, TimeoutError)
"""Raised if Discord or the network is down. discord.py lets aiohttp's errors through."""

DELIVERY_ERRORS = (discord.HTTPException, *CONNECTION_ERRORS)
"""Raised if a request to Discord fails for any reason."""

UNKNOWN_MESSAGE = 10008
"""Discord's error code for a message that was deleted."""


class Reply(Protocol):
    """The bot's reply to one invocation: a first message, and others that follow it."""

    channel: int
    first_message_id: int
    """Id of the first message, 0 before it is sent."""

    async def update(self, content: str, view: discord.ui.View | None = None) -> None:
        """Edit the latest message, or send the first."""
        ...

    async def append(self, content: str, view: discord.ui.View | None = None) -> None:
        """Send another message, which later calls of ``update`` edit."""
        ...

    async def show_placeholder(self, content: str) -> None:
        """Send the first message if nothing has been sent yet."""
        ...

    async def show_privately(self, content: str) -> None:
        """Show a line to the user alone. If that is impossible, as after the first message, show it to all."""
        ...


class InteractionReply:
    """The reply to a slash command or a button."""

    def __init__(self, interaction: discord.Interaction) -> None:
        self.channel = interaction.channel_id or 0
        self.first_message_id = 0
        self._interaction = interaction
        self._latest_id = 0
        self._created = asyncio.get_running_loop().time()
        self._first_response_lock = asyncio.Lock()

    async def update(self, content: str, view: discord.ui.View | None = None) -> None:
        """Send the first response, or edit the latest message."""
        async with self._first_response_lock:
            if not self._interaction.response.is_done():
                await self._respond(content, view)
                return
        if not self._token_is_valid() or not await self._try_edit(content, view):
            await self._latest_message().edit(content=content, view=view)

    async def append(self, content: str, view: discord.ui.View | None = None) -> None:
        """Send a followup, or if the interaction has expired, a reply to the latest message."""
        sent = await self._try_followup(content, view) if self._token_is_valid() else None
        self._latest_id = (sent or await _send_reply(self._latest_message(), content, view)).id

    async def show_placeholder(self, content: str) -> None:
        """Send the first response if there is none."""
        async with self._first_response_lock:
            if not self._interaction.response.is_done():
                await self._respond(content, None)

    async def show_privately(self, content: str) -> None:
        """Send an ephemeral first response, or if there is a response already, edit it."""
        async with self._first_response_lock:
            if not self._interaction.response.is_done():
                await self._interaction.response.send_message(content, ephemeral=True)
                return
        await self.update(content)

    async def _respond(self, content: str, view: discord.ui.View | None) -> None:
        try:
            sent = await self._interaction.response.send_message(content, suppress_embeds=True, **_view_option(view))
            self.first_message_id = self._latest_id = sent.message_id or 0
        except discord.HTTPException as problem:
            # Discord can report a failure although the response went through. The retry then gets this code.
            if problem.code != ALREADY_ACKNOWLEDGED:
                raise
            original = await self._interaction.edit_original_response(content=content, view=view)
            self.first_message_id = self._latest_id = original.id

    async def _try_edit(self, content: str, view: discord.ui.View | None) -> bool:
        """Edit the latest message with the interaction's token. Return False if it has expired."""
        try:
            if self._latest_id == self.first_message_id:
                await self._interaction.edit_original_response(content=content, view=view)
            else:
                await self._interaction.followup.edit_message(self._latest_id, content=content, view=view)
        except discord.HTTPException as problem:
            if problem.code not in EXPIRED_CODES:
                raise
            return False
        return True

    async def _try_followup(self, content: str, view: discord.ui.View | None) -> discord.Message | None:
        """Send a followup with the interaction's token. Return None if it has expired."""
        try:
            return await self._interaction.followup.send(content, suppress_embeds=True, wait=True, **_view_option(view))
        except discord.HTTPException as problem:
            if problem.code not in EXPIRED_CODES:
                raise
            return None

    def _token_is_valid(self) -> bool:
        return asyncio.get_running_loop().time() - self._created < TOKEN_LIFETIME

    def _latest_message(self) -> discord.PartialMessage:
        """Return the latest message, to edit it without the token. ``Message.edit`` would show embeds again."""
        channel = self._interaction.client.get_partial_messageable(self.channel)
        return channel.get_partial_message(self._latest_id)


class MessageReply:
    """The reply to a message that was addressed to the bot. It never pings."""

    def __init__(self, message: discord.Message) -> None:
        self.channel = message.channel.id
        self.first_message_id = 0
        self._user_message = message
        self._latest_message: discord.PartialMessage | None = None
        self._first_response_lock = asyncio.Lock()

    async def update(self, content: str, view: discord.ui.View | None = None) -> None:
        """Edit the latest message, or send the first."""
        async with self._first_response_lock:
            if self._latest_message is None:
                await self.append(content, view)
                return
        await self._latest_message.edit(content=content, view=view)

    async def append(self, content: str, view: discord.ui.View | None = None) -> None:
        """Send a reply to the latest message, or to the user's."""
        sent = await _send_reply(self._latest_message or self._user_message, content, view)
        self._latest_message = discord.PartialMessage(channel=sent.channel, id=sent.id)
        self.first_message_id = self.first_message_id or sent.id

    async def show_placeholder(self, content: str) -> None:
        """Send the first message if nothing has been sent yet."""
        async with self._first_response_lock:
            if self._latest_message is None:
                await self.append(content)

    async def show_privately(self, content: str) -> None:
        """Show a line to all: Discord has no private reply to a message."""
        await self.update(content)


class _ViewOption(TypedDict, total=False):
    view: discord.ui.View


async def _send_reply(
    to: discord.Message | discord.PartialMessage, content: str, view: discord.ui.View | None
) -> discord.Message:
    """Send a reply to a message, even if that was deleted meanwhile."""
    reference = discord.MessageReference.from_message(to, fail_if_not_exists=False)
    return await to.channel.send(content, reference=reference, suppress_embeds=True, **_view_option(view))


def _view_option(view: discord.ui.View | None) -> _ViewOption:
    """Return the argument ``view`` for discord.py's send methods, which do not accept None for "no view"."""
    return {} if view is None else {"view": view}


def log_failure(problem: Exception) -> None:
    """Log that a reply could not be delivered, without its text."""
    if isinstance(problem, discord.HTTPException):
        log.info("a reply could not be delivered: %s, code %s", problem.status, problem.code)
    else:
        log.info("a reply could not be delivered: %s", type(problem).__name__)
