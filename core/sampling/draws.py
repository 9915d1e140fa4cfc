"""A draw, to be shown: the probabilities as parts of one bar from 0 to 1, and where the drawn number falls on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..text.display_width import display_width
from .filters import Array
from .sampler import draw


class BarPart(NamedTuple):
    """A part of the bar: a token's id, and its label, cut or filled to the columns of the part."""

    id: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """The probabilities (V,) that a token is drawn from, the number from 0 to 1 that decides, and each id's label.

    The tokens lie on the bar in the order of their ids, each as long as its probability. The number falls on the token
    that is drawn: the first at which the sum of the probabilities exceeds it. (Inverse transform sampling: Devroye
    1986, "Non-Uniform Random Variate Generation", chapter III.)
    """

    probs: Array
    uniform: float
    label: Callable[[int], str]

    @property
    def token(self) -> int:
        """The id of the token on which the number falls, as the engine draws it."""
        with np.errstate(divide="ignore"):
            return int(draw(np.log(self.probs)[None], np.array([[self.uniform]]))[0])

    @property
    def bounds(self) -> tuple[float, float]:
        """Beginning and end of the part of the bar on which the number falls, 0 to 1."""
        ends = self.probs.cumsum() / self.probs.sum()
        token = self.token
        return float(ends[token - 1]) if token else 0.0, float(ends[token])

    def pointer(self, columns: int) -> str:
        """Return the number with an arrow above its place on a bar of so many columns, at the side that has room."""
        text = f"{' ' * self.column(columns)}▼ {self.uniform:.3f}"
        return text if len(text) <= columns else f"{self.uniform:.3f} ▼".rjust(self.column(columns) + 1)

    def column(self, columns: int) -> int:
        """Return the column that contains the number, of a bar of so many columns."""
        return min(columns - 1, int(self.uniform * columns))

    def split(self, columns: int) -> Iterator[BarPart]:
        """Yield the parts of a bar of so many columns.

        A column belongs to the token at its middle, that of the number to the token that is drawn. Tokens that are too
        improbable for a column have none.
        """
        ends = self.probs.cumsum() / self.probs.sum()
        owners = np.minimum(np.searchsorted(ends, (np.arange(columns) + 0.5) / columns, "right"), len(ends) - 1)
        owners[self.column(columns)] = self.token
        starts = np.flatnonzero(np.diff(owners, prepend=-1))
        for start, end in zip(starts, [*starts[1:], columns], strict=True):
            width, text = int(end - start), self.label(int(owners[start]))
            rest = width - display_width(text)
            yield BarPart(int(owners[start]), text + "─" * rest if rest >= 0 else "─" * width)
