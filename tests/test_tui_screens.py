"""Whole screens as a person sees them, kept in tests/data/screens; AFTERGLOW_SCREENS=new writes them again."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from afterglow.core.model import Model
from afterglow.core.session import Session
from afterglow.core.settings import Settings
from afterglow.repl import tui
from textual.pilot import Pilot

from .tui_helpers import play, press

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
    """A sweep with its second column chosen."""
    await play(pilot, "The lamp")
    await play(pilot, "/sweep")
    await press(pilot, "right")


async def settled(pilot: Pilot[None]) -> None:
    """The settings on one page."""
    await press(pilot, "f4", "down")


SCREENS: dict[str, tuple[Deed, tuple[int, int]]] = {
    "looking-80x24": (looking, (80, 24)),
    "looking-200x60": (looking, (200, 60)),
    "looking-40x16": (looking, (40, 16)),
    "cut-80x24": (cut, (80, 24)),
    "swept-80x24": (swept, (80, 24)),
    "settled-80x24": (settled, (80, 24)),
}


def shown(app: tui.AfterglowApp) -> str:
    """The screen's characters, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_as_it_was_looked_at(name: str, tiny: Model) -> None:
    deed, size = SCREENS[name]
    app = tui.AfterglowApp(Session(tiny, Settings(rng=7, length=160, speed=0)))
    async with app.run_test(size=size) as pilot:
        await deed(pilot)
        found = shown(app)
    path = HERE / f"{name}.txt"
    if os.environ.get("AFTERGLOW_SCREENS") == "new":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8")
