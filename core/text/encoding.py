"""Decode bytes: a byte-order mark is believed, UTF-8 is the default, and another encoding is guessed, never assumed."""

from __future__ import annotations

import codecs
import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from ..errors import TextError
from .files import Source

GUESSED = "auto"
"""Name that stands for UTF-8, and for the encoding that is guessed if a file is not UTF-8."""

SAMPLE_BYTES = 1 << 15
"""Bytes around the first one that is not UTF-8 from which an encoding is guessed."""

MAX_CONTROL_SHARE = 0.01
"""Share of control characters at the beginning of a block above which it is binary data. Random bytes have 10 %."""

MAX_SHOWN_LINE = 60
"""Characters that are shown of a line in a guessed encoding."""

MARK = "\ufeff"
"""The byte-order mark, which begins a file. Files that were joined have some in the middle."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Encodings by byte-order mark. That of little-endian UTF-16 begins that of UTF-32, so UTF-32 comes first."""

_CANDIDATES = (
    *("cp1252", "mac_roman", "cp1251", "cp932", "gb18030", "big5", "euc_jp", "cp949", "koi8_r", "cp1250", "cp1254"),
    *("cp1253", "cp1255", "cp1256", "cp866", "cp850", "iso8859_2"),
)
"""Encodings that files have in practice. The first of those that fit equally well is taken."""

_SEVERAL_BYTES = ("cp932", "gb18030", "big5", "euc_jp", "cp949")
"""Candidates with characters of several bytes, of which a few can be valid UTF-8 by chance."""

MAX_CHANCE_CHARS = 3
"""Most characters at the beginning of such a text that are valid UTF-8 by chance."""

