"""The full screen as a Textual app."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from ...core.commands.effects import Effect
from ...core.commands.passage_commands import describe_latest
from ...core.commands.registry import dispatch, runs_live
from ...core.errors import AfterglowError
from ...core.session.session import Session
from ..autosave import AUTOSAVE_INTERVAL, Autosave
from ..prompt_history import append_history
from .action_conditions import ActionConditions
from .effect_view import EffectView
from .keys import key_bindings as keys
from .lens.lens_panel import Lens
from .line_runner import EffectFactory, LineRequest, LineRunner
from .main_view import MainView
from .navigation import Navigation
from .pages.palette import PROVIDERS, slash_commands
from .pages.question import AskingApp
from .playback import Playback
from .prompt import PromptInput
from .status.footer import MainFooter
from .status.status_line import StatusLine
from .sweep_view import SweepColumnView
from .terminal.backpressure import CURSOR_QUERY, Backpressure
from .terminal.bug_log import write_log
from .terminal.heat_colors import HeatColors
from .terminal.themes import ThemedApp, restore_theme
from .text.selection import SelectingApp
from .text.transcript import Transcript
from .token_cursor import TokenCursor


class AfterglowApp(AskingApp, ThemedApp, HeatColors, SelectingApp):
    """The full screen: makes its parts, and hands keys, clicks and typed lines to them.

    ``runner`` queues lines, ``playback`` plays texts, ``navigation`` moves ``token_cursor``, ``autosave`` saves.
    """

    TITLE = "afterglow"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.APP_KEYS]
    COMMANDS = PROVIDERS

    def __init__(self, session: Session, first_line: str = "", keymap: Mapping[str, str] = keys.NO_CHANGES) -> None:
        super().__init__()
        self.session = session
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-medium"), (112, "-wide")]
        self._first_line = first_line
        self._exits_after_text = False
        self.keymap = keymap
        self.set_keymap(keymap)
        self._view = MainView(session, keymap)
        self._footer = MainFooter(keymap)
        self._make_parts()

    def _make_parts(self) -> None:
        """Make the parts that are not widgets. Each part knows only parts made before it."""
        session, view = self.session, self._view
        self._backpressure = Backpressure()
        self.token_cursor = TokenCursor(session, view, self._backpressure)
        self.navigation = Navigation(session, view, self.token_cursor, self.run_effects, self.refresh_state)
        self.playback = Playback(session, view, self.token_cursor, self._backpressure, self.refresh_state)
        self._conditions = ActionConditions(view, self.token_cursor, self.playback)
        self._effects = EffectView(self, view, self.playback, self.run_line, self.run_effects)
        effects = self._effects
        self.autosave = Autosave(session, view.transcript.add_note, effects.show_warning, effects.report_bug)
        self.runner = LineRunner(
            self.playback,
            self.autosave,
            start_task=self.run_worker,
            on_start=view.transcript.age_notes,
            show_effect=self._show_effect,
            on_error=self._handle_error,
            on_done=self._handle_line_end,
        )

    def compose(self) -> ComposeResult:
        yield self._view
        yield self._footer

    def on_mount(self) -> None:
        """Show the session, and run the first line."""
        self._view.greet()
        restore_theme(self)
        self.refresh_state()
        self.set_interval(AUTOSAVE_INTERVAL, self.autosave.save_in_thread)
        self.set_interval(1, self._refresh_status)  # what is learned changes while nothing else does
        if self._first_line:
            self.run_line(self._first_line)
        else:
            self.run_worker(self._offer_last_passage())

    async def _offer_last_passage(self) -> None:
        """Add a note with the command that opens the latest passage."""
        with contextlib.suppress(AfterglowError):
            latest = await asyncio.to_thread(describe_latest)
            if not self.session.passage.nodes:
                self._view.transcript.add_note(f"/open continues {latest}", "reminder")

    def on_unmount(self) -> None:
        """Keep edits that were not accepted, and what was typed and not run: the next session recalls them."""
        for draft in self._effects.drafts.texts:
            append_history(draft)
        self._view.input.remember_text()

    def run_line(self, line: str, topic: str = "") -> None:
        """Run a typed line. Its notes replace the note above them if that has the same ``topic``."""
        effects = partial(dispatch, self.session, line)
        self.runner.submit(LineRequest(effects, line, topic, live=runs_live(line)))

    def run_effects(self, make_effects: EffectFactory) -> None:
        """Run effects that no line was typed for, after the lines before them."""
        self.runner.submit(LineRequest(make_effects))

    async def _show_effect(self, effect: Effect, topic: str) -> None:
        try:
            await self._effects.show(effect, topic)
        finally:
            if self._exits_after_text and not self.playback.playing:
                self.exit()

    def _handle_line_end(self) -> None:
        """Show what a line has changed."""
        self._effects.refresh_list()
        self.refresh_state()

    def _handle_error(self, error: Exception, request: LineRequest) -> None:
        """Show an error, and put the line back into the input if it was typed."""
        self._effects.show_error(error)
        if not request.topic:
            self._view.input.restore(request.line)

    def post_display_hook(self) -> None:
        """Ask the terminal for its cursor position after the first frame, and after each frame while text is written.

        Late replies mean a slow connection. Text is then drawn in larger pieces.
        """
        if self._driver and (self.playback.playing or not self._backpressure.probed):
            self._driver.write(CURSOR_QUERY)
            self._backpressure.request_sent()

    def on_cursor_position(self) -> None:
        """Count a reply: the terminal has drawn a frame."""
        self._backpressure.reply_received()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return True if an action applies now. The footer shows only keys of such actions."""
        return self._conditions.applies(action, parameters, on_main_screen=len(self.screen_stack) == 1)

    def action_stop(self) -> None:
        self.playback.stop()

    def action_pause(self) -> None:
        self.playback.toggle_pause()

    def action_skip_to_end(self) -> None:
        self.playback.skip_to_end()

    async def action_quit(self) -> None:
        """Exit after the token that is being drawn. Called again, exit at once."""
        if self.playback.playing and not self._exits_after_text:
            self._exits_after_text = True
            self.playback.stop()
        else:
            self.exit()

    def action_run_command(self, line: str) -> None:
        """Run a line that was not typed. It is not put back if it fails."""
        self.runner.submit(LineRequest(partial(dispatch, self.session, line), live=runs_live(line)))

    def action_change_temperature(self, direction: str) -> None:
        """Change the temperature by one step, up (+) or down (-)."""
        self.run_line(f"/temp {direction}{keys.TEMPERATURE_STEP}", topic="temperature")

    def action_step_unit(self, word: str) -> None:
        self.run_line(f"/heat {word}", topic="heat")

    def action_lens(self) -> None:
        """Show or hide the lens."""
        self.run_line(f"/lens {'off' if self.session.settings.lens else 'on'}", topic="lens")

    def action_navigate(self, move: str, *arguments: int) -> None:
        """Call the method ``move`` of ``navigation``."""
        getattr(self.navigation, move)(*arguments)

    def action_find(self) -> None:
        self.navigation.find()

    def action_help(self) -> None:
        """Show all keys."""
        from .pages.help_page import HelpPage  # imported late, like all rarely used screens

        self.push_screen(HelpPage(self.keymap))

    def on_command_palette_opened(self) -> None:
        self._footer.is_palette_open = True

    def on_command_palette_closed(self) -> None:
        self._footer.is_palette_open = False

    def action_settings(self) -> None:
        from .pages.settings_screen import SettingsScreen

        self.push_screen(SettingsScreen(self.session), lambda _: self.refresh_state())

    def action_interrupt(self) -> None:
        """Copy what is selected on the page, else stop the text, else copy what is selected in the input.

        A failed line comes back selected, which must not keep Ctrl-C from stopping the text.
        """
        of_page = self.screen.get_selected_text()
        if self.playback.playing and not of_page:
            self.playback.stop()
        elif selected := of_page or self._view.input.selected_text:
            self._effects.copy(selected)
        else:
            self._view.transcript.add_note("Ctrl-Q quits, and so does /quit", "quitting")

    def action_scroll(self, direction: str) -> None:
        getattr(self._view.transcript, f"scroll_{direction}")(animate=False)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Yield every slash command for the palette, two pages, and Textual's own commands."""
        yield from slash_commands(self.run_line, self._view.input.set_text)
        yield SystemCommand("Settings", "all settings on one page", self.action_settings)
        yield SystemCommand("History", "search the earlier lines", self._view.input.action_search_history)
        yield SystemCommand("Keys", "all keys on one page", self.action_help)
        yield from (command for command in super().get_system_commands(screen) if command.title != "Keys")

    @on(SweepColumnView.ColumnClicked)
    def _handle_column_click(self, event: SweepColumnView.ColumnClicked) -> None:
        self.navigation.click_column(event.number)

    @on(Transcript.TokenClicked)
    def _handle_token_click(self, event: Transcript.TokenClicked) -> None:
        self.navigation.go_to(event.index)

    @on(Lens.CandidateClicked)
    def _handle_candidate_click(self, event: Lens.CandidateClicked) -> None:
        self.navigation.click_candidate(event.index)

    @on(StatusLine.TemperatureTurned)
    def _handle_wheel(self, event: StatusLine.TemperatureTurned) -> None:
        self.action_change_temperature(event.direction)

    @on(StatusLine.TemperatureSet)
    def _handle_scale_click(self, event: StatusLine.TemperatureSet) -> None:
        self.run_line(f"/temp {event.temperature}", topic="temperature")

    @on(PromptInput.Submitted)
    def _handle_submit(self, event: PromptInput.Submitted) -> None:
        if not self.playback.playing:
            self._view.sweep_view.close()
        self.run_line(event.text)

    @on(PromptInput.EditorFailed)
    def _handle_editor_failure(self, event: PromptInput.EditorFailed) -> None:
        self._view.transcript.add_error(event.reason)

    @property
    def _has_screen(self) -> bool:
        """True if there is a screen to draw on. A text may end, and keys arrive, after the screen was closed."""
        return self.is_running and bool(self.screen_stack)

    def refresh_state(self) -> None:
        """Show settings and progress in lens, legend, status line and footer."""
        if not self._has_screen:
            return
        self._view.show_settings()
        try:
            self.token_cursor.refresh()
        except AfterglowError as error:
            self._view.transcript.add_error(str(error))
        self._refresh_status()

    @on(PromptInput.Changed)
    def _refresh_status(self) -> None:
        """Draw the status line and the footer again if they have changed."""
        if not self._has_screen:
            return
        self._view.show_status(self.playback.activity)
        self._footer.state = self._conditions.main_state()

    def _handle_exception(self, error: Exception) -> None:
        write_log(error)
        super()._handle_exception(error)
