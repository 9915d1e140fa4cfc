"""The line REPL on prompt-toolkit: for screen readers, slow connections, dumb terminals and people who prefer lines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.keys import Keys

from ...core.commands.effects import Ask, Compare, Copy, Edit, Effect, Find, Listing, Play, Quit, Redraw, Table
from ...core.commands.registry import dispatch, runs_live
from ...core.errors import AfterglowError, CommandError
from ...core.events import Notice, PrefillProgress
from ...core.generation.sweep import Column
from ...core.render.marks import cut_beginning, mark_spans
from ...core.sanitize import one_line
from ...core.session.session import Session
from ...core.settings import SPECS
from ...core.text.copy_tracker import CopyTracker
from ..autosave import Autosave
from ..ending_signals import ignoring_interrupts, run_until_signal
from ..external_editor import edit_externally
from ..player import Player
from .keys import KEY_LISTS, push_back_keys, read_keys, strip_triple_quotes
from .line_prompt import LinePrompt
from .printed_values import add_values, follow_values
from .printer import (
    PROMPT_STYLE,
    copy_text,
    print_answer,
    print_error,
    print_events,
    print_fragments,
    print_legend,
    print_note,
    print_passage,
)
from .stops import handle_stops, request_stop

MAX_REPRINTED_CHARS = 2000
"""Maximum characters of a passage that are printed again, for example after an undo. About a screen."""


def run_line_repl(session: Session, first_line: str = "") -> int:
    """Run the line REPL until /quit or Ctrl-D. ``first_line`` is executed before any line is read.

    Return the exit code: 0, or 128 and the number of the signal that ended it.
    """
    return asyncio.run(run_until_signal(LineRepl(session).run(first_line)))


class LineRepl:
    """Reads a line at a prompt, streams the text or output it leads to, and prompts again."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._quitting = False
        self._autosave = Autosave(session, print_note, print_error, _raise)
        self._prompt = LinePrompt(session)
        session.key_lists = KEY_LISTS

    async def run(self, first_line: str = "") -> None:
        """Execute ``first_line``, if given, then read and execute lines until the user quits."""
        print_note(f"{self.session.model.name} is ready: type a seed, or /help; Ctrl-D quits")
        print_note("while it writes: + and - change T, Space pauses, Esc stops, / types a command")
        handle_stops()
        if first_line:
            await self._handle_line(first_line)
        while not self._quitting:
            line = await self._read_line()
            if line is not None:
                await self._handle_line(line)

    async def _read_line(self, default: str = "") -> str | None:
        """Read a line at the prompt. Return None after Ctrl-C, and after Ctrl-D, which also quits."""
        try:
            return strip_triple_quotes(await self._prompt.read(default))
        except KeyboardInterrupt:
            print_note("Ctrl-D or /quit quits")
        except EOFError:
            self._quitting = True
        return None

    async def _handle_line(self, line: str) -> None:
        """Execute a line, then autosave, even after an unexpected exception."""
        try:
            await self._execute(line)
        except asyncio.CancelledError:
            print_fragments(("", "\n"))  # a signal came, maybe in the middle of a line of text
            raise
        finally:
            self._autosave.save()

    async def _execute(self, line: str) -> None:
        try:
            for effect in dispatch(self.session, line):
                await self._show_effect(effect)
        except AfterglowError as error:
            print_error(str(error))

    async def _show_effect(self, effect: Effect) -> None:
        match effect:
            case Play() | Compare():
                for play in effect.plays:
                    await self._play(play)
            case Notice() | Listing() | Table() | Find():
                print_answer(effect)
            case Copy(text):
                await copy_text(text)
            case Redraw(text):
                self._reprint_passage(text)
            case Edit() | Ask():
                await self._ask_user(effect)
            case Quit():
                self._quitting = True

    async def _ask_user(self, effect: Edit | Ask) -> None:
        """Let the user edit a text, or answer a question, and show the effects of the answer."""
        if isinstance(effect, Edit):
            await self._edit(effect.text, effect.on_done)
        elif await ask_yes_or_no(effect.question):
            for each in effect.on_yes():
                await self._show_effect(each)

    async def _edit(self, text: str, on_done: Callable[[str], Iterator[Effect]]) -> None:
        """Open ``text`` in the user's editor. If it was saved, show the effects of ``on_done`` on the edited text."""
        with ignoring_interrupts():
            changed, error = await asyncio.to_thread(edit_externally, text)
        if error:
            raise CommandError(error)
        if changed is None:
            return
        for effect in on_done(changed if text.endswith("\n") else changed.removesuffix("\n")):
            await self._show_effect(effect)

    def _reprint_passage(self, message: str) -> None:
        """Print ``message`` and the end of the current passage."""
        if message:
            print_note(message)
        spans = list(mark_spans(self.session.passage, self._new_copy_tracker()))
        end = cut_beginning(spans, MAX_REPRINTED_CHARS)
        print_passage(add_values(self.session, end), self.session.settings.heat)
        print_legend(self.session.settings.heat)

    async def _play(self, play: Play) -> None:
        """Stream a text. Keys change the temperature, pause the text for a command, or stop it."""
        if play.title:
            print_note(play.title)
        player = Player(play.events, lambda: self.session.settings.speed)
        printing = asyncio.create_task(self._print_events(player, play.column))
        while not printing.done():
            await self._handle_keys(player, printing)
            if not printing.done():
                await self._command_while_writing(player)
        if printing.exception() or printing.result():
            print_fragments(("", "\n"))
        if printing.result() and not play.title:
            print_legend(self.session.settings.heat)
            print_note(" · ".join(filter(None, (self.session.summary(), self._copy_summary()))))

    def _copy_summary(self) -> str:
        """Return how much of the passage is copied from the training text: "copied 12%, longest 40".

        "" if the setting ``copied`` is off or the model has no index.
        """
        tracker = self._new_copy_tracker()
        if tracker is None:
            return ""
        for node, count in self.session.passage.path():
            tracker.add_seed(node.seed or "")
            for text in node.texts(count):
                tracker.add_token(text)
        return tracker.summary()

    def _new_copy_tracker(self) -> CopyTracker | None:
        return self.session.model.copy_tracker() if self.session.settings.copied else None

    async def _print_events(self, player: Player, column: Column | None) -> bool:
        """Print events as they come. Return True if there was a text among them."""
        has_text = False
        values = follow_values(self.session, column)
        async for batch in player:
            print_events(batch, self.session.settings.heat, values)
            has_text = has_text or not isinstance(batch[-1], PrefillProgress)
        return has_text

    async def _handle_keys(self, player: Player, printing: asyncio.Task[bool]) -> None:
        """Handle single keys until the text ends or "/" begins a command."""
        async with read_keys(printing) as keys:
            async for press in keys:
                if player.finished or press.key == Keys.BracketedPaste:
                    push_back_keys(press)
                elif press.key == "/":
                    return
                else:
                    self._handle_key(player, press.key)

    def _handle_key(self, player: Player, key: str) -> None:
        if key in (Keys.ControlC, Keys.Escape):
            self._stop(player)
        elif key in ("+", "=", "-"):
            self._change_temperature("-0.05" if key == "-" else "+0.05")
        elif key == " ":
            player.paused = not player.paused
        elif key == Keys.Tab:
            player.skip_to_end()
        elif key == Keys.ControlD:
            self._quitting = True
            self._stop(player)
        elif key == Keys.ControlZ:
            request_stop()

    def _stop(self, player: Player) -> None:
        """Stop writing, and print at once what was generated."""
        self.session.stop()
        player.skip_to_end()

    def _change_temperature(self, step: str) -> None:
        spec = SPECS["temperature"]
        self.session.set("temperature", spec.parse(step, self.session.settings.temperature))
        print_fragments(("class:note", f"⟨T {spec.kind.show(self.session.settings.temperature)}⟩"))

    async def _command_while_writing(self, player: Player) -> None:
        """Pause the text, read a command, execute it if it can run while text is written, and resume."""
        player.paused = True
        print_fragments(("", "\n"))
        line = await self._read_line("/")
        if self._quitting:
            self._stop(player)
        if line is not None and line.strip() not in ("", "/"):
            if runs_live(line):
                await self._execute(line)
            else:
                print_note("the text is still being written: stop it with Esc, then ↑ brings this line back")
        player.paused = False


async def ask_yes_or_no(question: str) -> bool:
    """Return True if the answer is y. Enter, Ctrl-C and Ctrl-D mean no."""
    with contextlib.suppress(KeyboardInterrupt, EOFError):
        prompt = PromptSession[str]([("class:prompt", f"{one_line(question)} [y/N] ")], style=PROMPT_STYLE)
        answer = await prompt.prompt_async()
        return answer.strip().lower() in ("y", "yes")
    return False


def _raise(error: Exception) -> None:
    raise error
