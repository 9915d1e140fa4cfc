"""The widgets of the main screen."""

from __future__ import annotations

from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from ...core.sanitize import one_line
from ...core.session.session import Session
from ...core.typed_paths import is_visitor
from .legend import Legend
from .lens_panel import Lens
from .passage_view import PassageView
from .prompt import Completions, PromptInput
from .sweep_view import SweepView
from .thermometer import Thermometer
from .transcript import Transcript


class MainView(Vertical):
    """From the top: transcript and lens, or a sweep; legend, thermometer, status line, completions and input.

    ``passage_view`` shows the session's passage in the transcript.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(id="main")
        self._session = session
        self.transcript = Transcript()
        self.lens = Lens()
        self.sweep_view = SweepView()
        self.input = PromptInput(session)
        self.passage_view = PassageView(session, self.transcript)
        self._page = Container(self.transcript, self.lens, id="page")
        self._legend = Legend(self.transcript)
        self._thermometer = Thermometer()
        self._status = Static(id="status", markup=False)
        self._completions = Completions(session)
        top = (self._page, self.sweep_view)
        for widget in (*top, self._legend, self._thermometer, self._status, self._completions, self.input):
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

    def show_settings(self, playing: bool) -> None:
        """Show the settings of the session. ``playing`` is True while text is being written."""
        settings = self._session.settings
        self._thermometer.temperature = settings.temperature
        self._thermometer.current = self._session.temperature if playing else None
        self.transcript.set_heat(settings.heat, settings.copied)
        self.lens.display = settings.lens
        self._page.display = not self.sweep_view.display

    def show_status(self, status: str) -> None:
        """Show the status line, and the legend of the current heat."""
        self._status.update(Content(one_line(status)), layout=False)
        self._legend.heat = self._session.settings.heat

    def offer_completions(self) -> None:
        """Show the completions of the command being typed."""
        self._completions.offer(self.input.text)
