"""Plots of ``afterglow explain`` and ``diversity``. They need matplotlib, the extra ``plot``."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.commands.explain_tables import MAX_ROWS, Distribution
from ...core.diversity import DiversityMetrics
from ...core.errors import MissingExtraError, UsageError
from ...core.sampling.filters import Array
from ...core.sampling.temperature import effective_choices, probs_at_temperatures, standard_deviation
from ...core.text.copy_tracker import at_least
from ...core.user_files import write_user_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.commands.draw_table import DrawTable
    from .explanations import Explanation

TEMPERATURE_COLORS = {
    0.3: (0.10, 0.30, 0.60),
    0.98: (0.45, 0.66, 0.86),
    1.0: (0.55, 0.55, 0.55),
    1.02: (0.96, 0.65, 0.35),
    2.0: (0.70, 0.09, 0.17),
}
"""RGB color by temperature, 0 to 1: blue below 1, gray at 1, red above. Color-blind readers can tell them apart."""

MIN_PLOTTED_PART = 0.001
"""Minimum probability of a token with a part of its own in the bar of a draw."""

MIN_LABELED_PART = 0.015
"""Minimum probability of a token whose part has room for its label."""

MAX_TITLE_SEED = 30
"""Maximum characters of a seed in a plot's title, its last ones."""

PANELS = {
    "bits per character under the model": {"bits_per_char": ""},
    "variety": {"distinct_1": "distinct-1: words", "distinct_2": "distinct-2: pairs"},
    "repeats itself": {"self_repetition": ""},
    "compared with the text": {"known_words": "known words", "copied": "copied characters"},
}
"""Fields of ``DiversityMetrics`` with their labels, by title of the panel they are drawn in."""

MATPLOTLIB_STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "svg.hashsalt": "afterglow",  # otherwise the ids in the file differ each time
    "text.parse_math": False,  # a token may contain dollar signs
    "font.size": 11,
}


def draw_distribution(path: Path, explanation: Explanation, seed: str | None) -> None:
    """Plot a distribution at each temperature and at 1: a curve as lines, any other as bars, with the draw below them.

    The title names the seed.

    Raise UsageError if the name of ``path`` ends in neither .svg nor .png, MissingExtraError without matplotlib, and
    StorageError if the file cannot be written.
    """
    distribution, temperatures = explanation.distribution, sorted({1.0, *explanation.temperatures})
    with np.errstate(divide="ignore"):
        probs_by_temperature = probs_at_temperatures(np.log(distribution.probs), temperatures)
    draws = explanation.draw
    with open_figure(path, 5.2 if draws else 4.2) as figure:
        axes, *below = figure.subplots(2, 1, height_ratios=(4, 1)) if draws else [figure.add_subplot()]
        draw = _draw_bars if draws else _draw_curves
        if draws:
            _draw_draws(below[0], draws)
        draw(axes, distribution, probs_by_temperature, temperatures)
        axes.set_ylabel("probability")
        after = "" if seed is None else f" after {_shorten(seed)!r}"
        axes.set_title(f"What the temperature does to the distribution{after}")
        axes.legend(frameon=False)


def draw_diversity(path: Path, rows: Sequence[DiversityMetrics]) -> None:
    """Plot diversity metrics against the temperature. Raises the errors of ``draw_distribution``."""
    temperatures = [row.temperature for row in rows]
    with open_figure(path, 6.4) as figure:
        for axes, (title, names) in zip(figure.subplots(2, 2, sharex=True).flat, PANELS.items(), strict=True):
            for name, label in names.items():
                values = [getattr(row, name) for row in rows]
                if None not in values:
                    is_minimum = name == "copied" and any(row.copied_is_minimum for row in rows)
                    axes.plot(temperatures, values, "o-", label=at_least(label, is_minimum, "≥ "), markersize=4)
            axes.set_title(title, fontsize=11)
            axes.set_ylim(bottom=0)
            if any(names.values()) and axes.lines:
                axes.legend(frameon=False)
            if not axes.lines:
                axes.text(0.5, 0.5, "needs --text", transform=axes.transAxes, ha="center", color="grey")
        figure.supxlabel("temperature", fontsize=11)
        figure.suptitle("From strict to diverse")


