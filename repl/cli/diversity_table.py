"""The table that ``afterglow diversity`` prints."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from pathlib import Path

from ...core.diversity import DiversityMetrics, ReferenceText
from ...core.model import Model
from ...core.text.copy_tracker import at_least
from ...core.text.items import ItemSet
from .generate import is_training_text, read_as_trained
from .reading_flags import ReadingFlags

NO_TEXT_NOTE = "known words are not measured: give the training text with --text FILE"
NO_INDEX_NOTE = "known words and copied text are not measured: give the training text with --text FILE"
MINIMUM_NOTE = "≥: at least; the index in the model file misses some of what is copied, --text FILE finds all"


def _format_percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _format_length(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _format_copied(metrics: DiversityMetrics) -> str:
    if metrics.copied_items is not None:
        return _format_percent(metrics.copied_items)
    return at_least(_format_percent(metrics.copied), metrics.copied_is_minimum, "≥")


COLUMNS: dict[str, Callable[[DiversityMetrics], str]] = {
    "T": lambda metrics: f"{metrics.temperature:g}",
    "bits/character": lambda metrics: f"{metrics.bits_per_char:.2f}",
    "known words": lambda metrics: _format_percent(metrics.known_words),
    "distinct-1": lambda metrics: f"{metrics.distinct_1:.2f}",
    "distinct-2": lambda metrics: f"{metrics.distinct_2:.2f}",
    "repeats itself": lambda metrics: _format_percent(metrics.self_repetition),
    "copied": _format_copied,
    "longest copy": lambda metrics: at_least(_format_length(metrics.longest_copy), metrics.copied_is_minimum, "≥"),
}
"""Function that formats a cell, by column heading."""

MIN_COLUMN_WIDTH = 7
"""Characters."""


def format_header() -> str:
    """Return the line of headings."""
    return "  ".join(f"{name:>{MIN_COLUMN_WIDTH}}" for name in COLUMNS)


def format_row(metrics: DiversityMetrics) -> str:
    """Return the line for one temperature."""
    return "  ".join(f"{cell(metrics):>{max(MIN_COLUMN_WIDTH, len(name))}}" for name, cell in COLUMNS.items())


def load_reference(model: Model, text: Path | None, flags: ReadingFlags) -> tuple[ReferenceText | None, list[str]]:
    """Return (text to compare with, notes for the user). The first is None if ``text`` is None.

    Of the model's training text, only the part it was trained on is used. Raise TextError if ``text`` cannot be read.
    """
    if text is None:
        return None, [NO_TEXT_NOTE, MINIMUM_NOTE] if model.copies.indexes else [NO_INDEX_NOTE]
    corpus = read_as_trained(model, [str(text)], flags)
    end = model.file.card.item_end
    items: Container[str] = ItemSet(corpus.text, end) if end else ()
    if is_training_text(corpus, model):
        return ReferenceText(corpus.train_text, items), []
    return ReferenceText(corpus.text, items), [f"note: {corpus.name} is not the text that {model.name} was trained on"]


def summarize(rows: Sequence[DiversityMetrics]) -> list[str]:
    """Return a line that compares the lowest and the highest temperature. [] if there is only one temperature."""
    if len(rows) < 2:
        return []
    coldest = min(rows, key=lambda metrics: metrics.temperature)
    hottest = max(rows, key=lambda metrics: metrics.temperature)
    return [f"{_describe(coldest)}; {_describe(hottest)}"]


def _describe(metrics: DiversityMetrics) -> str:
    repeated, distinct = _format_percent(metrics.self_repetition), _format_percent(metrics.distinct_1)
    return f"at T {metrics.temperature:g}, {repeated} is repetition and {distinct} of the words are distinct"
