"""One use of the bot, by command, button, menu or message, in the form that handlers take."""

from __future__ import annotations

from typing import NamedTuple

import discord

from ..core.errors import AfterglowError
from .buttons import encoded_state_of
from .channel_settings import ChannelContext
from .replies import InteractionReply, MessageReply, Reply

MAX_HISTORY_MESSAGES = 30
"""Number of messages that are searched for the bot's latest text."""

NO_HISTORY_PERMISSION = "I need the Read Message History permission in this channel for that"


class BotMessage(NamedTuple):
    """One of the bot's own messages, with the state that its buttons carry ("" without buttons)."""

    id: int
    content: str
    encoded_state: str = ""


class ChannelHistory:
    """Reads the bot's own messages in one channel. Nothing is cached."""

    def __init__(self, client: discord.Client, channel: int) -> None:
        self._client = client
        self._channel = channel

    async def latest_text(self) -> BotMessage | None:
        """Return the bot's latest text among the last ``MAX_HISTORY_MESSAGES`` messages, None if there is none.

        Raises AfterglowError if the bot may not read the history.
        """
        user = self._client.user
        try:
            async for message in self._client.get_partial_messageable(self._channel).history(
                limit=MAX_HISTORY_MESSAGES
            ):
                state = encoded_state_of(message)
                if state and user and message.author.id == user.id:
                    return BotMessage(message.id, message.content, state)
        except discord.Forbidden:
            raise AfterglowError(NO_HISTORY_PERMISSION) from None
        return None

    async def content_of(self, message_id: int) -> str:
        """Return the text of a message. Raises AfterglowError if it was deleted or may not be read."""
        try:
            return (await self._client.get_partial_messageable(self._channel).fetch_message(message_id)).content
        except discord.NotFound:
            raise AfterglowError("the message with the start of this text was deleted") from None
        except discord.Forbidden:
            raise AfterglowError(NO_HISTORY_PERMISSION) from None


class Invocation(NamedTuple):
    """One use of the bot: the reply to write to, its channel and permissions, its user's id, the channel's history."""

    reply: Reply
    context: ChannelContext
    user_id: int
    history: ChannelHistory

    @classmethod
    def from_interaction(cls, interaction: discord.Interaction) -> Invocation:
        """Return the invocation by a slash command, a menu command or a button."""
        history = ChannelHistory(interaction.client, interaction.channel_id or 0)
        return cls(InteractionReply(interaction), context_of(interaction), interaction.user.id, history)

    @classmethod
    def from_message(cls, client: discord.Client, message: discord.Message) -> Invocation:
        """Return the invocation by a message addressed to the bot."""
        history = ChannelHistory(client, message.channel.id)
        return cls(MessageReply(message), _context_of_message(message), message.author.id, history)


def context_of(interaction: discord.Interaction) -> ChannelContext:
    """Return an interaction's channel and its user's permissions there. In direct messages they have all."""
    permissions = interaction.permissions
    direct = interaction.guild_id is None
    return ChannelContext(
        interaction.channel_id or 0,
        interaction.guild_id,
        direct or permissions.manage_channels,
        direct or permissions.manage_guild,
    )


def _context_of_message(message: discord.Message) -> ChannelContext:
    if message.guild is None or not isinstance(message.author, discord.Member):
        return ChannelContext(message.channel.id, None)
    permissions = message.channel.permissions_for(message.author)
    return ChannelContext(message.channel.id, message.guild.id, permissions.manage_channels, permissions.manage_guild)
