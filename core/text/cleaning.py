"""Turn a file into clean text: read its format, leave out what is not the author's, shuffle items."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Generator, Iterable, Iterator
from itertools import chain, groupby

from ..errors import StorageError, error_text
from .chunks import iter_lines
from .files import Source
from .formats import ReadOptions, extract_records
from .gutenberg import strip_boilerplate
from .items import ITEM_ENDS, iter_items
from .labels import Piece, clean_label, find_label
from .readers.record import Record
from .readers.text_document import TextDocument

MAX_CHARS_IN_MEMORY = 1 << 23
"""Maximum characters that are shuffled in memory. The items of a longer text first go to random temporary files."""

SHUFFLE_FILES = 128
"""Temporary files for shuffling on disk. The items of each are then shuffled in memory."""


def read_text(source: Source, options: ReadOptions, notes: list[str]) -> Iterator[Piece]:
    """Yield the clean text of ``source`` in pieces of any size, with their labels.

    Appends a line to ``notes`` for each kind of change. Raises TextError.
    """
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


def shuffle_items(pieces: Iterable[Piece], end: str, notes: list[str]) -> Iterator[Piece]:
    """Yield the items of a list with their labels, each with its ``end``, in a random order that is the same each time.

    Without it, the three parts of a sorted list would hold different kinds of items. Appends the number of items to
    ``notes``. Raises StorageError.
    """
    rng = random.Random(0)
    items = _iter_labelled_items(pieces, end)
    in_memory = _take_items(items, MAX_CHARS_IN_MEMORY)
    if sum(len(item.text) for item in in_memory) > MAX_CHARS_IN_MEMORY:
        count = yield from _shuffle_on_disk(chain(in_memory, items), end, rng)
    else:
        count = len(in_memory)
        rng.shuffle(in_memory)
        yield from in_memory
    kind, ending = ("lines", "a line") if end == ITEM_ENDS["line"] else ("items", "an item")
    notes.append(f"{count:,} {kind}, shuffled; generated text ends at the end of {ending}")


def _iter_labelled_items(pieces: Iterable[Piece], end: str) -> Iterator[Piece]:
    """Yield the items, each with its ``end``. An item ends where the label changes."""
    for label, same in groupby(pieces, key=lambda piece: piece.label):
        items = iter_items(iter_lines(piece.text for piece in same), end)
        yield from (Piece(item + end, label) for item in items)


def _take_items(items: Iterator[Piece], max_chars: int) -> list[Piece]:
    """Return items until they have more than ``max_chars`` characters together, or end."""
    taken = []
    size = 0
    for item in items:
        taken.append(item)
        size += len(item.text)
        if size > max_chars:
            break
    return taken


def _shuffle_on_disk(items: Iterable[Piece], end: str, rng: random.Random) -> Generator[Piece, None, int]:
    """Write each item to a random file, then yield the items of each file, shuffled. Return the number of items."""
    count = 0
    try:
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(SHUFFLE_FILES)]
            for text, label in items:
                rng.choice(files).write(f"{label}\0{text}".encode("utf-8", "surrogatepass"))
                count += 1
            for file in files:
                file.seek(0)
                file_items = file.read().decode("utf-8", "surrogatepass").split(end)[:-1]
                rng.shuffle(file_items)
                for item in file_items:
                    label, _, text = item.partition("\0")
                    yield Piece(text + end, label)
    except OSError as error:
        raise StorageError(f"cannot shuffle the items in {tempfile.gettempdir()}: {error_text(error)}") from error
    return count
