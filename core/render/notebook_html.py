"""Models, tokens, texts and scores as HTML for notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial, singledispatch
from itertools import chain, repeat

from ..cells.ranking import CellFind, CellRanking
from ..events import Token
from ..generation.written_text import WrittenText
from ..inference.mixture import Mixture
from ..model import Model
from ..score import MAX_PIECES, Score
from .heat import heat_level, surprisal
from .html_parts import HeatSpan, facts_table, heat_text, html_cell, html_table


@singledispatch
def to_html(thing: object) -> str:
    """Return ``thing`` as HTML. Raises TypeError if it has no form here."""
    raise TypeError(f"there is no HTML for {type(thing).__name__}")


@to_html.register
def draw_token(token: Token) -> str:
    """Return a token in the color of its surprise, with its figures."""
    return heat_text(
        [HeatSpan(repr(token.text), heat_level(token, "surprise")), HeatSpan(f"  {_figures(token)}")], "off"
    )


@to_html.register
def draw_text(text: WrittenText) -> str:
    """Return a seed in bold, and the text that continues it in the colors of its heat."""
    spans = map(partial(_text_span, text.heat), text.tokens[:MAX_PIECES], chain(text.values, repeat(None)))
    return heat_text([HeatSpan(text.seed, bold=True), *spans, *_note_rest(len(text.tokens))], text.heat)


def _text_span(heat: str, token: Token, value: float | None) -> HeatSpan:
    unit = "" if value is None else f"{heat}: {value:.2f}, "
    return HeatSpan(token.text, heat_level(token, heat, value), f"{unit}{_figures(token)}")


@to_html.register
def draw_score(score: Score) -> str:
    """Return both losses, and the text in the color of its surprise."""
    facts = facts_table(
        [
            ("characters", f"{score.characters:,}"),
            ("bits per character", f"{score.bits_per_char_stateful:.3f} stateful, {score.bits_per_char_cold:.3f} cold"),
            ("perplexity", f"{score.perplexity_stateful:.2f} stateful, {score.perplexity_cold:.2f} cold"),
            ("best temperature", f"{score.best_temperature:.2f}"),
        ]
    )
    return f"{heat_text(_surprise_spans(score), 'surprise')}{facts}" if score.pieces else facts


@to_html.register
def draw_ranking(ranking: CellRanking) -> str:
    """Return the cells that follow things, best first, beside chance."""
    head = ("follows", "cell", "r", "right", "base", "chance r", "right", "half-life")
    title = f"{ranking.cells:,} cells, read on {ranking.tokens:,} tokens; ~ is no better than chance"
    return html_table(map(_find_row, ranking.finds), head, title)


def _find_row(find: CellFind) -> list[str]:
    cell, chance = find.cell, find.chance
    place = f"{'~ ' if find.is_chance else ''}{find.unit.layer}.{find.unit.index}"
    shares = [f"{100 * share:.1f} %" for share in (cell.accuracy, find.base_rate, chance.accuracy)]
    figures = [f"{cell.r:.2f}", *shares[:2], f"{chance.r:.2f}", shares[2], f"{find.half_life:.1f}"]
    return [html_cell(find.follows, name=True), *map(html_cell, (place, *figures))]


@to_html.register
def draw_model(model: Model) -> str:
    """Return a model's size, and what its card says."""
    return facts_table(_describe_model(model), title=model.name)


def _figures(token: Token) -> str:
    bits = surprisal(token)
    chances = f"{bits:.1f} bits, p {2**-bits:.2g}, rank {token.rank}"
    return f"{chances}, T {token.temperature:.2f}, entropy {token.entropy:.1f} bits"


def _note_rest(count: int) -> Iterator[HeatSpan]:
    if count > MAX_PIECES:
        yield HeatSpan(f" … and {count - MAX_PIECES:,} more tokens")


def _surprise_spans(score: Score) -> Iterator[HeatSpan]:
    """Yield the text of a score. Its first token, and those that are not counted, have no color."""
    first, *others = score.pieces
    yield HeatSpan(first)
    for piece, bits in zip(others, score.surprise.tolist(), strict=False):
        token = Token(piece, 0, -bits * math.log(2), 0.0, 0, 0.0, 1.0)
        known = math.isfinite(bits)
        yield HeatSpan(piece, heat_level(token, "surprise"), f"{bits:.1f} bits") if known else HeatSpan(piece)
    yield from _note_rest(len(score.surprise) + 1)


def _describe_model(model: Model) -> Iterator[tuple[str, str]]:
    file, card = model.file, model.file.card
    shape = file.architecture
    if isinstance(file, Mixture):
        yield "network", f"{len(file.members)} models"
    else:
        yield "network", f"{shape.layers} LSTM layers of {shape.width} units, {shape.parameters:,} weights and biases"
    yield "tokens", f"{file.tokenizer.size:,}, kind {file.tokenizer.kind}"
    yield "styles", ", ".join(model.voices.names)
    yield "trained on", f"{card.corpus}, {card.characters:,} characters" if card.corpus else ""
    yield "epochs", f"{card.epochs:.3g}" if card.epochs else ""
    yield "held-out text", _describe_losses(card.nats_per_char_stateful, card.nats_per_char_cold)
    yield "license", card.licence
    yield "settings", ", ".join(f"{name} {value!r}" for name, value in card.settings.items())


def _describe_losses(stateful: float | None, cold: float | None) -> str:
    losses = ((stateful, "stateful"), (cold, "cold"))
    known = [f"{nats / math.log(2):.2f} {kind}" for nats, kind in losses if nats is not None]
    return f"{', '.join(known)}, bits per character" if known else ""
