"""Control characters on the full screen: widgets that show them, and an app that lets none reach the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.highlighter import Highlighter
from rich.segment import Segment
from rich.text import Text
from textual.app import App
from textual.color import Color
from textual.events import Event, Key
from textual.filter import LineFilter
from textual.widgets import TextArea

from ....core.sanitize import escape_controls, escape_line


class ControlHighlighter(Highlighter):
    """Draws the text of an ``Input`` with control characters shown. The text itself stays as it is."""

    def __call__(self, text: str | Text) -> Text:
        """Return the text to draw. Each character takes the place of one, so that the cursor stays right."""
        return Text(escape_line(str(text)), no_wrap=True, overflow="ignore", end="")

    def highlight(self, text: Text) -> None:
        """Add no style."""


class VisibleTextArea(TextArea):
    """A text area that draws its text with control characters shown. The text itself stays as it is."""

    def get_line(self, line_index: int) -> Text:
        """Return a line as it is drawn, with as many characters as it has."""
        return Text(escape_controls(self.document.get_line(line_index)), end="", no_wrap=True)


class ControlFilter(LineFilter):
    """Removes control characters from all that is drawn, whichever widget draws it. They have no width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Return the segments of a line without control characters."""
        if all(segment.text.isascii() and segment.text.isprintable() for segment in segments):
            return segments
        return [Segment(_without_controls(text), style) for text, style, _ in segments]


class VisibleApp(App[None]):
    """An app whose terminal gets no control characters but the toolkit's own."""

    def __init__(self) -> None:
        super().__init__()
        self._control_filter = ControlFilter()

    async def on_event(self, event: Event) -> None:
        """Let no key pressed with Alt type its character, as it would in terminals without the kitty protocol."""
        if isinstance(event, Key) and event.key.startswith("alt+"):
            event.character = None
        await super().on_event(event)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters that each drawn line goes through."""
        return [*super().get_line_filters(), self._control_filter]

    def action_redraw(self) -> None:
        """Draw everything again, over what other programs have written to the terminal."""
        self.refresh()


def _without_controls(text: str) -> str:
    shown = escape_line(text)
    return text if shown == text else "".join(a for a, b in zip(text, shown, strict=True) if a == b)
