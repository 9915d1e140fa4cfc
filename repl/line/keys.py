"""Key bindings of the prompt, and single key presses read while text streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent

TRIPLE_QUOTES = '"""'
"""Begins and ends a seed of several lines."""

_ESCAPE_TIMEOUT = 0.05
"""Seconds after which a single Esc byte is the Esc key, not the beginning of an escape sequence."""


def prompt_bindings() -> KeyBindings:
    """Return the prompt's key bindings: Enter submits; Alt-Enter, or Enter in triple quotes, inserts a newline."""
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        text = event.current_buffer.text
        if text.startswith(TRIPLE_QUOTES) and not (len(text) >= 6 and text.rstrip().endswith(TRIPLE_QUOTES)):
            event.current_buffer.insert_text("\n")
        else:
            event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
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
async def read_keys(task: asyncio.Task[None]) -> AsyncIterator[AsyncIterator[KeyPress]]:
    """Yield an iterator over the keys pressed in the terminal until ``task`` is done.

    Keys left in the iterator when the block ends go to the next prompt.
    """
    source = get_app_session().input
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[KeyPress | None] = asyncio.Queue()
    flush_timer = loop.call_soon(lambda: None)

    def enqueue(presses: list[KeyPress]) -> None:
        for press in presses:
            queue.put_nowait(press)

    def handle_input() -> None:
        nonlocal flush_timer
        flush_timer.cancel()
        enqueue(source.read_keys())
        flush_timer = loop.call_later(_ESCAPE_TIMEOUT, lambda: enqueue(source.flush_keys()))

    def handle_task_end(_: asyncio.Task[None]) -> None:
        queue.put_nowait(None)

    task.add_done_callback(handle_task_end)
    try:
        with source.raw_mode(), source.attach(handle_input):
            yield _until_none(queue)
    finally:
        flush_timer.cancel()
        task.remove_done_callback(handle_task_end)
        push_back_keys(*(press for press in _drain(queue) if press is not None))


def push_back_keys(*presses: KeyPress) -> None:
    """Pass these keys to the next prompt, as if they had been typed there."""
    store_typeahead(get_app_session().input, list(presses))


def _drain(queue: asyncio.Queue[KeyPress | None]) -> Iterator[KeyPress | None]:
    while not queue.empty():
        yield queue.get_nowait()


async def _until_none(queue: asyncio.Queue[KeyPress | None]) -> AsyncIterator[KeyPress]:
    while (press := await queue.get()) is not None:
        yield press
