"""The full screen where things are odd: sizes, characters, models that misbehave, files that go away."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.generation.stream import SNAPSHOT_INTERVAL
from afterglow.core.inference.runtime import Stepper
from afterglow.core.model import Model, load
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.lens.lens_panel import Lens
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.sweep_view import SweepView
from afterglow.repl.tui.text.transcript import Transcript
from rich.cells import cell_len

from .tui_helpers import (
    SIZE,
    enter,
    lens_text,
    play,
    press,
    screen_lines,
    status_text,
    stop,
    transcript_text,
    until,
    wait_for_tokens,
    wait_until_idle,
)

DATA = Path(__file__).parent / "data"


async def test_down_to_a_phone_and_back_while_text_streams(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=(200, 60)) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 20)
        for size in ((40, 12), (10, 3), (1, 1), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await wait_for_tokens(pilot, slow, len(slow.session.passage.tokens()) + 5)
        await pilot.press("left", "left")
        await stop(pilot, slow)
        text = slow.session.passage.text()
        assert text.replace("\n", "").replace(" ", "") in transcript_text(slow).replace("\n", "").replace(" ", "")


ODD = [
    "日本語のテキスト" * 10,
    "e\u0301" * 50 + "\u0301" * 20,
    "👍🏽👨‍👩‍👧‍👦🇩🇪" * 10,
    "\ta\t\tb\n\t\n",
    "\x00\x07\x1b[31m\x7f\x9b\u202e",
    "x" * 10_000,
    "[bold]not markup[/bold] [@click=quit]",
    "\udcff",
    "\n" * 500,
]


@pytest.mark.parametrize("seed", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("size", [(80, 24), (30, 10)])
async def test_odd_seeds_are_shown_whole_and_stay_inside(seed: str, size: tuple[int, int], tiny_bytes: Model) -> None:
    app = app_module.AfterglowApp(Session(tiny_bytes, Settings(rng=7, length=40, speed=0, temperature=2.0)))
    async with app.run_test(size=size) as pilot:
        app.run_line(seed)
        await wait_until_idle(pilot)
        assert app.session.passage.text().startswith(seed)
        await press(pilot, "left", "left", "home", "right", "end")
        transcript = app.query_one(Transcript)
        assert all(cell_len(line) <= transcript.size.width for line in screen_lines(app))
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for line in screen_lines(app) for c in line)
        glass = app.query_one(Lens)
        assert all(glass.render_line(y).cell_length <= glass.size.width for y in range(glass.size.height))


class OnlyNewlines:
    """A runtime whose model knows nothing but the newline."""

    max_batches = 1

    def __init__(self, real: Model) -> None:
        self._real, self._id = real.runtime, int(real.tokenizer.encode("\n")[0])

    def zeros(self, rows: int) -> object:
        return self._real.zeros(rows)

    def stepper(self, state: object, exclusive: bool = True) -> object:
        real, certain = self._real.stepper(state, exclusive), self._id  # type: ignore[arg-type]

        class Certain(Stepper):
            @property
            def state(self) -> object:
                return real.state

            @property
            def logits(self) -> object:
                logits = np.full_like(real.logits, -50.0)
                logits[:, certain] = 50.0
                return logits

            def shift_gates(self, shifts: object) -> None:
                real.shift_gates(shifts)  # type: ignore[arg-type]

            def step(self, ids: object) -> None:
                real.step(ids)  # type: ignore[arg-type]

        return Certain()


@pytest.fixture
def newlines(tiny: Model) -> app_module.AfterglowApp:
    """The app with a model that writes nothing but newlines."""
    model = Model("newlines", tiny.file, OnlyNewlines(tiny))  # type: ignore[arg-type]
    return app_module.AfterglowApp(Session(model, Settings(rng=7, length=300, speed=0)))


async def test_a_model_that_writes_only_newlines(newlines: app_module.AfterglowApp) -> None:
    async with newlines.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        assert newlines.session.passage.text() == "The lamp" + "\n" * 300
        await press(pilot, "left", "left")
        assert "token 299 of 300" in lens_text(newlines)
        assert any("↵" in line for line in screen_lines(newlines))
        await play(pilot, "/sweep")
        assert newlines.query_one(SweepView).sweep


async def test_a_model_file_deleted_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "gone.safetensors"
    shutil.copy(DATA / "tiny-char.safetensors", path)
    app = app_module.AfterglowApp(Session(load(str(path)), Settings(rng=7, length=60, speed=0)))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        path.unlink()
        await play(pilot, "")
        assert len(app.session.passage.tokens()) == 120
        await play(pilot, f"/model {path}")
        assert "there is no model file" in transcript_text(app)
        await play(pilot, "/retry")
        assert len(app.session.passage.tokens()) == 120


async def test_a_model_without_a_text_has_an_empty_lens_and_keys_do_nothing(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "left", "right", "up", "down", "home", "end", "escape", "1")
        assert app.token_cursor.token_index is None
        await press(pilot, "alt+up", "alt+down", "alt+left", "alt+right")
        assert "type a seed first" in transcript_text(app)


async def test_another_model_leaves_no_cursor_on_the_old_text(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "left", "left")
        await play(pilot, f"/model {DATA / 'tiny-byte.safetensors'}")
        assert "type a seed" in lens_text(app)
        await press(pilot, "left", "up")
        assert app.is_running


async def test_a_long_text_stays_cheap_to_look_at(tiny: Model) -> None:
    """Whatever its length: a place is at most 127 steps from a state that was kept."""
    app = app_module.AfterglowApp(Session(tiny, Settings(rng=7, length=3_000, speed=0, lens=False)))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/lens on")
        steps = 0
        stepper = tiny.runtime.stepper

        def counted(*arguments: object) -> object:
            nonlocal steps
            made = stepper(*arguments)  # type: ignore[arg-type]
            run = made.step_many

            def many(ids: np.ndarray) -> None:
                nonlocal steps
                steps += len(ids)
                run(ids)

            made.step_many = many  # type: ignore[method-assign]
            return made

        tiny.runtime.stepper = counted  # type: ignore[method-assign, assignment]
        try:
            app.token_cursor.go_to(1_607)
        finally:
            del tiny.runtime.stepper
        assert 0 < steps < 2 * SNAPSHOT_INTERVAL  # the place itself, and the token that comes there
        assert "token 1,608 of 3,000" in lens_text(app)


async def test_a_whole_seed_is_read_with_progress_and_esc_drops_it(tiny: Model) -> None:
    app = app_module.AfterglowApp(Session(tiny, Settings(rng=7, length=20, speed=0, whole_seed=True)))
    seed = "The keeper of the lamp. " * 20_000
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "Good evening")
        text = app.session.passage.text()
        await enter(pilot, seed)
        await until(pilot, lambda: "reading: " in status_text(app))
        await stop(pilot, app)
        assert "stopped before all was read" in transcript_text(app)
        assert app.session.passage.text() == text
        assert app.query_one(PromptInput).text == seed


async def test_a_key_that_cannot_do_anything_types_nothing(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "f3", "alt+left", "alt+up", "alt+up")
        assert app.query_one(PromptInput).text == ""


async def test_a_typo_ends_neither_a_text_nor_a_sweep(app: app_module.AfterglowApp) -> None:
    app.session.set("speed", 100)
    app.session.set("length", 100_000)
    app.NOTIFICATION_TIMEOUT = 600  # a message that has faded cannot be counted
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        for line in ("The lamp", "/sweep 0.5 1"):
            await enter(pilot, line)
            await until(pilot, lambda: app.playback.playing)
            told = transcript_text(app).count("did you mean /temp?")
            await enter(pilot, "/tmep 1.2")
            await until(pilot, lambda told=told: transcript_text(app).count("did you mean /temp?") > told)
            assert app.playback.playing
            assert len(app._notifications) == told
            app.query_one(PromptInput).set_text("")
            await stop(pilot, app)
