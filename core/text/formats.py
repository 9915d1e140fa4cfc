"""Extract the text from a file, in records: all of it, a field, a column, or the messages of an export."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..errors import AfterglowError, TextError, UsageError, list_names
from .encoding import Guess, find_encoding
from .files import TEXT_SUFFIXES, Source
from .items import find_item_end, format_item
from .markup import note_markup
from .readers.reader_table import choose_reader
from .readers.record import Reader, Record
from .readers.text_document import TextDocument
from .split import DEFAULT_SPLIT

MAX_AUTHORS = 10_000
"""Most authors that are told apart in a file."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options for reading a text.

    ``keep_boilerplate``: keep Project Gutenberg's header and footer.
    ``field``: the JSONL field to read; "" for "text".
    ``column``: the CSV or TSV column to read; "" if there is only one.
    ``label``: what a part of the text is labelled with: its "folder", its "file" or its "author"; "" for nothing.
    ``label_column``: the field or column that holds the author; "" for the one that the format has.
    ``items``: a key of ``ITEM_ENDS`` if the text is a list of items that end otherwise than with a line.
    ``reader``: name of the format; "" for the one that is recognized.
    ``author``: names of authors with commas between them, whose texts are read; "" for all.
    ``strict``: a file that cannot be read is an error, also if there are others.
    ``lines``: every line is a separate item. Lines are shuffled, and generated text ends at a newline.
    ``lower``: the text is read in lower case.
    ``split``: percentages for training, validation and test, as ``Split.parse`` reads them.
    """

    encoding: str = "utf-8"
    keep_boilerplate: bool = False
    field: str = ""
    column: str = ""
    lines: bool = False
    split: str = DEFAULT_SPLIT
    label: str = ""
    label_column: str = ""
    items: str = ""
    reader: str = ""
    author: str = ""
    strict: bool = False
    lower: bool = False

    @property
    def item_end(self) -> str:
        """The text that ends an item of a list, "" if the text is no list."""
        return find_item_end(self.lines, self.items)


DEFAULT_READ_OPTIONS = ReadOptions()


def extract_records(document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    """Yield the text of a document: all of it, or what its format has, such as the field of every line of .jsonl.

    The texts of the records, one after the other, are the whole text: what was separate in the file is separated by an
    empty line, or each is an item if the text is a list. Appends what was read to the document's notes. Raises
    TextError, MissingExtraError, or UsageError if there is no reader of that name.
    """
    reader = _choose_reader(document, options)
    records = reader.records(document, options)
    if reader.is_whole:
        if options.author:
            raise AuthorError(f"{document.name} does not say who wrote what; --author is for chats, mail and rows")
        yield from note_markup(records, document.notes)
        return
    tally = _Tally(options.author)
    yield from note_markup(_separate(filter(tally.count, records), options.item_end), document.notes)
    tally.check(document.name)
    document.notes.append(f"read as {reader.title}: {tally.describe(reader.items)}")


def _choose_reader(document: TextDocument, options: ReadOptions) -> Reader:
    """Return the reader of a document. If its name has no known extension, a field or a column decides the format."""
    reader = choose_reader(document, options.reader)
    if reader.name == "plain" and not options.reader and document.suffix not in TEXT_SUFFIXES:
        name = "jsonl" if options.field else "csv" if options.column else ""
        return choose_reader(document, name) if name else reader
    return reader


class AuthorError(TextError):
    """A file that has nothing by the author who was asked for."""


class _Tally:
    """Counts the texts of each author, and keeps those of ``author``, names with commas between them."""

    def __init__(self, author: str) -> None:
        self._author = author
        self._wanted = {name.strip().casefold() for name in (author, *author.split(","))} - {""}
        self._counts = Counter[str]()

    def count(self, record: Record) -> bool:
        """Return True if the record is one of those to read."""
        if record.author in self._counts or len(self._counts) < MAX_AUTHORS:
            self._counts[record.author] += 1
        return not self._wanted or record.author.casefold() in self._wanted

    def check(self, name: str) -> None:
        """Raise TextError if none of the wanted authors has a text in the file ``name``."""
        if self._wanted and not self._keep():
            authors = list_names(self._names(self._counts), "none that it names")
            raise AuthorError(f"{name} has no author {self._author!r}; there are: {authors}")

    def describe(self, items: str) -> str:
        """Return the number of texts that are read, and their authors."""
        kept = self._keep() if self._wanted else self._counts
        authors = list_names(self._names(kept), "")
        count = kept.total()
        named = items.removesuffix("s") if count == 1 else items
        return f"{count:,} {named}{f' of {authors}' if authors else ''}"

    def _keep(self) -> Counter[str]:
        return Counter({author: n for author, n in self._counts.items() if author.casefold() in self._wanted})

    def _names(self, counts: Counter[str]) -> list[str]:
        return [author for author, _ in counts.most_common() if author]


def _separate(records: Iterable[Record], item_end: str) -> Iterator[Record]:
    """Yield records with an empty line between their texts, or as items with their end if there is one."""
    if item_end:
        yield from (record._replace(text=format_item(record.text, item_end)) for record in records)
        return
    last = None
    for record in records:
        if last:
            yield last._replace(text=f"{last.text}\n\n")
        last = record._replace(text=record.text.strip("\n"))
    yield last._replace(text=f"{last.text}\n") if last else Record("\n")


def keep_rows(document: TextDocument, options: ReadOptions) -> ReadOptions:
    """Return ``options`` with which a file of rows is read as it is, unless they name a format, a field or a column."""
    is_rows = _choose_reader(document, options).name in ("jsonl", "json", "csv")
    is_chosen = options.reader or options.field or options.column
    return replace(options, reader="plain") if is_rows and not is_chosen else options


def guess_encodings(sources: Sequence[Source], options: ReadOptions) -> list[tuple[Source, Guess]]:
    """Return the sources that are not UTF-8, each with the encoding that it seems to have."""
    found = []
    for source in sources:
        with contextlib.suppress(AfterglowError):  # reading says what is wrong
            if not _choose_reader(TextDocument(source, options.encoding, []), options).takes_bytes:
                guess = find_encoding(source.text_blocks(), source.name)
                found += [(source, guess)] if guess else []
    return found


def check_options_apply(sources: Sequence[Source], options: ReadOptions) -> None:
    """Raise UsageError if ``options`` names a field or a column, and none of ``sources`` is of that format."""
    if not (options.field or options.column or options.label_column):
        return
    names = {_choose_reader(TextDocument(source, options.encoding, []), options).name for source in sources}
    if options.field and not names & {"jsonl", "json", "zip"}:
        raise UsageError("--field is for JSON, and none of the texts ends in .jsonl or .json")
    if options.column and not names & {"csv", "zip"}:
        raise UsageError("--column is for tables, and none of the texts ends in .csv or .tsv")
    if options.label_column and not names & {"jsonl", "json", "csv", "zip"}:
        raise UsageError("--label-column is for tables and JSON, and no text ends in .jsonl, .json, .csv or .tsv")
