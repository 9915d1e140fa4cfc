"""The pictures of the README, each by one command from a fixed RNG seed: python docs/pictures.py ramp|sweep|screen."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from afterglow.core.model import load
from afterglow.core.render.heat import legend
from afterglow.core.render.sanitize import escape_controls
from afterglow.core.render.svg import TEMPERATURE_COLUMNS, SvgPage, WrappedTokens
from afterglow.core.session.lens import Inspection
from afterglow.core.session.session import Session
from afterglow.core.setting_types import Ramp

HERE = Path(__file__).parent
SEED, RNG = "ROMEO:", 11


def main() -> None:
    """Draw what is asked for, or all."""
    made = {"ramp": ramp, "sweep": sweep, "screen": screen}
    for name in sys.argv[1:] or made:
        (HERE / f"{name}.svg").write_text(made[name](), "utf-8")
        print(f"docs/{name}.svg")


def played(events: Iterable[object]) -> None:
    """Write to the end."""
    for _ in events:
        pass


def session(**settings: object) -> Session:
    """The bundled model with fixed dice."""
    model = load()
    return Session(model, model.settings.changed(rng=RNG, **settings))


def ramp() -> str:
    """One passage, T from 0.2 to 1.6, coloured by surprise; beside it what three of its tokens were drawn from."""
    playing = session(length=900, temperature=Ramp(0.2, 1.6))
    played(playing.prompt(SEED))
    picture = SvgPage(112)
    picture.line([("One seed. One model. Only the temperature moved.", "plain")], TEMPERATURE_COLUMNS)
    what, levels = legend("surprise")
    picture.line(
        [(f"T 0.2 → 1.6 · {what}: ", "dim"), *((f"{name}   ", f"heat{n}") for n, name in enumerate(levels))],
        TEMPERATURE_COLUMNS,
    )
    picture.gap()
    text = WrappedTokens(62)
    text.add(SEED)
    for token in playing.passage.tokens():
        text.add(escape_controls(token.text), token)
    top = picture.row
    picture.passage(text, "surprise")
    height = picture.row - top
    count = playing.passage.token_count()
    for number, share in enumerate((0.08, 0.5, 0.92)):
        place = opening(playing, int(count * share))
        found = playing.inspect(place)
        assert found
        inset(picture, found, top + number * height / 3, 74)
    return picture.to_svg("A passage written while the temperature rose from 0.2 to 1.6")


def opening(playing: Session, about: int) -> int:
    """The place near ``about`` where the model was least sure: there a temperature is seen best."""
    tokens = playing.passage.tokens()
    near = range(max(0, about - 40), min(len(tokens), about + 40))
    return max(near, key=lambda place: tokens[place].entropy)


def inset(picture: SvgPage, found: Inspection, row: float, column: int) -> None:
    """The lens at one token, as the full screen shows it."""
    before, after = found.effective_choices
    picture.text_at(row, column, f"T {found.temperature:.2f}", "turn")
    picture.text_at(row, column + 8, f"{before:.1f} → {after:.1f} choices", "dim")
    picture.text_at(row + 1, column, "     as the model says    as drawn", "dim")
    full = max(max(each.raw, each.shaped) for each in found.candidates)
    for number, each in enumerate(found.candidates[:7]):
        here = row + 2 + number
        taken = found.taken is not None and each.id == found.taken.id
        sign = {" ": "␣", "\n": "↵"}.get(each.text, each.text)
        picture.text_at(here, column, f"{'●' if taken else ' '} {sign}", "plain" if taken else "dim")
        for start, share, look in ((5, each.raw, "raw"), (21, each.shaped, "shaped")):
            picture.bar(here, column + start, 10 * share / full, look)
            picture.text_at(here, column + start + 10.5, f"{share:4.0%}", "dim")


def sweep() -> str:
    """The same seed with the same dice at four temperatures, and the character where they part."""
    playing = session(length=420)
    playing.passage.add(seed_node(playing))
    found = playing.sweep((0.2, 0.5, 1.0, 1.2))
    played(found.play())
    parted, width = found.first_difference(), 30
    picture = SvgPage(4 * (width + 2) - 2)
    picture.line([("One seed, the same dice, four temperatures; where they part is marked.", "plain")])
    picture.gap()
    top, bottom = picture.row, picture.row
    for number, column in enumerate(found.columns):
        left = number * (width + 2)
        picture.row = top
        picture.line([(f"T {column.temperature:.2f}", "turn")], left)
        text = WrappedTokens(width - 1)
        text.add(SEED)
        for token in column.tokens:
            text.add(escape_controls(token.text), token)
        picture.passage(
            text, "surprise", left, margin=0, marked_token=None if parted is None else column.tokens[parted]
        )
        bottom = max(bottom, picture.row)
    picture.row = bottom
    return picture.to_svg("One seed at four temperatures, side by side")


def seed_node(playing: Session) -> object:
    """The seed alone, nothing written yet."""
    from afterglow.core.session.passage import Node

    node = Node(None, seed=SEED)
    node.start = playing.model.read(SEED).snapshot
    return node


def screen() -> str:
    """The full screen: a text, the temperature turned, the cursor on a token."""
    from afterglow.repl.tui.app import AfterglowApp

    async def photographed() -> str:
        playing = session(length=420, speed=0, heat="surprise", autosave="off")
        app = AfterglowApp(playing)
        async with app.run_test(size=(108, 34)) as pilot:
            for line in (SEED, "/temp 1.3", "/length 260", "/continue"):
                app.run_line(line)
                await app.workers.wait_for_complete()
            await pilot.press(*["left"] * 96)
            await pilot.pause()
            # Textual's fonts would be fetched from elsewhere: the reader's own will do.
            return re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="afterglow"), flags=re.DOTALL)

    return asyncio.run(photographed())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["AFTERGLOW_HOME"] = home
        main()
