"""Turn bytes into clean text: decode, normalize line ends, extract the text from its file format, shuffle items."""

from __future__ import annotations

import codecs
import contextlib
import io
import random
import tempfile
from collections.abc import Generator, Iterable, Iterator
from itertools import chain, groupby

from ..errors import StorageError, TextError, error_text
from .chunks import iter_lines
from .files import Source
from .formats import ReadOptions, extract_records
from .gutenberg import strip_boilerplate
from .items import ITEM_ENDS, iter_items
from .labels import Piece, clean_label, find_label
from .readers.record import Record

MAX_CHARS_IN_MEMORY = 1 << 23
"""Maximum characters that are shuffled in memory. The items of a longer text first go to random temporary files."""

SHUFFLE_FILES = 128
"""Temporary files for shuffling on disk. The items of each are then shuffled in memory."""

_ENCODING_HINT = "convert it with iconv, or give its encoding on the command line: --encoding latin-1"


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
    return extract_records(read_plain(source, options.encoding, notes), source, options)


def read_plain(source: Source, encoding: str, notes: list[str]) -> Iterator[str]:
    """Yield all that ``source`` holds as text, in chunks of any size, with \\n at every line end.

    Appends a line to ``notes`` for each kind of change. Raises TextError.
    """
    blocks = _reject_binary(source) if _is_utf8(encoding) else source.text_blocks()
    return _normalize(_decode_blocks(blocks, encoding, source.name), notes)


def decode_bytes(data: bytes, encoding: str, name: str) -> str:
    """Return ``data`` decoded. Raises TextError for an invalid byte; ``name`` names the data in its message."""
    return "".join(_decode_blocks([data], encoding, name))


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


def _reject_binary(source: Source) -> Iterator[bytes]:
    """Yield the blocks of ``source``. Raises TextError at the first zero byte."""
    bytes_read = 0
    for block in source.text_blocks():
        if b"\0" in block:
            offset = bytes_read + block.index(0)
            raise TextError(f"{source.name} looks like binary data, not text: it has a zero byte at {offset:,}")
        bytes_read += len(block)
        yield block


def _decode_blocks(blocks: Iterable[bytes], encoding: str, name: str) -> Iterator[str]:
    decoder = _create_decoder(encoding)
    bytes_read = 0
    line = 1
    ascii_so_far = True
    for block in chain(blocks, (b"",)):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _decoding_error(name, encoding, error, (bytes_read - pending, line), ascii_so_far) from None
        except UnicodeError:
            raise TextError(f"{name} is not {encoding}; {_ENCODING_HINT}") from None
        bytes_read += len(block)
        line += block.count(b"\n")
        ascii_so_far = ascii_so_far and text.isascii()
        yield text


def _decoding_error(
    name: str, encoding: str, error: UnicodeDecodeError, position: tuple[int, int], ascii_before: bool
) -> TextError:
    """Return the error that the user sees.

    ``position``: (offset, line) of the first byte of ``error.object`` in the file. ``ascii_before``: True if all text
    before that is ASCII.
    """
    data, start = error.object, error.start
    offset, line = position[0] + start, position[1] + data.count(b"\n", 0, start)
    bad_byte = f"byte {offset:,} (line {line:,}) is 0x{data[start]:02x}"
    if _is_utf8(encoding) and not (ascii_before and data[:start].isascii()):  # valid non-ASCII text precedes it
        return TextError(
            f"{name} mixes encodings: after valid {encoding}, {bad_byte};"
            " repair that byte, or give one encoding for all of it on the command line: --encoding latin-1"
        )
    return TextError(f"{name} is not {encoding}: {bad_byte}; {_ENCODING_HINT}")


def _create_decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        with contextlib.suppress(UnicodeError):
            b"a".decode(encoding)  # raises LookupError for codecs that do not decode to text
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise TextError(f"there is no encoding {encoding!r}; try utf-8, latin-1 or cp1252") from None


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name.startswith("utf-8")
    except (LookupError, ValueError):
        return False


def _normalize(chunks: Iterable[str], notes: list[str]) -> Iterator[str]:
    """Yield ``chunks`` without a byte-order mark, and with \\n at every line end. Appends the changes to ``notes``."""
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    returns = 0
    started = False
    for chunk in chunks:
        if not started and chunk.startswith("\ufeff"):
            notes.append("a byte-order mark at the start was dropped")
            chunk = chunk.removeprefix("\ufeff")
        started = started or bool(chunk)
        returns += chunk.count("\r")
        yield newlines.decode(chunk)
    yield newlines.decode("", final=True)
    if returns:
        notes.append(f"{returns:,} carriage returns were dropped: lines end in \\n")
