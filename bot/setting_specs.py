"""The settings that a channel can have: core's declarations with narrower ranges, and the bot's own."""

from __future__ import annotations

from dataclasses import replace

from discord import app_commands

from ..core.errors import SettingError, suggest
from ..core.setting_spec import Spec
from ..core.setting_types import Bool, Integer, Kind, Number, Ramp, RngNumber
from ..core.settings import SPECS

MAX_MESSAGE = 2000
"""Maximum length of a Discord message, in characters (code points)."""

MAX_LENGTH = 6000
"""Maximum length of a text in characters, about four messages."""

_RANGES: dict[str, tuple[float, float]] = {"temperature": (0.1, 2.0), "length": (1, MAX_LENGTH), "speed": (5, 400)}
_HELP = {
    "temperature": "below 1 safer, above 1 more surprising",
    "speed": "characters per second in typewriter mode",
    "memory": "continue each text from the one before, across restarts (stores a few KB of numbers, no text)",
}
_EXCLUDED = {"whole_seed", *(name for name, spec in SPECS.items() if spec.scope == "view")} - {"speed"}
"""Core settings that a channel does not have, since it has no screen and no long seeds."""


def _bot_spec(name: str, scope: str, help_: str) -> Spec:
    return Spec(name, Bool(), False, None, scope, help_)


def bounded_spec(name: str) -> Spec:
    """Return the declaration of a core setting with the bot's range and help text."""
    spec = SPECS[name]
    kind = _narrow(spec.kind, *_RANGES[name]) if name in _RANGES else spec.kind
    return spec._replace(kind=kind, help=_HELP.get(name, spec.help))


def _narrow(kind: Kind, low: float, high: float) -> Kind:
    """Return a kind of number with its range cut to ``low`` to ``high``."""
    if isinstance(kind, Integer):
        return replace(kind, low=max(int(low), kind.low), high=min(int(high), kind.high), zero_word=None)
    assert isinstance(kind, Number)
    return replace(kind, low=max(low, kind.low), high=min(high, kind.high))


BOT_SETTINGS = {
    spec.name: spec
    for spec in (
        _bot_spec("typewriter", "channel", "show texts while they are written; /temp then acts on the next character"),
        _bot_spec("locked", "channel", "only managers of the channel can change its settings"),
        _bot_spec("age_restricted", "server", "answer only in the server's age-restricted channels"),
    )
}
"""The bot's own settings by name. One with scope "server" holds for all channels of a server."""

SETTINGS = {name: bounded_spec(name) for name in SPECS if name not in _EXCLUDED} | BOT_SETTINGS
"""All settings of a channel by name."""


def spec_of(name: str) -> Spec:
    """Return the declaration of a channel's setting, written as top_p or top-p. Raises SettingError."""
    spec = SETTINGS.get(name.strip().lower().replace("-", "_"))
    if spec:
        return spec
    hint = suggest(name, [each.label for each in SETTINGS.values()], "/settings lists them", limit=3)
    raise SettingError(f"there is no setting {name[:40]!r} here; {hint}")


def option_range(name: str) -> object:
    """Return the type of a slash command's number option, with the range that Discord then checks."""
    kind = bounded_spec(name).kind
    if isinstance(kind, Number):
        return app_commands.Range[float, float(kind.low), float(kind.high)]
    assert isinstance(kind, Integer | RngNumber)
    return app_commands.Range[int, kind.low, kind.high]


def value_to_text(name: str, value: object) -> str:
    """Return a value as text that parses back to exactly the same value. (``kind.show`` rounds.)"""
    if isinstance(value, Ramp):
        return value.exact_text()
    return repr(value) if isinstance(value, float) else spec_of(name).kind.show(value)
