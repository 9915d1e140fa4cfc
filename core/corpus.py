"""A text to learn from or to score: read, cleaned of what is not text, and split."""

from __future__ import annotations

import codecs
import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import TextError
from .formats import PLAIN, Reading, items
from .sources import Source, found, read_source

VALIDATED, HELD_OUT = (0.44, 0.46), 0.9
"""Where the parts of a text lie: 2 % in its middle for early stopping and calibration, the last 10 % only reported.

What is trained on goes right up to the held-out part: a text's end is mostly about what stands just before it, and
validation there would keep that from the model (docs/experiments.md: 0.1 nats on tiny Shakespeare).
"""

SMALLEST_TEXT = 5_000
"""Characters under which nothing worth hearing is learned, and the split leaves too little to judge by."""

_GUTENBERG = re.compile(
    r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)[^*]*\*\*\*(?P<body>.*?)"
    r"(?:End of (?:the )?Project Gutenberg[^\n]*(?:\n[^\n]+){0,3}?\s*)?"
    r"\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)",
    re.DOTALL | re.IGNORECASE,
)
"""Books say "End of the Project Gutenberg EBook of X, by Y" before the marked line, wrapped where that is long."""


_NAME_IT = "name its encoding, for example --encoding latin-1"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text with where it comes from. ``notes`` says, a line each, what was changed in reading it.

    ``sha256`` is that of the file's bytes; of several files, that of their hashes in order.
    """

    name: str
    sha256: str
    text: str
    boilerplate_kept: bool = False
    notes: tuple[str, ...] = ()

    @property
    def trained(self) -> str:
        """88 %: the first 90 % without the validation part."""
        start, end, last = self._cuts()
        return self.text[:start] + self.text[end:last]

    @property
    def validated(self) -> str:
        """The 2 % in the middle."""
        start, end, _ = self._cuts()
        return self.text[start:end]

    @property
    def held_out(self) -> str:
        """The last 10 %: never trained on, never chosen by."""
        return self.text[self._cuts()[2] :]

    def _cuts(self) -> tuple[int, int, int]:
        start, end, last = (round(len(self.text) * share) for share in (*VALIDATED, HELD_OUT))
        return start, end, last


def read_corpus(path: Path, encoding: str = "utf-8", keep_boilerplate: bool = False) -> Corpus:
    """Read one text file; raises TextError where it is missing, a folder, binary, or not in ``encoding``."""
    return _corpus([read_source(path)], Reading(encoding, keep_boilerplate))


def read_corpora(paths: Sequence[str], how: Reading = PLAIN) -> Corpus:
    """Read files, folders, globs and "-" for standard input, one behind the other. Raises TextError.

    A byte-order mark is dropped, line ends become \\n, and Project Gutenberg's header and footer are left out
    unless they are to be kept; what was done is told in the notes.
    """
    return _corpus(found(paths), how)


def require_enough(corpus: Corpus, smallest: int = SMALLEST_TEXT) -> None:
    """Raise TextError where the text is too small to train on."""
    if len(corpus.text) < smallest:
        have = f"{len(corpus.text):,} characters" if corpus.text.strip() else "empty"
        raise TextError(
            f"{corpus.name} is too small to train on ({have}; at least {smallest:,} characters are needed);"
            " add more text, or play the bundled model: afterglow --model shakespeare"
        )
    if len(set(corpus.text)) < 2:
        raise TextError(f"{corpus.name} is one character repeated: there is nothing to predict")


def decoded(data: bytes, encoding: str, name: str) -> str:
    """``data`` as text; raises TextError, which says where the first bad byte is and what helps."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f"byte {error.start:,} (line {line:,}) is 0x{data[error.start]:02x}"
        if _is_utf8(encoding) and not data[: error.start].isascii():
            raise TextError(
                f"{name} mixes encodings: up to there it is {encoding}, but {where};"
                " repair it there, or read all of it as one, for example --encoding latin-1"
            ) from None
        raise TextError(
            f"{name} is not {encoding}: {where}; name its encoding, for example --encoding latin-1"
        ) from None
    except UnicodeError:
        raise TextError(f"{name} is not {encoding}; {_NAME_IT}") from None
    except (LookupError, ValueError):
        raise TextError(f"there is no encoding {encoding!r}; try utf-8, latin-1 or cp1252") from None


def _corpus(sources: Sequence[Source], how: Reading) -> Corpus:
    texts, notes = [], list[str]()
    for source in sources:
        text, told = _text(source, how)
        texts.append(text)
        notes += told if len(sources) == 1 else [f"{source.name}: {note}" for note in told]
    if len(sources) == 1:
        name, sha256 = sources[0].name, sources[0].sha256
    else:
        name = f"{sources[0].name} and {len(sources) - 1:,} more"
        sha256 = hashlib.sha256("".join(source.sha256 for source in sources).encode()).hexdigest()
        texts = [text if text.endswith("\n") else text + "\n" for text in texts if text]
    text = "".join(texts)
    if how.lines:
        text, told = _shuffled_lines(text)
        notes += told
    return Corpus(name, sha256, text, how.keep_boilerplate, tuple(notes))


def _text(source: Source, how: Reading) -> tuple[str, list[str]]:
    data = source.unpacked()
    if b"\0" in data and _is_utf8(how.encoding):
        raise TextError(f"{source.name} looks like binary data, not text: it has a zero byte at {data.index(0):,}")
    text, notes = _normalised(decoded(data, how.encoding, source.name))
    text = items(text, source, how)
    if not how.keep_boilerplate:
        text, cut = _without_boilerplate(text)
        notes += cut
    return text, notes


def _shuffled_lines(text: str) -> tuple[str, list[str]]:
    """The lines that hold something in an order of their own, the same every time: a sorted list splits unfairly."""
    lines = [line for line in text.split("\n") if line.strip()]
    random.Random(0).shuffle(lines)
    return "".join(f"{line}\n" for line in lines), [f"{len(lines):,} lines, shuffled; a sample ends at a line's end"]


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name.startswith("utf-8")
    except (LookupError, ValueError):
        return False


def _normalised(text: str) -> tuple[str, list[str]]:
    notes = []
    if text.startswith("\ufeff"):
        text = text.removeprefix("\ufeff")
        notes.append("a byte-order mark at the start was dropped")
    if "\r" in text:
        notes.append(f"{text.count(chr(13)):,} carriage returns were dropped: lines end in \\n")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, notes


def _without_boilerplate(text: str) -> tuple[str, list[str]]:
    match = _GUTENBERG.search(text)
    if not match:
        return text, []
    body = match["body"].strip("\n") + "\n"
    cut = len(text) - len(body)
    return body, [
        f"{cut:,} characters of Project Gutenberg header and footer were left out (--keep-boilerplate keeps them)"
    ]
