"""How the line REPL looks: styles for text, notes and warmth, and the printing of what commands answer."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.styles import Style

from ..core.effects import Listing
from ..core.events import Event, Notice, Progress, Token
from ..core.heat import level
from ..core.visible import visible

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
    show(*(_piece(event, heat) for event in events))


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


def _piece(event: Event, heat: str) -> Piece:
    if isinstance(event, Notice):
        return "class:note", f"{visible(event.text)}\n"
    if isinstance(event, Progress):
        return "class:note", f"\rreading the seed: {event.share:.0%} "
    warmth = level(event, heat) if isinstance(event, Token) else None
    return "" if warmth is None else f"class:heat{warmth}", visible(event.text)
