"""Runs typed lines one after another, and live commands at once while text is being written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass

from ...core.commands.effects import Effect, Play
from ..autosave import Autosave
from .playback import Playback

EffectFactory = Callable[[], Iterable[Effect]]
"""Returns the effects of a line. It is called when the lines before it are done."""


@dataclass(frozen=True, slots=True)
class LineRequest:
    """Effects to run. ``line`` is the typed text, "" if it was not typed.

    A note replaces the note above it if both have the same ``topic``. ``live`` is True if the line runs while text is
    being written, without stopping it.
    """

    make_effects: EffectFactory
    line: str = ""
    topic: str = ""
    live: bool = False


class LineRunner:
    """Runs one line at a time, in order. A new line stops the text being written by the line before it.

    ``start_task`` starts a coroutine as a task. ``on_start`` is called before each request, and ``on_done`` after it.
    ``show_effect`` gets each effect and its topic. ``on_error`` gets the exception that a request raised.
    """

    def __init__(
        self,
        playback: Playback,
        autosave: Autosave,
        *,
        start_task: Callable[[Coroutine[None, None, None]], object],
        on_start: Callable[[], None],
        show_effect: Callable[[Effect, str], Awaitable[None]],
        on_error: Callable[[Exception, LineRequest], None],
        on_done: Callable[[], None],
    ) -> None:
        self._playback = playback
        self._autosave = autosave
        self._start_task = start_task
        self._on_start = on_start
        self._show_effect = show_effect
        self._on_error = on_error
        self._on_done = on_done
        self._turn = asyncio.Lock()
        self._waiting = 0

    @property
    def idle(self) -> bool:
        """True if no line is running or waiting."""
        return not (self._playback.playing or self._waiting or self._turn.locked())

    def submit(self, request: LineRequest) -> None:
        """Run a request at once if it is live and text is being written, else after all requests before it."""
        run = self._run if request.live and self._playback.playing else self._run_in_turn
        self._start_task(run(request))

    async def _run_in_turn(self, request: LineRequest) -> None:
        """Stop the text being written, wait for the requests before this one, and run it."""
        self._waiting += 1
        self._playback.stop()
        async with self._turn:
            self._waiting -= 1
            self._playback.stop_requested = self._waiting > 0
            await self._run(request)
            await self._autosave.save_in_thread()

    async def _run(self, request: LineRequest) -> None:
        self._on_start()
        try:
            for effect in request.make_effects():
                await self._show_effect(effect, request.topic)
                if self._playback.stop_requested and isinstance(effect, Play):
                    break  # a stopped text ends its line
        except Exception as error:
            self._on_error(error, request)
        self._on_done()
