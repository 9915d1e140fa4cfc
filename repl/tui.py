"""The full screen on Textual: a transcript, a thermometer, and a line to type into."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from datetime import UTC, datetime
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, Input, Static

from ..core.bridge import Player
from ..core.commands import dispatch, is_live
from ..core.effects import Effect, Listing, Play, Quit, Redraw
from ..core.errors import AfterglowError
from ..core.events import Notice
from ..core.paths import log_file, private_file
from ..core.session import Session
from ..core.settings import SPECS
from .inputline import Completions, InputLine
from .reading import Reading
from .thermometer import Thermometer
from .transcript import Transcript

STEP = 0.05
"""How far one press of a key turns the temperature."""


def run_app(session: Session) -> None:
    """Play on the full screen until the user leaves."""
    AfterglowApp(session).run()


class AfterglowApp(App[None]):
    """One session on the screen. Lines are done one after another; live commands at once, while text is written."""

    TITLE = "afterglow"
    CSS_PATH = "tui.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop"),
        Binding("space", "pause", "Pause"),
        Binding("ctrl+up", "hotter", "T +", key_display="^↑"),
        Binding("ctrl+down", "cooler", "T -", key_display="^↓"),
        Binding("ctrl+r", "retry", "Retry"),
        Binding("ctrl+q", "quit", "Quit", priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("pageup", "scroll('page_up')", show=False, priority=True),
        Binding("pagedown", "scroll('page_down')", show=False, priority=True),
        Binding("ctrl+home", "scroll('home')", show=False, priority=True),
        Binding("ctrl+end", "scroll('end')", show=False, priority=True),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        self.session = session
        self._player: Player | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._stopped = self._leaving = False
        self._said = ""
        self._transcript, self._thermometer = Transcript(), Thermometer()
        self._status = Static(id="status", markup=False)
        self._completions, self._input = Completions(session), InputLine(session)
        self._reading = Reading(session, self._transcript)

    def compose(self) -> ComposeResult:
        """The column, and keys below it."""
        with Vertical(id="desk"):
            yield self._transcript
            yield self._thermometer
            yield self._status
            yield self._completions
            yield self._input
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show where the session stands."""
        self._transcript.note(f"{self.session.model.name} listens: type a seed, or /help; Esc stops, Ctrl-Q leaves")
        if self.session.passage.nodes:
            self._reading.show()
        self._input.focus()
        self._refresh_state()

    @property
    def playing(self) -> bool:
        """Whether text is being written."""
        return self._player is not None

    def do(self, line: str, topic: str = "") -> None:
        """Do what a typed line says. What it answers replaces an answer of the same ``topic``."""
        if self.playing and is_live(line):
            self.run_worker(self._perform(line, topic))
        else:
            self.run_worker(self._perform_in_turn(line, topic))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys of the text that is being written act only then, and no key acts behind another screen."""
        if action in ("stop", "pause", "hurry"):
            return self.playing
        if action in ("interrupt", "scroll"):
            return len(self.screen_stack) == 1
        return True

    def action_stop(self) -> None:
        """End the text; what is there stays."""
        self._stopped = True
        self.session.stop()
        if self._player:
            self._player.hurry()

    def action_pause(self) -> None:
        """Hold the text where it is, or let it go on."""
        if self._player:
            self._player.paused = not self._player.paused
            self._refresh_state()

    def action_hurry(self) -> None:
        """Finish the text at full speed."""
        if self._player:
            self._player.hurry()
            self._refresh_state()

    def action_hotter(self) -> None:
        """One step up."""
        self.do(f"/temp +{STEP}", topic="temperature")

    def action_cooler(self) -> None:
        """One step down."""
        self.do(f"/temp -{STEP}", topic="temperature")

    def action_retry(self) -> None:
        """Write the last text again."""
        self.do("/retry")

    def action_undo(self) -> None:
        """Take the last text back."""
        self.do("/undo")

    def action_redo(self) -> None:
        """Take an undo back."""
        self.do("/redo")

    def action_interrupt(self) -> None:
        """Copy what is selected; else stop; else say how one leaves."""
        selected = self._input.selected_text or self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
        elif self.playing:
            self.action_stop()
        else:
            self._transcript.note("Ctrl-Q leaves, and so does /quit", "leaving")

    def action_scroll(self, where: str) -> None:
        """Scroll the transcript."""
        getattr(self._transcript, f"scroll_{where}")(animate=False)

    async def action_quit(self) -> None:
        """Leave, behind the token that is being drawn; at once where that takes too long for somebody."""
        impatient, self._leaving = self._leaving, True
        if self.playing and not impatient:
            self.action_stop()
        else:
            self.exit()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        self.do(event.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if self._visible:
            self._completions.offer(event.value)
            self.refresh_bindings()

    @property
    def _visible(self) -> bool:
        """Whether there is a screen to change: a text may end, and keys arrive, after it was taken down."""
        return self.is_running and bool(self.screen_stack)

    async def _perform_in_turn(self, line: str, topic: str) -> None:
        """Stop the text that is being written, and do the line when those before it are done."""
        self._waiting += 1
        self.action_stop()
        async with self._turn:
            self._waiting -= 1
            self._stopped = False
            await self._perform(line, topic)

    async def _perform(self, line: str, topic: str) -> None:
        try:
            for effect in dispatch(self.session, line):
                await self._show(effect, topic)
                if self._stopped and isinstance(effect, Play):
                    break
        except AfterglowError as error:
            self._transcript.error(str(error))
            self._give_back(line, topic)
        except Exception as error:
            self._report(error)
            self._give_back(line, topic)
        self._refresh_state()

    async def _show(self, effect: Effect, topic: str) -> None:
        match effect:
            case Play():
                await self._play(effect)
            case Notice(text):
                self._transcript.note(text, topic)
            case Listing(title, rows):
                self._transcript.listing(title, rows)
            case Redraw(text):
                self._transcript.retract("passage")
                self._reading.show()
                if text:
                    self._transcript.note(text, "passage")
            case Quit():
                await self.action_quit()

    async def _play(self, play: Play) -> None:
        """Show a text as it comes."""
        self._player = Player(play.events, lambda: self.session.settings.speed)
        self._refresh_state()
        begun = False
        try:
            async for batch in self._player:
                if not begun:
                    self._reading.begin(play)
                    begun = True
                self._reading.take(batch)
                self._refresh_state()
                self._obey(play)
        finally:
            self._player = None
            if begun and not play.title:
                self._reading.finish()
            if self._leaving:
                self.exit()

    def _obey(self, play: Play) -> None:
        """End the text where somebody wants that: a stop may have come before there was a stream to stop."""
        if self._waiting or self._stopped:
            self.action_stop()
            if play.title:
                getattr(play.events, "close", lambda: None)()

    def _give_back(self, line: str, topic: str) -> None:
        """Have a typed line that failed in the input again, unless something else was typed meanwhile."""
        if not topic and not self._input.value:
            self._input.put(line)

    def _refresh_state(self) -> None:
        """Thermometer, status line and keys."""
        if not self._visible:
            return
        settings = self.session.settings
        self._thermometer.temperature = settings.temperature
        self._thermometer.now = self.session.temperature if self.playing else None
        self._transcript.colour(settings.heat)
        doing = "ready" if self._player is None else "paused" if self._player.paused else "writing"
        shown = {name: SPECS[name].kind.show(getattr(settings, name)) for name in ("temperature", "speed")}
        speed = f"{shown['speed']} characters/s" if settings.speed else "full speed"
        status = f"{self.session.model.name} · T {shown['temperature']} · {speed} · {doing}"
        if status != self._said:
            self._said = status
            self._status.update(Content(status), layout=False)
            self.refresh_bindings()

    def _report(self, error: Exception) -> None:
        """A bug: one line here, all of it in the log."""
        write_log(error)
        self._transcript.error(f"a bug, sorry: {type(error).__name__}: {error}; {log_file()} has the details")

    def _handle_exception(self, error: Exception) -> None:
        write_log(error)
        super()._handle_exception(error)


def write_log(error: Exception) -> None:
    """Add a traceback to the log, as far as that can be written."""
    with contextlib.suppress(AfterglowError, OSError), private_file(log_file()).open("a", encoding="utf-8") as log:
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{''.join(traceback.format_exception(error))}\n")
