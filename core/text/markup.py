"""Notice a text that is largely mark-up: tags, addresses, ids, dates and keys, which would be learned like words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .readers.record import Record

MARKUP_CHARS = 1 << 15
"""Characters at the beginning of a text that are measured."""

MAX_SHARE = 0.2
"""Share of mark-up above which it is noted."""

_SIGNS = "<&{[/0123456789"
"""Signs of which all mark-up has some."""

MIN_SIGNS = 0.01
"""Share of signs below which a text cannot have much mark-up. Looking closer takes 0.8 µs a character."""

_MARKUP = re.compile(
    r"</?[a-zA-Z][^<>\n]{0,300}>"
    r"|https?://[^\s<>]{1,500}"
    r"|[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=[a-z]*\d)[0-9a-f]{16,64}\b|\b\d{9,30}\b"
    r"|\b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b(?:[T ,]{1,2}\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,9})?)?"
    r"|\b\d{1,2}:\d{2}(?::\d{2})?\b(?:\s?[AP]M\b)?"
    r'|"\w{1,40}"\s?:|&[a-z]{2,8};|[{}\[\]]"?,?"?'
)


def note_markup(records: Iterator[Record], notes: list[str]) -> Iterator[Record]:
    """Yield ``records``. Append a line to ``notes`` if more than ``MAX_SHARE`` of their beginning is mark-up."""
    measured = list[str]()
    size = 0
    for record in records:
        if size < MARKUP_CHARS:
            measured.append(record.text[: MARKUP_CHARS - size])
            size += len(measured[-1])
        yield record
    share = markup_share("".join(measured))
    if share > MAX_SHARE:
        notes.append(
            f"{share:.0%} of it is mark-up (tags, links, ids, dates, keys), which would be learned too; leave that out"
            " first, or choose a field or a column"
        )


def markup_share(text: str) -> float:
    """Return the share of the characters of ``text`` that are mark-up, 0 to 1."""
    if sum(map(text.count, _SIGNS)) < MIN_SIGNS * len(text):
        return 0.0
    return sum(len(match[0]) for match in _MARKUP.finditer(text)) / max(1, len(text))
