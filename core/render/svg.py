"""Pictures as SVG: text in columns, tokens in the colours of heat, bars. They read well on dark pages and on light."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from html import escape
from itertools import groupby

from ..events import Token
from .heat import heat_level

HEAT_COLORS = ("#b6bac4", "#8fd18f", "#f2cf63", "#ff9e57", "#ff6b81")
"""A colour for each level of heat, on the dark ground that every picture brings along."""

STYLES = {
    "plain": "#e4e6eb",
    "dim": "#8b8f9a",
    "seed": "#7fb4ff",
    "turn": "#f2cf63",
    "raw": "#7fb4ff",
    "shaped": "#f2cf63",
    **{f"heat{number}": colour for number, colour in enumerate(HEAT_COLORS)},
}
"""The colour of each look."""

_BOLD_STYLES = ("seed", "heat3", "heat4")
_BACKGROUND = "#14161b"
_CELL_WIDTH, _CELL_HEIGHT, _PADDING = 8.4, 19, 18
"""Pixels of a character and of a line, and around the whole."""

_TEMPERATURE_COLORS = ((70, 130, 240), (242, 207, 99), (255, 80, 90))

TEMPERATURE_COLUMNS = 7
"""Columns left of a passage, for T."""

Cell = tuple[str, Token | None]


def display_width(text: str) -> int:
    """How many columns a text takes: two for wide characters, none for marks that combine."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def temperature_color(temperature: float) -> str:
    """The colour of a T: blue where it is strict, yellow at 1, red from 2 on."""
    share = min(1.0, max(0.0, temperature / 2)) * 2
    first, second = (
        (_TEMPERATURE_COLORS[0], _TEMPERATURE_COLORS[1])
        if share < 1
        else (_TEMPERATURE_COLORS[1], _TEMPERATURE_COLORS[2])
    )
    mixed = (round(a + (b - a) * (share % 1 if share < 2 else 1)) for a, b in zip(first, second, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


class WrappedTokens:
    """Tokens, wrapped at spaces to lines of so many columns."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._paragraphs: list[list[Cell]] = [[]]

    def add(self, text: str, token: Token | None = None) -> None:
        """Let it grow; what no token drew is a seed."""
        first, *others = text.replace("\t", "    ").split("\n")
        self._paragraphs[-1] += [(character, token) for character in first]
        self._paragraphs += [[(character, token) for character in other] for other in others]

    def lines(self) -> Iterator[list[Cell]]:
        """The lines, characters each with its token."""
        for paragraph in self._paragraphs:
            rest = paragraph
            while True:
                end = self._find_line_end(rest)
                yield rest[:end]
                rest = rest[end:]
                if not rest:
                    break

    def _find_line_end(self, line: list[Cell]) -> int:
        column, space = 0, 0
        for number, (character, _) in enumerate(line):
            column += display_width(character)
            if column > self._columns:
                return space or max(1, number)
            if character == " ":
                space = number + 1
        return len(line)


class SvgPage:
    """Draws on a page of so many columns, from above to below; ``at`` draws anywhere."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._elements: list[str] = []
        self.row = 0.0

    def line(self, spans: list[tuple[str, str]], column: float = 0) -> None:
        """A line of (text, look), and down by one."""
        for text, look in spans:
            self.text_at(self.row, column, text, look)
            column += display_width(text)
        self.row += 1

    def gap(self, rows: float = 1) -> None:
        """Leave room."""
        self.row += rows

    def text_at(self, row: float, column: float, text: str, style: str = "plain") -> None:
        """A text at any place."""
        shown = text.rstrip(" ")
        start = len(shown) - len(shown.lstrip(" "))
        if not shown.strip():
            return
        x, y = _PADDING + (column + start) * _CELL_WIDTH, _PADDING + (row + 0.75) * _CELL_HEIGHT
        weight = ' font-weight="bold"' if style in _BOLD_STYLES else ""
        line = ' text-decoration="underline"' if style == "heat4" else ""
        length = display_width(shown.lstrip(" ")) * _CELL_WIDTH
        self._elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{STYLES[style]}" textLength="{length:.1f}"{weight}{line}>'
            f"{escape(shown.lstrip(' '))}</text>"
        )

    def box(self, row: float, column: float, width: float, height: float, color: str, radius: float = 2) -> None:
        """A filled box, in columns and rows."""
        x, y = _PADDING + column * _CELL_WIDTH, _PADDING + row * _CELL_HEIGHT
        self._elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * _CELL_WIDTH:.1f}" height="{height * _CELL_HEIGHT:.1f}" '
            f'rx="{radius}" fill="{color}"/>'
        )

    def bar(self, row: float, column: float, width: float, style: str) -> None:
        """A bar of so many columns."""
        self.box(row + 0.15, column, max(width, 0.15), 0.7, STYLES[style])

    def passage(
        self,
        text: WrappedTokens,
        heat: str,
        column: float = 0,
        margin: int = TEMPERATURE_COLUMNS,
        marked_token: Token | None = None,
    ) -> None:
        """Lines of tokens in the colours of ``heat``, with T in the margin wherever it is another than before."""
        drawn: str | None = None
        for line in text.lines():
            turned = [f"{token.temperature:.2f}" for _, token in line if token]
            self._draw_marker(line, column + margin, marked_token)
            if margin and turned:
                self.box(self.row, column + margin - 1.6, 0.35, 1, temperature_color(float(turned[-1])), 0)
            if margin and turned and turned[-1] != drawn:
                drawn = turned[-1]
                self.text_at(self.row, column, drawn, "turn")
            spans = [
                ("".join(character for character, _ in group), look)
                for look, group in groupby(line, lambda cell: _style_of(cell, heat))
            ]
            self.line(spans, column + margin)

    def _draw_marker(self, line: list[Cell], column: float, marked: Token | None) -> None:
        """A box behind the first character of a token."""
        for number, (_, token) in enumerate(line):
            if token is marked and token is not None:
                self.box(self.row, column + display_width("".join(c for c, _ in line[:number])), 1, 1, "#5b4a86")
                return

    def to_svg(self, title: str) -> str:
        """The whole picture."""
        width = 2 * _PADDING + self._columns * _CELL_WIDTH
        height = 2 * _PADDING + self.row * _CELL_HEIGHT
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, Consolas, monospace" '
            f'font-size="14" xml:space="preserve" role="img"><title>{escape(title)}</title>'
            f'<rect width="100%" height="100%" rx="10" fill="{_BACKGROUND}"/>{"".join(self._elements)}</svg>\n'
        )


def _style_of(cell: Cell, heat: str) -> str:
    token = cell[1]
    return "seed" if token is None else f"heat{heat_level(token, heat)}"
