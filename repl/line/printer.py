"""Print text with heat colors, notes, errors and listings for the line REPL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from functools import cache

from prompt_toolkit.application import get_app_session
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.styles import BaseStyle, Style, merge_styles
from prompt_toolkit.utils import get_cwidth, is_dumb_terminal

from ...core.commands.effects import Find, Listing, Table
from ...core.commands.tables import second_column
from ...core.errors import CommandError
from ...core.events import Event, Notice, PrefillProgress, Token
from ...core.render.heat import NEUTRAL_INKS, SCALES, HeatStyle, heat_look, heat_styles, legend, legend_looks
from ...core.render.marks import MarkedSpan
from ...core.sanitize import escape_controls, one_line
from ..clipboard import copied_note, copy_with_tool, terminal_sequence
from ..progress_line import progress_line

PROMPT_STYLE = Style.from_dict(
    {
        "prompt": "fg:ansicyan bold",
        "note": "fg:ansibrightblack",
        "error": "fg:ansired",
        "name": "",
        "head": "fg:ansibrightblack",
        "figure": "",
        "result": "bold",
        "raw": "fg:ansiblue",
        "shaped": "fg:ansiyellow",
        "bottom-toolbar": "noreverse fg:ansibrightblack",
    }
)

_COLOR_COUNTS = {
    ColorDepth.MONOCHROME: 0,
    ColorDepth.ANSI_COLORS_ONLY: 16,
    ColorDepth.DEFAULT: 256,
    ColorDepth.TRUE_COLOR: 1 << 24,
}
"""Number of colors of a terminal, by prompt-toolkit's name for its kind."""

INDENT = "  "
"""Space before the rows of a list or table."""

MIN_WIDTH = 20
"""Minimum columns that lists and tables are laid out for, however narrow the terminal is."""

Fragment = tuple[str, str]
"""(style, text), as in prompt-toolkit's formatted text."""


def print_fragments(*fragments: Fragment) -> None:
    """Print fragments, in color if the terminal has any."""
    colors = _COLOR_COUNTS[get_app_session().output.get_default_color_depth()]
    style = _text_style(colors, _has_dark_background())
    print_formatted_text(FormattedText(fragments), style=style, end="", flush=True)


@cache
def _text_style(colors: int, dark: bool) -> BaseStyle:
    """Return the style of what is printed, with a class for each look of heat."""
    rules = [
        (f"{name}{level}", _to_prompt_style(look, dark))
        for name in SCALES
        for level, look in enumerate(heat_styles(colors, dark, name))
    ]
    return merge_styles([PROMPT_STYLE, Style(rules)])


def _to_prompt_style(look: HeatStyle, dark: bool) -> str:
    color = "" if look.color == NEUTRAL_INKS[dark] else look.color  # the terminal's own is readable on its background
    named = color if color.startswith("#") else f"ansi{color.replace('_', '')}"
    return f"{f'fg:{named}' if color else ''} {look.weight}"


