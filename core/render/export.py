"""Export of a passage: plain text, Markdown, the tree as JSON, or HTML or SVG with heat colors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..sanitize import escape_controls, escape_line
from ..session.passage import Passage
from ..session.passage_json import to_json
from ..text.copy_tracker import CopyTracker
from .markdown import escape_markdown
from .marks import MarkedSpan, mark_spans
from .svg import TEMPERATURE_COLUMNS, SvgPage, WrappedTokens
from .web_page import to_page

LINE_WIDTH = 76
"""Characters in a line of an SVG."""


class ExportedPassage(NamedTuple):
    """A passage to export, the summary to print under its text, and the setting ``heat`` for its colors.

    ``copy_tracker`` is a new one, to mark copied runs; None marks none. ``candidates`` has a line for the tooltip of
    each token, or is empty. So has ``values`` a number: that of the unit that ``heat`` names.
    """

    passage: Passage
    summary: str
    heat: str
    copy_tracker: CopyTracker | None = None
    candidates: Sequence[str] = ()
    values: Sequence[float] = ()

    def spans(self) -> list[MarkedSpan]:
        """Return its text in spans."""
        return list(mark_spans(self.passage, self.copy_tracker, self.values))


def as_text(export: ExportedPassage) -> str:
    """Return the text alone. It ends with a newline."""
    text = export.passage.text()
    return text if text.endswith("\n") else f"{text}\n"


def as_json(export: ExportedPassage) -> str:
    """Return the whole tree in the format of a saved passage."""
    return to_json(export.passage)


def as_markdown(export: ExportedPassage) -> str:
    """Return the text as a block quote, and the summary. Signs that are markup or HTML are escaped."""
    lines = escape_controls(export.passage.text()).split("\n")
    quoted = "\n".join(f"> {escape_markdown(line)}" for line in lines)
    return f"{quoted}\n\n{escape_markdown(escape_line(export.summary))}\n"


def as_html(export: ExportedPassage) -> str:
    """Return an HTML page with heat colors. Each token shows T, rank, surprisal and probability in its tooltip."""
    title = f"A passage of {export.passage.model}"
    return to_page(title, export.spans(), export.summary, _heat_or_default(export.heat), export.candidates)


def as_svg(export: ExportedPassage) -> str:
    """Return an SVG with heat colors, the signs of the text in the margin, and a legend."""
    heat = _heat_or_default(export.heat)
    page = SvgPage(LINE_WIDTH + TEMPERATURE_COLUMNS + 1)
    spans = export.spans()
    text = WrappedTokens(LINE_WIDTH)
    for span in spans:
        text.add(span)
    page.passage(text, heat)
    page.gap()
    style = next((span.style for span in spans if span.style), None)
    page.legend(heat, any(span.token for span in spans), any(span.copied for span in spans), style=style)
    page.line([(export.summary, "dim")], TEMPERATURE_COLUMNS)
    return page.to_svg(f"A passage of {export.passage.model}")


def _heat_or_default(heat: str) -> str:
    """Return the heat to export with: "surprise" if heat is "off", since a page without colors has no use."""
    return "surprise" if heat == "off" else heat


EXPORTERS: dict[str, Callable[[ExportedPassage], str]] = {
    ".txt": as_text,
    ".md": as_markdown,
    ".json": as_json,
    ".html": as_html,
    ".svg": as_svg,
}
"""Functions that return the content of a file, by its suffix."""

COLORED = (".html", ".svg")
"""Suffixes of the files that have the colors of heat."""
