"""The status line: the temperature once, on a scale that the mouse turns; what does not fit is left out."""

from __future__ import annotations

import pytest
from afterglow.core.setting_types import Ramp
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.status.status_line import Status, StatusLine, lay_out
from afterglow.repl.tui.status.thermometer import Thermometer
from rich.cells import cell_len
from textual.events import MouseMove, MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from .tui_helpers import SIZE, enter, play, press, status_text, stop, transcript_text, wait_for_tokens, wait_until_idle

NOTES = (
    ("filters", "top-k 12"),
    ("copied", "copied 12%, longest 40"),
    ("speed", "full speed"),
    ("version", "version 2 of 3"),
    ("activity", "writing"),
)


def line(status: Status, width: int) -> str:
    layout = lay_out(status, width)
    return f"{layout.left}{'─' * layout.scale_width}{layout.right}"


def test_the_least_important_is_left_out_first() -> None:
    status = Status(Thermometer(0.8), "shakespeare", NOTES)
    assert lay_out(status, 160).names_ends
    for width in range(160, 19, -1):
        assert cell_len(line(status, width)) <= width
        assert "T 0.80" in line(status, width)
        assert "writing" in line(status, width)
    kept = {width: [name for name, text in NOTES if text in line(status, width)] for width in (120, 100, 80, 60, 40)}
    assert kept[120] == ["filters", "copied", "speed", "version", "activity"]
    assert kept[80] == ["filters", "version", "activity"]
    assert kept[100] == ["filters", "copied", "version", "activity"]
    assert kept[60] == ["filters", "version", "activity"]
    assert kept[40] == ["version", "activity"]
    assert line(status, 80).count("─") >= 21
    assert "─" in line(status, 60)


def test_a_ramp_and_where_it_is_fit_in_sixty_columns() -> None:
    status = Status(Thermometer(Ramp(0.2, 1.6), now=0.84), "shakespeare", NOTES)
    assert "T 0.20→1.60 now 0.84  ─" in line(status, 60)
    assert "version 2 of 3 · writing" in line(status, 60)


def cells(thermometer: Thermometer, width: int = 41) -> str:
    return "".join(sign for sign, _ in thermometer.cells(width))


def test_the_scale() -> None:
    assert cells(Thermometer(0.5), 9) == "━━●─┼────"
    assert cells(Thermometer(1.5), 9) == "━━━━┼━●──"
    assert cells(Thermometer(3), 9) == "━━━━┼━━━▶"
    assert cells(Thermometer(Ramp(0.5, 1.5)), 9) == "──━━┼━━──"
    assert cells(Thermometer(Ramp(1.5, 0.5), now=0.75), 9) == "──━●┼━━──"
    assert cells(Thermometer(0.5, ticks=(0, 1.25, 2), chosen_tick=1), 9) == "◇━●─┼◆──◇"


def test_a_click_on_a_cell_puts_the_knob_there() -> None:
    for width in (11, 25, 41):
        for cell in range(width):
            temperature = Thermometer(1.0).temperature_at(cell, width)
            assert cells(Thermometer(temperature), width).index("●") == cell
    assert [Thermometer(1.0).temperature_at(cell, 41) for cell in (-5, 0, 7, 40, 99)] == [0, 0, 0.35, 2, 2]


async def test_speed_copies_and_version_are_shown_if_they_say_something(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=(120, 24)) as pilot:
        app.session.set("speed", 40)
        await play(pilot, "/heat off")
        assert "characters/s" not in status_text(app)
        assert "version" not in status_text(app)
        await play(pilot, "/speed 0")
        await play(pilot, "The lamp")
        await press(pilot, "ctrl+r")
        assert "full speed · version 2 of 2 · ready" in status_text(app)
        await press(pilot, "left_square_bracket")
        assert "version 1 of 2" in status_text(app)
        assert status_text(app).count("T 1.00") == 1


async def test_a_ramp_shows_where_it_is_while_text_is_written(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        slow.session.set("temperature", Ramp(0.2, 1.6))
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 3)
        await pilot.pause()
        assert "T 0.20→1.60 now " in status_text(slow)
        await stop(pilot, slow)
        assert "now" not in status_text(slow)


async def drag(pilot: Pilot[None], column: int) -> None:
    """Move the mouse along the line with its button down."""
    await pilot._post_mouse_events([MouseMove], StatusLine, offset=(column, 0), button=1)


async def test_the_wheel_turns_the_temperature_and_a_drag_sets_it(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        scale = lay_out(app.query_one(StatusLine).status, SIZE[0])
        for event in (MouseScrollUp, MouseScrollUp, MouseScrollDown):
            await pilot._post_mouse_events([event], StatusLine)
        await wait_until_idle(pilot)
        assert app.session.settings.temperature == 1.05
        await pilot.mouse_down(StatusLine, offset=(scale.scale_column, 0))
        await drag(pilot, scale.scale_column + scale.scale_width - 1)
        await wait_until_idle(pilot)
        assert app.session.settings.temperature == 2
        await drag(pilot, 0)
        await pilot.hover(StatusLine, offset=(scale.scale_column + 5, 0))
        await wait_until_idle(pilot)
        assert app.session.settings.temperature == 0
        await pilot.mouse_up(StatusLine, offset=(0, 0))
        await drag(pilot, scale.scale_column + 9)
        await wait_until_idle(pilot)
        assert app.session.settings.temperature == 0
        assert transcript_text(app).count("→") == 1


async def test_a_drag_that_begins_on_a_ramp_does_not_jump(app: app_module.AfterglowApp) -> None:
    """The line is laid out in another way once there is one temperature."""
    async with app.run_test(size=(60, 20)) as pilot:
        await play(pilot, "/temp 0.2..1.6")
        scale = lay_out(app.query_one(StatusLine).status, 60)
        await pilot.mouse_down(StatusLine, offset=(scale.scale_column, 0))
        await wait_until_idle(pilot)
        await drag(pilot, scale.scale_column + 1)
        await wait_until_idle(pilot)
        assert app.session.settings.temperature == pytest.approx(2 / (scale.scale_width - 1), abs=0.026)


async def test_a_sweep_has_its_temperatures_on_the_scale(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.2 0.8 1.6")
        before = status_text(app)
        assert (before.count("◇"), before.count("◆"), before.index("◆") < before.index("◇")) == (2, 1, True)
        await press(pilot, "right", "right")
        assert status_text(app).index("◆") > status_text(app).rindex("◇")
        await press(pilot, "escape")
        assert "◇" not in status_text(app)
