"""Turn a file into clean text: read its format, leave out what is not the author's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .files import Source
from .formats import ReadOptions, extract_records, keep_rows
from .gutenberg import strip_boilerplate
from .labels import clean_label, find_label
from .layout import Piece
from .readers.record import Record
from .readers.text_document import TextDocument


def read_text(source: Source, options: ReadOptions, notes: list[str]) -> Iterator[Piece]:
    """Yield the clean text of ``source`` in pieces of any size, with their labels.

    Appends a line to ``notes`` for each kind of change. Raises TextError.
    """
    pieces = _read_pieces(source, options, notes)
    return (piece._replace(text=piece.text.lower()) for piece in pieces) if options.lower else pieces


def _read_pieces(source: Source, options: ReadOptions, notes: list[str]) -> Iterator[Piece]:
    records = read_records(source, options, notes)
    if options.label == "author":
        return _label_by_author(records, options, notes)
    chunks = (record.text for record in records)
    label = find_label(source, options.label)
    return (Piece(text, label) for text in (chunks if options.keep_boilerplate else strip_boilerplate(chunks, notes)))


def _label_by_author(records: Iterable[Record], options: ReadOptions, notes: list[str]) -> Iterator[Piece]:
    """Yield a piece for each record. Each can be a book of its own, with Project Gutenberg's header and footer."""
    for record in records:
        chunks = iter((record.text,))
        text = record.text if options.keep_boilerplate else "".join(strip_boilerplate(chunks, notes))
        yield Piece(text, clean_label(record.author))


def read_records(source: Source, options: ReadOptions, notes: list[str]) -> Iterator[Record]:
    """Yield the text of ``source`` in records with their authors, with \n at every line end. Joined, they are the text.

    Appends a line to ``notes`` for each kind of change. Raises TextError.
    """
    return extract_records(TextDocument(source, options.encoding, notes), options)


def read_whole(source: Source, options: ReadOptions, notes: list[str]) -> Iterator[Record]:
    """Yield the text of ``source`` as it is to be looked at: with boilerplate, and rows as they are in the file.

    Appends a line to ``notes`` for each kind of change. Raises TextError.
    """
    document = TextDocument(source, options.encoding, notes)
    return extract_records(document, keep_rows(document, options))
