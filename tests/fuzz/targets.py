"""The table of targets. Each is imported when it is used, since training and the bot need more than playing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from .target import Target

_PLACES = {
    "model": ("safetensors_files", "ModelTarget", ""),
    "passage": ("passages", "PassageTarget", ""),
    "archive": ("passages", "ArchiveTarget", ""),
    "state": ("passages", "StateTarget", ""),
    "styled-passage": ("styled", "StyledPassageTarget", ""),
    "styled-state": ("styled", "StyledStateTarget", ""),
    "checkpoint": ("training", "CheckpointTarget", "torch"),
    "run": ("training", "RunTarget", "torch"),
    "presets": ("preferences", "PresetsTarget", ""),
    "config": ("preferences", "ConfigTarget", ""),
    "text": ("texts", "TextTarget", ""),
    "discord": ("bot_events", "DiscordTarget", "discord"),
    "store": ("bot_store", "StoreTarget", "discord"),
    "planted": ("planted", "PlantedTarget", ""),
}
"""Module, class and requirement of each target."""

TARGETS = [name for name, (_, _, needed) in _PLACES.items() if name != "planted" and (not needed or find_spec(needed))]
"""Names of the targets whose requirements are installed, without the planted one."""


def target_maker(name: str) -> Callable[[], Target]:
    """Return the class of a target."""
    module, class_name, _ = _PLACES[name]
    made: Callable[[], Target] = getattr(import_module(f".{module}", __package__), class_name)
    return made
