"""The line REPL on prompt-toolkit: for screen readers, slow links, dumb terminals, and people who like lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory
from prompt_toolkit.keys import Keys

from ...core.commands.effects import Compare, Edit, Effect, Listing, Play, Quit, Redraw
from ...core.commands.registry import completions, dispatch, is_live
from ...core.errors import AfterglowError, CommandError
from ...core.events import Notice
from ...core.paths import history_file, private_file
from ...core.render.sanitize import visible
from ...core.session.passage_db import Keeper
from ...core.session.session import Session
from ...core.settings import SPECS
from ..external_editor import edited
from ..player import Player
from .keys import give_back, pressed_keys, prompt_bindings, unquoted
from .printer import STYLE, show, show_error, show_events, show_listing, show_note

SHOWN_AGAIN = 2000
"""Characters of a passage that are printed anew after an undo: about a screen."""


def run_line(session: Session, first: str = "") -> None:
    """Talk line by line until /quit or Ctrl-D; ``first`` is done as if it had been typed first."""
    asyncio.run(LineRepl(session).run(first))


class LineRepl:
    """A prompt, and text that streams between two prompts."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._player: Player | None = None
        self._over = False
        self._keeper, self._trouble = Keeper(), ""
        self._prompt: PromptSession[str] = PromptSession(
            [("class:prompt", "› ")],
            history=FileHistory(str(private_file(history_file()))),
            completer=SlashCompleter(session),
            bottom_toolbar=self._toolbar,
            key_bindings=prompt_bindings(),
            style=STYLE,
            multiline=True,
            prompt_continuation="  ",
            enable_open_in_editor=True,
            enable_suspend=True,
        )

    async def run(self, first: str = "") -> None:
        """Read a line, do it, and again; ``first`` stands for the first one."""
        show_note(f"{self.session.model.name} listens: type a seed, or /help; Ctrl-C stops, Ctrl-D leaves")
        if first:
            await self._done(first)
        while not self._over:
            line = await self._read()
            if line is not None:
                await self._done(line)

    async def _read(self, start: str = "") -> str | None:
        try:
            return unquoted(await self._prompt.prompt_async(default=start))
        except KeyboardInterrupt:
            show_note("Ctrl-D or /quit leaves")
        except EOFError:
            self._over = True
        return None

    async def _done(self, line: str) -> None:
        """Do what a line asks for; what was written is kept, come what may."""
        try:
            await self._do(line)
        finally:
            self._keep()

    async def _do(self, line: str) -> None:
        try:
            for effect in dispatch(self.session, line):
                await self._show(effect)
        except AfterglowError as error:
            show_error(error)

    def _keep(self) -> None:
        """Autosave; each trouble is told once."""
        if self.session.settings.autosave == "off":
            return
        try:
            told, self._trouble = self._keeper.keep(self.session.passage), ""
            if told:
                show_note(told)
        except AfterglowError as error:
            if str(error) != self._trouble:
                show_error(error)
            self._trouble = str(error)

    async def _show(self, effect: Effect) -> None:
        match effect:
            case Play() | Compare():
                for play in effect.plays:
                    await self._play(play)
            case Notice(text):
                show_note(text)
            case Listing():
                show_listing(effect)
            case Redraw(text):
                self._show_again(text)
            case Edit(text, done):
                await self._edit(text, done)
            case Quit():
                self._over = True

    async def _edit(self, text: str, done: Callable[[str], Iterator[Effect]]) -> None:
        """Have a text changed in the user's editor."""
        changed, trouble = await asyncio.to_thread(edited, text)
        if trouble:
            raise CommandError(trouble)
        if changed is None:
            return
        for effect in done(changed if text.endswith("\n") else changed.removesuffix("\n")):
            await self._show(effect)

    def _show_again(self, why: str) -> None:
        """Print the end of the passage as it now stands."""
        if why:
            show_note(why)
        text = visible(self.session.passage.text()[-SHOWN_AGAIN:])
        show(("", text if text.endswith("\n") else f"{text}\n"))

    async def _play(self, play: Play) -> None:
        """Stream a text; keys turn the temperature, pause for a command, or stop it."""
        if play.title:
            show_note(play.title)
        self._player = Player(play.events, lambda: self.session.settings.speed)
        printing = asyncio.create_task(self._print(self._player))
        try:
            while not printing.done():
                await self._keys_until_slash(printing)
                if not printing.done():
                    await self._command_meanwhile()
        finally:
            self._player = None
        show(("", "\n"))
        printing.result()
        if not play.title:
            show_note(" · ".join(filter(None, (self.session.passage.summary(), self._copied()))))

    def _copied(self) -> str:
        """How much of the passage stands word for word in the training text; "" where nobody knows, or wants to."""
        marks = self.session.model.copy_marks() if self.session.settings.copied == "on" else None
        if marks is None:
            return ""
        for node, kept in self.session.passage.path():
            marks.type(node.seed or "")
            for text in node.texts(kept):
                marks.write(text)
        return marks.told()

    async def _print(self, player: Player) -> None:
        async for batch in player:
            show_events(batch, self.session.settings.heat)

    async def _keys_until_slash(self, printing: asyncio.Task[None]) -> None:
        """Obey single keys until the text ends or "/" asks for a command."""
        assert self._player
        async with pressed_keys(printing) as keys:
            async for press in keys:
                if self._player.ended:
                    give_back(press)
                elif press.key == "/":
                    return
                else:
                    self._press(press.key)

    def _press(self, key: str) -> None:
        assert self._player
        if key in (Keys.ControlC, Keys.Escape):
            self.session.stop()
            self._player.hurry()
        elif key in ("+", "=", "-"):
            self._turn("-0.05" if key == "-" else "+0.05")
        elif key == " ":
            self._player.paused = not self._player.paused
        elif key == Keys.Tab:
            self._player.hurry()

    def _turn(self, step: str) -> None:
        spec = SPECS["temperature"]
        self.session.set("temperature", spec.parse(step, self.session.settings.temperature))
        show(("class:note", f"⟨T {spec.kind.show(self.session.settings.temperature)}⟩"))

    async def _command_meanwhile(self) -> None:
        """Hold the text, take one line, and let the text go on, unless the line wants another text."""
        assert self._player
        self._player.paused = True
        show(("", "\n"))
        line = await self._read("/")
        if self._over:
            self.session.stop()
            self._player.hurry()
        if line is not None and line.strip() not in ("", "/"):
            if is_live(line):
                await self._do(line)
            else:
                show_note(f"the text is still being written: Esc stops it, then {line.split()[0]}")
        self._player.paused = False

    def _toolbar(self) -> FormattedText:
        settings = self.session.settings
        shown = {name: SPECS[name].kind.show(getattr(settings, name)) for name in ("temperature", "speed", "rng")}
        turned = f"T {shown['temperature']} · {shown['speed']} characters/s · rng {shown['rng']}"
        return FormattedText([("", f" {self.session.model.name} · {turned}")])


class SlashCompleter(Completer):
    """Completes commands and their values, from the command table."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        """Completions of the last word of a line that begins with a slash."""
        line = document.text_before_cursor
        if line.startswith("/") and "\n" not in line:
            word = line.split(" ")[-1]
            for text, what in completions(self._session, line):
                yield Completion(text, -len(word), display_meta=what)
