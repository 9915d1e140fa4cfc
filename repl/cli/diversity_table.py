"""``afterglow diversity`` as a table: its columns, its rows, and what to say of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...core.diversity import DiversityMetrics, ReferenceText
from ...core.model import Model
from ...core.text.corpus import read_corpus

NO_TEXT_NOTE = "words it knows and what is copied are not measured: name the training text with --text FILE"


def _format_percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "T": ("temperature", "{:g}".format),
    "bits/character": ("bits_per_char", "{:.2f}".format),
    "known words": ("known_words", _format_percent),
    "distinct-1": ("distinct_1", "{:.2f}".format),
    "distinct-2": ("distinct_2", "{:.2f}".format),
    "repeats itself": ("self_repetition", _format_percent),
    "copied": ("copied", _format_percent),
    "longest copy": ("longest_copy", lambda value: "–" if value is None else f"{value:,}"),
}
"""By heading: the field of ``DiversityMetrics`` and the function that formats its value."""


def format_header() -> str:
    """The headings."""
    return "  ".join(f"{name:>7}" for name in COLUMNS)


def format_row(metrics: DiversityMetrics) -> str:
    """One temperature."""
    cells = ((name, form(getattr(metrics, field))) for name, (field, form) in COLUMNS.items())
    return "  ".join(f"{cell:>{max(7, len(name))}}" for name, cell in cells)


def load_reference(model: Model, text: Path | None, encoding: str | None) -> tuple[ReferenceText | None, list[str]]:
    """What to compare with, and what to say of it; raises TextError where the text cannot be read."""
    if text is None:
        return None, [NO_TEXT_NOTE]
    card = model.file.card
    corpus = read_corpus(text, encoding or card.encoding, card.boilerplate_kept)
    own = corpus.sha256 == card.corpus_sha256
    told = (
        [] if own else [f"{corpus.name} is not the text that {model.name} was trained on: it is only compared with it"]
    )
    return ReferenceText(corpus.train_text if own else corpus.text), told


def summarize(rows: Sequence[DiversityMetrics]) -> list[str]:
    """What the coldest and the hottest row say, in a sentence."""
    if len(rows) < 2:
        return []
    cold, hot = min(rows, key=lambda r: r.temperature), max(rows, key=lambda r: r.temperature)
    return ["from strict to diverse: " + "; ".join(map(_describe, (cold, hot)))]


def _describe(metrics: DiversityMetrics) -> str:
    again, different = _format_percent(metrics.self_repetition), _format_percent(metrics.distinct_1)
    return f"at T {metrics.temperature:g} {again} is repetition and {different} of the words are different ones"
