"""Helpers for tests of the full screen: type a line, wait for its effects, read the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.lens.lens_panel import Lens
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.status.status_line import StatusLine
from afterglow.repl.tui.text.transcript import Transcript
from textual.pilot import Pilot

SIZE = (80, 24)


async def until(_: Pilot[None], condition: Callable[[], object]) -> None:
    """Wait until ``condition()`` is true. Fail after about 20 seconds."""
    for _attempt in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("the condition did not become true")


async def enter(pilot: Pilot[None], line: str) -> None:
    """Type a line and press Enter."""
    pilot.app.query_one(PromptInput).set_text(line)
    pilot.app.simulate_key("enter")


async def wait_until_idle(pilot: Pilot[None]) -> None:
    """Wait until all lines are executed and their effects shown."""
    app = pilot.app
    assert isinstance(app, app_module.AfterglowApp)
    await pilot.pause()
    await until(pilot, lambda: app.runner.idle)
    await app.workers.wait_for_complete()
    await pilot.pause()


async def play(pilot: Pilot[None], line: str) -> None:
    """Type a line and wait until its text is complete."""
    await enter(pilot, line)
    await wait_until_idle(pilot)


def transcript_text(app: app_module.AfterglowApp) -> str:
    """Return the text of the transcript, with wrapped lines joined."""
    lines = app.query_one(Transcript).lines
    return "".join(line.text.strip() and line.text + "\n" * line.ends_paragraph for line in lines)


async def wait_for_tokens(pilot: Pilot[None], app: app_module.AfterglowApp, count: int) -> None:
    """Wait until the passage has at least ``count`` tokens."""
    await until(pilot, lambda: app.session.passage.nodes and len(app.session.passage.tokens()) >= count)


async def stop(pilot: Pilot[None], app: app_module.AfterglowApp) -> None:
    """Press Esc and wait until it has stopped the text."""
    app.simulate_key("escape")
    await until(pilot, lambda: not app.playback.playing)
    await app.workers.wait_for_complete()


def lens_text(app: app_module.AfterglowApp) -> str:
    """Return the text of the lens."""
    return app.query_one(Lens).text


def status_text(app: app_module.AfterglowApp) -> str:
    """Return the text of the status line."""
    return app.query_one(StatusLine).render().plain


def screen_lines(app: app_module.AfterglowApp) -> list[str]:
    """Return the visible lines of the transcript, with the margin."""
    transcript = app.query_one(Transcript)
    return [transcript.render_line(y).text.rstrip() for y in range(transcript.size.height)]


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys and wait until their effects are shown."""
    await pilot.press(*keys)
    await wait_until_idle(pilot)


@contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Make writes fail beyond ``size`` bytes of a file, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