def _has_dark_background() -> bool:
    """True unless the terminal says in COLORFGBG that its background is light: white (7), or a bright color (9 on)."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return not background.isdecimal() or int(background) not in (7, *range(9, 16))


def print_events(events: Iterable[Event], heat: str, values: Iterable[float | None] = ()) -> None:
    """Print the events of a stream. ``heat`` is the setting of that name: the figure that a token's color shows.

    If it is a unit of the network, ``values`` are its values at the tokens.
    """
    fragments = []
    each_value = iter(values)
    for event in events:
        if isinstance(event, PrefillProgress):
            _print_prefill_progress(event.share)
        elif isinstance(event, Notice):
            fragments.append(("class:note", f"{one_line(event.text)}\n"))
        else:
            look = heat_look(event, heat, next(each_value, None)) if isinstance(event, Token) else None
            fragments.append((f"class:{look}" if look else "", escape_controls(event.text)))
    print_fragments(*fragments)


def print_passage(spans: Iterable[MarkedSpan], heat: str) -> None:
    """Print a text that is written already, with seeds bold and copied text underlined, and end the line."""
    fragments = [(_span_style(span, heat), escape_controls(span.text)) for span in spans]
    ended = "".join(text for _, text in fragments[-8:]).endswith("\n")
    print_fragments(*fragments, ("", "" if ended else "\n"))


def print_legend(heat: str) -> None:
    """Print the names of the levels of ``heat`` in their colors, unless it is "off"."""
    if heat == "off":
        return
    title, _ = legend(heat)
    named = [part for name, look in legend_looks(heat) for part in ((f"class:{look}", name), ("", "  "))]
    print_fragments(("class:note", f"{title}: "), *named, ("", "\n"))


def _span_style(span: MarkedSpan, heat: str) -> str:
    look = heat_look(span.token, heat, span.value) if span.token else None
    ink = "bold" if span.seed else f"class:{look}" if look else ""
    return f"{ink} underline" if span.copied else ink


def print_note(text: str) -> None:
    """Print a dim line, broken between words."""
    print_fragments(("class:note", f"{_break_line(text)}\n"))


def print_error(text: str) -> None:
    """Print a red line, broken between words."""
    print_fragments(("class:error", f"{_break_line(text)}\n"))


def _break_line(text: str) -> str:
    return "\n".join(wrap_words(one_line(text), terminal_width()))


def print_answer(effect: Notice | Listing | Table | Find) -> None:
    """Print a notice; or the title of a list or table, and its rows in columns that fit the terminal."""
    match effect:
        case Notice(text):
            print_note(text)
        case Find():
            print_answer(*effect.plain)
        case Listing(title):
            print_note(title)
            _print_list(effect)
        case Table(title):
            print_note(title)
            _print_table(effect)


def _print_list(listing: Listing) -> None:
    rows = [(one_line(left), one_line(right)) for left, right in listing.rows]
    longest = max((get_cwidth(left) for left, _ in rows), default=0)
    width = terminal_width() - len(INDENT)
    column = second_column(longest, width)
    for left, right in rows:
        if get_cwidth(left) + 2 > column:
            print_fragments(("", f"{INDENT}{left}\n"))
            left = ""
        first, *others = wrap_words(right, width - column)
        padding = " " * (column - get_cwidth(left))
        print_fragments(("", f"{INDENT}{left}"), ("class:note", f"{padding}{first}\n"))
        for line in others:
            print_fragments(("class:note", f"{INDENT}{' ' * column}{line}\n"))


def _print_table(table: Table) -> None:
    for line in table.lines(terminal_width() - len(INDENT)):
        print_fragments(("", INDENT), *((f"class:{style}", text) for text, style in line), ("", "\n"))


async def copy_text(text: str) -> None:
    """Copy a text to the clipboards of the terminal and of the system. Raise CommandError if there is neither."""
    output = get_app_session().output
    sent = isinstance(output, Vt100_Output) and not is_dumb_terminal()
    if sent:
        output.write_raw(terminal_sequence(text))  # write() would remove the escape characters
        output.flush()
    if not await asyncio.to_thread(copy_with_tool, text) and not sent:
        raise CommandError("this terminal has no clipboard; /export FILE writes the text")
    print_note(copied_note(text))


def terminal_width() -> int:
    """Return the number of columns that a line may take. A terminal may break a line that fills its last column."""
    return max(MIN_WIDTH, get_app_session().output.get_size().columns - 1)


def wrap_words(text: str, width: int) -> list[str]:
    """Return a text as lines of at most ``width`` columns. Only a word that is longer than a line is broken."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and get_cwidth(f"{lines[-1]} {word}") > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines != [""] else word
    return lines


def _print_prefill_progress(fraction: float) -> None:
    output = get_app_session().output
    output.write_raw(progress_line("reading", fraction))  # write() would remove the carriage returns
    output.flush()
