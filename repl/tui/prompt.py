"""The input line: completion, history, and keys that act while it is empty."""

from __future__ import annotations

from typing import ClassVar

from textual.actions import parse as parse_action
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import Static

from ...core.commands.registry import completions, is_command
from ...core.sanitize import escape_controls, escape_line, one_line
from ...core.session.session import Session
from ..external_editor import edit_externally
from ..prompt_history import append_history, read_history
from .key_bindings import EMPTY_LINE_KEYS
from .visible_text import VisibleTextArea


class PromptInput(VisibleTextArea):
    """An input of one or a few lines. While it is empty, the keys of EMPTY_LINE_KEYS run actions of the app."""

    HELP = """
## Input
Type a seed and press Enter. `/` begins a command; Tab completes it. Ctrl-J begins a new line, Ctrl-G opens your editor.

While the line is empty: Enter continues the text, `+` `-` change the temperature, ← → move over the tokens, ↑ ↓ choose
a candidate in the lens and Enter continues with it, `[` `]` show other versions, Space pauses, Tab finishes the text.
Alt-↑ ↓ undo and redo, F5 edits the text, Ctrl-P lists all commands.
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Run the line", show=False),
        Binding("tab", "complete", "Complete, or finish the text", show=False),
        Binding("ctrl+g", "editor", "Open your editor", show=False),
        Binding("ctrl+j,alt+enter,shift+enter", "newline", "New line", show=False),
        Binding("up", "up", "Previous line", show=False),
        Binding("down", "down", "Next line", show=False),
    ]

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

    def __init__(self, session: Session) -> None:
        super().__init__(placeholder="a seed, /help, or Enter to continue", highlight_cursor_line=False)
        self.match_cursor_bracket = False
        self._session = session
        self._history: list[str] | None = None
        self._history_index = 0
        self._draft = ""

    def set_text(self, text: str) -> None:
        """Replace the text, and move the cursor to its end."""
        self.text = text
        self.move_cursor(self.document.end)

    def restore(self, text: str) -> None:
        """Put back a line that failed, unless another one was typed meanwhile."""
        if text and not self.text:
            self.set_text(text)

    def submit_text(self) -> str:
        """Return the typed text, add it to the history, and clear the input."""
        text = self.text
        history = self._get_history()
        if text.strip() and history[-1:] != [text]:
            history.append(text)
            append_history(text)
        self._history_index = len(history)
        self._draft = ""
        self.text = ""
        return text

    def update_suggestion(self) -> None:
        """Suggest the first completion of a command after the cursor, unless it has control characters."""
        text = self.text
        completed = complete_line(self._session, text) if self.cursor_at_end_of_text else None
        rest = completed.removeprefix(text) if completed else ""
        self.suggestion = rest if rest == escape_line(rest) else ""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Return True if a key inserts its character."""
        return super().check_consume_key(key, character) and not self._is_shortcut(key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return False for ``submit`` if Enter runs an action of the app instead."""
        return super().check_action(action, parameters) and not (action == "submit" and self._is_shortcut("enter"))

    def action_submit(self) -> None:
        """Post the text and clear the input in one step, so that keys typed ahead belong to the next line."""
        self.post_message(self.Submitted(self.submit_text()))

    async def _on_key(self, event: Key) -> None:
        # Actions are run here. The app would look up its bindings later, when the next keys may be in the line already.
        if self._is_shortcut(event.key):
            actions = [f"app.{EMPTY_LINE_KEYS[event.key]}"]
        elif event.is_printable:
            return
        else:
            actions = [binding.action for binding in self._bindings.key_to_bindings.get(event.key, ())]
        for action in actions:
            event.stop()
            event.prevent_default()
            await self.app.run_action(action, self)

    def _is_shortcut(self, key: str) -> bool:
        """Return True if the input is empty and the key runs an action of the app that applies now."""
        if self.text or key not in EMPTY_LINE_KEYS:
            return False
        _, action, parameters = parse_action(EMPTY_LINE_KEYS[key])
        return bool(self.app.check_action(action, parameters))

    async def action_complete(self) -> None:
        """Insert the first completion. If the input is empty, finish the text at full speed."""
        if not self.text:
            await self.app.run_action("app.skip_to_end")
        else:
            self.set_text(complete_line(self._session, self.text) or self.text)

    def action_editor(self) -> None:
        """Edit the text in the user's own editor."""
        try:
            with self.app.suspend():  # an exception in this block would leave the screen suspended
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
        """Move the cursor up a line, or show the previous entry of the history if it is in the first line."""
        if self.navigator.is_first_wrapped_line(self.cursor_location):
            self._recall(-1)
        else:
            self.action_cursor_up()

    def action_down(self) -> None:
        """Move the cursor down a line, or show the next entry of the history if it is in the last line."""
        if self.navigator.is_last_wrapped_line(self.cursor_location):
            self._recall(1)
        else:
            self.action_cursor_down()

    def _recall(self, step: int) -> None:
        """Show the previous (-1) or next (1) entry of the history. The unfinished text comes after the last entry."""
        history = self._get_history()
        if self._history_index == len(history):
            self._draft = self.text
        self._history_index = min(max(0, self._history_index + step), len(history))
        self.set_text(history[self._history_index] if self._history_index < len(history) else self._draft)

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


class Completions(Static):
    """Completions of the command being typed, with their help, in a few rows above the input."""

    def __init__(self, session: Session) -> None:
        super().__init__(markup=False)
        self._session = session
        self.display = False

    def offer(self, line: str) -> None:
        """Show the completions of ``line``, nothing if it is not a command."""
        completions = useful_completions(self._session, line)
        rows = [(one_line(word), one_line(help_)) for word, help_ in completions]
        self.display = bool(rows)
        width = max((len(word) for word, _ in rows), default=0)
        self.update(Content("\n").join(Content.assemble(f"{word:<{width}}  ", (help_, "dim")) for word, help_ in rows))


def useful_completions(session: Session, line: str) -> list[tuple[str, str]]:
    """Return (completion, help) pairs for the last word of a command. Empty if the word is complete."""
    if not is_command(line):
        return []
    rows = completions(session, line)
    return [] if [word for word, _ in rows] == [line.split(" ")[-1]] else rows


def complete_line(session: Session, line: str) -> str | None:
    """Return ``line`` with the first completion that makes it longer, plus a space if arguments follow, or None."""
    word = line.split(" ")[-1]
    for candidate, _ in useful_completions(session, line):
        if len(candidate) > len(word):
            longer = line.removesuffix(word) + candidate
            return f"{longer} " if useful_completions(session, f"{longer} ") else longer
    return None
