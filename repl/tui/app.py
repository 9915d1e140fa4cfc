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

from ...core.commands.actions import list_passages
from ...core.commands.registry import COMMANDS, Command, dispatch, runs_live
from ...core.errors import AfterglowError
from ...core.render.heat import legend
from ...core.session.session import Session
from ..autosave import AUTOSAVE_INTERVAL
from ..external_editor import edit_externally
from .footer import KeyFooter
from .navigation import NavigationApp
from .prompt import Completions, PromptInput, register_alt_enter
from .status_line import format_status
from .themes import load_theme, save_theme
from .thermometer import Thermometer

KEY_TEMPERATURE_STEP = 0.05
"""How far one press of a key turns the temperature."""

ACTIONS_WHILE_WRITING = ("stop", "pause", "hurry")
ACTIONS_ON_MAIN_SCREEN = ("interrupt", "scroll")
ACTIONS_WITH_CURSOR = ("choose", "take", "leave")
ACTIONS_WITH_TEXT = ("look", "look_word", "look_end")


def run_app(session: Session, first_line: str = "") -> None:
    """Play on the full screen until the user leaves; ``first`` is a line that is done before any is typed."""
    _reduce_latency()
    register_alt_enter()
    app = AfterglowApp(session, first_line)
    app.call_later(app.set_interval, AUTOSAVE_INTERVAL, _freeze_gc)
    app.run()
    app.autosave.save_now()


def _reduce_latency() -> None:
    """See to it that a key is answered soon while text comes as fast as it can."""
    # The thread that draws tokens gives way ten times sooner than it would.
    sys.setswitchinterval(0.0005)
    gc.set_threshold(20_000, 20, 1000)
    _freeze_gc()


def _freeze_gc() -> None:
    """Look no more for garbage in what is there to stay: the more there is, the longer all would stand still."""
    gc.collect(1)
    gc.freeze()


