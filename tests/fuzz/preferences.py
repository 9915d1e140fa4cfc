"""The user's files of settings: presets and configuration."""

from __future__ import annotations

import json
import re

from afterglow.core import presets
from afterglow.core.commands.preset_commands import list_presets
from afterglow.core.errors import ModelError, SettingError, StorageError
from afterglow.core.paths import config_file, presets_file
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.cli.options import load_model_and_settings

from .mutation import Edit, Sample
from .play import check_events
from .target import TINY, TinyTarget
from .values import to_json

CHOSEN = Settings(
    temperature=0.7,
    ban=("q", "z"),
    bias=(("e", -1.5), (" ", 0.5)),
    top_p=0.9,
    finish="line",
    stop=("a", "\n"),
    surprise=2.0,
    length=12,
    dry_base=1.8,
)


class PresetsTarget(TinyTarget):
    """The user's presets: listed, described, applied, and kept when another is saved."""

    name = "presets"
    promises = (StorageError, SettingError)

    def make_sample(self) -> Sample:
        """Return two presets."""
        presets_file().unlink(missing_ok=True)
        presets.save("mine", CHOSEN)
        presets.save("other", Settings(temperature=1.2))
        return Sample(json.loads(presets_file().read_text("utf-8")))

    def use(self, data: bytes, _: list[Edit]) -> None:
        """List, apply, play, save."""
        self.put(presets_file(), data)
        for values in presets.load_all().values():
            presets.describe(values)
        list_presets()
        for name in presets.load_all():
            settings = presets.apply(name, Settings(rng=7), Settings())
            session = Session(self.model, settings.changed(length=5, speed=0))
            check_events(session.write_from("The"))
        presets.save("third", CHOSEN)


class ConfigTarget(TinyTarget):
    """The configuration file: its settings are merged, shown and played."""

    name = "config"
    promises = (SettingError, ModelError)

    def make_sample(self) -> Sample:
        """Return a configuration with a model and a setting of each kind."""
        return Sample({"model": str(TINY), **CHOSEN.to_dict(), "autosave": True, "temperature": "0.2..1.6"})

    def pack(self, sample: Sample) -> bytes:
        """Return TOML."""
        tree = sample.tree if isinstance(sample.tree, dict) else {}
        return "".join(f"{_key(key)} = {_toml(to_json(value))}\n" for key, value in tree.items()).encode()

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Start as the command line does."""
        self.put(config_file(), data)
        model, settings = load_model_and_settings(None, "int8", {})
        settings.format(settings.non_defaults())
        check_events(Session(model, settings.changed(length=5, speed=0, rng=7)).write_from("The"))


def _key(key: str) -> str:
    return key if re.fullmatch(r"\w+", key) else json.dumps(key)


def _toml(text: str) -> str:
    """Return TOML for JSON: inline tables have "=", and the words for numbers that are not finite are in lower case."""
    text = re.sub(r'("(?:[^"\\]|\\.)*"): ?', r"\1 = ", text)
    return text.replace("NaN", "nan").replace("Infinity", "inf")
