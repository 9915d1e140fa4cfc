"""How far people in a channel may turn a setting: core's declaration, narrowed here once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from discord import app_commands

from ..core.settingkinds import NUMBER
from ..core.settings import SPECS, Spec

MESSAGE = 2000
"""Characters (code points) that a Discord message holds."""

_RANGES: dict[str, tuple[float, float]] = {"temperature": (0.1, 2.0), "length": (1, MESSAGE)}
_HELP = {"temperature": "below 1 strict, above 1 diverse"}


def narrowed(name: str) -> Spec:
    """A setting's declaration with the range that it has here; its errors and its help speak of that range."""
    spec = SPECS[name]
    kind: Any = spec.kind
    low, high = _RANGES.get(name, (kind.low, kind.high))
    kind = replace(kind, low=max(low, kind.low), high=min(high, kind.high))
    return spec._replace(kind=kind, help=_HELP.get(name, spec.help))


def option(name: str) -> Any:
    """The type of a slash command's option for a setting; Discord's clients then refuse what lies outside."""
    kind: Any = narrowed(name).kind
    number = float if isinstance(kind, NUMBER) else int
    return app_commands.Range[number, number(kind.low), number(kind.high)]
