"""The legend of the heat colors."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from ....core.render.heat import legend, legend_looks
from ..text.transcript import Transcript


class Legend(Widget):
    """The levels of the setting ``heat`` in the colors that the transcript gives them. Hidden if heat is off.

    ``note`` is shown after them.
    """

    heat: reactive[str] = reactive("off")
    note: reactive[str] = reactive("")

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(id="legend")
        self._transcript = transcript
        self.display = False

    def watch_heat(self, heat: str) -> None:
        """Show or hide the legend."""
        self.display = heat != "off"

    def render(self) -> Text:
        """Return the line. It is made for every drawing, so that a new theme's colors are in it."""
        if self.heat == "off":
            return Text()
        title, _ = legend(self.heat)
        line = Text(f"{title}: ", no_wrap=True)
        for label, look in legend_looks(self.heat):
            line.append(label, self._transcript.heat_style(look)).append("  ")
        return line.append(self.note)
