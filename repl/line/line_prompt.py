"""The prompt of the line REPL: editing, history, completion, and the toolbar below it."""

from __future__ import annotations

from collections.abc import Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, vi_mode
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import History
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput

from ...core.commands.registry import completions
from ...core.sanitize import escape_controls, one_line
from ...core.session.session import Session
from ...core.settings import SPECS
from ..prompt_history import append_history, read_history
from .keys import prompt_bindings
from .printer import PROMPT_STYLE


class LinePrompt:
    """Reads lines. The setting ``editing`` chooses the keys that edit them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prompt: PromptSession[str] = PromptSession(
            [("class:prompt", "› ")],
            history=PromptHistory(),
            enable_history_search=Condition(_is_seed),
            completer=SlashCompleter(session),
            input_processors=[ShownControls()],
            bottom_toolbar=self._toolbar,
            key_bindings=prompt_bindings(),
            style=PROMPT_STYLE,
            multiline=True,
            prompt_continuation="  ",
            enable_open_in_editor=True,
            enable_suspend=True,
        )

    async def read(self, default: str = "") -> str:
        """Read a line that begins as ``default``. Raises KeyboardInterrupt after Ctrl-C, EOFError after Ctrl-D."""
        self._prompt.editing_mode = EditingMode[self._session.settings.editing.upper()]
        return await self._prompt.prompt_async(default=default)

    def _toolbar(self) -> FormattedText:
        settings = self._session.settings
        shown = {name: SPECS[name].kind.show(getattr(settings, name)) for name in ("temperature", "rng")}
        current = f"T {shown['temperature']} · {settings.format_speed()} · rng {shown['rng']}"
        mode = f"{get_app().vi_state.input_mode.value} · " if vi_mode() else ""
        return FormattedText([("", f" {mode}{self._session.model.name} · {current}")])


def _is_seed() -> bool:
    """True if the typed line is no command. Then ↑ recalls lines with the same beginning; a command is completed."""
    return not get_app().current_buffer.text.startswith("/")


class PromptHistory(History):
    """The saved lines, and those typed since. Lines that cannot be saved are offered until the program ends."""

    def load_history_strings(self) -> Iterator[str]:
        """Return the saved lines, the latest first."""
        return reversed(read_history())

    def store_string(self, string: str) -> None:
        """Save a line."""
        append_history(string)


class SlashCompleter(Completer):
    """Completes slash commands and their values, as the command table lists them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        """Yield completions of the last word of a line that begins with a slash."""
        line = document.text_before_cursor
        if line.startswith("/") and "\n" not in line:
            word = line.split(" ")[-1]
            for text, description in completions(self._session, line):
                yield Completion(text, -len(word), display=one_line(text), display_meta=one_line(description))


class ShownControls(Processor):
    """Draws the typed line, which may come from the history, with control characters shown. The line stays as it is."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return the fragments of a line. Each character takes the place of one, so that the cursor stays right."""
        fragments = transformation_input.fragments
        return Transformation([(fragment[0], escape_controls(fragment[1])) for fragment in fragments])
