"""JSON objects of the stand-in, as Discord describes them: users, servers, channels, messages and commands."""

from __future__ import annotations

from typing import Any


def user(number: str, name: str, **more: Any) -> dict[str, Any]:
    """Return a user."""
    common = {"discriminator": "0", "avatar": None, "public_flags": 0, "flags": 0, "global_name": None}
    return {"id": number, "username": name, "primary_guild": None} | common | more


BOT = user("1000", "afterglow", bot=True)
ANNA, BERT = user("2000", "anna"), user("2002", "bert")
OTHER_BOT = user("2001", "robot", bot=True)
APPLICATION, GUILD, CHANNEL, OTHER_CHANNEL, DM = "1000", "3000", "4000", "4001", "5000"
AGE_RESTRICTED_CHANNEL = "4002"

ALL_PERMISSIONS, BASIC_PERMISSIONS = "2199023255551", "3072"
"""Bits of all permissions, and of those to view a channel and send messages."""

MESSAGE_CONTENT = 1 << 15
PRIVILEGED = 1 << 1 | 1 << 8 | MESSAGE_CONTENT
"""Bits of the intents that Discord must grant to an application."""


def member(who: Any, permissions: str = ALL_PERMISSIONS) -> dict[str, Any]:
    """Return a user as a member of the server."""
    return {
        "user": who,
        "roles": [],
        "flags": 0,
        "permissions": permissions,
        "joined_at": None,
        "deaf": False,
        "mute": False,
    }


def message(number: str, channel: str, content: str, **more: Any) -> dict[str, Any]:
    """Return a message of the bot."""
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
    } | more


def components(rows_sent: Any) -> list[dict[str, Any]]:
    """Return rows of buttons as Discord does, with ids."""
    rows, number = [], 0
    for row in rows_sent or []:
        number += 1
        made = {"type": 1, "id": number, "components": []}
        for button in row["components"]:
            number += 1
            made["components"].append(
                {"disabled": False} | {k: v for k, v in button.items() if v is not None} | {"id": number}
            )
        rows.append(made)
    return rows


def me() -> dict[str, Any]:
    """Return the bot's own user."""
    return BOT | {"mfa_enabled": False, "locale": "en-US"}


def application() -> dict[str, Any]:
    """Return the bot's application."""
    nothing = dict.fromkeys(
        ["icon", "interactions_endpoint_url", "role_connections_verification_url", "team", "type"], None
    )
    counts = dict.fromkeys(
        ["approximate_guild_count", "approximate_user_install_count", "approximate_user_authorization_count"], 0
    )
    return nothing | counts | {
        "id": APPLICATION,
        "name": "afterglow",
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": ANNA,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
    }  # fmt: skip


def guild(number: str = GUILD, channels: int = 0) -> dict[str, Any]:
    """Return a server with three channels, or with ``channels`` of them."""
    names = {CHANNEL: "general", OTHER_CHANNEL: "poems", AGE_RESTRICTED_CHANNEL: "cellar"}
    if channels:
        names = {str(6000 + each): f"room-{each}" for each in range(channels)}
    made = [
        {
            "id": i,
            "type": 0,
            "name": n,
            "position": at,
            "permission_overwrites": [],
            "nsfw": i == AGE_RESTRICTED_CHANNEL,
        }
        for at, (i, n) in enumerate(names.items())
    ]
    everyone = {"id": number, "name": "@everyone", "permissions": BASIC_PERMISSIONS}
    keeper = {"id": "3001", "name": "keepers", "permissions": ALL_PERMISSIONS, "position": 1}
    owner = {"owner_id": "1"}
    return owner | {
        "id": number,
        "name": "here",
        "channels": made,
        "roles": [everyone, keeper],
        "members": [],
        "unavailable": False,
    }


def command(sent: Any, number: int) -> dict[str, Any]:
    """Return a registered command."""
    filled = {"description": "", "type": 1, "default_member_permissions": None} | sent
    filled |= {"id": str(number), "application_id": APPLICATION, "version": str(number)}
    return {name: value for name, value in filled.items() if value is not None or name == "default_member_permissions"}
