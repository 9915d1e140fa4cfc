"""SVG pages of text in columns, tokens in heat colors, and bars. They are readable on dark and light backgrounds."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from html import escape
from itertools import groupby

from ..events import Token
from ..sanitize import escape_controls
from .heat import heat_level

HEAT_COLORS = ("#b6bac4", "#8fd18f", "#f2cf63", "#ff9e57", "#ff6b81")
"""Color of each heat level, on the dark background that every page has."""

STYLES = {
    "plain": "#e4e6eb",
    "dim": "#8b8f9a",
    "seed": "#7fb4ff",
    "temperature": "#f2cf63",
    "raw": "#7fb4ff",
    "shaped": "#f2cf63",
    **{f"heat{level}": color for level, color in enumerate(HEAT_COLORS)},
}
"""Color of each text style."""

_BOLD_STYLES = ("seed", "heat3", "heat4")
_BACKGROUND = "#14161b"

_CELL_WIDTH = 8.4
"""Width of a character in pixels."""

_CELL_HEIGHT = 19
"""Height of a line in pixels."""

_PADDING = 18
"""Pixels around the page."""

_TEMPERATURE_COLORS = ((70, 130, 240), (242, 207, 99), (255, 80, 90))
"""RGB colors of T = 0, 1 and 2."""

TEMPERATURE_COLUMNS = 7
"""Columns at the left of a passage, for T."""

Cell = tuple[str, Token | None]
"""A character, and the token that it belongs to (None for a seed)."""


def display_width(text: str) -> int:
    """Return the number of columns of a text: 2 for a wide character, 0 for a combining mark, 1 for others."""
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def xml_text(text: str) -> str:
    """Return ``text`` for XML or HTML: markup is escaped, and characters that no XML document may have are shown."""
    return escape(escape_controls(text))


def temperature_color(temperature: float) -> str:
    """Return the color of a temperature: blue at 0, yellow at 1, red from 2 on, mixed in between."""
    clamped = min(2.0, max(0.0, temperature))
    index = min(1, int(clamped))
    below, above = _TEMPERATURE_COLORS[index : index + 2]
    mixed = (round(a + (b - a) * (clamped - index)) for a, b in zip(below, above, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


class WrappedTokens:
    """A growing text of tokens, wrapped at spaces to lines of at most ``columns``."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._paragraphs: list[list[Cell]] = [[]]

    def add(self, text: str, token: Token | None = None) -> None:
        """Append text of a token, or of a seed if ``token`` is None."""
        first, *rest = text.replace("\t", "    ").split("\n")
        self._paragraphs[-1] += [(character, token) for character in first]
        self._paragraphs += [[(character, token) for character in line] for line in rest]

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

    def text_at(self, row: float, column: float, text: str, style: str = "plain") -> None:
        """Draw a text at a position. Spaces at its ends are not drawn."""
        shown = escape_controls(text).rstrip(" ")
        start = len(shown) - len(shown.lstrip(" "))
        if not shown.strip():
            return
        x = _PADDING + (column + start) * _CELL_WIDTH
        y = _PADDING + (row + 0.75) * _CELL_HEIGHT
        weight = ' font-weight="bold"' if style in _BOLD_STYLES else ""
        underline = ' text-decoration="underline"' if style == "heat4" else ""
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
        """Draw a text in the colors of ``heat``, which is not "off". ``margin`` columns at the left show T, 0 none.

        T is printed in the lines where it has changed. A box is drawn under the first character of ``marked_token``.
        """
        shown = ""
        for line in text.lines():
            self._draw_marker(line, column + margin, marked_token)
            if margin:
                shown = self._draw_margin(line, column, margin, shown)
            spans = [
                ("".join(character for character, _ in group), style)
                for style, group in groupby(line, lambda cell: _choose_style(cell, heat))
            ]
            self.line(spans, column + margin)

    def _draw_margin(self, line: list[Cell], column: float, margin: int, shown: str) -> str:
        """Draw the color of a line's last T, and T itself unless it is ``shown`` already. Return the T shown now."""
        temperatures = [f"{token.temperature:.2f}" for _, token in line if token]
        if not temperatures:
            return shown
        latest = temperatures[-1]
        self.box(self.row, column + margin - 1.6, 0.35, 1, temperature_color(float(latest)), 0)
        if latest != shown:
            self.text_at(self.row, column, latest, "temperature")
        return latest

    def _draw_marker(self, line: list[Cell], column: float, marked: Token | None) -> None:
        """Draw a box under the first character of the marked token, if it is in this line."""
        for index, (_, token) in enumerate(line):
            if token is marked and token is not None:
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


def _choose_style(cell: Cell, heat: str) -> str:
    """Return the name of a cell's style: "seed", or "heat0" to "heat4"."""
    token = cell[1]
    return "seed" if token is None else f"heat{heat_level(token, heat)}"
