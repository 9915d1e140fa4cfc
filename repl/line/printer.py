"""How the line REPL looks: styles for text, notes and warmth, and the printing of what commands answer."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.application import get_app_session
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.styles import Style

from ...core.commands.effects import Listing
from ...core.events import Done, Event, Notice, Progress, Token
from ...core.render.heat import level
from ...core.render.sanitize import visible
from ..progress_line import share_line

STYLE = Style.from_dict(
    {
        "prompt": "fg:ansicyan bold",
        "note": "fg:ansibrightblack",
        "error": "fg:ansired",
        "bottom-toolbar": "noreverse fg:ansibrightblack",
        "heat0": "",
        "heat1": "fg:ansigreen",
        "heat2": "fg:ansiyellow underline",
        "heat3": "fg:ansired underline",
        "heat4": "fg:ansimagenta bold underline",
    }
)

Piece = tuple[str, str]


def show(*pieces: Piece) -> None:
    """Print pieces of (style, text), in colour where the terminal has any."""
    print_formatted_text(FormattedText(pieces), style=STYLE, end="", flush=True)


def show_events(events: Iterable[Event], heat: str) -> None:
    """Print what a stream says, every token in the colour of its warmth."""
    pieces = []
    for event in events:
        if isinstance(event, Progress):
            _show_share(event.share)
        else:
            pieces.append(_piece(event, heat))
    show(*pieces)


def show_note(text: str) -> None:
    """Print a dim line."""
    show(("class:note", f"{visible(text)}\n"))


def show_error(error: Exception) -> None:
    """Print what went wrong, one line."""
    show(("class:error", f"{visible(str(error))}\n"))


def show_listing(listing: Listing) -> None:
    """Print two columns under a title."""
    width = min(36, max((len(left) for left, _ in listing.rows), default=0))
    show(("class:note", f"{listing.title}\n"))
    for left, right in listing.rows:
        show(("", f"  {visible(left):<{width}}"), ("class:note", f"  {visible(right)}\n"))


def _show_share(share: float) -> None:
    output = get_app_session().output
    output.write_raw(share_line("reading the seed", share))  # else the carriage returns are taken out
    output.flush()


def _piece(event: Token | Notice | Done, heat: str) -> Piece:
    if isinstance(event, Notice):
        return "class:note", f"{visible(event.text)}\n"
    warmth = level(event, heat) if isinstance(event, Token) else None
    return "" if warmth is None else f"class:heat{warmth}", visible(event.text)
