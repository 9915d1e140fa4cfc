"""200,000 tokens in the whole app: what is done to them costs no more than what is done to a few."""

from __future__ import annotations

import cProfile
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from afterglow.core.model import Model
from afterglow.core.session import passage_db
from afterglow.core.session.passage import Passage
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.text.transcript import Transcript
from textual.pilot import Pilot

from .tui_helpers import SIZE, lens_text, play, press

SHORT, LONG = 4_000, 200_000

MORE = 4
"""So many times as many calls a deed may make, for pictures come as they come; what grows makes 50 times as many."""


def passage_of(model: Model, tokens: int) -> Passage:
    """A text that is repeated to so many tokens, with the states of its last time."""
    session = Session(model, Settings(rng=7, length=SHORT))
    for _ in session.write_from("The lamp"):
        pass
    session.set("length", 50)
    node, ahead = session.passage.nodes[1], tokens - SHORT
    node.tokens *= tokens // SHORT
    node.snapshots = {p + ahead: replace(s, position=p + ahead) for p, s in node.snapshots.items()}
    return session.passage


async def calls(deed: Callable[[], Awaitable[object]]) -> int:
    """How many functions were called, in this thread, while something was done."""
    profile = cProfile.Profile()
    profile.enable()
    await deed()
    profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def growing(passage: Passage) -> Callable[[], Awaitable[object]]:
    """The autosave of a passage that is a token longer than at the last one."""
    keeper = PassageSaver()
    keeper.save(passage)
    passage.nodes[-1].tokens.append(passage.nodes[-1].tokens[-1])

    async def kept() -> None:
        keeper.save(passage)

    return kept


def deeds(pilot: Pilot[None]) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is done to a long text, by name."""
    lines = ("/temp +0.1", "/lens off", "/lens on", "/heat rank", "")
    keys = ("left", "up", "end", "home", "escape", "pageup", "ctrl+home", "ctrl+end")
    return {
        **{line: lambda line=line: play(pilot, line) for line in lines},  # type: ignore[misc]
        **{key: lambda key=key: press(pilot, key) for key in keys},  # type: ignore[misc]
    }


async def counted(model: Model, tokens: int) -> dict[str, int]:
    """The calls that each deed makes on a passage of that many tokens, which is reopened first."""
    PassageSaver().save(passage_of(model, tokens))
    (entry,) = passage_db.search_passages(limit=1)
    app = app_module.AfterglowApp(Session(model, Settings(length=50, speed=0)))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, f"/open {entry.number}")
        await press(pilot, "left")
        assert f"token {tokens:,} of {tokens:,}" in lens_text(app)
        await press(pilot, "escape")
        found = {name: await calls(deed) for name, deed in deeds(pilot).items()}
        found["saved"] = await calls(growing(app.session.passage))
        transcript = app.query_one(Transcript)
        assert len(transcript.token_spans) == len(app.session.passage.tokens()) - 1
        assert transcript.scroll_offset.y == transcript.max_scroll_y
    return found


@pytest.mark.slow
async def test_nothing_grows_with_the_passage(copying: Model) -> None:
    few, many = await counted(copying, SHORT), await counted(copying, LONG)
    assert passage_db.load(2).passage.tokens()[-60:]
    grown = {name: (few[name], many[name]) for name in few if many[name] > MORE * few[name]}
    assert not grown
