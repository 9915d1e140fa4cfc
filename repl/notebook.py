"""Notebooks as a front end: a slider that turns the temperature of a text, and the tables of ``/explain``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..core.commands import explain as explaining
from ..core.commands.draw_table import draw_table
from ..core.commands.effects import Listing, Table
from ..core.commands.explain_tables import Distribution, build_table
from ..core.errors import MissingExtraError, UsageError
from ..core.model import Model
from ..core.sampling.rng import PositionRNG
from ..core.sampling.temperature import parse_probabilities

if TYPE_CHECKING:
    from ipywidgets import VBox


SLIDER_MAX = 2.0
"""Highest temperature of a slider that does not begin above it. Most text above it is noise."""

SLIDER_LENGTH = 300
"""Tokens that a slider writes if no ``length`` is given: a fraction of a second at each move."""


class Tables(NamedTuple):
    """Tables that a notebook shows one below the other."""

    tables: Sequence[Listing | Table]

    def _repr_html_(self) -> str:
        return "<br>".join(table._repr_html_() for table in self.tables)


def slider(
    model: Model, seed: str = "", temperature: float = 0.8, rng: int = 1, heat: str = "surprise", **settings: object
) -> VBox:
    """Return a slider of the temperature, and the text that continues ``seed`` at it, in the colors of ``heat``.

    Each move writes the text again with the same random numbers, so that only the temperature differs. Keywords are
    settings, as in ``Model.stream``; the slider begins at ``temperature``. Raises MissingExtraError without
    ipywidgets, SettingError for a value out of range.
    """
    try:
        import ipywidgets
    except ImportError as error:
        raise MissingExtraError("the slider needs ipywidgets: pip install 'afterglow-lm[notebook]'") from error
    shown = ipywidgets.HTML()
    scale = ipywidgets.FloatSlider(
        value=temperature, min=0, max=max(SLIDER_MAX, temperature), step=0.05, description="T", readout_format=".2f"
    )

    def write(temperature: float) -> None:
        text = model.write(seed, **{"length": SLIDER_LENGTH, **settings, "temperature": temperature, "rng": rng})
        shown.value = text.with_heat(heat)._repr_html_()

    scale.observe(lambda change: write(change["new"]), "value")
    write(scale.value)
    return ipywidgets.VBox([scale, shown])


def explain(
    what: str | Sequence[float], temperatures: Sequence[float] = (1.2, 0.8), model: Model | None = None, rng: int = 1
) -> Tables:
    """Return the tables of ``afterglow explain``, with bars: the probabilities, and the draw from them.

    ``what`` is a list of probabilities, or a text with the ``model`` that predicts its next token. Every step is in the
    table if there is one temperature, only the results if there are several. ``rng`` gives the number that is drawn.
    Raises UsageError if there is no model, or the probabilities are none.
    """
    distribution, position, label = _open_distribution(what, model)
    draw = draw_table(distribution, temperatures, PositionRNG(rng), position, label)
    return Tables([build_table(distribution, temperatures), draw])


def _open_distribution(
    what: str | Sequence[float], model: Model | None
) -> tuple[Distribution, int, Callable[[int], str] | None]:
    """Return (distribution, position of the token that is drawn from it, short labels if they are other ones)."""
    if not isinstance(what, str):
        return explaining.from_probs(parse_probabilities(",".join(map(str, what)))), 0, None
    if model is None:
        raise UsageError("a text is explained with a model: explain(text, temperatures, model)")
    snapshot = model.read(what).snapshot
    return explaining.from_snapshot(model, snapshot), snapshot.position, explaining.token_labels(model)


def explain_step(text: str, model: Model, unit: str | None = None, temperature: float = 1.0) -> Tables:
    """Return the tables of ``afterglow explain --step``: one step of the LSTM in numbers that add up on paper.

    The step reads the last token of ``text``. ``unit`` is the one whose gates are worked, as "2.22"; None takes the one
    that says most. Raises UsageError for a mixture, SettingError if the model has no such unit.
    """
    from .cli import explanations

    return Tables(explanations.explain_step(model, text, [temperature], unit, 1).effects())
