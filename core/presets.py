"""Settings under a name, kept as differences from the defaults: a few of ours, and the user's in one JSON file."""

from __future__ import annotations

import json
from typing import Any

from .errors import SettingError, StorageError, UsageError, error_text
from .file_io import write_atomically
from .paths import presets_file
from .settings import SPECS, Settings, merge_layers

BUILTIN: dict[str, dict[str, Any]] = {
    "strict": {"temperature": 0.3},
    "plain": {"temperature": 1.0},
    "lively": {"temperature": 1.1, "min_p": 0.05},
    "wild": {"temperature": 1.6, "min_p": 0.02},
    "thaw": {"temperature": "0.2..1.6"},
}
"""Those that come with afterglow."""

_PRESET_SCOPES = ("token", "passage")


def load_all() -> dict[str, dict[str, Any]]:
    """All presets by name; one of the user's stands before one of ours. Raises StorageError."""
    return BUILTIN | _load_user_presets()


def apply(name: str, settings: Settings, defaults: Settings) -> Settings:
    """``settings`` with what a preset says, and everything else about drawing as ``defaults`` have it.

    How the text is shown stays. Raises UsageError for an unknown name, SettingError for a value that cannot be.
    """
    known = load_all()
    if name not in known:
        raise UsageError(f"there is no preset {name!r}; there are: {', '.join(known)}")
    chosen = merge_layers(known[name])
    here = {
        n: getattr(chosen if n in _setting_names(known[name]) else defaults, n)
        for n in SPECS
        if SPECS[n].scope in _PRESET_SCOPES
    }
    return settings.changed(**{n: value for n, value in here.items() if n != "rng"})


def save(name: str, settings: Settings) -> None:
    """Keep what is set under a name; raises UsageError for a bad name, StorageError where it cannot be written."""
    if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 40:
        raise UsageError(f"{name!r} cannot be a preset's name: use letters, digits, '-' and '_'")
    values = {n: v for n, v in settings.to_dict().items() if SPECS[n].scope in _PRESET_SCOPES and n != "rng"}
    write_atomically(presets_file(), json.dumps(_load_user_presets() | {name: values}, indent=1).encode(), mode=0o600)


def describe(values: dict[str, Any]) -> str:
    """What a preset sets, as it would be typed."""
    return merge_layers(values).format(_setting_names(values)) or "the defaults"


def _setting_names(values: dict[str, Any]) -> list[str]:
    return [name.replace("-", "_") for name in values]


def _load_user_presets() -> dict[str, dict[str, Any]]:
    path = presets_file()
    try:
        kept = json.loads(path.read_text("utf-8"))
        for values in kept.values():
            merge_layers(values)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error_text(error)}") from error
    except (ValueError, AttributeError, SettingError) as error:
        raise StorageError(f"{path} holds no presets that this release can read: {error}") from None
    return dict(kept)
