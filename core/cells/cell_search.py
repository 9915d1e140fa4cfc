"""Searches for the cell, and for the random projection of all cells, that follows one thing best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .features import Feature, Mask, Values
from .passages import ReadPassage

Sums = NDArray[np.float64]


class Measured(NamedTuple):
    """Figures of values that follow a thing: their correlation with it, -1 to 1, where they were found and elsewhere.

    ``accuracy``, 0 to 1: the share of the tokens elsewhere at which a threshold says rightly whether the thing is
    there, or a number above its median.
    """

    r: float
    r_judged: float
    accuracy: float


class CellSearch:
    """Looks among columns, (t, K) for each passage, for the one with the largest correlation with a feature.

    The first of the columns are cells, the others projections. ``passages`` are those to find in and those to judge in.
    """

    def __init__(self, feature: Feature, passages: tuple[list[ReadPassage], list[ReadPassage]]) -> None:
        self.feature = feature
        self._passages = passages
        self._sums = [np.zeros(())] * 6
        self._columns: list[int] = []
        self._values: dict[int, Values] = {}

    def add(self, passage: ReadPassage, columns: Values) -> None:
        """Take the columns of a passage into the correlations, if it is one to find in."""
        if passage in self._passages[0]:
            y = passage.values[self.feature.name]
            sums = len(y), columns.sum(0), np.square(columns).sum(0), y.sum(), np.square(y).sum(), y @ columns
            self._sums = [total + np.asarray(part, np.float64) for total, part in zip(self._sums, sums, strict=True)]

    def choose(self, cells: int) -> tuple[int, int]:
        """Choose the best cell and the best projection; return their columns, the second counted from the first one."""
        strength = np.abs(_correlate(*self._sums))
        return int(np.argmax(strength[:cells])), int(np.argmax(strength[cells:]))

    def collect(self, passage: ReadPassage, chosen: Values) -> None:
        """Keep the chosen columns of a passage, (t, 2)."""
        self._values[id(passage)] = chosen

    def measure(self) -> tuple[Measured, Measured, float]:
        """Return the figures of the cell and of the projection, and the accuracy of the better constant answer."""
        (y_found, x_found), (y_judged, x_judged) = map(self._join, self._passages)
        limit = np.median(y_found) if self.feature.is_number else 0
        there_found, there = y_found > limit, y_judged > limit
        cell, chance = (
            Measured(
                r := correlation(x_found[:, n], y_found),
                correlation(x_judged[:, n], y_judged),
                _accuracy(r, (x_found[:, n], there_found), (x_judged[:, n], there)),
            )
            for n in range(2)
        )
        return cell, chance, float(max(there.mean(), 1 - there.mean()))

    def _join(self, passages: list[ReadPassage]) -> tuple[Values, Values]:
        """Return the feature (t,) and the chosen columns (t, 2) of passages."""
        y = np.concatenate([passage.values[self.feature.name] for passage in passages])
        return y, np.concatenate([self._values[id(passage)] for passage in passages])


def correlation(x: Values, y: Values) -> float:
    """Return Pearson's r of two arrays; 0 if one of them is constant."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    return float(_correlate(*map(np.asarray, (len(x), x.sum(), x @ x, y.sum(), y @ y, x @ y))))


def _correlate(n: Sums, x: Sums, xx: Sums, y: Sums, yy: Sums, xy: Sums) -> Sums:
    """Return Pearson's r from the number of pairs and the sums of x, x², y, y² and x y; 0 if one is constant."""
    spread = np.sqrt(np.maximum(xx - x * x / n, 0) * np.maximum(yy - y * y / n, 0))
    return np.asarray(np.where(spread > 1e-6 * n, (xy - x * y / n) / np.maximum(spread, 1e-12), 0))


def fit_threshold(values: Values, is_there: Mask) -> float:
    """Return the threshold above which ``values`` are most often ``is_there``; infinite if none is better than all."""
    order = np.argsort(values, kind="stable")
    ordered, there = values[order].astype(np.float64), is_there[order]
    right = np.append(0, np.cumsum(~there)) + there.sum() - np.append(0, np.cumsum(there))
    bounds = np.concatenate([[-np.inf], (ordered[1:] + ordered[:-1]) / 2, [np.inf]])
    right[1:-1][ordered[1:] == ordered[:-1]] = -1  # equal values cannot be told apart
    return float(bounds[np.argmax(right)])


def _accuracy(r: float, found: tuple[Values, Mask], judged: tuple[Values, Mask]) -> float:
    """Return the share of the second pair that a threshold fitted to the first gets right."""
    sign = np.float32(-1 if r < 0 else 1)
    threshold = fit_threshold(sign * found[0], found[1])
    return float(((sign * judged[0] > threshold) == judged[1]).mean())