class AfterglowApp(NavigationApp):
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

    def __init__(self, session: Session, first_line: str = "") -> None:
        super().__init__(session)
        self._first_line = first_line
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-medium"), (112, "-wide")]
        self._last_shown_state = ""
        self._thermometer = Thermometer()
        self._page = Container(id="page")
        self._status, self._legend = Static(id="status", markup=False), Static(id="legend", markup=False)
        self._completions, self._input = Completions(session), PromptInput(session)

    def compose(self) -> ComposeResult:
        """The column, and keys below it."""
        with Vertical(id="desk"):
            with self._page:
                yield self._transcript
                yield self._lens
            yield self.sweep_view
            yield self._legend
            yield self._thermometer
            yield self._status
            yield self._completions
            yield self._input
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show where the session stands."""
        self._transcript.add_note(f"{self.session.model.name} listens: type a seed, or /help; Esc stops, Ctrl-Q leaves")
        if self.session.passage.nodes:
            self._passage_view.show()
        self._input.focus()
        kept = load_theme()
        self.theme = kept if kept in self.available_themes else self.theme
        self.theme_changed_signal.subscribe(self, lambda theme: save_theme(theme.name))
        self.refresh_state()
        self.set_interval(AUTOSAVE_INTERVAL, self.autosave.save_in_thread)
        if self._first_line:
            self.run_line(self._first_line)
        else:
            self.run_worker(self._offer_last_passage())

    async def _offer_last_passage(self) -> None:
        """Tell of the passage that was written last."""
        with contextlib.suppress(AfterglowError):
            latest = await asyncio.to_thread(list_passages)
            if latest and not self.session.passage.nodes:
                self._transcript.add_note(f"/open goes on with {latest[0][0]} {latest[0][1]}", "reminder")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keys act only where there is something for them to do, and none behind another screen."""
        if action in ACTIONS_WHILE_WRITING:
            return self.playing
        if action in ACTIONS_ON_MAIN_SCREEN:
            return len(self.screen_stack) == 1
        if action == "pick":
            return self.sweep_view.display
        if action in ACTIONS_WITH_CURSOR:
            if self.sweep_view.display:
                return action != "choose" and not (action == "leave" and self.playing)
            return self.token_cursor.token_index is not None and not (action == "leave" and self.playing)
        if action in ACTIONS_WITH_TEXT:
            return bool(self._passage_view.token_spans) or self.sweep_view.display
        return True

    def restore_input(self, line: str) -> None:
        """Have a line that failed in the input again, unless something else was typed meanwhile."""
        if not self._input.text:
            self._input.set_text(line)

    def action_do(self, line: str) -> None:
        """Do what a line says. Nobody typed it: it does not come back where it fails."""
        self.run_effects(partial(dispatch, self.session, line), live=runs_live(line))

    def action_turn(self, direction: str) -> None:
        """Turn the temperature by a step."""
        self.run_line(f"/temp {direction}{KEY_TEMPERATURE_STEP}", topic="temperature")

    def action_pause(self) -> None:
        """Hold the text where it is, or let it go on."""
        if self._player:
            self._player.paused = not self._player.paused
            self.refresh_state()

    def action_hurry(self) -> None:
        """Finish the text at full speed."""
        if self._player:
            self._player.skip_to_end()
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
            SettingsScreen,  # pages that are seldom wanted wait until they are: the first screen comes sooner
        )

        self.push_screen(SettingsScreen(self.session), lambda _: self.refresh_state())

    def action_editor(self) -> None:
        """Have the line that is being typed in the user's own editor."""
        try:
            with self.suspend():  # whatever is raised in here leaves the screen suspended
                changed, trouble = edit_externally(self._input.text)
        except SuspendNotSupported as error:
            changed, trouble = None, f"no editor: {error}"
        if trouble:
            self._transcript.add_error(trouble)
        self.refresh()
        if changed is not None:
            self._input.set_text(changed.removesuffix("\n"))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every slash command, and what Textual has to offer."""
        yield SystemCommand("Settings", "all settings on one page", self.action_settings)
        for command in COMMANDS:
            yield SystemCommand(f"/{command.name}", command.help, partial(self._run_from_palette, command))
        yield from super().get_system_commands(screen)

    def _run_from_palette(self, command: Command) -> None:
        """Do a command, or begin to type one that wants to be told more."""
        if command.prompts:
            self._input.set_text(f"/{command.name} ")
        else:
            self.run_line(f"/{command.name}")

    def action_interrupt(self) -> None:
        """Copy what is selected; else stop; else say how one leaves."""
        selected = self._input.selected_text or self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
        elif self.playing:
            self.action_stop()
        else:
            self._transcript.add_note("Ctrl-Q leaves, and so does /quit", "leaving")

    def action_scroll(self, direction: str) -> None:
        """Scroll the transcript."""
        getattr(self._transcript, f"scroll_{direction}")(animate=False)

    @on(PromptInput.Submitted)
    def _handle_submit(self, event: PromptInput.Submitted) -> None:
        if not self.playing:
            self.sweep_view.close()
        self.run_line(event.text)

    @on(PromptInput.Changed)
    def _handle_input_change(self) -> None:
        if self._has_screen:
            self._completions.offer(self._input.text)
            self._update_status(self._status_text())

    @property
    def _has_screen(self) -> bool:
        """Whether there is a screen to change: a text may end, and keys arrive, after it was taken down."""
        return self.is_running and bool(self.screen_stack)

    def refresh_state(self) -> None:
        """Thermometer, lens, status line and keys."""
        if not self._has_screen:
            return
        settings = self.session.settings
        self._thermometer.temperature = settings.temperature
        self._thermometer.current = self.session.temperature if self.playing else None
        self._transcript.set_heat(settings.heat, settings.copied)
        self._lens.display = settings.lens
        self._page.display = not self.sweep_view.display
        try:
            self.token_cursor.refresh()
        except AfterglowError as error:
            self._transcript.add_error(str(error))
        self._update_status(self._status_text())

    def _status_text(self) -> str:
        reading = "" if self.read_progress is None else f"reading the seed: {self.read_progress:.0%}"
        doing = "ready" if self._player is None else reading or ("paused" if self._player.paused else "writing")
        return format_status(
            self.session, self._passage_view.copy_tracker if self._passage_view.token_spans else None, doing
        )

    def _update_status(self, status_text: str) -> None:
        """Status, legend and keys, where they are others than before."""
        heat = self.session.settings.heat
        keys = (self.token_cursor.token_index is not None, bool(self._input.text), self.sweep_view.display)
        if (said := f"{status_text}{heat}{keys}{self.theme}") == self._last_shown_state:
            return
        self._last_shown_state = said
        self._status.update(Content(status_text), layout=False)
        self._legend.display = heat != "off"
        if heat != "off":
            self._legend.update(self._legend_content(heat))
        self.refresh_bindings()

    def _legend_content(self, heat: str) -> Content:
        what, levels = legend(heat)
        looks = [self._transcript.get_visual_style(f"transcript--heat{n}") for n in range(len(levels))]
        return Content.assemble(
            f"{what}: ", *(part for pair in zip(levels, looks, strict=True) for part in (pair, "  "))
        )
