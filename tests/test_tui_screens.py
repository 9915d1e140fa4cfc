"""Whole screens in colour, as a person looked at them, kept in tests/data/screens as SVG.

AFTERGLOW_SCREENS=new writes them again: then look at them, for nothing else knows whether they are right.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from afterglow.core.model import Model
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.prompt import PromptInput
from textual.pilot import Pilot

from .tui_helpers import play, press, until

HERE = Path(__file__).parent / "data" / "screens"

Deed = Callable[[Pilot[None]], Awaitable[None]]


async def looking(pilot: Pilot[None]) -> None:
    """A text, turned warmer, with the cursor on a token and another candidate chosen."""
    await play(pilot, "The lamp")
    await play(pilot, "/temp 1.4")
    await play(pilot, "/continue")
    await press(pilot, *["left"] * 30, "down")


async def cut(pilot: Pilot[None]) -> None:
    """Filters that cut most of what could come, and heat with its legend."""
    await play(pilot, "/top-k 3")
    await play(pilot, "/heat rank")
    await play(pilot, "The lamp")


async def swept(pilot: Pilot[None]) -> None:
    """A sweep with its second column chosen, and shares of copied text."""
    await play(pilot, "The lamp")
    await play(pilot, "/sweep")
    await press(pilot, "right")


async def copied(pilot: Pilot[None]) -> None:
    """Copied runs, on a light ground, while a seed of two lines is typed."""
    pilot.app.theme = "textual-light"
    await play(pilot, "The keeper")
    await press(pilot, "home", *["right"] * 50)
    pilot.app.query_one(PromptInput).set_text("The sea\nand the")


async def settled(pilot: Pilot[None]) -> None:
    """The settings on one page."""
    await press(pilot, "f4")
    await until(pilot, lambda: pilot.app.screen.focused)  # the page is open
    await press(pilot, "down")


async def explained(pilot: Pilot[None]) -> None:
    """The table of the lesson at three temperatures, beside the lens."""
    await play(pilot, "The lamp")
    await play(pilot, "/explain 0.5 1 1.5")


async def helped(pilot: Pilot[None]) -> None:
    """The page of all keys."""
    await press(pilot, "f1")


async def listed(pilot: Pilot[None]) -> None:
    """The end of the list of commands."""
    await play(pilot, "The lamp")
    await play(pilot, "/help")


async def light(pilot: Pilot[None]) -> None:
    """Two passages, the first one dimmed, and heat on a light ground; completions of a command with a chosen row."""
    pilot.app.theme = "textual-light"
    await play(pilot, "/heat surprise")
    await play(pilot, "The keeper")
    await play(pilot, "The lamp")
    await play(pilot, "/retry")
    pilot.app.query_one(PromptInput).set_text("/t")
    await press(pilot, "down")


SCREENS: dict[str, tuple[Deed, tuple[int, int]]] = {
    "looking-80x24": (looking, (80, 24)),
    "looking-120x40": (looking, (120, 40)),
    "looking-40x16": (looking, (40, 16)),
    "cut-80x24": (cut, (80, 24)),
    "swept-80x24": (swept, (80, 24)),
    "copied-80x24": (copied, (80, 24)),
    "settled-80x24": (settled, (80, 24)),
    "explained-80x24": (explained, (80, 24)),
    "explained-60x20": (explained, (60, 20)),
    "helped-80x24": (helped, (80, 24)),
    "listed-60x20": (listed, (60, 20)),
    "swept-60x20": (swept, (60, 20)),
    "light-120x36": (light, (120, 36)),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_as_it_was_looked_at(name: str, copying: Model, tmp_path: Path) -> None:
    deed, size = SCREENS[name]
    path = HERE / f"{name}.svg"
    renew = os.environ.get("AFTERGLOW_SCREENS") == "new"
    app = app_module.AfterglowApp(Session(copying, Settings(rng=7, length=160, speed=0)))
    async with app.run_test(size=size) as pilot:
        app.query_one(PromptInput).cursor_blink = False
        await deed(pilot)
        await pilot.pause()
        found = app.export_screenshot() if renew else await picture(app, path.read_text("utf-8"))
    if renew:
        path.write_text(found, "utf-8")
    elif found != path.read_text("utf-8"):  # pytest would take minutes to tell where two such files differ
        (tmp_path / path.name).write_text(found, "utf-8")
        pytest.fail(f"another screen than {path}: look at {tmp_path / path.name}")


async def picture(app: app_module.AfterglowApp, expected: str) -> str:
    """Return the screen as SVG, once it is the expected one, or after 20 seconds. A cursor may blink in it."""
    for _attempt in range(400):
        if (found := app.export_screenshot()) == expected:
            break
        await asyncio.sleep(0.05)
    return found