_CONTROLS = re.compile("[\0-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_UNUSED_LATIN1 = re.compile("[\x80-\x9f]")


class Guess(NamedTuple):
    """An encoding that a file may have, and a line of its text read in it."""

    encoding: str
    line: str


class EncodingError(TextError):
    """A text that is not in its encoding. ``guess`` is None if it looks like no other encoding either.

    ``problem`` is the message without the options of a command line.
    """

    def __init__(self, problem: str, guess: Guess | None, option: str) -> None:
        super().__init__(f"{problem}; {option}")
        self.problem = problem
        self.guess = guess

    def without_option(self) -> TextError:
        """Return the error for a front end without ``--encoding``."""
        return TextError(f"{self.problem}; convert it: iconv -f {self.guess.encoding if self.guess else '…'} -t utf-8")


def decode_blocks(blocks: Iterable[bytes], encoding: str, name: str, notes: list[str]) -> Iterator[str]:
    """Yield the text of ``blocks``, which are the bytes of the file ``name``.

    A byte-order mark overrides ``encoding`` and stays in the text. ``encoding`` is not ``GUESSED``. Appends remarks to
    ``notes``. Raises EncodingError at a byte that is not valid, TextError for binary data or an unknown encoding.
    """
    decoder = _Decoder(name, encoding, notes)
    blocks = iter(blocks)
    start = _take_mark(blocks)
    decoder.apply_mark(start)
    for block in chain([start], blocks):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def find_encoding(blocks: Iterable[bytes], name: str) -> Guess | None:
    """Return the guessed encoding of a file, or None if it is UTF-8 or has a byte-order mark. Raises TextError."""
    try:
        for _ in decode_blocks(blocks, "utf-8", name, []):
            pass
    except EncodingError as error:
        if error.guess:
            return error.guess
        raise
    return None


def decode_utf8(data: bytes, name: str) -> str:
    """Return ``data`` decoded, for a program that takes UTF-8 alone. Raises TextError; ``name`` is for its message."""
    try:
        return "".join(decode_blocks([data], "utf-8", name, [])).removeprefix("\ufeff")
    except EncodingError as error:
        raise error.without_option() from None


def read_plain(source: Source, encoding: str, notes: list[str]) -> Iterator[str]:
    """Yield all that ``source`` holds as text, in chunks of any size: no byte-order mark, \\n at every line end.

    Appends a line to ``notes`` for each kind of change. Raises TextError.
    """
    if encoding == GUESSED:
        guess = find_encoding(source.text_blocks(), source.name)
        encoding = guess.encoding if guess else "utf-8"
        notes += [f"read as {describe_guess(guess)}"] if guess else []
    return _normalize(decode_blocks(source.text_blocks(), encoding, source.name, notes), notes)


def decode_beginning(head: bytes, encoding: str) -> str:
    """Return the first bytes of a file as text, whatever they are: no byte-order mark, \\n at every line end."""
    marked = next((marked for mark, marked in _MARKS.items() if head.startswith(mark)), encoding)
    known = marked if _family(marked) else "utf-8"
    try:
        text = head.decode(known, "replace")
    except (UnicodeError, LookupError):
        text = head.decode("utf-8", "replace")
    return text.replace(MARK, "").replace("\r\n", "\n").replace("\r", "\n")


def describe_guess(guess: Guess) -> str:
    """Return the encoding and its line in words."""
    return f"{guess.encoding}: “{guess.line}”"


class _Decoder:
    """Decodes the blocks of one file, and knows where in it the next byte is."""

    def __init__(self, name: str, encoding: str, notes: list[str]) -> None:
        self._name = name
        self._encoding = encoding
        self._notes = notes
        self._decoder = _create_decoder(encoding)
        self._offset, self._line = 0, 1
        self._recent = b""
        self._valid_wide = 0
        self._has_noted_latin1 = False

    def apply_mark(self, start: bytes) -> None:
        """Change to the encoding of a byte-order mark in ``start``, and note it if it is another one."""
        marked = next((encoding for mark, encoding in _MARKS.items() if start.startswith(mark)), self._encoding)
        if _family(marked) != _family(self._encoding):
            self._notes.append(f"read as {marked}, as its byte-order mark says")
            self._encoding = marked
            self._decoder = _create_decoder(marked)

    def decode(self, block: bytes, final: bool = False) -> str:
        """Return the text of the next block. Raises TextError."""
        pending = len(self._decoder.getstate()[0])
        if not _is_wide(self._encoding) and b"\0" in block:
            offset = self._offset + block.index(0)
            raise TextError(f"{self._name} looks like binary data, not text: it has a zero byte at {offset:,}")
        try:
            text = self._decoder.decode(block, final=final)
        except UnicodeDecodeError as error:
            raise self._explain(error, self._offset - pending) from None
        except UnicodeError:
            raise TextError(f"{self._name} is not {self._encoding}; name its encoding: --encoding cp1252") from None
        self._offset += len(block)
        self._recent = (self._recent + block)[-SAMPLE_BYTES:]
        self._line += block.count(b"\n")
        self._check_characters(text)
        return text

    def _require_few_controls(self, text: str) -> None:
        if len(_CONTROLS.findall(text)) > max(3, MAX_CONTROL_SHARE * len(text)):
            raise TextError(f"{self._name} looks like binary data, not text: it is full of control characters")

    def _check_characters(self, text: str) -> None:
        self._require_few_controls(text[:SAMPLE_BYTES])
        if text.isascii():
            return
        self._valid_wide += len(text) - len(text.encode("ascii", "ignore"))
        if _family(self._encoding) == "iso8859-1" and not self._has_noted_latin1 and _UNUSED_LATIN1.search(text):
            self._has_noted_latin1 = True
            self._notes.append("it has characters that latin-1 does not use; it is rather cp1252: --encoding cp1252")

    def _explain(self, error: UnicodeDecodeError, first: int) -> EncodingError:
        """Return the error that the user sees. ``first`` is the offset of the first byte of ``error.object``."""
        data, start = error.object, error.start
        self._require_few_controls(data[:SAMPLE_BYTES].decode("latin-1"))
        before = self._recent[: max(0, len(self._recent) - len(self._decoder.getstate()[0]))]
        line = self._line + data.count(b"\n", 0, start)
        where = f"byte {first + start:,} (line {line:,}) is 0x{data[start]:02x}"
        guess = guess_encoding(before + data, len(before) + start) if _family(self._encoding) == "utf-8" else None
        valid = self._valid_wide + sum(not character.isascii() for character in data[:start].decode("utf-8", "ignore"))
        chance = MAX_CHANCE_CHARS if guess and guess.encoding in _SEVERAL_BYTES else 0
        if _family(self._encoding) == "utf-8" and valid > chance:
            problem = f"{self._name} mixes encodings: after valid {self._encoding}, {where}"
            return EncodingError(problem, None, "repair it, or name one encoding for all of it: --encoding cp1252")
        problem = f"{self._name} is not {self._encoding}: {where}"
        if guess is None:
            return EncodingError(problem, None, "convert it with iconv, or name its encoding: --encoding cp1252")
        return EncodingError(f"{problem}; it looks like {describe_guess(guess)}", guess, "--encoding auto takes that")


def guess_encoding(data: bytes, start: int) -> Guess | None:
    """Return the likeliest encoding of ``data``, whose byte at ``start`` is not UTF-8. None if it looks like no text.

    Of the candidates that charset-normalizer finds equally plausible, the most common one is returned.
    """
    from charset_normalizer import from_bytes  # imported late: 30 ms

    begin = data.rfind(b"\n", 0, max(0, start - SAMPLE_BYTES)) + 1
    sample = data[begin : start + SAMPLE_BYTES]
    found = from_bytes(sample[: sample.rfind(b"\n") + 1] or sample, cp_isolation=list(_CANDIDATES), threshold=0.3)
    best = found.best()
    if best is None:
        return None
    close = {
        encoding
        for match in found
        if match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.06
        for encoding in match.could_be_from_charset
    }
    encoding = next((name for name in _CANDIDATES if name in close), best.encoding)
    return Guess(encoding, _line_around(sample.decode(encoding, "replace")))


def _line_around(text: str) -> str:
    """Return the beginning of the first line that is not ASCII."""
    line = " ".join(next((line for line in text.splitlines() if not line.isascii()), "").split())
    at = next((place for place, character in enumerate(line) if not character.isascii()), 0)
    begin = max(0, at - MAX_SHOWN_LINE // 2)
    return line[begin : begin + MAX_SHOWN_LINE]


def _take_mark(blocks: Iterator[bytes]) -> bytes:
    """Return the first blocks, joined: at least as long as a byte-order mark if there is that much."""
    start = b""
    for block in blocks:
        start += block
        if len(start) >= max(map(len, _MARKS)):
            break
    return start


def _create_decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        with contextlib.suppress(UnicodeError):
            b"a".decode(encoding)  # raises LookupError for codecs that do not decode to text
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise TextError(f"there is no encoding {encoding!r}; try auto, utf-8, cp1252 or latin-1") from None


def _family(encoding: str) -> str:
    """Return the name of the encoding without a byte order and without "-sig", "" if there is none of that name."""
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        return ""
    return re.sub("-(sig|le|be)$", "", name)


def _is_wide(encoding: str) -> bool:
    return _family(encoding) in ("utf-16", "utf-32")


def _normalize(chunks: Iterable[str], notes: list[str]) -> Iterator[str]:
    """Yield ``chunks`` without byte-order marks, and with \n at every line end. Appends the changes to ``notes``."""
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    returns = marks = 0
    for chunk in chunks:
        marks += chunk.count(MARK)
        returns += chunk.count("\r")
        yield newlines.decode(chunk.replace(MARK, ""))
    yield newlines.decode("", final=True)
    if marks:
        notes.append("a byte-order mark was dropped" if marks == 1 else f"{marks:,} byte-order marks were dropped")
    if returns:
        notes.append(f"{returns:,} carriage returns were dropped: lines end in \\n")
