"""The line that people type into: completion, history, and keys that act while it is empty."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key, Paste
from textual.suggester import Suggester
from textual.widgets import Input, Static

from ..core.commands import completions
from ..core.errors import AfterglowError
from ..core.paths import history_file, private_file
from ..core.session import Session
from ..core.visible import visible

NEWLINE = "␤"
"""A newline in a line: what was pasted from several lines is one seed."""

ALONE = {
    "plus": "turn('+')",
    "minus": "turn('-')",
    "space": "pause",
    "enter": "take",
    "escape": "leave",
    "left": "look(-1)",
    "right": "look(1)",
    "ctrl+left": "look_word(-1)",
    "ctrl+right": "look_word(1)",
    "home": "look_end(0)",
    "end": "look_end(1)",
    "up": "choose(-1)",
    "down": "choose(1)",
    "left_square_bracket": "do('/version -1')",
    "right_square_bracket": "do('/version 1')",
    **{str(number): f"pick({number - 1})" for number in range(1, 10)},
    "ctrl+d": "quit",
    "ctrl+z": "do('/undo')",
    "ctrl+y": "do('/redo')",
}
"""Keys that act while the line is empty and there is something to do for them; otherwise they type."""

KEPT = 1000
"""How many lines of the history file can be called back."""


class InputLine(Input):
    """One line. While it is empty some keys are the app's, as far as it has something to do for them."""

    HELP = """
## The line
Type a seed and press Enter. `/` begins a command; Tab completes it. Ctrl-J begins a new line, Ctrl-G opens your editor.

While the line is empty: `+` `-` turn the temperature, ← → move over the tokens, ↑ ↓ choose in the lens and Enter takes
that road, `[` `]` step through versions, Space pauses, Tab finishes at once, Enter writes on.
Alt-↑ ↓ undo and redo, F5 edits the text, Ctrl-P lists everything.
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete, or finish at once", show=False),
        Binding("ctrl+g", "app.editor", "Your editor", show=False),
        Binding("ctrl+j,alt+enter,shift+enter", "newline", "New line", show=False),
        Binding("up", "recall(-1)", "Line before", show=False),
        Binding("down", "recall(1)", "Next line", show=False),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(
            placeholder="a seed, /help, or Enter to go on", suggester=SlashSuggester(session), select_on_focus=False
        )
        self._session = session
        self._history: list[str] | None = None
        self._at = 0
        self._draft = ""

    @property
    def text(self) -> str:
        """What was typed, newlines and all."""
        return self.value.replace(NEWLINE, "\n")

    def put(self, text: str) -> None:
        """Have ``text`` in the line, as if it had just been typed."""
        self.value = text.replace("\n", NEWLINE)
        self.cursor_position = len(self.value)

    def take(self) -> str:
        """The typed text, which goes into the history; the line is empty after it."""
        text = self.text
        history = self._lines()
        if text.strip() and history[-1:] != [text]:
            history.append(text)
            keep_history(text)
        self._at, self._draft = len(history), ""
        self.value = ""
        return text

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key types."""
        return super().check_consume_key(key, character) and not self._acts(key)

    async def action_submit(self) -> None:
        """Hand the line over and empty it in one go: what is typed ahead belongs to the next one."""
        self.post_message(self.Submitted(self, self.take()))

    async def _on_key(self, event: Key) -> None:
        # As they come: the app looks up bindings later, when keys typed after this one may be in the line already.
        if self._acts(event.key):
            actions = [f"app.{ALONE[event.key]}"]
        elif event.is_printable:
            return
        else:
            actions = [binding.action for binding in self._bindings.key_to_bindings.get(event.key, ())]
        for action in actions:
            event.stop()
            event.prevent_default()
            await self.app.run_action(action, self)

    def _acts(self, key: str) -> bool:
        return not self.value and key in ALONE and bool(self.app.check_action(ALONE[key].partition("(")[0], ()))

    async def action_complete(self) -> None:
        """Take over the first completion; in an empty line, finish the text at once."""
        if not self.value:
            await self.app.run_action("app.hurry")
        else:
            self.put(completed(self._session, self.value) or self.value)

    def action_newline(self) -> None:
        """Go on typing in a new line."""
        self.insert_text_at_cursor(NEWLINE)

    def action_recall(self, step: int) -> None:
        """Walk through what was typed before; what was being typed waits at the end."""
        history = self._lines()
        if self._at == len(history):
            self._draft = self.text
        self._at = min(max(0, self._at + step), len(history))
        self.put(history[self._at] if self._at < len(history) else self._draft)

    def _lines(self) -> list[str]:
        if self._history is None:
            self._history = read_history()
            self._at = len(self._history)
        return self._history

    def _on_paste(self, event: Paste) -> None:
        pasted = visible(event.text.replace("\r\n", "\n").replace("\r", "\n")).replace("\n", NEWLINE)
        if self.selection.is_empty:
            self.insert_text_at_cursor(pasted)
        else:
            self.replace(pasted, *self.selection)
        event.stop()
        event.prevent_default()


class SlashSuggester(Suggester):
    """Shows the first completion of a command behind the cursor."""

    def __init__(self, session: Session) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._session = session

    async def get_suggestion(self, value: str) -> str | None:
        """The line completed."""
        return completed(self._session, value)


class Completions(Static):
    """What a command that is being typed could become, with help, a few rows above the line."""

    def __init__(self, session: Session) -> None:
        super().__init__(markup=False)
        self._session = session
        self.display = False

    def offer(self, line: str) -> None:
        """Show what ``line`` can become; nothing where it is no command."""
        rows = possible(self._session, line)
        self.display = bool(rows)
        width = max((len(word) for word, _ in rows), default=0)
        self.update(Content("\n").join(Content.assemble(f"{word:<{width}}  ", (help_, "dim")) for word, help_ in rows))


def possible(session: Session, line: str) -> list[tuple[str, str]]:
    """The completions of the last word of a command that say more than is typed, each with help."""
    if not line.startswith("/") or line.startswith("//"):
        return []
    with contextlib.suppress(AfterglowError):
        found = completions(session, line)
        return [] if [word for word, _ in found] == [line.split(" ")[-1]] else found
    return []


def completed(session: Session, line: str) -> str | None:
    """``line`` with the first completion that makes it longer, and a space where arguments follow; None without one."""
    word = line.split(" ")[-1]
    for candidate, _ in possible(session, line):
        if len(candidate) > len(word):
            longer = line.removesuffix(word) + candidate
            return f"{longer} " if possible(session, f"{longer} ") else longer
    return None


def keep_history(text: str) -> None:
    """Add to what can be called back next time, in the line REPL's file and form, as far as that can be written."""
    lines = "".join(f"+{line}\n" for line in text.encode("utf-8", "replace").decode().split("\n"))
    with contextlib.suppress(AfterglowError, OSError), private_file(history_file()).open("a", encoding="utf-8") as file:
        file.write(f"\n# {datetime.now()}\n{lines}")


def read_history() -> list[str]:
    """What was typed in the line REPL, oldest first; nothing where it cannot be read."""
    try:
        kept = history_file().read_text("utf-8", "replace")
    except OSError:
        return []
    entries = [part.split("\n") for part in kept.split("\n# ")]
    texts = ["\n".join(line[1:] for line in lines if line.startswith("+")) for lines in entries]
    return [text for text in texts if text][-KEPT:]
