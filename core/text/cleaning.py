"""From bytes to the text that is meant, piece by piece: decoded, with one kind of line end, without what is no text."""

from __future__ import annotations

import codecs
import contextlib
import io
import random
import tempfile
from collections.abc import Generator, Iterable, Iterator
from itertools import chain

from ..errors import StorageError, TextError, error_text
from .files import Source
from .formats import ReadOptions, extract_items, iter_lines
from .gutenberg import strip_boilerplate

MAX_CHARS_IN_MEMORY = 1 << 23
"""Characters of lines that are shuffled in memory; more are first dealt out to files, each of which is shuffled."""

SHUFFLE_FILES = 128

_ENCODING_HINT = "name its encoding, for example --encoding latin-1"


def read_text(source: Source, options: ReadOptions, notes: list[str]) -> Iterator[str]:
    """The text of a source in pieces of any size; what was changed is added to ``notes``. Raises TextError."""
    blocks = _reject_binary(source) if _is_utf8(options.encoding) else source.text_blocks()
    pieces = extract_items(_normalize(_decode_blocks(blocks, options.encoding, source.name), notes), source, options)
    return pieces if options.keep_boilerplate else strip_boilerplate(pieces, notes)


def decode_bytes(data: bytes, encoding: str, name: str) -> str:
    """``data`` as text; raises TextError, which says where the first bad byte is and what helps."""
    return "".join(_decode_blocks([data], encoding, name))


def shuffle_lines(chunks: Iterator[str], notes: list[str]) -> Iterator[str]:
    """The lines that hold something in an order of their own, the same every time: a sorted list splits unfairly."""
    dice, some, size, count = random.Random(0), list[str](), 0, 0
    lines = (line.rstrip("\n") + "\n" for line in iter_lines(chunks) if line.strip())
    for line in lines:
        some.append(line)
        size, count = size + len(line), count + 1
        if size > MAX_CHARS_IN_MEMORY:
            break
    if size <= MAX_CHARS_IN_MEMORY:
        dice.shuffle(some)
        yield from some
    else:
        count = yield from _shuffle_on_disk(chain(some, lines), dice)
    notes.append(f"{count:,} lines, shuffled; a sample ends at a line's end")


def _shuffle_on_disk(lines: Iterable[str], rng: random.Random) -> Generator[str, None, int]:
    """Every line into a file that dice choose, then file by file in shuffled order; returns how many there were."""
    count = 0
    try:
        with contextlib.ExitStack() as stack:
            dealt = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(SHUFFLE_FILES)]
            for line in lines:
                rng.choice(dealt).write(line.encode("utf-8", "surrogatepass"))
                count += 1
            for file in dealt:
                file.seek(0)
                some = file.read().decode("utf-8", "surrogatepass").split("\n")[:-1]
                rng.shuffle(some)
                yield "".join(f"{line}\n" for line in some)
    except OSError as error:
        raise StorageError(f"cannot shuffle the lines in {tempfile.gettempdir()}: {error_text(error)}") from error
    return count


def _reject_binary(source: Source) -> Iterator[bytes]:
    read = 0
    for block in source.text_blocks():
        if b"\0" in block:
            at = read + block.index(0)
            raise TextError(f"{source.name} looks like binary data, not text: it has a zero byte at {at:,}")
        read += len(block)
        yield block


def _decode_blocks(blocks: Iterable[bytes], encoding: str, name: str) -> Iterator[str]:
    decoder, read, line, ascii_so_far = _decoder(encoding), 0, 1, True
    for block in chain(blocks, (b"",)):
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            data, at = error.object, error.start
            mixed = _is_utf8(encoding) and not (ascii_so_far and data[:at].isascii())
            place = read - waiting + at, line + data.count(b"\n", 0, at), data[at]
            raise _decoding_error(name, encoding, place, mixed) from None
        except UnicodeError:
            raise TextError(f"{name} is not {encoding}; {_ENCODING_HINT}") from None
        read, line = read + len(block), line + block.count(b"\n")
        ascii_so_far = ascii_so_far and text.isascii()
        yield text


def _decoding_error(name: str, encoding: str, position: tuple[int, int, int], mixed: bool) -> TextError:
    at, line, value = position
    where = f"byte {at:,} (line {line:,}) is 0x{value:02x}"
    if mixed:
        return TextError(
            f"{name} mixes encodings: up to there it is {encoding}, but {where};"
            " repair it there, or read all of it as one, for example --encoding latin-1"
        )
    return TextError(f"{name} is not {encoding}: {where}; {_ENCODING_HINT}")


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        with contextlib.suppress(UnicodeError):
            b"a".decode(encoding)  # which also says no to codecs that make no text
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise TextError(f"there is no encoding {encoding!r}; try utf-8, latin-1 or cp1252") from None


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name.startswith("utf-8")
    except (LookupError, ValueError):
        return False


def _normalize(chunks: Iterable[str], notes: list[str]) -> Iterator[str]:
    """Without a byte-order mark, with \\n for every line end."""
    newlines, returns, begun = io.IncrementalNewlineDecoder(None, translate=True), 0, False
    for piece in chunks:
        if not begun and piece.startswith("\ufeff"):
            notes.append("a byte-order mark at the start was dropped")
            piece = piece.removeprefix("\ufeff")
        begun = begun or bool(piece)
        returns += piece.count("\r")
        yield newlines.decode(piece)
    yield newlines.decode("", final=True)
    if returns:
        notes.append(f"{returns:,} carriage returns were dropped: lines end in \\n")
