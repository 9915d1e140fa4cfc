"""The input line: completion, history, and keys that act while it is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.actions import parse as parse_action
from textual.app import SuspendNotSupported
from textual.binding import BindingsMap, BindingType
from textual.events import Key, Paste
from textual.message import Message

from ...core.commands.effects import Listing
from ...core.commands.registry import asks_for_more, names_command
from ...core.sanitize import escape_controls, escape_line
from ...core.session.session import Session
from ..ending_signals import ignoring_interrupts
from ..external_editor import edit_externally
from ..prompt_history import append_history, read_history
from .keys.completion import Completions, complete_line, take_completion, useful_completions
from .keys.edit_area import EditArea
from .keys.key_bindings import EMPTY_LINE_KEYS, LINE_KEYS, types_character

NEEDS_PASSAGE = ("change_temperature", "run_command", "step_unit")
"""Actions of the empty line for which there has to be a passage if their key types a character."""


class PromptInput(EditArea):
    """An input of one or a few lines. While it is empty, EMPTY_LINE_KEYS run actions of the app.

    Keys are looked up in ``keymap`` here. The app would do it later, when the next keys may be in the line already.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*LINE_KEYS]

    class Submitted(Message):
        """Enter was pressed. ``text`` is the whole text of the input."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class EditorFailed(Message):
        """The user's editor could not be run."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, session: Session, completions: Completions, keymap: Mapping[str, str]) -> None:
        super().__init__(placeholder="a seed, /help, or Enter to continue", highlight_cursor_line=False)
        self.match_cursor_bracket = False
        self._session = session
        self._completions = completions
        self._keys, self._empty_line_keys = self._bindings.copy(), BindingsMap(EMPTY_LINE_KEYS)
        for keys in (self._keys, self._empty_line_keys):
            keys.apply_keymap(keymap)
        self._history: list[str] | None = None
        self._history_index = 0
        self._unfinished: dict[int, str] = {}

    def restore(self, text: str) -> None:
        """Put back a line that failed, unless another one was typed meanwhile. Typing replaces it."""
        if text and not self.text:
            self.set_text(text)
            self._offer([])
            self.select_all()
            self._history_index -= self._get_history()[-1:] == [text]  # so that ↑ recalls the line before it

    def submit_text(self) -> str:
        """Return the typed text, add it to the history, and clear the input."""
        text = self.text
        self.remember_text()
        self._history_index = len(self._get_history())
        self._unfinished.clear()
        self._after_cut = None
        self.text = ""
        return text

    def remember_text(self) -> None:
        """Add the typed text to the history."""
        history = self._get_history()
        if self.text.strip() and history[-1:] != [self.text]:
            history.append(self.text)
            append_history(self.text)

    def update_suggestion(self) -> None:
        """Offer completions of a command, and suggest the first."""
        word = self.text.split(" ")[-1]
        rows = useful_completions(self._session, self.text)
        self._offer(rows)
        self._suggest(next((found for found, _ in rows if len(found) > len(word)), ""))

    def _suggest(self, word: str) -> None:
        """Suggest the rest of ``word`` after the cursor, unless it has control characters."""
        typed = self.text.split(" ")[-1]
        rest = word.removeprefix(typed) if self.cursor_at_end_of_text and word.startswith(typed) else ""
        self.suggestion = rest if rest == escape_line(rest) else ""

    def _offer(self, rows: list[tuple[str, str]]) -> None:
        """Show completions in the list, and its length in the border."""
        self._completions.offer(rows)
        self.border_subtitle = self._completions.position

    def _choose_completion(self, step: int) -> None:
        self._completions.move(step)
        self._suggest(self._completions.chosen_word or "")
        self.border_subtitle = self._completions.position

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Return True if a key inserts its character."""
        return super().check_consume_key(key, character) and not self._shortcut(key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return False for ``close_completions`` if Esc does something else."""
        if action == "close_completions":
            return self._completions.display and not self._session.playing
        return super().check_action(action, parameters)

    def action_submit(self) -> None:
        """Take the chosen completion, or the first of an incomplete name. Post the text if it can be run then.

        The input is cleared in the same step, so that keys typed ahead belong to the next line.
        """
        chosen = self._completions.chosen_word
        if chosen is None and self._completions.display and not names_command(self.text):
            self.take_completion(self._completions.words[0])
            return
        if chosen is not None:
            self.take_completion(chosen)
            if asks_for_more(self.text):
                return
            self.set_text(self.text.rstrip(" "))
        self.post_message(self.Submitted(self.submit_text()))

    async def _on_key(self, event: Key) -> None:
        shortcut = self._shortcut(event.key)
        if not shortcut and event.is_printable:
            self._drop_leading_space(event.key)
            return
        actions = [f"app.{shortcut}"] if shortcut else [b.action for b in self._keys.key_to_bindings.get(event.key, ())]
        for action in actions:
            if await self.app.run_action(action, self):
                event.stop()
                event.prevent_default()
                return

    def _shortcut(self, key: str) -> str:
        """Return the action of the app that a key runs now, "" if it runs none: the input must be empty.

        Keys that type a character do so as long as there is no passage, so that a seed can begin with any.
        """
        bindings = self._empty_line_keys.key_to_bindings.get(key)
        if self.text or not bindings:
            return ""
        if self.just_cut and bindings[0].id in ("empty-undo", "empty-redo"):
            return ""  # undo and insert what was cut
        _, name, parameters = parse_action(bindings[0].action)
        if types_character(key) and name in NEEDS_PASSAGE and not self._session.passage.nodes:
            return ""
        return bindings[0].action if self.app.check_action(name, parameters) else ""

    def _drop_leading_space(self, key: str) -> None:
        """Delete one of the spaces that are all of the line if ``key`` would have acted without them."""
        if self.text and not self.text.strip(" ") and key != "space" and key in self._empty_line_keys.key_to_bindings:
            self.action_delete_left()

    def action_complete(self) -> None:
        """Take the chosen completion, or the first that makes the line longer."""
        if self._completions.chosen_word is not None:
            self.take_completion(self._completions.chosen_word)
        elif longer := complete_line(self._session, self.text):
            self.set_text(longer)

    def take_completion(self, word: str) -> None:
        """Put a completion in place of the word that is being typed."""
        self.set_text(take_completion(self._session, self.text, word))

    def action_close_completions(self) -> None:
        """Close the list of completions until the line changes."""
        self._offer([])

    def action_search_history(self) -> None:
        """Open a list of the earlier lines, and type the chosen one."""
        from .pages.picker import Picker  # imported late, like all rarely used screens

        lines = list(dict.fromkeys(reversed(self._get_history())))
        self.app.push_screen(Picker(Listing("earlier lines", [(line, "") for line in lines])), self._type_line)

    def _type_line(self, line: str | None) -> None:
        if line is not None:
            self.set_text(line)

    def action_editor(self) -> None:
        """Edit the text in the user's own editor."""
        try:
            with (
                ignoring_interrupts(),
                self.app.suspend(),
            ):  # an exception in this block would leave the screen suspended
                changed, reason = edit_externally(self.text)
        except SuspendNotSupported as error:
            changed, reason = None, f"no editor: {error}"
        if reason:
            self.post_message(self.EditorFailed(reason))
        self.app.refresh()
        if changed is not None:
            self.set_text(changed.removesuffix("\n"))

    def action_newline(self) -> None:
        """Insert a newline."""
        self._replace_via_keyboard("\n", *self.selection)

    def action_up(self) -> None:
        """Choose a completion, move the cursor up a line, or in the first line show the previous history entry."""
        if self._completions.display:
            self._choose_completion(-1)
        elif self.navigator.is_first_wrapped_line(self.cursor_location):
            self._recall(-1)
        else:
            self.action_cursor_up()

    def action_down(self) -> None:
        """Choose a completion, move the cursor down a line, or in the last line show the next history entry."""
        if self._completions.display:
            self._choose_completion(1)
        elif self.navigator.is_last_wrapped_line(self.cursor_location):
            self._recall(1)
        else:
            self.action_cursor_down()

    def _recall(self, step: int) -> None:
        """Show the previous (-1) or next (1) entry of the history. The unfinished text comes after the last entry.

        What was edited in an entry is kept until a line is run.
        """
        entries = [*self._get_history(), ""]
        self._unfinished[self._history_index] = self.text
        self._history_index = min(max(0, self._history_index + step), len(entries) - 1)
        self.set_text(self._unfinished.get(self._history_index, entries[self._history_index]))
        self._offer([])

    def _get_history(self) -> list[str]:
        if self._history is None:
            self._history = read_history()
            self._history_index = len(self._history)
        return self._history

    async def _on_paste(self, event: Paste) -> None:
        event.stop()
        event.prevent_default()
        pasted = escape_controls(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        self._replace_via_keyboard(pasted, *self.selection)
