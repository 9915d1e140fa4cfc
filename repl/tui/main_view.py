"""The widgets of the main screen."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from ...core.commands.unit_steps import describe_unit
from ...core.sanitize import one_line
from ...core.session.session import Session
from ...core.setting_heat import heat_unit
from ...core.typed_paths import is_visitor
from .keys.completion import Completions
from .lens.lens_panel import Lens
from .passage_view import PassageView
from .prompt import PromptInput
from .status.legend import Legend
from .status.status_line import Status, StatusLine, describe_session, describe_temperature
from .sweep_view import SweepView
from .text.finder import Finder
from .text.transcript import Transcript


class MainView(Vertical):
    """From the top: transcript and lens, or a sweep; legend, status line, completions and input.

    ``passage_view`` shows the session's passage in the transcript.
    """

    def __init__(self, session: Session, keymap: Mapping[str, str]) -> None:
        super().__init__(id="main")
        self._session = session
        self.transcript = Transcript()
        self.lens = Lens()
        self.sweep_view = SweepView()
        self._completions = Completions()
        self.input = PromptInput(session, self._completions, keymap)
        self.finder = Finder(self.transcript)
        self.passage_view = PassageView(session, self.transcript)
        self._page = Container(self.transcript, self.lens, id="page")
        self._legend = Legend(self.transcript)
        self._status_line = StatusLine()
        self._pinned = Static(id="pinned", markup=False)
        self._pinned.display = False
        top = (self._page, self.sweep_view)
        for widget in (*top, self._legend, self._status_line, self._pinned, self._completions, self.input):
            self.compose_add_child(widget)

    def greet(self) -> None:
        """Add a note on how to begin, show the session's passage if it has one, and focus the input."""
        name = self._session.model.name
        self.transcript.add_note(f"{name} is ready: type a seed, or /help; Esc stops, Ctrl-Q quits")
        if is_visitor():
            self.transcript.add_note("only you see what you write here; it is deleted when you close this tab")
        if self._session.passage.nodes:
            self.passage_view.show()
        self.input.focus()

    @property
    def shows_unit(self) -> bool:
        """True if a unit of the network colors the text."""
        return heat_unit(self._session.settings.heat) is not None

    def show_settings(self) -> None:
        """Show the settings of the session."""
        settings = self._session.settings
        for texts in (self.transcript, self.sweep_view):
            texts.set_heat(settings.heat, settings.copied)
        self.sweep_view.show_titles()
        self._legend.heat = settings.heat
        self._legend.note = one_line(describe_unit(self._session, settings.heat))
        self.passage_view.leave_earlier()
        self.lens.display = settings.lens
        self._page.display = not self.sweep_view.display

    def show_status(self, activity: str) -> None:
        """Show the status line. ``activity`` is the state of the text being written."""
        sweep, passage = self.sweep_view, self.passage_view
        tracker, version = (None, "") if sweep.display else (passage.copy_tracker, passage.version_summary)
        thermometer = describe_temperature(self._session, sweep.temperatures, sweep.chosen_index)
        found = self.finder.summary
        activity = f"{found} · {activity}" if found and self._session.playing else found or activity
        notes = describe_session(self._session, tracker, version, activity)
        self._status_line.status = Status(thermometer, one_line(self._session.model.name), notes)

    def pin(self, text: str) -> None:
        """Keep a line above the input; "" removes it."""
        self._pinned.update(Content(one_line(text)))
        self._pinned.display = bool(text)

    @on(Completions.OptionSelected)
    def _handle_completion_click(self, event: Completions.OptionSelected) -> None:
        self.input.take_completion(self._completions.words[event.option_index])
