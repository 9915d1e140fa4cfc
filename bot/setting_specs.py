"""The settings that a channel has, and how far they go there: core's declaration, narrowed once, and the bot's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from discord import app_commands

from ..core.errors import SettingError, suggest
from ..core.setting_types import Bool, Integer, Number, Ramp
from ..core.settings import SPECS, Spec

MAX_MESSAGE = 2000
"""Characters (code points) that a Discord message holds."""

_RANGES: dict[str, tuple[float, float]] = {"temperature": (0.1, 2.0), "length": (1, 6000), "speed": (5, 400)}
_HELP = {
    "temperature": "below 1 strict, above 1 diverse",
    "speed": "characters a second in typewriter mode",
    "memory": "let this channel's texts share one state, kept over restarts (a few KB of numbers, no text)",
}
_EXCLUDED = {"whole_seed", *(name for name, spec in SPECS.items() if spec.scope == "view")} - {"speed"}
"""Settings that mean nothing in a channel: a message is short, and is no screen."""


def _bot_spec(name: str, scope: str, help_: str) -> Spec:
    return Spec(name, Bool(), False, None, scope, help_)


def bounded_spec(name: str) -> Spec:
    """A core setting's declaration with the range that it has here; its errors and its help speak of that range."""
    spec = SPECS[name]
    kind: Any = spec.kind
    if name in _RANGES:
        low, high = _RANGES[name]
        kind = replace(kind, low=max(low, kind.low), high=min(high, kind.high))
        kind = replace(kind, zero_word=None) if isinstance(kind, Integer) else kind
    return spec._replace(kind=kind, help=_HELP.get(name, spec.help))


BOT_SETTINGS = {
    spec.name: spec
    for spec in (
        _bot_spec(
            "typewriter", "channel", "write by edits, so that one can watch; /temp then acts on the next character"
        ),
        _bot_spec("locked", "channel", "only who may manage the channel can change its settings"),
        _bot_spec("age_restricted", "server", "answer in this server's age-restricted channels only"),
    )
}
"""What only the bot knows, by name. Scope "server" holds for all of a server's channels."""

SETTINGS = {name: bounded_spec(name) for name in SPECS if name not in _EXCLUDED} | BOT_SETTINGS
"""All that can be set in a channel, by name."""


def spec_of(name: str) -> Spec:
    """The declaration of a channel's setting (top_p and top-p are the same); raises SettingError."""
    found = SETTINGS.get(name.strip().lower().replace("-", "_"))
    if found:
        return found
    hint = suggest(name, [spec.label for spec in SETTINGS.values()], "/settings lists all", limit=3)
    raise SettingError(f"there is no setting {name[:40]!r} here; {hint}")


def option_range(name: str) -> Any:
    """The type of a slash command's option for a setting; Discord's clients then refuse what lies outside."""
    kind: Any = bounded_spec(name).kind
    number = float if isinstance(kind, Number) else int
    return app_commands.Range[number, number(kind.low), number(kind.high)]


def value_to_text(name: str, value: Any) -> str:
    """A value as text that reads back as exactly the same one: what people are shown is rounded."""
    if isinstance(value, Ramp):
        return f"{value.start!r}..{value.end!r}"
    return repr(value) if isinstance(value, float) else spec_of(name).kind.show(value)
