"""Key bindings of the prompt, and single key presses read while text streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.filters import has_selection, is_searching, vi_mode
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent

TRIPLE_QUOTES = '"""'
"""Begins and ends a seed of several lines."""

_ESCAPE_TIMEOUT = 0.05
"""Seconds after which a single Esc byte is the Esc key, not the beginning of an escape sequence."""


KEY_LISTS = {
    "keys while a text is written": [
        ("+ -", "raise or lower the temperature by 0.05"),
        ("Space", "pause, and go on"),
        ("Tab", "write the rest at once"),
        ("Esc, Ctrl-C", "stop, and keep the text"),
        ("/", "pause, and type a command"),
    ],
    "keys at the prompt": [
        ("Tab", "complete a command"),
        ("↑ ↓", "earlier lines; after a few letters, those that begin with them"),
        ("Ctrl-R", "search earlier lines"),
        ("Alt-Enter", 'begin a new line; so does Enter between """ and """'),
        ("Ctrl-G", "write the line in your editor (VISUAL, EDITOR); so does Ctrl-X Ctrl-E"),
        ("Ctrl-W, Ctrl-Y", "cut a word, insert what was cut"),
        ("Ctrl-Z", "suspend; fg goes on"),
        ("Ctrl-D", "quit"),
    ],
}
"""The keys that /help lists, with what they do, by title. With /editing vi, vi's own edit a line."""


def prompt_bindings() -> KeyBindings:
    """Return the prompt's key bindings: Enter submits; Alt-Enter, or Enter in triple quotes, inserts a newline.

    Ctrl-G opens the editor.
    """
    bindings = KeyBindings()

    @bindings.add("enter", filter=~is_searching)  # there it ends the search
    def _(event: KeyPressEvent) -> None:
        text = event.current_buffer.text
        if text.startswith(TRIPLE_QUOTES) and not (len(text) >= 6 and text.rstrip().endswith(TRIPLE_QUOTES)):
            event.current_buffer.insert_text("\n")
        else:
            event.current_buffer.validate_and_handle()

    @bindings.add("c-g", filter=~is_searching & ~has_selection)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.open_in_editor()

    @bindings.add("<sigint>")
    def _(_: KeyPressEvent) -> None:
        """Do nothing: Ctrl-C is a key at the prompt, and SIGINT is for the editor that is open."""

    @bindings.add("escape", "enter", filter=~vi_mode)  # there, Esc and Enter are two keys
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def strip_triple_quotes(text: str) -> str:
    """Return ``text`` without the triple quotes around it, if there are any."""
    stripped = text.strip()
    if len(stripped) >= 6 and stripped.startswith(TRIPLE_QUOTES) and stripped.endswith(TRIPLE_QUOTES):
        return stripped[3:-3].strip("\n")
    return text


@asynccontextmanager
async def read_keys(task: asyncio.Task[bool]) -> AsyncIterator[AsyncIterator[KeyPress]]:
    """Yield an iterator over the keys pressed in the terminal until ``task`` is done. A paste is one key.

    Keys left in the iterator when the block ends go to the next prompt.
    """
    source, output = get_app_session().input, get_app_session().output
    keys = _KeyQueue(source)
    task.add_done_callback(keys.handle_task_end)
    output.enable_bracketed_paste()
    output.flush()
    try:
        with source.raw_mode(), source.attach(keys.handle_input):
            yield keys.until_task_end()
    finally:
        output.disable_bracketed_paste()
        output.flush()
        task.remove_done_callback(keys.handle_task_end)
        push_back_keys(*keys.close())


class _KeyQueue:
    """The keys pressed in a terminal that were not yet handled. None in the queue marks the end of a task."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._queue: asyncio.Queue[KeyPress | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._flush_timer: asyncio.Handle | None = None

    def handle_input(self) -> None:
        """Read the keys that were pressed, and the Esc key if no other byte follows it in time."""
        self._cancel_flush()
        self._put(self._source.read_keys())
        self._flush_timer = self._loop.call_later(_ESCAPE_TIMEOUT, lambda: self._put(self._source.flush_keys()))

    def handle_task_end(self, _: asyncio.Task[bool]) -> None:
        """End the iterator."""
        self._queue.put_nowait(None)

    async def until_task_end(self) -> AsyncIterator[KeyPress]:
        """Yield keys as they are pressed."""
        while (press := await self._queue.get()) is not None:
            yield press

    def close(self) -> list[KeyPress]:
        """Stop waiting for the rest of an escape sequence. Return the keys that were not yielded."""
        self._cancel_flush()
        left = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        return [press for press in left if press is not None]

    def _put(self, presses: list[KeyPress]) -> None:
        for press in presses:
            self._queue.put_nowait(press)

    def _cancel_flush(self) -> None:
        if self._flush_timer:
            self._flush_timer.cancel()


def push_back_keys(*presses: KeyPress) -> None:
    """Pass these keys to the next prompt, as if they had been typed there."""
    store_typeahead(get_app_session().input, list(presses))
