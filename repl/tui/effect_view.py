"""Shows the effects of commands: texts, notes, lists, and the screens to pick and edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Literal

from textual.app import App

from ...core.commands.effects import Ask, Compare, Copy, Edit, Effect, Find, Listing, Pin, Play, Quit, Redraw, Table
from ...core.errors import AfterglowError, CommandError
from ...core.events import Notice
from ...core.sanitize import one_line
from ..clipboard import copied_note
from .keys.drafts import Drafts
from .line_runner import EffectFactory
from .main_view import MainView
from .pages.question import Question
from .playback import Playback
from .terminal.bug_log import log_bug

if TYPE_CHECKING:
    from .pages.editor import Edited
    from .pages.picker import Picker


class EffectView:
    """Shows the effects of commands on the main screen, or on a screen on top of it.

    ``drafts`` are edits that were not accepted. ``run_line`` runs the command of a row chosen from a list.
    ``run_effects`` runs the effects of an edited text.
    """

    def __init__(
        self,
        app: App[None],
        view: MainView,
        playback: Playback,
        run_line: Callable[[str], None],
        run_effects: Callable[[EffectFactory], None],
    ) -> None:
        self._app = app
        self._transcript = view.transcript
        self._passage_view = view.passage_view
        self._sweep_view = view.sweep_view
        self._pin = view.pin
        self._playback = playback
        self._run_line = run_line
        self._run_effects = run_effects
        self._finder = view.finder
        self.drafts = Drafts()
        self._fill_input = view.input.set_text
        self._picker: Picker | None = None

    async def show(self, effect: Effect, topic: str) -> None:
        """Show an effect. A note replaces the note above it if both have the same ``topic``.

        For a text, return after its last event.
        """
        match effect:
            case Play():
                await self._playback.play(effect)
            case Compare(sweep):
                await self._playback.play_sweep(sweep)
            case Quit():
                await self._app.action_quit()
            case _:
                self._show_at_once(effect, topic)

    def _show_at_once(self, effect: Effect, topic: str) -> None:
        match effect:
            case Notice(text):
                self._add_note(text, topic)
            case Redraw(text):
                self._redraw_passage(text)
            case Pin(text):
                self._pin(text)
            case Find(query):
                self._find(query)
            case Copy(text):
                self.copy(self._app.screen.get_selected_text() or text)
            case Listing() | Table():
                self._show_rows(effect)
            case Edit() | Ask():
                self._ask_user(effect)

    def _find(self, query: str) -> None:
        if self._sweep_view.display:
            raise CommandError("a sweep hides the text: Esc stops and closes it")
        self._finder.find(query)

    def copy(self, text: str) -> None:
        """Copy a text to the clipboard, and say so."""
        self._app.copy_to_clipboard(text)
        self._transcript.add_note(copied_note(text), "copied")
        self._notify_if_unseen(copied_note(text), "information")

    def show_error(self, error: Exception) -> None:
        """Show an error. A bug is one line on the screen and a traceback in the log."""
        if not isinstance(error, AfterglowError):
            self.report_bug(error)
            return
        self._transcript.add_error(str(error))
        self._notify_if_unseen(str(error), "error")

    def show_warning(self, text: str) -> None:
        """Show an error message that stays."""
        self._transcript.add_warning(text)
        self._notify_if_unseen(text, "error")

    def report_bug(self, error: Exception) -> None:
        """Write a traceback to the log, and say so in one line."""
        self.show_warning(log_bug(error))

    def _show_rows(self, effect: Listing | Table) -> None:
        """Show a list or table in the transcript, or in a picker if a row can be chosen."""
        if isinstance(effect, Listing) and effect.row_command:
            self._open_picker(effect)
            return
        if isinstance(effect, Table):
            self._transcript.add_table(effect)
        else:
            self._transcript.add_listing(effect.title, effect.rows)
        if self._sweep_view.display:
            self._notify(f"{effect.title}: hidden by the sweep, press Esc to see it", "information")

    def _open_picker(self, listing: Listing) -> None:
        from .pages.picker import Picker  # imported late, like all rarely used screens, for an earlier first paint

        self._picker = Picker(listing, self._run_line, self._fill_input)
        self._app.push_screen(self._picker, partial(self._run_choice, listing.row_command))

    def refresh_list(self) -> None:
        """Show the rows of the open list, if there is one, as they are now."""
        if self._picker and self._picker.is_mounted:
            self._picker.refresh_rows()

    def _run_choice(self, command: str, name: str | None) -> None:
        self._picker = None
        if name:
            self._run_line(f"{command} {name}")

    def _open_editor(self, edit: Edit) -> None:
        """Edit the text, or the draft of an earlier edit."""
        from .pages.editor import Editor

        self._app.push_screen(Editor(edit.text, self.drafts.find(edit.text)), partial(self._handle_edit, edit))

    def _handle_edit(self, edit: Edit, edited: Edited | None) -> None:
        """Continue an accepted text, and keep any other one as a draft."""
        if edited is None:
            return
        if edited.accepted:
            self._run_effects(partial(self._accept, edit, edited.text))
        elif self.drafts.keep(edit.text, edited.text):
            self._transcript.add_note("your edit is kept as a draft: F5 goes on with it", "draft")

    def _accept(self, edit: Edit, text: str) -> Iterator[Effect]:
        """Yield the effects of an accepted text, which stays a draft if it fails."""
        self.drafts.keep(edit.text, text)
        for effect in edit.on_done(text):
            self.drafts.discard(edit.text)
            yield effect

    def _ask_user(self, effect: Edit | Ask) -> None:
        """Open a screen with a text to edit, or with a question. Run the effects of the answer."""
        if isinstance(effect, Edit):
            self._open_editor(effect)
            return
        self._app.push_screen(Question(effect.question), partial(self._apply_answer, effect.on_yes))

    def _apply_answer(self, on_yes: EffectFactory, agreed: bool | None) -> None:
        if agreed:
            self._run_effects(on_yes)

    def _redraw_passage(self, message: str) -> None:
        """Show the session's passage in place of the shown one, with ``message`` below it."""
        self._sweep_view.close()
        self._passage_view.show()
        if message:
            self._transcript.add_note(message, "passage")

    def _add_note(self, text: str, topic: str) -> None:
        """Add a note to the transcript, and show it in the list that covers the transcript, if there is one."""
        self._transcript.add_note(text, topic)
        if self._picker:
            self._picker.show_note(text)
        elif not topic:  # those with a topic are of keys, whose effect is in the status line
            self._notify_if_unseen(text, "information")

    def _notify_if_unseen(self, message: str, severity: Literal["information", "error"]) -> None:
        """Show a message above the input if the end of the transcript, where it was added, is out of sight."""
        if self._is_covered() or self._transcript.hides_end:
            self._notify(message, severity)

    def _notify(self, message: str, severity: Literal["information", "error"]) -> None:
        self._app.notify(one_line(message), severity=severity, markup=False)

    def _is_covered(self) -> bool:
        """True if a sweep or a list covers the transcript."""
        return self._sweep_view.display or self._picker is not None
