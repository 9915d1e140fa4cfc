"""A run's history as an SVG: losses in bits per character over epochs, with baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import count

WIDTH, HEIGHT, LEFT_MARGIN, BOTTOM_MARGIN, TOP_MARGIN, RIGHT_MARGIN = 720, 400, 56, 44, 40, 130
SERIES_COLORS = {"train_bits": "#999999", "valid_bits": "#d9480f"}
SERIES_LABELS = {"train_bits": "training", "valid_bits": "validation"}


def render_loss_svg(title: str, history: Sequence[Mapping[str, float]], baselines: Mapping[str, float]) -> str:
    """Return an SVG of history rows (epoch, train_bits, valid_bits), with a dashed line for each baseline."""
    values = [row[name] for row in history for name in SERIES_LABELS] + list(baselines.values())
    low, high = (min(values) - 0.05, max(values) + 0.05) if values else (0.0, 1.0)
    last = max((row["epoch"] for row in history), default=0) or 1

    def x(epoch: float) -> float:
        return round(LEFT_MARGIN + epoch / last * (WIDTH - LEFT_MARGIN - RIGHT_MARGIN), 1)

    def y(bits: float) -> float:
        return round(TOP_MARGIN + (high - bits) / (high - low) * (HEIGHT - TOP_MARGIN - BOTTOM_MARGIN), 1)

    labels: list[tuple[float, str, str]] = []
    parts = [_text(LEFT_MARGIN, 24, title, size=15)]
    for tick in _ticks(low, high):
        parts += [
            _line(LEFT_MARGIN, WIDTH - RIGHT_MARGIN, y(tick), "#eeeeee"),
            _text(LEFT_MARGIN - 8, y(tick) + 4, f"{tick:g}", "end"),
        ]
    for name, bits in baselines.items():
        parts += [_line(LEFT_MARGIN, WIDTH - RIGHT_MARGIN, y(bits), "#1864ab", "4 4")]
        labels.append((y(bits), f"{name} {bits:.2f}", "#1864ab"))
    for name, color in SERIES_COLORS.items():
        points = " ".join(f"{x(row['epoch'])},{y(row[name])}" for row in history)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        if history:
            end = history[-1][name]
            labels.append((y(end), f"{SERIES_LABELS[name]} {end:.2f}", color))
    parts += _spread_labels(labels)
    parts += [
        _text(LEFT_MARGIN, HEIGHT - 14, "0"),
        _text(WIDTH - RIGHT_MARGIN, HEIGHT - 14, f"{last:.3g} epochs", "end"),
    ]
    parts.append(_text(LEFT_MARGIN, 38, "bits per character", color="#666666"))
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    white = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{white}{"".join(parts)}</svg>\n'


def _spread_labels(labels: list[tuple[float, str, str]], min_gap: float = 13) -> list[str]:
    """Return the labels at the right of the plot, moved down if they would overlap."""
    parts, last = [], -min_gap
    for height, text, color in sorted(labels):
        last = max(height, last + min_gap)
        parts.append(_text(WIDTH - RIGHT_MARGIN + 6, last + 4, text, color=color))
    return parts


def _ticks(low: float, high: float) -> list[float]:
    steps = (digit * 10.0**power for power in count(-2) for digit in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= 8)
    first = int(low / step) + 1
    return [round(n * step, 2) for n in range(first, int(high / step) + 1)]


def _line(left: float, right: float, y: float, color: str, dashes: str = "none") -> str:
    return f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{color}" stroke-dasharray="{dashes}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", color: str = "#333333", size: int = 11) -> str:
    font = f'font-family="sans-serif" font-size="{size}" fill="{color}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {font}>{escape(text)}</text>'
