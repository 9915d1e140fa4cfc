"""Listings as an SVG page, for pictures of what a command prints."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..render.svg import SvgPage
from ..text.display_width import display_width
from .effects import Listing, Table


def listings_svg(listings: Iterable[Listing | Table], title: str) -> str:
    """Return lists and tables one below the other as an SVG document with this title."""
    shown = [part for each in listings for part in ((each,) if isinstance(each, Listing) else each.plain)]
    lines = [(each.title, each.lines()) for each in shown]
    page = SvgPage(max(display_width(line) for head, rows in lines for line in (head, *rows)) + 3)
    for number, (head, rows) in enumerate(lines):
        page.gap(0.6 if number else 0)
        page.line([(head, "temperature")])
        for row in rows:
            _draw_row(page, row)
    return page.to_svg(title)


def _draw_row(page: SvgPage, row: str) -> None:
    """Draw a row, each part between two spaces or more at its own place: browsers draw several spaces as one."""
    for part in re.finditer(r"\S+(?: \S+)*", row):
        page.text_at(page.row, 2 + display_width(row[: part.start()]), part[0])
    page.gap()
