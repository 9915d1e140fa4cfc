"""The full screen on Textual: the transcript with a lens beside it, a thermometer, and a line to type into."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from ...core.commands.registry import COMMANDS, Command, dispatch, is_live
from ...core.errors import AfterglowError
from ...core.render.heat import legend
from ...core.session import passage_db
from ...core.session.session import Session
from ..external_editor import edited
from .autosave import EVERY
from .footer import KeyLine
from .navigation import Looking
from .prompt import Completions, InputLine, learn_alt_enter
from .status_line import status
from .themes import keep_theme, kept_theme
from .thermometer import Thermometer

STEP = 0.05
"""How far one press of a key turns the temperature."""

ONLY_WHILE_WRITING = ("stop", "pause", "hurry")
ONLY_ON_THE_SCREEN_ITSELF = ("interrupt", "scroll")
ONLY_WITH_A_CURSOR = ("choose", "take", "leave")
ONLY_WITH_A_TEXT = ("look", "look_word", "look_end")


def run_app(session: Session, first: str = "") -> None:
    """Play on the full screen until the user leaves; ``first`` is a line that is done before any is typed."""
    _make_prompt()
    learn_alt_enter()
    app = AfterglowApp(session, first)
    app.call_later(app.set_interval, EVERY, _settle)
    app.run()
    app.autosave.keep_now()


def _make_prompt() -> None:
    """See to it that a key is answered soon while text comes as fast as it can."""
    # The thread that draws tokens gives way ten times sooner than it would.
    sys.setswitchinterval(0.0005)
    gc.set_threshold(20_000, 20, 1000)
    _settle()


def _settle() -> None:
    """Look no more for garbage in what is there to stay: the more there is, the longer all would stand still."""
    gc.collect(1)
    gc.freeze()


class AfterglowApp(Looking):
    """The keys, and what they do. Lines go to the desk."""

    TITLE = "afterglow"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop"),
        Binding("space", "pause", "Pause"),
        Binding("enter", "take", "Take"),
        Binding("1", "pick(0)", "Pick", key_display="1-9"),
        Binding("ctrl+up", "turn('+')", "T +", key_display="^↑"),
        Binding("ctrl+down", "turn('-')", "T -", key_display="^↓"),
        Binding("ctrl+r", "do('/retry')", "Retry"),
        Binding("f1", "help", "Help"),
        Binding("ctrl+p", "command_palette", "All"),
        Binding("f2", "lens", "Lens"),
        Binding("f3", "do('/tree')", "Tree"),
        Binding("f4", "settings", "Settings"),
        Binding("f5", "do('/edit')", "Edit"),
        Binding("ctrl+q", "quit", "Quit", priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("pageup", "scroll('page_up')", show=False, priority=True),
        Binding("pagedown", "scroll('page_down')", show=False, priority=True),
        Binding("ctrl+home", "scroll('home')", show=False, priority=True),
        Binding("ctrl+end", "scroll('end')", show=False, priority=True),
        Binding("alt+up", "do('/undo')", show=False),
        Binding("alt+down", "do('/redo')", show=False),
        Binding("alt+left", "do('/version -1')", show=False),
        Binding("alt+right", "do('/version 1')", show=False),
    ]

    def __init__(self, session: Session, first: str = "") -> None:
        super().__init__(session)
        self._first = first
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-medium"), (112, "-wide")]
        self._said = ""
        self._thermometer = Thermometer()
        self._page = Container(id="page")
        self._status, self._legend = Static(id="status", markup=False), Static(id="legend", markup=False)
        self._completions, self._input = Completions(session), InputLine(session)

    def compose(self) -> ComposeResult:
        """The column, and keys below it."""
        with Vertical(id="desk"):
            with self._page:
                yield self._transcript
                yield self._lens
            yield self.columns
            yield self._legend
            yield self._thermometer
            yield self._status
            yield self._completions
            yield self._input
        yield KeyLine()

    def on_mount(self) -> None:
        """Show where the session stands."""
        self._transcript.note(f"{self.session.model.name} listens: type a seed, or /help; Esc stops, Ctrl-Q leaves")
        if self.session.passage.nodes:
            self._reading.show()
        self._input.focus()
        kept = kept_theme()
        self.theme = kept if kept in self.available_themes else self.theme
        self.theme_changed_signal.subscribe(self, lambda theme: keep_theme(theme.name))
        self.refresh_state()
        self.set_interval(EVERY, self.autosave.keep)
        if self._first:
            self.do(self._first)
        else:
            self.run_worker(self._remind())

    async def _remind(self) -> None:
        """Tell of the passage that was written last."""
        with contextlib.suppress(AfterglowError):
            latest = await asyncio.to_thread(passage_db.shelf)
            if latest and not self.session.passage.nodes:
                self._transcript.note(f"/open goes on with {latest[0][0]} {latest[0][1]}", "reminder")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys act only where there is something for them to do, and none behind another screen."""
        if action in ONLY_WHILE_WRITING:
            return self.playing
        if action in ONLY_ON_THE_SCREEN_ITSELF:
            return len(self.screen_stack) == 1
        if action == "pick":
            return self.columns.display
        if action in ONLY_WITH_A_CURSOR:
            if self.columns.display:
                return action != "choose" and not (action == "leave" and self.playing)
            return self.roads.place is not None and not (action == "leave" and self.playing)
        if action in ONLY_WITH_A_TEXT:
            return bool(self._reading.places) or self.columns.display
        return True

    def give_back(self, line: str) -> None:
        """Have a line that failed in the input again, unless something else was typed meanwhile."""
        if not self._input.text:
            self._input.put(line)

    def action_do(self, line: str) -> None:
        """Do what a line says. Nobody typed it: it does not come back where it fails."""
        self.perform(partial(dispatch, self.session, line), live=is_live(line))

    def action_turn(self, direction: str) -> None:
        """Turn the temperature by a step."""
        self.do(f"/temp {direction}{STEP}", topic="temperature")

    def action_pause(self) -> None:
        """Hold the text where it is, or let it go on."""
        if self._player:
            self._player.paused = not self._player.paused
            self.refresh_state()

    def action_hurry(self) -> None:
        """Finish the text at full speed."""
        if self._player:
            self._player.hurry()
            self.refresh_state()

    def action_help(self) -> None:
        """Show keys and help for what has the focus, or put them away."""
        if self.screen.query("HelpPanel"):
            self.action_hide_help_panel()
        else:
            self.action_show_help_panel()

    def action_settings(self) -> None:
        """Show all settings."""
        from .settings_screen import (
            Panel,  # pages that are seldom wanted wait until they are: the first screen comes sooner
        )

        self.push_screen(Panel(self.session), lambda _: self.refresh_state())

    def action_editor(self) -> None:
        """Have the line that is being typed in the user's own editor."""
        try:
            with self.suspend():  # whatever is raised in here leaves the screen suspended
                changed, trouble = edited(self._input.text)
        except SuspendNotSupported as error:
            changed, trouble = None, f"no editor: {error}"
        if trouble:
            self._transcript.error(trouble)
        self.refresh()
        if changed is not None:
            self._input.put(changed.removesuffix("\n"))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every slash command, and what Textual has to offer."""
        yield SystemCommand("Settings", "all settings on one page", self.action_settings)
        for command in COMMANDS:
            yield SystemCommand(f"/{command.name}", command.help, partial(self._from_palette, command))
        yield from super().get_system_commands(screen)

    def _from_palette(self, command: Command) -> None:
        """Do a command, or begin to type one that wants to be told more."""
        asks = any(argument.required or argument.name == "value" for argument in command.arguments)
        if asks:
            self._input.put(f"/{command.name} ")
        else:
            self.do(f"/{command.name}")

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

    @on(InputLine.Submitted)
    def _typed(self, event: InputLine.Submitted) -> None:
        if not self.playing:
            self.columns.close()
        self.do(event.text)

    @on(InputLine.Changed)
    def _changed(self) -> None:
        if self._visible:
            self._completions.offer(self._input.text)
            self._say(self._state())

    @property
    def _visible(self) -> bool:
        """Whether there is a screen to change: a text may end, and keys arrive, after it was taken down."""
        return self.is_running and bool(self.screen_stack)

    def refresh_state(self) -> None:
        """Thermometer, lens, status line and keys."""
        if not self._visible:
            return
        settings = self.session.settings
        self._thermometer.temperature = settings.temperature
        self._thermometer.now = self.session.temperature if self.playing else None
        self._transcript.colour(settings.heat, settings.copied == "on")
        self._lens.display = settings.lens == "on"
        self._page.display = not self.columns.display
        try:
            self.roads.refresh()
        except AfterglowError as error:
            self._transcript.error(str(error))
        self._say(self._state())

    def _state(self) -> str:
        reading = "" if self.share is None else f"reading the seed: {self.share:.0%}"
        doing = "ready" if self._player is None else reading or ("paused" if self._player.paused else "writing")
        return status(self.session, self._reading.copies if self._reading.places else None, doing)

    def _say(self, state: str) -> None:
        """Status, legend and keys, where they are others than before."""
        heat = self.session.settings.heat
        keys = (self.roads.place is not None, bool(self._input.text), self.columns.display)
        if (said := f"{state}{heat}{keys}{self.theme}") == self._said:
            return
        self._said = said
        self._status.update(Content(state), layout=False)
        self._legend.display = heat != "off"
        if heat != "off":
            self._legend.update(self._legend_of(heat))
        self.refresh_bindings()

    def _legend_of(self, heat: str) -> Content:
        what, levels = legend(heat)
        looks = [self._transcript.get_visual_style(f"transcript--heat{n}") for n in range(len(levels))]
        return Content.assemble(
            f"{what}: ", *(part for pair in zip(levels, looks, strict=True) for part in (pair, "  "))
        )
