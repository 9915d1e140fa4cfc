"""The settings whose values depend on the model: style, ban, bias and heat."""

from __future__ import annotations

from ..cells.units import require_heat
from ..errors import UsageError
from ..model import Model
from ..settings import Settings

_OF_SAMPLING = ("style", "ban", "bias")


def require_fitting(model: Model, settings: Settings, before: Settings) -> None:
    """Raise UsageError if one of these settings was changed to a value that does not fit the model."""
    if any(getattr(settings, name) != getattr(before, name) for name in _OF_SAMPLING):
        model.require_effective(settings)
    if settings.heat != before.heat:
        require_heat(model.file, settings.heat)


def fit_settings(model: Model, settings: Settings) -> tuple[Settings, str]:
    """Return ``settings`` without a style and a unit that the model lacks, and a notice about these, else ""."""
    fitted = model.voices.fit_settings(settings)
    lost = "" if fitted.style == settings.style else f"{model.name} has no {settings.format(['style'])}"
    try:
        require_heat(model.file, settings.heat)
    except UsageError as error:
        fitted = fitted.changed(heat="off")
        lost = "; ".join(filter(None, (lost, f"heat is off: {error}")))
    return fitted, lost
