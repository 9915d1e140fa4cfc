"""Where an answer goes: to an interaction, or to a message that somebody wrote. Both are shown, changed, added to."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

import aiohttp
import discord

log = logging.getLogger("afterglow.bot")

TOKEN_LIFE = 14 * 60.0
"""Seconds after which an interaction's own way is not relied on any more: Discord ends it after fifteen minutes."""

ACKNOWLEDGED = 40060
EXPIRED = (10015, 10062, 50027)
"""Discord's codes for a first answer that it has already, and for an interaction that is over."""

UNREACHED = (discord.DiscordServerError, aiohttp.ClientError, ConnectionError, TimeoutError)
"""What is raised where Discord or the network is away: discord.py hands on what aiohttp says."""

FAILED = (discord.HTTPException, *UNREACHED)

GONE = 10008
"""Discord's code for a message that somebody has deleted."""


class Answer(Protocol):
    """One answer: a first message, and more that follow it."""

    channel: int
    first: int
    """The first message's id, 0 before it is there."""

    async def show(self, content: str, view: discord.ui.View | None = None) -> None:
        """Send the latest message, or if it is there, change it."""
        ...

    async def add(self, content: str, view: discord.ui.View | None = None) -> None:
        """Go on in another message; from now on ``show`` means that one."""
        ...

    async def hold(self, content: str) -> None:
        """Show this, but only if nothing has been shown yet."""
        ...

    async def refuse(self, content: str) -> None:
        """Say what went wrong, where possible to the one who asked alone."""
        ...


class ToInteraction:
    """An answer to a slash command or a button."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        self.channel, self.first = interaction.channel_id or 0, 0
        self._interaction, self._latest, self._begun = interaction, 0, asyncio.get_running_loop().time()
        self._responding = asyncio.Lock()

    async def show(self, content: str, view: discord.ui.View | None = None) -> None:
        """The first answer, or an edit of the latest message."""
        async with self._responding:
            if not self._interaction.response.is_done():
                await self._respond(content, view)
                return
        if not self._young() or not await self._edit(content, view):
            await self._message().edit(content=content, view=view)

    async def add(self, content: str, view: discord.ui.View | None = None) -> None:
        """A followup, or once the interaction is over, a reply in the channel."""
        sent = await self._follow(content, view) if self._young() else None
        self._latest = (sent or await _reply(self._message(), content, view)).id

    async def hold(self, content: str) -> None:
        """The first answer, if there is none."""
        async with self._responding:
            if not self._interaction.response.is_done():
                await self._respond(content, None)

    async def refuse(self, content: str) -> None:
        """For the eyes of who asked, unless something is shown already."""
        async with self._responding:
            if not self._interaction.response.is_done():
                await self._interaction.response.send_message(content, ephemeral=True)
                return
        await self.show(content)

    async def _respond(self, content: str, view: discord.ui.View | None) -> None:
        try:
            sent = await self._interaction.response.send_message(content, suppress_embeds=True, **_with(view))
            self.first = self._latest = sent.message_id or 0
        except discord.HTTPException as problem:
            if problem.code != ACKNOWLEDGED:  # it came through though Discord had answered with a failure
                raise
            original = await self._interaction.edit_original_response(content=content, view=view)
            self.first = self._latest = original.id

    async def _edit(self, content: str, view: discord.ui.View | None) -> bool:
        """Change the latest message; False where the interaction is over."""
        try:
            if self._latest == self.first:
                await self._interaction.edit_original_response(content=content, view=view)
            else:
                await self._interaction.followup.edit_message(self._latest, content=content, view=view)
        except discord.HTTPException as problem:
            if problem.code not in EXPIRED:
                raise
            return False
        return True

    async def _follow(self, content: str, view: discord.ui.View | None) -> Any:
        """A followup; None where the interaction is over."""
        try:
            return await self._interaction.followup.send(content, suppress_embeds=True, wait=True, **_with(view))
        except discord.HTTPException as problem:
            if problem.code not in EXPIRED:
                raise
            return None

    def _young(self) -> bool:
        return asyncio.get_running_loop().time() - self._begun < TOKEN_LIFE

    def _message(self) -> discord.PartialMessage:
        """The latest message by the bot's own right. Its edit, unlike ``Message.edit``, leaves links unembedded."""
        channel: discord.PartialMessageable = self._interaction.client.get_partial_messageable(self.channel)
        return channel.get_partial_message(self._latest)


class ToMessage:
    """An answer to a message that was addressed to the bot: a reply, which pings nobody."""

    def __init__(self, message: discord.Message) -> None:
        self.channel, self.first = message.channel.id, 0
        self._asked: Any = message
        self._latest: Any = None
        self._responding = asyncio.Lock()

    async def show(self, content: str, view: discord.ui.View | None = None) -> None:
        """A reply, or an edit of the latest one."""
        async with self._responding:
            if self._latest is None:
                await self.add(content, view)
                return
        await self._latest.edit(content=content, view=view)

    async def add(self, content: str, view: discord.ui.View | None = None) -> None:
        """A reply to the latest one, or to what was asked."""
        sent = await _reply(self._latest or self._asked, content, view)
        self._latest = sent.channel.get_partial_message(sent.id)
        self.first = self.first or sent.id

    async def hold(self, content: str) -> None:
        """A reply, if there is none."""
        async with self._responding:
            if self._latest is None:
                await self.add(content)

    async def refuse(self, content: str) -> None:
        """The same as any answer: a message has no quiet one."""
        await self.show(content)


async def _reply(to: discord.Message | discord.PartialMessage, content: str, view: discord.ui.View | None) -> Any:
    """Send it, also where the message that it replies to has been deleted meanwhile."""
    reference = discord.MessageReference.from_message(to, fail_if_not_exists=False)
    return await to.channel.send(content, reference=reference, suppress_embeds=True, **_with(view))


def _with(view: discord.ui.View | None) -> dict[str, Any]:
    return {} if view is None else {"view": view}


def log_failure(problem: Exception) -> None:
    """An answer that did not come through, without a word of it."""
    if isinstance(problem, discord.HTTPException):
        log.info("an answer could not be delivered: %s, code %s", problem.status, problem.code)
    else:
        log.info("an answer could not be delivered: %s", type(problem).__name__)
