"""The tables of the temperature lesson: a distribution, and the effect of temperatures on it, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..events import Notice
from ..sampling.filters import Array
from ..sampling.temperature import (
    LESSON_PROBABILITIES,
    effective_choices,
    entropy_from_probs,
    probs_at_temperatures,
    standard_deviation,
    temperature_steps,
)
from .effects import Listing, Table
from .tables import CellStyle, TableColumn, block_bar

MAX_ROWS = 10
"""Maximum number of tokens in a table; the others are summed up in one row."""

MIN_SHOWN_PROBABILITY = 0.0005
"""Smallest probability that is not printed as 0.000."""

PLAIN_WIDTH = 77
"""Columns that a table with fixed columns can take, with its indent."""

MAX_CURVE_ROWS = 33
"""Maximum rows of a curve on a terminal; of more points only every second, third, … one is shown."""

SLIDE_NOTICE = "if your slide says -1.51 for the first at T 0.8: it was rounded twice, -1.50497 over -1.505"

_HEADER = f"{'p':>5}  {'log p':>6}  {'log p / T':>9}  {'exp':>5}   sums to 1"


class Distribution(NamedTuple):
    """Probabilities (V,) with a label for each, and a notice on how they were read; "" if there is none."""

    labels: list[str]
    probs: Array
    notice: str = ""


def build_table(distribution: Distribution, temperatures: Sequence[float]) -> Table:
    """Return one table for all temperatures: with every step for a single one, else with the results side by side."""
    shapes = probs_at_temperatures(log_probs(distribution.probs), temperatures)
    rows = _TableRows(distribution, _pick_rows(distribution.probs, np.max(shapes, axis=0)))
    plain = tuple(build_tables(distribution, temperatures))
    if len(temperatures) > 1:
        title = f"probabilities at T {', '.join(f'{t:g}' for t in temperatures)}"
        return Table(title, _compared_columns(rows, temperatures, shapes), plain)
    columns = _step_columns(rows, temperatures[0], shapes[0])
    return Table(_format_title(distribution.probs, temperatures[0]), columns, plain)


def slide_notices(distribution: Distribution, temperatures: Sequence[float]) -> Iterator[Notice]:
    """Yield a notice on the one figure of the lesson's slide that differs, if these are the lesson's numbers."""
    if 0.8 in temperatures and distribution.probs.tolist() == list(LESSON_PROBABILITIES):
        yield Notice(SLIDE_NOTICE)


class _TableRows(NamedTuple):
    """The rows of a table: the entries with these indices, then the sum of the others if there are any."""

    distribution: Distribution
    order: Sequence[int]

    @property
    def rest(self) -> Array:
        """Indices of the other entries."""
        return np.delete(np.arange(len(self.distribution.probs)), self.order)

    def labels(self) -> list[str]:
        """Return the name of each row."""
        return [*(self.distribution.labels[i] for i in self.order), *(["others"] if len(self.rest) else [])]

    def probabilities(self, probs: Array) -> list[str]:
        """Return the probability of each row."""
        sums = [*(probs[i] for i in self.order), *([probs[self.rest].sum()] if len(self.rest) else [])]
        return [f"{p:.3f}" for p in sums]

    def steps(self, values: Array, sums_up: bool = False) -> list[str]:
        """Return the rounded value of each row; of the others their sum if ``sums_up``, else ""."""
        others = _format_rounded(values[self.rest].sum() if sums_up else None)
        return [*(_format_rounded(values[i]) for i in self.order), *([others] if len(self.rest) else [])]

    def bars(self, probs: Array, longest: float) -> list[float | None]:
        """Return the lengths of the bars. The others have none."""
        return [*(float(probs[i]) / longest for i in self.order), *([None] if len(self.rest) else [])]

    def longest(self, *distributions: Array) -> float:
        """Return the highest probability of a row, whose bar has the length 1."""
        return max(float(probs[list(self.order)].max()) for probs in distributions)


def _compared_columns(rows: _TableRows, temperatures: Sequence[float], shapes: Sequence[Array]) -> list[TableColumn]:
    """Return the columns for several temperatures: a result and a bar for each. Entropy and choices are below them."""
    probs = rows.distribution.probs
    longest = rows.longest(probs, *shapes)
    columns = [TableColumn("", "name", [*rows.labels(), "bits", "choices"])]
    columns += _result_columns(rows, "p", probs, longest, ("figure", "raw"), (2, 3))
    for temperature, shaped in zip(temperatures, shapes, strict=True):
        columns += _result_columns(rows, f"T {temperature:g}", shaped, longest, ("result", "shaped"), (0, 1))
    return columns


def _result_columns(
    rows: _TableRows,
    head: str,
    probs: Array,
    longest: float,
    styles: tuple[CellStyle, CellStyle],
    ranks: tuple[int, int],
) -> Iterator[TableColumn]:
    """Yield the probabilities of a distribution with its entropy and choices, then their bars."""
    below = [f"{entropy_from_probs(probs):.2f}", _format_effective_choices(probs)]
    yield TableColumn(head, styles[0], [*rows.probabilities(probs), *below], ranks[0])
    yield TableColumn("", styles[1], [*rows.bars(probs, longest), None, None], ranks[1])


def _step_columns(rows: _TableRows, temperature: float, shaped: Array) -> list[TableColumn]:
    """Return the columns for one temperature: p, log p, log p / T, its exponential, and the result. Sums are below."""
    probs = rows.distribution.probs
    steps = temperature_steps(probs, temperature) if temperature else None
    longest = rows.longest(probs, shaped)
    total = f"{steps.exponential.sum():.2f}" if steps else ""
    return [
        TableColumn("", "name", [*rows.labels(), "sum"]),
        TableColumn("p", "figure", [*rows.probabilities(probs), f"{probs.sum():.3f}"]),
        TableColumn("", "raw", [*rows.bars(probs, longest), None], 1),
        TableColumn("log p", "figure", [*rows.steps(log_probs(probs)), ""], 2),
        *([TableColumn("log p / T", "figure", [*rows.steps(steps.divided), ""], 2)] if steps else []),
        *([TableColumn("exp", "figure", [*rows.steps(steps.exponential, sums_up=True), total], 2)] if steps else []),
        TableColumn(f"T {temperature:g}", "result", [*rows.probabilities(shaped), f"{shaped.sum():.3f}"]),
        TableColumn("", "shaped", [*rows.bars(shaped, longest), None]),
    ]


def build_tables(distribution: Distribution, temperatures: Sequence[float]) -> Iterator[Listing]:
    """Yield a table for each temperature: p, log p, log p / T, its exponential, the result."""
    for temperature in temperatures:
        rows = _build_rows(distribution, temperature)
        yield Listing(_format_title(distribution.probs, temperature), [("", _HEADER), *rows])


def compare_curves(distribution: Distribution, temperatures: Sequence[float]) -> Listing:
    """Return one column of bars for each temperature, to compare the widths of a bell curve, ±σ marked.

    The labels of ``distribution`` are the positions.
    """
    shapes = probs_at_temperatures(log_probs(distribution.probs), temperatures)
    positions = np.array(list(map(float, distribution.labels)))
    deviations = [standard_deviation(positions, shape) for shape in shapes]
    width, highest = max(8, 60 // len(temperatures)), max(float(shape.max()) for shape in shapes)
    shown = _curve_rows(np.max(shapes, axis=0) / highest * width)
    columns = [
        [f"T {t:g}", *_curve_bars(positions[shown], shape[shown] / highest, deviation, width - 2)]
        for t, shape, deviation in zip(temperatures, shapes, deviations, strict=True)
    ]
    lines = ["".join(f"{cell:<{width}}" for cell in row).rstrip() for row in zip(*columns, strict=True)]
    widths = ", ".join(f"T {t:g}: {deviation:.2f}" for t, deviation in zip(temperatures, deviations, strict=True))
    title = f"a bell curve becomes √T times as wide · σ at {widths}"
    return Listing(title, list(zip(["", *(distribution.labels[i] for i in shown)], lines, strict=True)))


def _curve_rows(lengths: Array) -> NDArray[np.intp]:
    """Return the indices of the points of a curve, at equal steps from its middle, that get a row of their own.

    ``lengths`` are those of the longest bar at each point, in columns; points without a visible bar get none.
    """
    middle, visible = len(lengths) // 2, np.flatnonzero(lengths >= 1 / 8)
    step = -(-len(visible) // MAX_CURVE_ROWS)
    return np.asarray(visible[(visible - middle) % step == 0])


def _curve_bars(positions: Array, heights: Array, deviation: float, width: int) -> list[str]:
    """Return the bars of a curve, heights from 0 to 1, with a σ at the two nearest to its standard deviation."""
    sigma = {int(np.abs(positions - side * deviation).argmin()) for side in (-1, 1)}
    return [f"{block_bar(h, width)}{' σ' if row in sigma else ''}" for row, h in enumerate(heights)]


def _format_title(probs: Array, temperature: float) -> str:
    (shaped,) = probs_at_temperatures(log_probs(probs), [temperature])
    bits = f"{entropy_from_probs(probs):.2f} → {entropy_from_probs(shaped):.2f} bits"
    choices = f"{_format_effective_choices(probs)} → {_format_effective_choices(shaped)} effective choices"
    return f"T {temperature:g}, {_describe_effect(temperature)}: entropy {bits}, {choices}"


def _describe_effect(temperature: float) -> str:
    if temperature == 0:
        return "one takes all"
    if temperature == 1:
        return "as it is"
    return "flatter" if temperature > 1 else "sharper"


def _build_rows(distribution: Distribution, temperature: float) -> Iterator[tuple[str, str]]:
    """Yield the rows of a table, as (label, line): all entries in order, then the sums.

    If there are more than ``MAX_ROWS``, only the likeliest have rows of their own, and one row sums up the others.
    """
    labels, probs, _ = distribution
    logs = log_probs(probs)
    steps = temperature_steps(probs, temperature) if temperature else None
    (shaped,) = probs_at_temperatures(logs, [temperature])
    order = _pick_rows(probs, shaped)
    for i in order:
        values = (steps.log[i], steps.divided[i], steps.exponential[i]) if steps else (logs[i], None, None)
        yield labels[i], _format_row(probs[i], values, shaped[i])
    if len(order) < len(probs):
        rest = np.delete(np.arange(len(probs)), order)
        others = steps.exponential[rest].sum() if steps else None
        yield f"{len(rest)} others", _format_row(probs[rest].sum(), (None, None, others), shaped[rest].sum())
    total = steps.exponential.sum() if steps else None
    yield "sum", _format_row(probs.sum(), (None, None, total), shaped.sum(), with_bar=False)


def _pick_rows(probs: Array, shaped: Array) -> list[int]:
    """Return the indices of all entries in order, or of the likeliest if there are more than ``MAX_ROWS``.

    At least three are returned. Of the others, those printed as 0.000 before and after the temperature are left out.
    """
    if len(probs) <= MAX_ROWS:
        return list(range(len(probs)))
    order = [int(i) for i in np.argsort(-probs, kind="stable")[:MAX_ROWS]]
    visible = [i for i in order if max(probs[i], shaped[i]) >= MIN_SHOWN_PROBABILITY]
    return order[: max(3, len(visible))]


def _format_row(p: float, steps: Sequence[float | None], shaped: float, with_bar: bool = True) -> str:
    """Return p, the steps (log p, log p / T, exp; None leaves a gap), the result and its bar as a line."""
    log, divided, exponential = map(_format_rounded, steps)
    cells = f"{p:5.3f}  {log:>6}  {divided:>9}  {exponential:>5}   {shaped:5.3f}"
    return f"{cells}  {block_bar(shaped)}".rstrip() if with_bar else cells


def _format_rounded(value: float | None) -> str:
    if value is None:
        return ""
    return "-∞" if value == -np.inf else f"{round(value, 2) + 0.0:.2f}"  # + 0.0 makes 0 of -0


def _format_effective_choices(probs: Array) -> str:
    return f"{effective_choices(probs):.2f}"


def log_probs(probs: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probs))