@contextmanager
def open_figure(path: Path, height: float = 4.2) -> Iterator[Figure]:
    """Yield a figure of ``height`` inches, and write it to ``path`` when the block ends.

    The same plot gives the same bytes. Raises the errors of ``draw_distribution``.
    """
    if path.suffix not in (".svg", ".png"):
        raise UsageError(f"cannot write a plot to {path}: its name must end in .svg or .png")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("plots need matplotlib: pip install 'afterglow-lm[plot]'") from error
    with matplotlib.rc_context(MATPLOTLIB_STYLE):
        figure = Figure(figsize=(8, height), layout="constrained")
        data = io.BytesIO()
        yield figure
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(data, format=path.suffix[1:], dpi=150, metadata=metadata)
    write_user_file(path, data.getvalue())


def plot_color(temperature: float) -> tuple[float, ...]:
    """Return the RGB color of a temperature, interpolated."""
    return tuple(
        float(np.interp(temperature, list(TEMPERATURE_COLORS), channel))
        for channel in zip(*TEMPERATURE_COLORS.values(), strict=True)
    )


def _draw_bars(
    axes: Axes, distribution: Distribution, probs_by_temperature: Sequence[Array], temperatures: Sequence[float]
) -> None:
    """Draw a group of bars for each token, or only for the MAX_ROWS likeliest."""
    many = len(distribution.probs) > MAX_ROWS
    order = np.argsort(-distribution.probs, kind="stable")[:MAX_ROWS] if many else np.arange(len(distribution.probs))
    width = 0.8 / len(probs_by_temperature)
    for n, (t, probs) in enumerate(zip(temperatures, probs_by_temperature, strict=True)):
        x = np.arange(len(order)) + (n - (len(probs_by_temperature) - 1) / 2) * width
        axes.bar(x, probs[order], width * 0.92, color=plot_color(t), label=_legend_label(t, probs))
    axes.set_xticks(np.arange(len(order)))
    axes.set_xticklabels([distribution.labels[i] for i in order])
    axes.set_xlabel("the likeliest next tokens" if many else "choice")


def _draw_curves(
    axes: Axes, distribution: Distribution, probs_by_temperature: Sequence[Array], temperatures: Sequence[float]
) -> None:
    """Draw a line for each temperature. The labels of ``distribution`` are the x values."""
    x = np.array([float(label) for label in distribution.labels])
    for t, probs in zip(temperatures, probs_by_temperature, strict=True):
        deviation, color = standard_deviation(x, probs), plot_color(t)
        axes.plot(x, probs, "o-", color=color, label=f"T {t:g}: σ = {deviation:.2f}", markersize=4)
        sides = [-deviation, deviation]
        axes.vlines(sides, 0, np.interp(sides, x, probs), color=color, linestyles="dotted")
    axes.set_xlabel("standard deviations from the middle, at T = 1; dotted: ±σ")


def _draw_draws(axes: Axes, table: DrawTable) -> None:
    """Draw the bars of a draw, a row for each temperature, the token that is drawn in color, and the number's line."""
    for row, draw in enumerate(table.draws):
        ends = np.concatenate([[0.0], draw.probs.cumsum() / draw.probs.sum()])
        for token in np.flatnonzero(np.diff(ends) >= MIN_PLOTTED_PART):
            start, width = float(ends[token]), float(ends[token + 1] - ends[token])
            color = "#f2cf63" if token == draw.token else "#c3c7cf" if token % 2 else "#dfe2e8"
            axes.barh(row, width, 0.8, start, color=color)
            if width >= MIN_LABELED_PART:
                axes.text(start + width / 2, row, draw.label(int(token)), ha="center", va="center", fontsize=9)
    axes.axvline(table.draws[0].uniform, color="black", linewidth=1.5)
    axes.set_yticks(range(len(table.draws)), table.names)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel(table.title, fontsize=9)


def _shorten(seed: str) -> str:
    return seed if len(seed) <= MAX_TITLE_SEED else f"…{seed[1 - MAX_TITLE_SEED :]}"


def _legend_label(temperature: float, probs: Array) -> str:
    return f"T {temperature:g}: {effective_choices(probs):.1f} effective choices"
