"""Exports in JSON: chats of Telegram and Messenger, one's own tweets, one's own messages of Discord's data package."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...errors import TextError
from .csv_tables import read_table
from .json_rows import join_parts, load_json
from .record import Record
from .text_document import TextDocument

if TYPE_CHECKING:
    from ..formats import ReadOptions

DISCORD_REFUSAL = (
    "has messages from Discord by several people, and Discord forbids to train models on those; request your own in"
    " Discord's settings, Data & Privacy, and read the folder messages of that package"
)

_TWITTER_START = re.compile(r"\s*window\.YTD\.\w+\.part\d+\s*=\s*\[")
_TELEGRAM_START = re.compile(r'\s*\{.{0,5000}?(?:"messages"|"chats")\s*:\s*[\[{]', re.DOTALL)
_OWN_DISCORD_START = re.compile(r'\s*\[\s*\{\s*"ID"\s*:\s*"?\d+"?\s*,\s*"Timestamp"\s*:')
_OTHERS_DISCORD_START = re.compile(
    r'\s*\{\s*"guild"\s*:\s*\{|AuthorID,Author,Date,Content|=+\n(?:Guild|Server): .*\nChannel: ', re.IGNORECASE
)
_OTHERS_DISCORD_PAGE = "chatlog__message"
_MESSENGER_NOTICE = re.compile(
    r"(?:Reacted \S{1,9} to your message|Liked a message"
    r"|[^\n]{1,60} sent (?:an attachment|a (?:photo|video|sticker|link|voice message|GIF))\.?)"
)
_SHORT_LINK = re.compile(r"\s*https://t\.co/\w+")


def is_telegram(document: TextDocument) -> bool:
    """Return True if a JSON file has a list of chats, or a chat's messages with Telegram's fields."""
    head = document.beginning
    fields = '"date_unixtime"', '"from_id"', '"text_entities"', '"personal_chat"', '"about": "Here is the data'
    is_ours = document.suffix == ".json" and any(field in head for field in fields)
    return is_ours and bool(_TELEGRAM_START.match(head))


def read_telegram(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield the messages of one chat or of all, without the program's own and without forwarded ones."""
    for chat in _find_chats(load_json(document)):
        for message in _objects(chat.get("messages")):
            text = join_parts(message.get("text"))
            if text.strip() and message.get("type") != "service" and not message.get("forwarded_from"):
                yield Record(text, _string(message.get("from")), _string(message.get("date")))


def is_messenger(document: TextDocument) -> bool:
    """Return True if a JSON file has the fields of a chat of Messenger or Instagram."""
    head = document.beginning
    return document.suffix == ".json" and '"sender_name"' in head and '"timestamp_ms"' in head


def read_messenger(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield the messages of a chat, the oldest first, without the program's own."""
    chat = load_json(document)
    for message in reversed(list(_objects(chat.get("messages") if isinstance(chat, dict) else None))):
        text = _repair(_string(message.get("content")))
        if text.strip() and not message.get("is_unsent") and not _MESSENGER_NOTICE.fullmatch(text.strip()):
            yield Record(text, _repair(_string(message.get("sender_name"))), str(message.get("timestamp_ms", "")))


def _repair(text: str) -> str:
    """Return a text of Messenger, which writes each byte of UTF-8 as a character of latin-1."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def is_twitter(document: TextDocument) -> bool:
    """Return True if the file begins like a part of a Twitter archive."""
    return bool(_TWITTER_START.match(document.beginning))


def read_twitter(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield one's own tweets, without those of others and without t.co links."""
    for item in _objects(load_json(document, skip_to="[")):
        tweet = item.get("tweet", item)
        text = join_parts(tweet.get("full_text")) if isinstance(tweet, dict) else ""
        text = html.unescape(_SHORT_LINK.sub("", text)).strip()
        if text and not text.startswith("RT @"):
            yield Record(text, time=_string(tweet.get("created_at")))


def is_own_discord(document: TextDocument) -> bool:
    """Return True for the messages of a channel in Discord's data package: in JSON, or in CSV as in older packages."""
    head = document.beginning
    return bool(_OWN_DISCORD_START.match(head)) or head.startswith("ID,Timestamp,Contents,Attachments")


def read_own_discord(document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    """Yield one's own messages in a channel."""
    if document.suffix == ".csv":
        from dataclasses import replace

        yield from read_table(document, replace(options, column="Contents"))
        return
    for message in _objects(load_json(document)):
        text = join_parts(message.get("Contents"))
        if text.strip():
            yield Record(text, time=_string(message.get("Timestamp")))


def is_others_discord(document: TextDocument) -> bool:
    """Return True for a channel that a program other than Discord exported, with the messages of all."""
    head = document.beginning.lstrip("\ufeff")
    return bool(_OTHERS_DISCORD_START.match(head)) or _OTHERS_DISCORD_PAGE in head


def refuse_others_discord(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Raise TextError."""
    raise TextError(f"{document.name} {DISCORD_REFUSAL}")


def _find_chats(value: object) -> Iterator[dict[str, Any]]:
    """Yield the chats of an export: the value itself, or all of the lists of chats in it."""
    if not isinstance(value, dict):
        return
    if "messages" in value:
        yield value
    for key in ("chats", "left_chats"):
        listed = value.get(key)
        yield from _objects(listed.get("list") if isinstance(listed, dict) else None)


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Yield the objects in a list."""
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            yield item


def _string(value: object) -> str:
    return join_parts(value) if isinstance(value, str) else ""
