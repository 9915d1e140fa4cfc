"""Parts of HTML for notebooks: tables, bars, and text in heat colors. They stand on any theme, light or dark.

Every style is in its element, since some notebooks take away style sheets. Ink is the theme's own, and heat is a
transparent tint under it, so that it needs no question about the theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..sanitize import one_line
from .heat import legend, scale_of
from .svg import xml_text

BAR_COLORS = {"raw": "#7fb4ff", "shaped": "#e0a100"}
"""Color of a bar: the model's own probability, or the one after temperature and filters."""

HEAT_TINT = (190, 75, 0)
"""Red, green and blue of the tint. Neither black nor white print is far from the contrast of 4.5 on it (WCAG 2.1)."""

HEAT_OPACITIES = (0, 0.18, 0.36, 0.58, 0.85)
"""Opacity of the tint at each level of heat."""

_SEQUENTIAL = [(*HEAT_TINT, opacity) for opacity in HEAT_OPACITIES]
_DIVERGING = [(40, 100, 215, 0.8), (40, 100, 215, 0.3), (0, 0, 0, 0), (*HEAT_TINT, 0.36), (*HEAT_TINT, 0.85)]

TINTS = {"heat": _SEQUENTIAL, "unit": _DIVERGING}
"""Red, green, blue and opacity of each level, by the scale of heat."""

BAR_WIDTH = 6
"""Width of the longest bar in em."""

_MONO = "font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"


class HeatSpan(NamedTuple):
    """A piece of a text, its level of heat (None: no color), and its tooltip."""

    text: str
    level: int | None = None
    tooltip: str = ""
    bold: bool = False


def heat_text(spans: Iterable[HeatSpan], heat: str) -> str:
    """Return a text in heat colors with a legend below it. There is no legend if ``heat`` is "off"."""
    body = "".join(_heat_span(span, scale_of(heat)) for span in spans)
    style = f"{_MONO};line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;max-width:80ch"
    return f'<div style="{style}">{body}</div>{_heat_legend(heat) if heat != "off" else ""}'


def html_table(rows: Iterable[Sequence[str]], head: Sequence[str] = (), title: str = "") -> str:
    """Return a table. Cells are HTML: ``html_cell`` makes one of any text."""
    headings = "".join(f'<th style="text-align:left">{xml_text(one_line(text))}</th>' for text in head)
    lines = [f"<tr>{headings}</tr>"] if head else []
    lines += ["<tr>" + "".join(cells) + "</tr>" for cells in rows]
    above = f"<div><b>{xml_text(one_line(title))}</b></div>" if title else ""
    return f'{above}<table style="color:inherit">{"".join(lines)}</table>'


def html_lines(lines: Iterable[str], title: str = "") -> str:
    """Return lines under a title, with all their spaces."""
    above = f"<div><b>{xml_text(one_line(title))}</b></div>" if title else ""
    return f'{above}<div style="{_MONO};white-space:pre;overflow-x:auto">{xml_text(chr(10).join(lines))}</div>'


def html_cell(text: str, name: bool = False) -> str:
    """Return a cell of a table: a figure, or the name of a row."""
    style = "text-align:left;font-weight:bold" if name else "text-align:left"
    return f'<td style="{style}">{xml_text(one_line(text))}</td>'


def bar_cell(share: float | None, color: str) -> str:
    """Return a cell with a bar, ``share`` (0 to 1) of the longest one; None leaves it empty."""
    width = BAR_WIDTH * (share or 0)
    bar = f'<div style="width:{width:.2f}em;height:0.8em;background:{color}"></div>' if share is not None else ""
    return f'<td style="text-align:left;min-width:{BAR_WIDTH}em">{bar}</td>'


def facts_table(facts: Iterable[tuple[str, str]], title: str = "") -> str:
    """Return a table of names and values. Those without a value are left out."""
    return html_table(((html_cell(name, name=True), html_cell(value)) for name, value in facts if value), title=title)


def _heat_span(span: HeatSpan, scale: str) -> str:
    text = f"<b>{xml_text(span.text)}</b>" if span.bold else xml_text(span.text)
    tooltip = f' title="{xml_text(span.tooltip)}"' if span.tooltip else ""
    style = _heat_style(span.level, scale)
    return f"<span{style}{tooltip}>{text}</span>" if tooltip or style else text


def _heat_style(level: int | None, scale: str) -> str:
    """Return the attribute that tints a level. The lowest heat, or the middle of a unit, has the colors of the page."""
    red, green, blue, opacity = TINTS[scale][level] if level is not None else (0, 0, 0, 0)
    return f' style="background:rgba({red},{green},{blue},{opacity})"' if opacity else ""


def _heat_legend(heat: str) -> str:
    title, names = legend(heat)
    styles = (_heat_style(level, scale_of(heat)) for level in range(len(names)))
    levels = "&ensp;".join(f"<span{style}>{xml_text(name)}</span>" for name, style in zip(names, styles, strict=True))
    return f'<div style="margin-top:0.5em;opacity:0.8">{xml_text(title)}: {levels}</div>'
