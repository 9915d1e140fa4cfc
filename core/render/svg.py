"""SVG pages of text in columns, tokens in heat colors, and bars. They are readable on dark and light backgrounds."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby

from ..events import Token
from ..sanitize import escape_controls
from ..text.display_width import display_width
from .heat import SCALES, heat_look, legend, legend_looks, seed_look
from .marks import COPIED_MEANING, COPIED_SIGN, STYLE_MEANING, TEMPERATURE_MEANING, MarkedSpan, StyleChange, margin_sign

STYLES = {
    "plain": "#e4e6eb",
    "dim": "#8b8f9a",
    "seed": "#7fb4ff",
    "plain-seed": "#e4e6eb",
    "temperature": "#f2cf63",
    "copied": "#6fd3bf",
    "raw": "#7fb4ff",
    "shaped": "#f2cf63",
    **{f"{name}{level}": ink for name, scale in SCALES.items() for level, ink in enumerate(scale.on_dark)},
}
"""Color of each text style."""

_BACKGROUND = "#14161b"

_CELL_WIDTH = 8.4
"""Width of a character in pixels."""

_CELL_HEIGHT = 19
"""Height of a line in pixels."""

_PADDING = 18
"""Pixels around the page."""

TEMPERATURE_COLUMNS = 7
"""Columns at the left of a passage, for T and the bar of copied text."""


Cell = tuple[str, MarkedSpan]
"""A character, and the span that it belongs to. A span's changes are kept in the cell of its first character."""


def xml_text(text: str) -> str:
    """Return ``text`` for XML or HTML: markup is escaped, and characters that no XML document may have are shown."""
    return escape(escape_controls(text))


