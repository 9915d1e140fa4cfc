"""Where an answer goes: to an interaction, or to a message that somebody wrote. Both are shown, changed, added to."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

import aiohttp
import discord

log = logging.getLogger("afterglow.bot")

TOKEN_LIFETIME = 14 * 60.0
"""Seconds after which an interaction's own way is not relied on any more: Discord ends it after fifteen minutes."""

ALREADY_ACKNOWLEDGED = 40060
EXPIRED_CODES = (10015, 10062, 50027)
"""Discord's codes for a first answer that it has already, and for an interaction that is over."""

CONNECTION_ERRORS = (discord.DiscordServerError, aiohttp.ClientError, ConnectionError, TimeoutError)
"""What is raised where Discord or the network is away: discord.py hands on what aiohttp says."""

DELIVERY_ERRORS = (discord.HTTPException, *CONNECTION_ERRORS)

UNKNOWN_MESSAGE = 10008
"""Discord's code for a message that somebody has deleted."""


class Reply(Protocol):
    """One answer: a first message, and more that follow it."""

    channel: int
    first_message_id: int
    """The first message's id, 0 before it is there."""

    async def update(self, content: str, view: discord.ui.View | None = None) -> None:
        """Send the latest message, or if it is there, change it."""
        ...

    async def append(self, content: str, view: discord.ui.View | None = None) -> None:
        """Go on in another message; from now on ``show`` means that one."""
        ...

    async def show_placeholder(self, content: str) -> None:
        """Show this, but only if nothing has been shown yet."""
        ...

    async def show_error(self, content: str) -> None:
        """Say what went wrong, where possible to the one who asked alone."""
        ...


class InteractionReply:
    """An answer to a slash command or a button."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        self.channel, self.first_message_id = interaction.channel_id or 0, 0
        self._interaction, self._latest_id, self._created = interaction, 0, asyncio.get_running_loop().time()
        self._first_response_lock = asyncio.Lock()

    async def update(self, content: str, view: discord.ui.View | None = None) -> None:
        """The first answer, or an edit of the latest message."""
        async with self._first_response_lock:
            if not self._interaction.response.is_done():
                await self._respond(content, view)
                return
        if not self._token_is_valid() or not await self._try_edit(content, view):
            await self._latest_message().edit(content=content, view=view)

    async def append(self, content: str, view: discord.ui.View | None = None) -> None:
        """A followup, or once the interaction is over, a reply in the channel."""
        sent = await self._try_followup(content, view) if self._token_is_valid() else None
        self._latest_id = (sent or await _send_reply(self._latest_message(), content, view)).id

    async def show_placeholder(self, content: str) -> None:
        """The first answer, if there is none."""
        async with self._first_response_lock:
            if not self._interaction.response.is_done():
                await self._respond(content, None)

    async def show_error(self, content: str) -> None:
        """For the eyes of who asked, unless something is shown already."""
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
            if problem.code != ALREADY_ACKNOWLEDGED:  # it came through though Discord had answered with a failure
                raise
            original = await self._interaction.edit_original_response(content=content, view=view)
            self.first_message_id = self._latest_id = original.id

    async def _try_edit(self, content: str, view: discord.ui.View | None) -> bool:
        """Change the latest message; False where the interaction is over."""
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

    async def _try_followup(self, content: str, view: discord.ui.View | None) -> Any:
        """A followup; None where the interaction is over."""
        try:
            return await self._interaction.followup.send(content, suppress_embeds=True, wait=True, **_view_option(view))
        except discord.HTTPException as problem:
            if problem.code not in EXPIRED_CODES:
                raise
            return None

    def _token_is_valid(self) -> bool:
        return asyncio.get_running_loop().time() - self._created < TOKEN_LIFETIME

    def _latest_message(self) -> discord.PartialMessage:
        """The latest message by the bot's own right. Its edit, unlike ``Message.edit``, leaves links unembedded."""
        channel: discord.PartialMessageable = self._interaction.client.get_partial_messageable(self.channel)
        return channel.get_partial_message(self._latest_id)


class MessageReply:
    """An answer to a message that was addressed to the bot: a reply, which pings nobody."""

    def __init__(self, message: discord.Message) -> None:
        self.channel, self.first_message_id = message.channel.id, 0
        self._user_message: Any = message
        self._latest_message: Any = None
        self._first_response_lock = asyncio.Lock()

    async def update(self, content: str, view: discord.ui.View | None = None) -> None:
        """A reply, or an edit of the latest one."""
        async with self._first_response_lock:
            if self._latest_message is None:
                await self.append(content, view)
                return
        await self._latest_message.edit(content=content, view=view)

    async def append(self, content: str, view: discord.ui.View | None = None) -> None:
        """A reply to the latest one, or to what was asked."""
        sent = await _send_reply(self._latest_message or self._user_message, content, view)
        self._latest_message = sent.channel.get_partial_message(sent.id)
        self.first_message_id = self.first_message_id or sent.id

    async def show_placeholder(self, content: str) -> None:
        """A reply, if there is none."""
        async with self._first_response_lock:
            if self._latest_message is None:
                await self.append(content)

    async def show_error(self, content: str) -> None:
        """The same as any answer: a message has no quiet one."""
        await self.update(content)


async def _send_reply(to: discord.Message | discord.PartialMessage, content: str, view: discord.ui.View | None) -> Any:
    """Send it, also where the message that it replies to has been deleted meanwhile."""
    reference = discord.MessageReference.from_message(to, fail_if_not_exists=False)
    return await to.channel.send(content, reference=reference, suppress_embeds=True, **_view_option(view))


def _view_option(view: discord.ui.View | None) -> dict[str, Any]:
    return {} if view is None else {"view": view}


def log_failure(problem: Exception) -> None:
    """An answer that did not come through, without a word of it."""
    if isinstance(problem, discord.HTTPException):
        log.info("an answer could not be delivered: %s, code %s", problem.status, problem.code)
    else:
        log.info("an answer could not be delivered: %s", type(problem).__name__)
