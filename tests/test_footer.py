"""The line of keys: few, those that act and matter now; on a page those of the page; a click presses them."""

from __future__ import annotations

import pytest
from afterglow.core.session.session import Session
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.keys.keymap import BINDINGS_BY_ID
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.status.footer import KeyFooter, MainFooter
from afterglow.repl.tui.status.footer_hints import (
    ALWAYS,
    EDITOR_HINTS,
    HELP_HINTS,
    PALETTE_HINTS,
    PICKER_HINTS,
    QUESTION_HINTS,
    SETTINGS_HINTS,
    MainState,
    hints_for,
)
from rich.cells import cell_len

from .tui_helpers import SIZE, enter, play, press, stop, until, wait_for_tokens

PAGES = (PICKER_HINTS, SETTINGS_HINTS, EDITOR_HINTS, QUESTION_HINTS, HELP_HINTS, PALETTE_HINTS)
STATES = [MainState(*(bool(bits >> number & 1) for number in range(9))) for bits in range(512)]


def shown(app: app_module.AfterglowApp) -> str:
    """Return the line of keys of the page on top."""
    return app.screen.query_one(KeyFooter).render().plain


def test_every_hint_has_a_binding_or_is_a_plain_key() -> None:
    plain = {"enter", "escape", "up", "down"}
    for hints in (*PAGES, ALWAYS, *map(hints_for, STATES)):
        for hint in hints:
            assert set(hint.ids) <= BINDINGS_BY_ID.keys() | plain
    for state in STATES:
        ids = [id_ for hint in hints_for(state) for id_ in hint.ids]
        assert len(ids) == len(set(ids)) <= 8
        assert ("stop" in ids) == state.writing


async def test_the_main_screen_shows_what_matters_in_its_state(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        assert "Retry" not in shown(slow)
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 3)
        await pilot.pause()
        assert shown(slow).startswith(" esc Stop  space Pause  tab Finish  +- T ")
        await stop(pilot, slow)
        await pilot.pause()
        assert shown(slow).startswith(" ^r Retry  +- T  ←→ Tokens  f5 Edit ")
        await press(pilot, "left")
        assert shown(slow).startswith(" ⏎ Take  ↑↓ Choose  ←→ Move  esc Leave ")
        await press(pilot, *"/te")
        assert shown(slow).startswith(" ⏎ Run  tab Complete ")
        assert shown(slow).endswith(" f1 Help  ^p All  ^q Quit ")


async def test_places_that_were_found_have_their_keys(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/find e")
        assert shown(app).startswith(" ^f Next  ↑↓ Go  esc Leave ")


async def test_versions_and_a_sweep_have_their_keys(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "ctrl+r")
        assert "[] Versions" in shown(app)
        await play(pilot, "/sweep 0 1")
        assert shown(app).startswith(" ⏎ Take  ←→ Choose  1-9 Take  esc Leave ")


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("f3", " ↑↓ Choose  ⏎ Take  esc Close "),
        ("f4", " ↑↓ Go  ⏎ Set  esc Close "),
        ("f5", " ^s Accept  esc Close "),
        ("f1", " ↑↓ Scroll  esc Close "),
    ],
)
async def test_a_page_shows_its_own_keys_only(app: app_module.AfterglowApp, key: str, keys: str) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, key)
        assert len(app.screen_stack) == 2
        assert shown(app).startswith(keys)
        assert "Retry" not in shown(app)
        assert app.screen.query_one(KeyFooter).region.y == SIZE[1] - 1


async def test_the_palette_has_its_keys_too(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        footer = app.query_one(MainFooter)
        await press(pilot, "ctrl+p")
        assert footer.render().plain.strip() == "↑↓ Choose  ⏎ Run  esc Close"
        await press(pilot, "escape")
        assert "^p All" in footer.render().plain


async def test_a_click_presses_the_key_also_one_of_two_with_a_label(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await pilot.click(MainFooter, offset=(shown(app).index("Retry"), 0))
        await until(pilot, lambda: len(app.session.passage.nodes) == 3)
        await press(pilot, "home")
        await pilot.click(MainFooter, offset=(shown(app).index("→"), 0))
        await pilot.click(MainFooter, offset=(shown(app).index("→"), 0))
        await pilot.pause()
        assert app.token_cursor.token_index == 2
        await press(pilot, "f4")
        await pilot.click(KeyFooter, offset=(shown(app).index("esc"), 0))
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert not app.query_one(PromptInput).text


async def test_keys_of_ones_own_are_shown_and_a_narrow_line_keeps_the_last(session: Session) -> None:
    keymap = {"retry": "ctrl+t,f6", "editor-close": "f7"}
    app = app_module.AfterglowApp(session, keymap=keymap)
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        assert "^t Retry" in shown(app)
        await press(pilot, "f5")
        assert "f7 Close" in shown(app)
        await press(pilot, "f7")
        for width in (60, 40, 20, 10):
            await pilot.resize_terminal(width, 12)
            await pilot.pause()
            assert cell_len(shown(app)) <= width
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert shown(app) == " ^t Retry      f1 Help  ^p All  ^q Quit "
