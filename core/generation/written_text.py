"""A text that was written, with its tokens: what a notebook shows in heat colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..errors import SettingError
from ..events import Token
from ..html_views import HtmlView
from ..setting_heat import Unit, heat_unit
from ..settings import Settings


class Units(Protocol):
    """The units of the network that wrote a text."""

    def values(self, unit: Unit, tokens: Sequence[Token]) -> list[float]:
        """Return the value of a unit after each token."""
        ...


@dataclass(frozen=True, slots=True)
class WrittenText(HtmlView):
    """A seed and the tokens that continue it. ``str`` gives the whole text.

    ``heat`` is what colors it in a notebook: "surprise", "rank", "entropy", "temperature", or a unit of the network, as
    "cell 2.393", whose value after each token is in ``values`` then. ``units`` finds them; None without a model.
    """

    seed: str
    tokens: Sequence[Token]
    heat: str = "surprise"
    values: Sequence[float] = ()
    units: Units | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.seed + "".join(token.text for token in self.tokens)

    def with_heat(self, heat: str) -> WrittenText:
        """Return the same text in other colors. Raises UsageError if there is no such heat, or no such unit."""
        heat = Settings().changed(heat=heat).heat
        unit = heat_unit(heat)
        if unit and self.units is None:
            raise SettingError(f"{heat} is known in a text that model.write returned")
        return replace(self, heat=heat, values=self.units.values(unit, self.tokens) if unit and self.units else ())
