"""People, places and answers of the stand-in: the least JSON that discord.py takes for Discord's."""

from __future__ import annotations

from typing import Any

BOT = {"id": "1000", "username": "afterglow", "discriminator": "0", "avatar": None, "bot": True}
ANNA = {"id": "2000", "username": "anna", "discriminator": "0", "avatar": None}
OTHER_BOT = {"id": "2001", "username": "robot", "discriminator": "0", "avatar": None, "bot": True}
APPLICATION, GUILD, CHANNEL, OTHER_CHANNEL, DM = "1000", "3000", "4000", "4001", "5000"


def member(user: Any) -> dict[str, Any]:
    """A user as a member of the server."""
    return {"user": user, "roles": [], "flags": 0, "permissions": "8", "joined_at": None, "deaf": False, "mute": False}


def message(number: str, channel: str, content: str) -> dict[str, Any]:
    """A message of the bot as Discord hands it back."""
    return {
        "id": number,
        "channel_id": channel,
        "author": BOT,
        "content": content,
        "type": 0,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "flags": 0,
        "pinned": False,
    }


def application() -> dict[str, Any]:
    """The bot's application."""
    return {
        "id": APPLICATION,
        "name": "afterglow",
        "description": "",
        "icon": None,
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": ANNA,
        "verify_key": "",
    }


def guild() -> dict[str, Any]:
    """A server with two channels."""
    names = {CHANNEL: "general", OTHER_CHANNEL: "poems"}
    channels = [{"id": i, "type": 0, "name": n, "position": 0, "permission_overwrites": []} for i, n in names.items()]
    everyone = {"id": GUILD, "name": "@everyone", "permissions": "8"}
    return {"id": GUILD, "name": "here", "channels": channels, "roles": [everyone], "members": [], "unavailable": False}
