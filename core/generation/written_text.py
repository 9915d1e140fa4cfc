"""A text that was written, with its tokens: what a notebook shows in heat colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..events import Token
from ..html_views import HtmlView
from ..settings import Settings


@dataclass(frozen=True, slots=True)
class WrittenText(HtmlView):
    """A seed and the tokens that continue it. ``str`` gives the whole text.

    ``heat`` is the figure that colors it in a notebook: "surprise", "rank", "entropy" or "temperature".
    """

    seed: str
    tokens: Sequence[Token]
    heat: str = "surprise"

    def __str__(self) -> str:
        return self.seed + "".join(token.text for token in self.tokens)

    def with_heat(self, heat: str) -> WrittenText:
        """Return the same text, colored by another figure. Raises SettingError if there is no such heat."""
        return replace(self, heat=Settings().changed(heat=heat).heat)
