"""The copy meter on the full screen: what is copied is marked while it comes, without colours too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from afterglow.core.model import Model
from afterglow.core.render.marks import COPIED_SIGN
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.text.copy_detection import indexed_run_lengths
from afterglow.core.text.copy_index import CopyIndex
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.text.transcript import Transcript
from textual.widgets import Static

from .tui_helpers import SIZE, lens_text, play, press, screen_lines, status_text


@pytest.fixture
def copier(copying: Model) -> app_module.AfterglowApp:
    """The app with a model that copies much, and knows it."""
    return app_module.AfterglowApp(Session(copying, Settings(rng=7, length=200, speed=0, temperature=0.6)))


def underlined(app: app_module.AfterglowApp) -> str:
    """What is marked, of all that can be seen of the text."""
    transcript = app.query_one(Transcript)
    strips = [transcript.render_line(y) for y in range(transcript.size.height)]
    marked = (segment for strip in strips for segment in strip if segment.style and segment.style.underline)
    return "".join(segment.text for segment in marked)


def barred(app: app_module.AfterglowApp) -> list[str]:
    """The lines with a bar in the margin."""
    return [line.partition(COPIED_SIGN)[2] for line in screen_lines(app) if COPIED_SIGN in line]


def copied(app: app_module.AfterglowApp, model: Model) -> str:
    """What has to be marked, counted anew from the whole text."""
    assert model.file.index
    text, seed = app.session.passage.text(), app.session.passage.nodes[0].seed or ""
    runs = indexed_run_lengths(text, model.file.index)
    return "".join(text[n] for n in range(len(seed), len(text)) if runs[n] and text[n] != "\n")


async def test_copied_runs_are_marked_as_the_text_comes(copier: app_module.AfterglowApp, copying: Model) -> None:
    async with copier.run_test(size=(80, 40)) as pilot:
        await play(pilot, "The keeper")
        first = copied(copier, copying)
        assert 0 < len(first) < 200
        assert underlined(copier) == first
        await play(pilot, "")
        assert underlined(copier) == copied(copier, copying)
        assert len(underlined(copier)) > len(first)
        assert barred(copier)
        assert all(line.strip() for line in barred(copier))


async def test_status_lens_and_a_setting(copier: app_module.AfterglowApp) -> None:
    async with copier.run_test(size=SIZE) as pilot:
        assert "copied" not in status_text(copier)
        await play(pilot, "The keeper")
        copies = copier.query_one(Transcript).copy_tracker
        assert copies
        assert f"copied {copies.share:.0%} · longest at least {copies.longest_run}" in status_text(copier)
        at = next(n for n in range(200) if copies.run_length(n))
        await press(pilot, "home", *["right"] * at)
        assert f"copied in a run of at least {copies.run_length(at)}" in lens_text(copier)
        await press(pilot, "escape")
        await play(pilot, "/copied off")
        assert not underlined(copier)
        assert not barred(copier)
        assert "copied" not in status_text(copier)


async def test_an_index_of_some_runs_says_at_least_everywhere(tiny: Model) -> None:
    """The status line has what unseen text of the same author has, too, in 80 columns."""
    text = (Path(__file__).parent / "data" / "lamp.txt").read_text("utf-8")
    card = replace(tiny.file.card, unseen_in_runs_of_16=0.124)
    model = Model("shakespeare", replace(tiny.file, card=card, index=CopyIndex.build(text, 6000)))
    app = app_module.AfterglowApp(Session(model, Settings(rng=7, length=200, speed=0, temperature=0.6)))
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, "The keeper")
        copies = app.query_one(Transcript).copy_tracker
        assert copies
        assert 0 < copies.share < 1
        assert f"copied at least {copies.share:.0%} · unseen text 12%" in status_text(app)
        assert copies.summary() == f"copied at least {copies.share:.0%}, unseen text 12%, longest at least 16"
        await play(pilot, "/sweep 0 1.5")
        heads = [str(head.content) for head in app.query(".head").results(Static)]
        assert all("bits, ≥" in head and head.endswith("% copied") for head in heads)


async def test_heat_leaves_bar_and_underline(copier: app_module.AfterglowApp) -> None:
    async with copier.run_test(size=(80, 40)) as pilot:
        await play(pilot, "The keeper")
        lines, marked = barred(copier), underlined(copier)
        await play(pilot, "/heat rank")
        assert [line for line in barred(copier) if line in lines] == lines
        assert underlined(copier) == marked != ""


async def test_going_back_takes_the_marks_back(copier: app_module.AfterglowApp, copying: Model) -> None:
    async with copier.run_test(size=(80, 40)) as pilot:
        await play(pilot, "The keeper")
        before = underlined(copier)
        await press(pilot, "ctrl+r")
        assert underlined(copier) == copied(copier, copying) != before
        await press(pilot, "left_square_bracket")
        assert underlined(copier) == before
        await press(pilot, "ctrl+z")
        assert not underlined(copier)
        assert "copied" not in status_text(copier)


async def test_each_column_of_a_sweep_tells_its_share(copier: app_module.AfterglowApp) -> None:
    async with copier.run_test(size=SIZE) as pilot:
        await play(pilot, "The keeper")
        await play(pilot, "/sweep 0 1.5")
        heads = [str(head.content) for head in copier.query(".head").results(Static)]
        shares = [int(head.partition("bits, ")[2].removesuffix("% copied")) for head in heads]
        assert shares[0] > shares[1]


async def test_a_model_without_an_index_marks_nothing(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The keeper")
        assert not underlined(app)
        assert not barred(app)
        assert "copied" not in status_text(app)
