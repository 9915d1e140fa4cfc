"""The six pictures of "Inside the LSTM": from a letter to the chance of the next. ``pictures.py`` writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from afterglow.core.cells.units import Unit
from afterglow.core.cells.worked_step import WorkedStep, work_step
from afterglow.core.model import Model, load
from afterglow.core.render.svg import SvgPage
from afterglow.core.sampling.draws import Draw
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.sampling.temperature import probs_at_temperatures
from afterglow.core.sanitize import token_label

TEXT = "To be"
UNIT = Unit("cell", 2, 22)
"""The unit that follows the place in the line."""

SPEECH = "ROMEO:\nBut, soft! what light through yonder window breaks?\nIt is the east, and Juliet is the sun.\n"
TEMPERATURES = (0.5, 1.0, 2.0)
WIDTH = 84
BAR = 30


def shade(value: float) -> str:
    """Return a color for -1 (blue) over 0 (the background) to 1 (orange)."""
    end = (240, 130, 40) if value > 0 else (70, 130, 250)
    share = min(1.0, abs(value))
    return "#" + "".join(f"{round(36 + (to - 36) * share):02x}" for to in end)


def new_step(model: Model) -> WorkedStep:
    """Return the step that reads the last letter of the text."""
    return work_step(model, model.tokenizer.encode(TEXT), UNIT)


def draw_letter() -> str:
    """Draw a letter, its number, and the row of the table that belongs to it."""
    model = load("shakespeare")
    step, page = new_step(model), SvgPage(WIDTH)
    page.line([(f"The letter {token_label(model.token_text(step.id))} is token {step.id} of 65.", "plain")])
    page.line([(f"Its row of the table is all that the network sees of it: {len(step.row)} numbers.", "dim")])
    page.gap(0.5)
    for at in range(0, len(step.row), 32):
        for n, value in enumerate(step.row[at : at + 32]):
            page.box(page.row, n * 2.6, 2.4, 0.9, shade(value))
        page.gap()
    page.line([("blue: below 0, orange: above 0; the brighter, the larger", "dim")])
    return page.to_svg("A letter becomes a row of numbers")


def draw_gates() -> str:
    """Draw the gates of one unit at each letter of a line."""
    model, page = load("shakespeare"), SvgPage(WIDTH)
    text = SPEECH.split("\n")[1][:40]
    layers = [block.layers[UNIT.layer - 1] for block in model.trace("ROMEO:\n" + text)]
    page.line([(f"The gates of unit {UNIT.index} of layer {UNIT.layer}, letter by letter", "plain")])
    page.gap(0.5)
    _draw_letters(page, text)
    names = {"i": "input gate i", "f": "forget gate f", "o": "output gate o", "g": "candidate g", "c": "cell c"}
    for part, name in names.items():
        values = np.concatenate([getattr(layer, part)[:, UNIT.index] for layer in layers])[-len(text) :]
        page.text_at(page.row, 0, name, "dim")
        for n, value in enumerate(np.tanh(values) if part == "c" else values):
            page.box(page.row, 16 + n * 1.7, 1.6, 0.9, shade(float(value)))
        page.gap()
    page.line([("gates: dark 0, orange 1; candidate and tanh of the cell: blue -1, orange 1", "dim")])
    return page.to_svg("The gates of one unit at each letter")


def _draw_letters(page: SvgPage, text: str) -> None:
    for n, character in enumerate(text):
        page.text_at(page.row, 16.3 + n * 1.7, token_label(character), "seed")
    page.gap()


def draw_memory() -> str:
    """Draw a text in the colors of one cell."""
    model, page = load("shakespeare"), SvgPage(WIDTH)
    values = np.concatenate([block.layers[UNIT.layer - 1].c[:, UNIT.index] for block in model.trace(SPEECH)])
    page.line([(f"What cell {UNIT.layer}.{UNIT.index} holds after each letter: the place in the line", "plain")])
    page.gap(0.5)
    column = 0.0
    for character, value in zip(SPEECH, np.tanh(values), strict=True):
        page.box(page.row, column, 1, 1, shade(float(value)), radius=0)
        page.text_at(page.row, column, token_label(character).strip("␣"), "plain")
        column = 0.0 if character == "\n" else column + 1
        page.gap(1 if character == "\n" else 0)
    page.line([("blue -1, orange 1: tanh of the cell", "dim")])
    return page.to_svg("The cell of one unit over a text")


def draw_logits() -> str:
    """Draw how the hidden state becomes the logits of the likeliest tokens."""
    model = load("shakespeare")
    step, page = new_step(model), SvgPage(WIDTH)
    rows = sorted(step.logits, key=lambda row: -row.logit)[:8]
    page.line([(f"After {TEXT!r}: 320 hidden numbers times 320 weights, for each token, plus its bias", "plain")])
    page.gap(0.5)
    for column, head in ((4, "weights × h"), (18, "bias"), (26, "logit")):
        page.text_at(page.row, column, head.rjust(11 if column == 4 else 7), "dim")
    page.gap()
    for row in rows:
        page.text_at(page.row, 0, token_label(model.token_text(row.id)), "seed")
        for column, value in ((8, row.product + row.others), (18, row.bias), (26, row.logit)):
            page.text_at(page.row, column, f"{value:7.4f}", "plain")
        page.bar(page.row, 38, BAR * max(0.0, row.logit) / rows[0].logit, "raw")
        page.gap()
    page.line([(f"and so on, to all {len(step.logits)} tokens", "dim")])
    return page.to_svg("From the hidden state to the logits")


def _shapes(model: Model) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    logits = model.read(TEXT).snapshot.logits.astype(np.float64)
    return probs_at_temperatures(logits, TEMPERATURES)


def draw_softmax() -> str:
    """Draw the chances of the next letter at three temperatures."""
    model, page = load("shakespeare"), SvgPage(WIDTH)
    shapes = _shapes(model)
    page.line([(f"After {TEXT!r}: exp(logit / T), divided by the sum of all", "plain")])
    page.gap(0.5)
    for n, temperature in enumerate(TEMPERATURES):
        page.text_at(page.row, 5 + n * 27, f"T {temperature:g}", "temperature")
    page.gap()
    for token in np.argsort(-shapes[1])[:8]:
        page.text_at(page.row, 0, token_label(model.token_text(int(token))), "seed")
        for n, probs in enumerate(shapes):
            page.text_at(page.row, 5 + n * 27, f"{probs[token]:.3f}", "plain")
            page.bar(page.row, 11 + n * 27, 18 * float(probs[token]), "shaped")
        page.gap()
    return page.to_svg("The chances of the next letter at three temperatures")


def draw_draw() -> str:
    """Draw the number that falls on the bar of the chances, at three temperatures."""
    model, page = load("shakespeare"), SvgPage(WIDTH)
    uniform = PositionRNG(2).uniform(len(TEXT))
    width = 68
    page.line([(f"One number, {uniform:.3f}, drawn once, falls on the bar of all chances", "plain")])
    page.gap(0.5)
    page.text_at(page.row, 7 + uniform * width - 0.5, f"▼ {uniform:.3f}", "temperature")
    page.gap()
    for temperature, probs in zip(TEMPERATURES, _shapes(model), strict=True):
        draw = Draw(probs, uniform, lambda token: token_label(model.token_text(token)))
        page.text_at(page.row, 0, f"T {temperature:g}", "dim")
        _draw_bar(page, draw, width)
        page.text_at(page.row, 8 + width, f"→ {draw.label(draw.token)}", "temperature")
        page.gap(1.4)
    page.box(2.5, 7 + uniform * width, 0.15, page.row - 2.7, "#e4e6eb", radius=0)
    page.text_at(page.row, 7, "0", "dim")
    page.text_at(page.row, 6 + width, "1", "dim")
    page.gap()
    return page.to_svg("The drawn number falls on the bar of the chances")


def _draw_bar(page: SvgPage, draw: Draw, width: int) -> None:
    """Draw the parts of a bar, the drawn token's in another color, with the labels that have room."""
    ends = np.concatenate([[0.0], draw.probs.cumsum()])
    visible: Sequence[int] = np.flatnonzero(draw.probs >= 0.001).tolist()
    for n, token in enumerate(visible):
        start, part = 7 + width * float(ends[token]), width * float(draw.probs[token])
        color = "#a8791a" if token == draw.token else ("#2f4368", "#3c5788")[n % 2]
        page.box(page.row, start, part, 1.1, color, radius=0)
        if part >= 1:
            page.text_at(page.row, start + part / 2 - 0.5, draw.label(token), "plain")


DRAWINGS = {
    "inside-letter": draw_letter,
    "inside-gates": draw_gates,
    "inside-memory": draw_memory,
    "inside-logits": draw_logits,
    "inside-softmax": draw_softmax,
    "inside-draw": draw_draw,
}
"""Functions that draw, by the name of the file."""
