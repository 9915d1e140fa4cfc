"""The lesson and the diversity table as pictures, on matplotlib: an extra."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.commands.explain import MAX_ROWS, Distribution
from ...core.diversity import DiversityMetrics
from ...core.errors import MissingExtraError, UsageError
from ...core.file_io import write_atomically
from ...core.sampling.temperature import Array, effective_choices, probs_at_temperatures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEMPERATURE_COLORS = {
    0.3: (0.10, 0.30, 0.60),
    0.98: (0.45, 0.66, 0.86),
    1.0: (0.55, 0.55, 0.55),
    1.02: (0.96, 0.65, 0.35),
    2.0: (0.70, 0.09, 0.17),
}
"""Red, green and blue by temperature: cold blue, grey at 1, hot red; colour-blind readers can tell them apart."""

PANELS = {
    "bits per character under the model": {"bits_per_char": ""},
    "variety": {"distinct_1": "distinct-1: words", "distinct_2": "distinct-2: pairs"},
    "repeats itself": {"self_repetition": ""},
    "beside the text": {"known_words": "words it knows", "copied": "characters copied"},
}
"""What is drawn together: fields of ``Measured`` with what they are called."""

MATPLOTLIB_STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "svg.hashsalt": "afterglow",  # without it every file has other ids
    "text.parse_math": False,  # a model may write dollar signs
    "font.size": 11,
}


def draw_distribution(path: Path, distribution: Distribution, temperatures: Sequence[float], curve: bool) -> None:
    """Draw a distribution at each temperature and at 1: bars for tokens, lines for a curve.

    Raises UsageError for a name that ends in neither .svg nor .png, MissingExtraError without matplotlib, StorageError.
    """
    temperatures = sorted({1.0, *temperatures})
    with np.errstate(divide="ignore"):
        shapes = probs_at_temperatures(np.log(distribution.probs), temperatures)
    with open_figure(path) as drawn:
        axes = drawn.add_subplot()
        if curve:
            _draw_curves(axes, distribution, shapes, temperatures)
        else:
            _draw_bars(axes, distribution, shapes, temperatures)
        axes.set_ylabel("probability")
        axes.set_title("What the temperature does to a distribution")
        axes.legend(frameon=False)


def draw_diversity(path: Path, rows: Sequence[DiversityMetrics]) -> None:
    """Draw the figures of ``diversity`` against the temperature; raises as ``draw_distribution``."""
    temperatures = [row.temperature for row in rows]
    with open_figure(path, 6.4) as drawn:
        for axes, (title, names) in zip(drawn.subplots(2, 2, sharex=True).flat, PANELS.items(), strict=True):
            for name, label in names.items():
                values = [getattr(row, name) for row in rows]
                if None not in values:
                    axes.plot(temperatures, values, "o-", label=label, markersize=4)
            axes.set_title(title, fontsize=11)
            axes.set_ylim(bottom=0)
            if len(axes.lines) > 1:
                axes.legend(frameon=False)
            if not axes.lines:
                axes.text(0.5, 0.5, "needs --text", transform=axes.transAxes, ha="center", color="grey")
        drawn.supxlabel("temperature", fontsize=11)
        drawn.suptitle("From strict to diverse")


@contextmanager
def open_figure(path: Path, height: float = 4.2) -> Iterator[Figure]:
    """A figure that is written to ``path`` behind its block; the same drawing gives the same bytes."""
    if path.suffix not in (".svg", ".png"):
        raise UsageError(f"cannot draw {path}: end its name in .svg or .png")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("drawing needs matplotlib: pip install 'afterglow-lm[plot]'") from error
    with matplotlib.rc_context(MATPLOTLIB_STYLE):
        drawn, data = Figure(figsize=(8, height), layout="constrained"), io.BytesIO()
        yield drawn
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        drawn.savefig(data, format=path.suffix[1:], dpi=150, metadata=metadata)
    write_atomically(path, data.getvalue())


def plot_color(temperature: float) -> tuple[float, ...]:
    """The colour of a temperature."""
    return tuple(
        float(np.interp(temperature, list(TEMPERATURE_COLORS), part))
        for part in zip(*TEMPERATURE_COLORS.values(), strict=True)
    )


def _draw_bars(
    axes: Axes, distribution: Distribution, probs_by_temperature: Sequence[Array], temperatures: Sequence[float]
) -> None:
    """Groups of bars, one a token: all of a few, the likeliest of many."""
    many = len(distribution.probs) > MAX_ROWS
    order = np.argsort(-distribution.probs, kind="stable")[:MAX_ROWS] if many else np.arange(len(distribution.probs))
    width = 0.8 / len(probs_by_temperature)
    for n, (t, shape) in enumerate(zip(temperatures, probs_by_temperature, strict=True)):
        places = np.arange(len(order)) + (n - (len(probs_by_temperature) - 1) / 2) * width
        axes.bar(places, shape[order], width * 0.92, color=plot_color(t), label=_legend_label(t, shape))
    axes.set_xticks(np.arange(len(order)))
    axes.set_xticklabels([distribution.labels[i] for i in order])
    axes.set_xlabel("the likeliest next tokens" if many else "choice")


def _draw_curves(
    axes: Axes, distribution: Distribution, probs_by_temperature: Sequence[Array], temperatures: Sequence[float]
) -> None:
    places = np.array([float(label) for label in distribution.labels])
    for t, shape in zip(temperatures, probs_by_temperature, strict=True):
        axes.plot(places, shape, "o-", color=plot_color(t), label=_legend_label(t, shape), markersize=4)
    axes.set_xlabel("standard deviations from the middle")


def _legend_label(temperature: float, probs: Array) -> str:
    return f"T {temperature:g}: {effective_choices(probs):.1f} effective choices"
