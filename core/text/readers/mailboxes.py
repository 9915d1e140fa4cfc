"""Mail: the text of each message in an mbox file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from typing import TYPE_CHECKING

from ...errors import TextError
from .record import Record
from .text_document import TextDocument

if TYPE_CHECKING:
    from ..formats import ReadOptions

MAX_MESSAGE_BYTES = 1 << 26
"""Largest message in bytes, with its attachments, 64 MiB."""

MAX_INTRODUCTION_CHARS = 300
"""Most characters of the line before a quotation that introduces it."""

_SEPARATOR = re.compile(rb"From [^\n]+\d{4}[^\n]*\r?\n")
_HEADER = re.compile(rb">?From |[!-9;-~]+:")
_INTRODUCTION_START = re.compile(r"(?:On|Am|Le|El|Il|Em) ")
_INTRODUCTION_END = re.compile(r"\b(?:wrote|schrieb\b.*|a écrit|escribió|ha scritto|escreveu)\s?:\s*$")


def is_mbox(document: TextDocument) -> bool:
    """Return True if the file begins with a line "From ADDRESS DATE" and a header."""
    separator = _SEPARATOR.match(document.head)
    return bool(separator and _HEADER.match(document.head, separator.end()))


def read_mbox(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield the text of each message, without quoted lines and signatures. Messages without text are left out."""
    from email import message_from_bytes, policy

    for data in _split_messages(document.source.text_blocks(), document.name):
        message = message_from_bytes(data, policy=policy.default)
        try:
            text = _drop_quotes(_plain_text(message))
            author, time = str(message.get("From", "")), str(message.get("Date", ""))
        except (LookupError, ValueError, TypeError, AttributeError, IndexError):  # the parser's, for malformed headers
            continue
        if text.strip():
            yield Record(text, _name_of(author), time)


def _split_messages(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield the bytes of each message. Raises TextError if one is too large."""
    lines, size, after_empty = list[bytes](), 0, True  # of the message so far
    for line in _iter_byte_lines(blocks):
        if after_empty and _SEPARATOR.match(line):
            if lines:
                yield b"".join(lines)
            lines, size = [], 0
        else:
            lines.append(line[1:] if re.match(b">+From ", line) else line)
            size += len(line)
            if size > MAX_MESSAGE_BYTES:
                raise TextError(f"{name} has a message of more than {MAX_MESSAGE_BYTES >> 20} MiB")
        after_empty = not line.strip()
    if lines:
        yield b"".join(lines)


def _iter_byte_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    parts = list[bytes]()
    for block in blocks:
        *lines, last = block.split(b"\n")
        for line in lines:
            yield b"".join([*parts, line, b"\n"])
            parts = []
        parts.append(last)
    if any(parts):
        yield b"".join(parts)


def _plain_text(message: object) -> str:
    """Return the plain text of a message, "" if it has none."""
    body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
    content = body.get_content() if body else ""
    return content.replace("\r\n", "\n") if isinstance(content, str) else ""


def _drop_quotes(text: str) -> str:
    """Return a message's text without quoted lines, the line that introduces them, and the signature."""
    kept = list[str]()
    for line in text.split("\n"):
        if line == "-- ":
            break
        if line.startswith(">"):
            _drop_introduction(kept)
        else:
            kept.append(line)
    return "\n".join(kept).strip()


def _drop_introduction(lines: list[str]) -> None:
    """Delete "On Monday Anna wrote:" at the end of ``lines``, which may have been wrapped into two."""
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and len(lines[-1]) <= MAX_INTRODUCTION_CHARS and _INTRODUCTION_END.search(lines[-1]):
        is_wrapped = not _INTRODUCTION_START.match(lines.pop())
        if is_wrapped and lines and _INTRODUCTION_START.match(lines[-1]):
            lines.pop()


def _name_of(address: str) -> str:
    """Return the name in "Anna <anna@example.org>", or the address if there is none."""
    from email.utils import parseaddr

    name, mail = parseaddr(address)
    return name or mail
