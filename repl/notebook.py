"""Notebooks as a front end: a slider that turns the temperature of a text, and the tables of ``/explain``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.commands import explain as explaining
from ..core.commands.effects import Table
from ..core.commands.explain_tables import build_table
from ..core.errors import MissingExtraError, UsageError
from ..core.model import Model
from ..core.sampling.temperature import parse_probabilities

if TYPE_CHECKING:
    from ipywidgets import VBox

SLIDER_MAX = 2.0
"""Highest temperature of a slider that does not begin above it. Most text above it is noise."""

SLIDER_LENGTH = 300
"""Tokens that a slider writes if no ``length`` is given: a fraction of a second at each move."""


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
    what: str | Sequence[float], temperatures: Sequence[float] = (1.2, 0.8), model: Model | None = None
) -> Table:
    """Return the table of ``/explain``, which a notebook shows with bars.

    ``what`` is a list of probabilities, or a text with the ``model`` that predicts its next token. Every step is in the
    table if there is one temperature, only the results if there are several. Raises UsageError if there is no model, or
    the probabilities are none.
    """
    if not isinstance(what, str):
        probs = parse_probabilities(",".join(map(str, what)))
        return build_table(explaining.from_probs(probs), temperatures)
    if model is None:
        raise UsageError("a text is explained with a model: explain(text, temperatures, model)")
    return build_table(explaining.from_snapshot(model, model.read(what).snapshot), temperatures)
