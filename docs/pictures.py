"""Draw the pictures of the README, with a fixed --rng: ``python docs/pictures.py [ramp] [sweep] …``."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from afterglow.core.model import load
from afterglow.core.render.export import ExportedPassage, as_svg
from afterglow.core.render.marks import MarkedSpan, mark_spans
from afterglow.core.render.svg import TEMPERATURE_COLUMNS, SvgPage, WrappedTokens
from afterglow.core.sanitize import escape_controls, token_label
from afterglow.core.session.lens import Inspection, inspect_session
from afterglow.core.session.node import Node
from afterglow.core.session.session import Session
from afterglow.core.session.unit_values import PassageValues
from afterglow.core.setting_types import Ramp
from inside_pictures import DRAWINGS

HERE = Path(__file__).parent
SEED, RNG = "At midnight", 8


def main() -> None:
    """Draw the pictures named on the command line, or all."""
    drawings = {"ramp": draw_ramp, "sweep": draw_sweep, "screen": draw_screen, "cell": draw_cell, **DRAWINGS}
    for name in sys.argv[1:] or drawings:
        (HERE / f"{name}.svg").write_text(drawings[name](), "utf-8")
        print(f"docs/{name}.svg")


def exhaust(events: Iterable[object]) -> None:
    """Take all events, so that the text is written to its end."""
    for _ in events:
        pass


def new_session(**settings: object) -> Session:
    """Return a session with the bundled model and a fixed rng."""
    model = load()
    return Session(model, model.settings.changed(rng=RNG, **settings))


def draw_ramp() -> str:
    """Draw a passage with T from 0.2 to 1.6, colored by surprisal, and beside it the candidates for three tokens."""
    session = new_session(length=900, temperature=Ramp(0.2, 1.6))
    exhaust(session.write_from(SEED))
    picture = SvgPage(112)
    picture.line([("One seed. One model. Only the temperature moved, from 0.2 to 1.6.", "plain")], TEMPERATURE_COLUMNS)
    picture.legend("surprise", has_tokens=True, has_copies=False)
    picture.gap()
    text = WrappedTokens(62)
    for span in mark_spans(session.passage):
        text.add(span._replace(text=escape_controls(span.text)))
    top = picture.row
    picture.passage(text, "surprise")
    height = picture.row - top
    count = session.passage.token_count()
    for number, share in enumerate((0.08, 0.5, 0.92)):
        inspection = inspect_session(session, most_uncertain(session, int(count * share)))
        assert inspection
        draw_lens(picture, inspection, top + number * height / 3, 74)
    return picture.to_svg("A passage written while the temperature rose from 0.2 to 1.6")


def most_uncertain(session: Session, index: int) -> int:
    """Return the token near ``index`` with the highest entropy. A temperature shows best there."""
    tokens = session.passage.tokens()
    near = range(max(0, index - 40), min(len(tokens), index + 40))
    return max(near, key=lambda i: tokens[i].entropy)


def draw_lens(picture: SvgPage, inspection: Inspection, top: float, column: int) -> None:
    """Draw the candidates for one token, as the lens of the full screen shows them."""
    before, after = inspection.effective_choices
    picture.text_at(top, column, f"T {inspection.temperature:.2f}", "temperature")
    picture.text_at(top, column + 8, f"{before:.1f} → {after:.1f} choices", "dim")
    picture.text_at(top + 1, column, "     as the model says    as drawn", "dim")
    highest = max(max(each.raw, each.shaped) for each in inspection.candidates)
    for number, each in enumerate(inspection.candidates[:6]):
        row = top + 2 + number
        taken = inspection.taken is not None and each.id == inspection.taken.id
        picture.text_at(row, column, f"{'●' if taken else ' '} {token_label(each.text)}", "plain" if taken else "dim")
        for start, share, style in ((5, each.raw, "raw"), (21, each.shaped, "shaped")):
            picture.bar(row, column + start, 10 * share / highest, style)
            picture.text_at(row, column + start + 10.5, f"{share:4.0%}", "dim")


def draw_sweep() -> str:
    """Draw one seed at four temperatures with the same rng, and mark the first character that differs."""
    session = new_session(length=420)
    session.passage.add(seed_node(session))
    sweep = session.sweep((0.2, 0.5, 1.0, 1.2))
    exhaust(sweep.play())
    difference = sweep.first_difference()
    width = 30
    picture = SvgPage(4 * (width + 2) - 2)
    picture.line([("One seed, the same random numbers, four temperatures; the first difference is marked.", "plain")])
    picture.gap()
    top, bottom = picture.row, picture.row
    for number, column in enumerate(sweep.columns):
        left = number * (width + 2)
        picture.row = top
        picture.line([(f"T {column.settings.temperature:.2f}", "temperature")], left)
        text = WrappedTokens(width - 1)
        text.add(MarkedSpan(SEED, seed=True))
        for token in column.tokens:
            text.add(MarkedSpan(escape_controls(token.text), token))
        marked = None if difference is None else column.tokens[difference]
        picture.passage(text, "surprise", left, margin=0, marked_token=marked)
        bottom = max(bottom, picture.row)
    picture.row = bottom
    return picture.to_svg("One seed at four temperatures, side by side")


def draw_cell() -> str:
    """Draw a text in the colors of the cell of ``tolstoy`` that follows quotation marks."""
    model = load("tolstoy")
    session = Session(model, model.settings.changed(rng=5, length=700, finish="sentence", heat="cell 2.393"))
    exhaust(session.write_from('"Well, good night, Mary!" said Natasha.'))
    values = PassageValues(session).all()
    return as_svg(ExportedPassage(session.passage, session.summary(), session.settings.heat, values=values))


def seed_node(session: Session) -> Node:
    """Return a node with the seed alone."""
    node = Node(None, seed=SEED)
    node.start = session.model.read(SEED).snapshot
    return node


def draw_screen() -> str:
    """Draw the full screen: a text, a changed temperature, and the cursor on a token."""
    from afterglow.repl.tui.app import AfterglowApp

    async def take_screenshot() -> str:
        app = AfterglowApp(new_session(length=420, speed=0, heat="surprise", autosave=False))
        async with app.run_test(size=(108, 34)) as pilot:
            for line in (SEED, "/temp 1.3", "/length 260", "/continue"):
                app.run_line(line)
                await app.workers.wait_for_complete()
            await pilot.press(*["left"] * 96)
            await pilot.pause()
            # Without the link to Textual's fonts, which a browser would load from another site.
            return re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="afterglow"), flags=re.DOTALL)

    return asyncio.run(take_screenshot())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"AFTERGLOW_HOME": home, "COLORTERM": "truecolor"}
        main()
