"""A run's history as an SVG: losses in bits per character over epochs, with baselines, and samples on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import count
from typing import NamedTuple

from ..sanitize import escape_line
from .history_files import LossRow, SampleRow, find_lowest
from .samples import by_epoch, show_sample, spread

WIDTH, HEIGHT = 720, 400
LEFT_MARGIN, RIGHT_MARGIN = 56, 130
TOP_MARGIN, BOTTOM_MARGIN = 40, 44

SERIES_COLORS = {"train_bits": "#999999", "valid_bits": "#d9480f"}
SERIES_LABELS = {"train_bits": "training", "valid_bits": "validation"}
BASELINE_COLOR = "#1864ab"
GREY = "#666666"
FAMILY = "sans-serif"

SAMPLED_EPOCHS = 6
"""Most epochs of which the plot has samples."""

LINE = 15
"""Height of a line of a sample in pixels."""

LINE_CHARS = 92
"""Characters of a sample that fit beside its temperature."""

Label = tuple[float, str, str]
"""Height, text and color of a label at the right of the plot."""


class _Axes(NamedTuple):
    """The ranges of the plot: epochs from 0 to ``last_epoch``, bits from ``low`` to ``high``."""

    last_epoch: float
    low: float
    high: float

    def x(self, epoch: float) -> float:
        return round(LEFT_MARGIN + epoch / self.last_epoch * (WIDTH - LEFT_MARGIN - RIGHT_MARGIN), 1)

    def y(self, bits: float) -> float:
        share = (self.high - bits) / (self.high - self.low)
        return round(TOP_MARGIN + share * (HEIGHT - TOP_MARGIN - BOTTOM_MARGIN), 1)


def render_loss_svg(
    title: str, losses: Sequence[LossRow], baselines: Mapping[str, float], samples: Sequence[SampleRow] = ()
) -> str:
    """Return an SVG of the losses, with a dashed line for each baseline and a ring where validation is lowest.

    Below them are samples of a few epochs.
    """
    axes = _fit_axes(losses, baselines)
    baseline_parts, baseline_labels = _draw_baselines(axes, baselines)
    curve_parts, curve_labels = _draw_curves(axes, losses)
    sample_parts, height = _draw_samples(samples)
    parts = [
        _text(LEFT_MARGIN, 24, title, size=15),
        *_draw_grid(axes),
        *baseline_parts,
        *curve_parts,
        *_spread_labels(baseline_labels + curve_labels),
        _text(LEFT_MARGIN, HEIGHT - 14, "0"),
        _text(WIDTH - RIGHT_MARGIN, HEIGHT - 14, f"{axes.last_epoch:.3g} epochs", "end"),
        _text(LEFT_MARGIN, 38, "bits per character", color=GREY),
        *_draw_lowest(axes, losses),
        *sample_parts,
    ]
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    white = f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{white}{"".join(parts)}</svg>\n'


def _draw_lowest(axes: _Axes, losses: Sequence[LossRow]) -> list[str]:
    """Return a ring around the lowest validation loss, with its epoch, if it is not at the end."""
    row = find_lowest(losses)
    if row is None or row is losses[-1]:
        return []
    x, y, color = axes.x(row.epoch), axes.y(row.valid_bits), SERIES_COLORS["valid_bits"]
    ring = f'<circle cx="{x}" cy="{y}" r="5" fill="none" stroke="{color}" stroke-width="2"/>'
    return [ring, _text(x, y + 20, f"lowest {row.valid_bits:.2f}, epoch {row.epoch:.1f}", "middle", color)]


def _draw_samples(samples: Sequence[SampleRow]) -> tuple[list[str], int]:
    """Return the samples of a few epochs, a block each, and the height of the picture."""
    parts, y = list[str](), HEIGHT
    for epoch, rows in spread(by_epoch(samples), SAMPLED_EPOCHS):
        parts.append(_text(LEFT_MARGIN, y + LINE, f"epoch {epoch:.1f}", size=12))
        for n, row in enumerate(rows, 2):
            parts.append(_text(LEFT_MARGIN, y + n * LINE, f"T {row.temperature:g}", color=GREY))
            shown = show_sample(row.text)[:LINE_CHARS]
            parts.append(_text(LEFT_MARGIN + 44, y + n * LINE, shown, family="monospace", size=10))
        y += (len(rows) + 2) * LINE
    return parts, y


def _fit_axes(losses: Sequence[LossRow], baselines: Mapping[str, float]) -> _Axes:
    """Return axes that hold all values, with a margin of 0.05 bits."""
    values = [getattr(row, name) for row in losses for name in SERIES_LABELS] + list(baselines.values())
    low, high = (min(values) - 0.05, max(values) + 0.05) if values else (0.0, 1.0)
    return _Axes(max((row.epoch for row in losses), default=0) or 1, low, high)


def _draw_grid(axes: _Axes) -> list[str]:
    parts = []
    for tick in _ticks(axes.low, axes.high):
        y = axes.y(tick)
        parts.append(_line(LEFT_MARGIN, WIDTH - RIGHT_MARGIN, y, "#eeeeee"))
        parts.append(_text(LEFT_MARGIN - 8, y + 4, f"{tick:g}", "end"))
    return parts


def _draw_baselines(axes: _Axes, baselines: Mapping[str, float]) -> tuple[list[str], list[Label]]:
    """Return dashed lines and their labels."""
    parts: list[str] = []
    labels: list[Label] = []
    for name, bits in baselines.items():
        parts.append(_line(LEFT_MARGIN, WIDTH - RIGHT_MARGIN, axes.y(bits), BASELINE_COLOR, "4 4"))
        labels.append((axes.y(bits), f"{name} {bits:.2f}", BASELINE_COLOR))
    return parts, labels


def _draw_curves(axes: _Axes, losses: Sequence[LossRow]) -> tuple[list[str], list[Label]]:
    """Return the loss curves, and labels with their last values."""
    parts: list[str] = []
    labels: list[Label] = []
    for name, color in SERIES_COLORS.items():
        points = " ".join(f"{axes.x(row.epoch)},{axes.y(getattr(row, name))}" for row in losses)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        if losses:
            last = getattr(losses[-1], name)
            labels.append((axes.y(last), f"{SERIES_LABELS[name]} {last:.2f}", color))
    return parts, labels


def _spread_labels(labels: Sequence[Label], min_gap: float = 13) -> list[str]:
    """Return the labels at the right of the plot, moved down if they would overlap."""
    parts, last = [], -min_gap
    for height, text, color in sorted(labels):
        last = max(height, last + min_gap)
        parts.append(_text(WIDTH - RIGHT_MARGIN + 6, last + 4, text, color=color))
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Return the values for grid lines, at most eight steps of 1, 2 or 5 times a power of ten apart."""
    steps = (digit * 10.0**power for power in count(-2) for digit in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= 8)
    first = int(low / step) + 1
    return [round(n * step, 2) for n in range(first, int(high / step) + 1)]


def _line(left: float, right: float, y: float, color: str, dashes: str = "none") -> str:
    return f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{color}" stroke-dasharray="{dashes}"/>'


def _text(
    x: float, y: float, text: str, anchor: str = "start", color: str = "#333333", size: int = 11, family: str = FAMILY
) -> str:
    font = f'font-family="{family}" font-size="{size}" fill="{color}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {font} xml:space="preserve">{escape(escape_line(text))}</text>'
