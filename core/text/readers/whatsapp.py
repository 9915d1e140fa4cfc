"""Chats that WhatsApp exports as text, from Android and from iOS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..chunks import iter_lines
from .record import Record
from .text_document import TextDocument

if TYPE_CHECKING:
    from ..formats import ReadOptions

LRM = "\u200e"
"""The left-to-right mark, with which iOS begins its own words: "image omitted"."""

MAX_MARK_CHARS = 80
"""Most characters of the mark at the end of a message that was edited."""

_DATE = r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}"
_TIME = r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[AaPp]\.?\s?[Mm]\b\.?)?"
_WHEN = rf"{_DATE},?\s{_TIME}"
_START = re.compile(rf"{LRM}?(?:\[({_WHEN})\]\s|({_WHEN})\s[-–]\s)")
"""The beginning of a message: "[31.12.20, 21:05:33] " on iOS, "12/31/20, 9:05 PM - " on Android."""

_AUTHOR = re.compile(r'([^:"“”\n]{1,60}): (.*)', re.DOTALL)
"""Author and text after that. A row without them is the program's own: a person joined, a new subject."""

_ATTACHED = re.compile(r"[^\n]{1,200}\.\w{2,5} \([^()\n]+\)")
_DELETED = re.compile(
    "(?:this message was deleted|you deleted this message"
    "|diese nachricht wurde gelöscht|du hast diese nachricht gelöscht"
    "|se eliminó este mensaje|eliminaste este mensaje|ce message a été supprimé|vous avez supprimé ce message"
    r"|esta mensagem foi apagada|questo messaggio è stato eliminato|null)\.?",
    re.IGNORECASE,
)
_EDITED = re.compile(rf"(?:{LRM}<[^<>\n]{{1,60}}>|<This message was edited>)\Z")


def is_whatsapp(document: TextDocument) -> bool:
    """Return True if the text begins with a message, and another message or a row of the program follows."""
    lines = document.beginning.lstrip("\ufeff\n").split("\n")
    return bool(_START.match(lines[0])) and sum(bool(_START.match(line)) for line in lines) > 1


def read_whatsapp(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    """Yield the messages that people wrote: no rows of the program, no "Media omitted"."""
    for when, rest in _iter_messages(iter_lines(document.text())):
        said = _AUTHOR.fullmatch(rest.rstrip("\n"))
        if said:
            text = _drop_edit_mark(said[2].rstrip())
            if text.strip() and not _is_notice(text):
                yield Record(text, said[1].strip(f"{LRM}~\u202a\u202c\u202f\u00a0 "), when)


def _iter_messages(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (date and time, the rest) of each message, with the lines that go on with it."""
    when, parts = "", list[str]()
    for line in lines:
        start = _START.match(line)
        if not start:
            parts.append(line)
            continue
        if when:
            yield when, "".join(parts)
        when, parts = start[1] or start[2], [line[start.end() :]]
    if when:
        yield when, "".join(parts)


def _drop_edit_mark(text: str) -> str:
    """Return a message without "<This message was edited>" at its end."""
    mark = _EDITED.search(text, max(0, len(text) - MAX_MARK_CHARS))
    return text[: mark.start()].rstrip() if mark else text


def _is_notice(text: str) -> bool:
    """Return True if the program put this in the place of a message."""
    is_omitted = text.startswith(LRM) or re.fullmatch(r"<[^<>\n]{3,60}>", text.strip())
    return bool(is_omitted or _ATTACHED.fullmatch(text.strip()) or _DELETED.fullmatch(text.strip()))
