"""Choose the files of a text: without those that cannot be read, and without a text that is there twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..errors import AfterglowError, MissingExtraError, TextError
from .cleaning import read_text
from .files import Source
from .formats import ReadOptions

SHOWN_FILES = 5
"""Files that are named of those that were left out."""


def select_sources(sources: Sequence[Source], options: ReadOptions, notes: list[str]) -> list[Source]:
    """Return ``sources`` without those that cannot be read and without repeated texts. A single one is not tried.

    A text is repeated also if its other copy has other line ends, a byte-order mark or another encoding. Appends lines
    to ``notes`` for what was left out. Raises TextError or MissingExtraError if all are, or for the first one if
    ``options.strict`` or if it is missing.
    """
    if len(sources) < 2:
        return list(sources)
    first: dict[str, Source] = {}
    bad, copies = list[tuple[Source, AfterglowError]](), list[str]()
    for source in _without_copies(sources, copies):
        try:
            other = first.setdefault(_clean_sha256(source, options), source)
        except (TextError, MissingExtraError) as error:
            if options.strict or not source.exists:
                raise
            bad.append((source, error))
            continue
        if other is not source:
            copies.append(_describe_copy(source, other))
    if bad and not first:
        raise bad[0][1]
    notes += _limit(copies, "more files are copies and were left out")
    notes += _describe_bad(bad)
    return list(first.values())


def _without_copies(sources: Sequence[Source], copies: list[str]) -> list[Source]:
    """Return ``sources`` without copies, byte for byte. Those that cannot be opened stay. Appends to ``copies``."""
    first: dict[str, Source] = {}
    for number, source in enumerate(sources):
        try:
            key = source.text_sha256
        except TextError:
            key = f"unreadable {number}"
        other = first.setdefault(key, source)
        if other is not source:
            copies.append(_describe_copy(source, other))
    return list(first.values())


def _clean_sha256(source: Source, options: ReadOptions) -> str:
    """Return the SHA-256 of the text that is read of a file. Raises TextError or MissingExtraError."""
    digest = hashlib.sha256()
    for piece in read_text(source, options, []):
        digest.update(piece.text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _describe_copy(source: Source, other: Source) -> str:
    return f"{source.name} has the same text as {other.name} and was left out"


def _describe_bad(bad: Sequence[tuple[Source, AfterglowError]]) -> list[str]:
    lines = [f"{source.path} was left out: {error}" for source, error in bad]
    shown = _limit(lines, "more files cannot be read and were left out")
    return [*shown, "--strict stops at such a file"] if shown else []


def _limit(lines: list[str], others: str) -> list[str]:
    """Return the first lines, and the number of the others if there are any."""
    more = len(lines) - SHOWN_FILES
    return [*lines[:SHOWN_FILES], f"{more:,} {others}"] if more > 0 else lines
