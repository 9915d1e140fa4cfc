"""The table of readers, and the one that fits a document."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...errors import TextError, UsageError, suggest
from ..files import Source, is_text_name
from . import chat_exports, csv_tables, json_rows, mailboxes, pages, whatsapp
from .archives import bounded_zip, read_member, read_member_head
from .record import Reader, Record
from .text_document import HEAD_BYTES, TextDocument

if TYPE_CHECKING:
    from ..formats import ReadOptions

_CONVERTERS = {
    b"%PDF-": ("a PDF", "pdftotext {path} {text}"),
    b"{\\rtf": ("an RTF document", "pandoc -t plain {path} -o {text}"),
    b"\xd0\xcf\x11\xe0": ("a Word document of before 2007", "libreoffice --convert-to docx {path}"),
}
"""Kinds of files that are not read, by their first bytes, and the command that makes the file ``text`` of ``path``."""

_OPEN_DOCUMENT = b"mimetypeapplication/vnd.oasis.opendocument.text"


def _is_refused(document: TextDocument) -> bool:
    return document.head.startswith(tuple(_CONVERTERS)) or _OPEN_DOCUMENT in document.head[:200]


def _refuse(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    kind, command = next(
        (each for magic, each in _CONVERTERS.items() if document.head.startswith(magic)),
        ("an OpenDocument text", "pandoc -t plain {path} -o {text}"),
    )
    path = document.source.path
    names = {"path": shlex.quote(path), "text": shlex.quote(f"{PurePosixPath(path).with_suffix('')}.txt")}
    raise TextError(f"{document.name} is {kind}; make text of it first: {command.format_map(names)}")


def _read_plain(document: TextDocument, options: ReadOptions) -> Iterator[Record]:  # noqa: ARG001
    return map(Record, document.text())


def _is_zip(document: TextDocument) -> bool:
    return document.head.startswith(b"PK\3\4")


def _read_zip(document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    """Yield the records of all different texts in an archive, sorted by name. Of an export, only messages are read."""
    unnamed = replace(options, reader="")
    with bounded_zip(document) as archive:
        readers = {
            name: _member_reader(document, name, read_member_head(archive, name, HEAD_BYTES))
            for name in sorted(archive.namelist())
            if is_text_name(PurePosixPath(name))
        }
        has_export = any(reader in EXPORTS for reader in readers.values())
        chosen = {name: reader for name, reader in readers.items() if reader in EXPORTS or not has_export}
        if not chosen:
            raise TextError(f"there is no text in {document.name}")
        read = set[bytes]()
        for name, reader in chosen.items():
            data = read_member(archive, name, document.name)
            digest = hashlib.sha256(data).digest()
            if digest in read:
                continue
            read.add(digest)
            member = TextDocument(Source(f"{document.name}: {name}", data=data), document.encoding, document.notes)
            yield from _end_lines(reader.records(member, unnamed), reader)
    counts = {reader.title for reader in chosen.values()}
    document.notes.append(f"{len(read):,} of its {len(readers):,} texts were read, as {', '.join(sorted(counts))}")
    if copies := len(chosen) - len(read):
        document.notes.append(f"{copies:,} of its texts repeat another one and were left out")


def _member_reader(document: TextDocument, name: str, head: bytes) -> Reader:
    return choose_reader(TextDocument(Source(name, data=head), document.encoding, []), "")


def _end_lines(records: Iterator[Record], reader: Reader) -> Iterator[Record]:
    """Yield records; the pieces of one text as a record."""
    if not reader.is_whole:
        yield from records
        return
    yield Record("".join(record.text for record in records))


_PLAIN = Reader("plain", "plain text", lambda _: True, _read_plain, is_whole=True)
_REFUSED = (
    Reader("discord", "messages of others", chat_exports.is_others_discord, chat_exports.refuse_others_discord),
    Reader("refused", "a document that is not read", _is_refused, _refuse, takes_bytes=True),
)
EXPORTS = (
    Reader("whatsapp", "a WhatsApp export", whatsapp.is_whatsapp, whatsapp.read_whatsapp, "messages"),
    Reader("telegram", "a Telegram export", chat_exports.is_telegram, chat_exports.read_telegram, "messages"),
    Reader("messenger", "a Messenger export", chat_exports.is_messenger, chat_exports.read_messenger, "messages"),
    Reader("twitter", "a Twitter archive", chat_exports.is_twitter, chat_exports.read_twitter, "tweets"),
    Reader("discord", "your Discord data", chat_exports.is_own_discord, chat_exports.read_own_discord, "messages"),
)
"""Readers of what a service exports."""

READERS = (
    *EXPORTS,
    Reader("mbox", "a mailbox", mailboxes.is_mbox, mailboxes.read_mbox, "messages", takes_bytes=True),
    Reader("jsonl", "JSON lines", json_rows.is_json_lines, json_rows.read_json_lines),
    Reader("json", "JSON", json_rows.is_json, json_rows.read_json),
    Reader("csv", "a table", csv_tables.is_table, csv_tables.read_table),
    Reader("epub", "an EPUB", pages.is_epub, pages.read_epub, "chapters", takes_bytes=True),
    Reader("docx", "a Word document", pages.is_docx, pages.read_docx, takes_bytes=True),
    Reader("zip", "a zip archive", _is_zip, _read_zip, takes_bytes=True),
    Reader("html", "HTML", pages.is_html, pages.read_html, takes_bytes=True),
    _PLAIN,
)
"""All readers. The first that recognizes a document reads it."""

READER_NAMES = tuple(reader.name for reader in READERS)


def choose_reader(document: TextDocument, name: str) -> Reader:
    """Return the reader called ``name``, or the one that recognizes the document if it is "".

    Messages of others from Discord are refused in any case. Raises UsageError if there is no reader of that name.
    """
    others, refused = _REFUSED
    if others.recognizes(document):
        return others
    if not name:
        return next(reader for reader in (refused, *READERS) if reader.recognizes(document))
    found = next((reader for reader in READERS if reader.name == name), None)
    if found is None:
        known = f"there are: {', '.join(READER_NAMES)}"
        raise UsageError(f"there is no format {name!r}; {suggest(name, READER_NAMES, known)}")
    return found