class WrappedTokens:
    """A growing text of tokens, wrapped at spaces to lines of at most ``columns``."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._paragraphs: list[list[Cell]] = [[]]

    def add(self, span: MarkedSpan) -> None:
        """Append the text of a span."""
        for character in span.text.replace("\t", "    "):
            if character != "\n" or span.temperature is not None or span.style:
                self._paragraphs[-1].append((character.strip("\n"), span))
            if character == "\n":
                self._paragraphs.append([])
            span = span._replace(temperature=None, style=None)

    def lines(self) -> Iterator[list[Cell]]:
        """Yield the wrapped lines as lists of cells."""
        for paragraph in self._paragraphs:
            rest = paragraph
            while True:
                end = self._find_line_end(rest)
                yield rest[:end]
                rest = rest[end:]
                if not rest:
                    break

    def _find_line_end(self, line: list[Cell]) -> int:
        """Return the index after the last cell that fits in a line: after a space if possible, else within a word."""
        column = 0
        after_space = 0
        for index, (character, _) in enumerate(line):
            column += display_width(character)
            if column > self._columns:
                return after_space or max(1, index)
            if character == " ":
                after_space = index + 1
        return len(line)


class SvgPage:
    """A page ``columns`` wide, drawn from top to bottom. ``text_at``, ``box`` and ``bar`` draw anywhere.

    Rows and columns are positions in characters, from 0. ``row`` is the next line to draw.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._elements: list[str] = []
        self.row = 0.0

    def line(self, spans: list[tuple[str, str]], column: float = 0) -> None:
        """Draw a line of (text, style) spans at ``row``, and go down by 1."""
        for text, style in spans:
            self.text_at(self.row, column, text, style)
            column += display_width(text)
        self.row += 1

    def gap(self, rows: float = 1) -> None:
        """Go down by ``rows``."""
        self.row += rows

    def text_at(self, row: float, column: float, text: str, style: str = "plain", underlined: bool = False) -> None:
        """Draw a text at a position. Spaces at its ends are not drawn."""
        shown = escape_controls(text).rstrip(" ")
        start = len(shown) - len(shown.lstrip(" "))
        if not shown.strip():
            return
        x = _PADDING + (column + start) * _CELL_WIDTH
        y = _PADDING + (row + 0.75) * _CELL_HEIGHT
        weight = ' font-weight="bold"' if style.endswith("seed") else ""
        underline = ' text-decoration="underline"' if underlined else ""
        length = display_width(shown.lstrip(" ")) * _CELL_WIDTH
        self._elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{STYLES[style]}" textLength="{length:.1f}"{weight}{underline}>'
            f"{xml_text(shown.lstrip(' '))}</text>"
        )

    def box(self, row: float, column: float, width: float, height: float, color: str, radius: float = 2) -> None:
        """Draw a filled box. ``width`` is in columns, ``height`` in rows, ``radius`` of the corners in pixels."""
        x = _PADDING + column * _CELL_WIDTH
        y = _PADDING + row * _CELL_HEIGHT
        self._elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * _CELL_WIDTH:.1f}" height="{height * _CELL_HEIGHT:.1f}" '
            f'rx="{radius}" fill="{color}"/>'
        )

    def bar(self, row: float, column: float, width: float, style: str) -> None:
        """Draw a horizontal bar, ``width`` columns long."""
        self.box(row + 0.15, column, max(width, 0.15), 0.7, STYLES[style])

    def passage(
        self,
        text: WrappedTokens,
        heat: str,
        column: float = 0,
        margin: int = TEMPERATURE_COLUMNS,
        marked_token: Token | None = None,
    ) -> None:
        """Draw a text in the colors of ``heat``, which is not "off". ``margin`` columns at the left show signs, 0 none.

        T, or the style, is printed in the lines where it has changed. A bar marks lines with copied text, which is
        underlined. A box is drawn under the first character of ``marked_token``.
        """
        for line in text.lines():
            self._draw_marker(line, column + margin, marked_token)
            if margin:
                self._draw_margin(line, column, margin)
            left = column + margin
            for (style, copied), group in groupby(line, lambda cell: (_choose_style(cell[1], heat), cell[1].copied)):
                part = "".join(character for character, _ in group)
                self.text_at(self.row, left, part, style, copied)
                left += display_width(part)
            self.gap()

    def legend(
        self,
        heat: str,
        has_tokens: bool,
        has_copies: bool,
        column: float = TEMPERATURE_COLUMNS,
        style: StyleChange | None = None,
    ) -> None:
        """Draw the names of the levels of ``heat``, and the signs that a text with tokens, or with copies, has.

        ``style`` is its first change of style, if there is one.
        """
        title, _ = legend(heat)
        named = [part for level in legend_looks(heat) for part in (level, ("   ", "dim"))]
        self.line([(f"{title}: ", "dim"), *named], column)
        temperature = [("0.80 ", "temperature"), (f"{TEMPERATURE_MEANING}   ", "dim")] if has_tokens else []
        copied = [(f"{COPIED_SIGN} ", "copied"), (COPIED_MEANING, "dim")] if has_copies else []
        named_style = [(f"{style.sign} ", "temperature"), (f"{STYLE_MEANING}   ", "dim")] if style else []
        if temperature or copied:
            self.line(temperature + named_style + copied, column)

    def _draw_margin(self, line: list[Cell], column: float, margin: int) -> None:
        """Draw the last style or T that a line changes to, and the bar of copied text."""
        sign = margin_sign([span.temperature for _, span in line], [span.style for _, span in line])
        self.text_at(self.row, column, sign, "temperature")
        if any(span.copied for _, span in line):
            self.box(self.row, column + margin - 1.6, 0.35, 1, STYLES["copied"], 0)

    def _draw_marker(self, line: list[Cell], column: float, marked: Token | None) -> None:
        """Draw a box under the first character of the marked token, if it is in this line."""
        for index, (_, span) in enumerate(line):
            if span.token is marked and marked is not None:
                self.box(self.row, column + display_width("".join(c for c, _ in line[:index])), 1, 1, "#5b4a86")
                return

    def to_svg(self, title: str) -> str:
        """Return the page as an SVG document."""
        width = 2 * _PADDING + self._columns * _CELL_WIDTH
        height = 2 * _PADDING + self.row * _CELL_HEIGHT
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, Consolas, monospace" '
            f'font-size="14" xml:space="preserve" role="img"><title>{xml_text(title)}</title>'
            f'<rect width="100%" height="100%" rx="10" fill="{_BACKGROUND}"/>{"".join(self._elements)}</svg>\n'
        )


def _choose_style(span: MarkedSpan, heat: str) -> str:
    """Return the name of a span's style: its look as a seed or of heat; "plain" if it has none."""
    if span.token is None:
        return seed_look(heat) if span.seed else "plain"
    return heat_look(span.token, heat, span.value) or "plain"
