"""Named settings, stored as differences from the defaults: built-in ones, and the user's in one JSON file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from .bounded_json import parse_json, require_type
from .errors import SettingError, StorageError, UsageError, error_text
from .file_io import private_file, write_atomically
from .file_locks import hold_lock
from .paths import lock_file, presets_file
from .sanitize import visible_name
from .settings import SPECS, WATCHED_DEFAULTS, Settings, merge_layers

BUILTIN: dict[str, dict[str, object]] = {
    "strict": {"temperature": 0.3},
    "plain": {"temperature": 1.0},
    "lively": {"temperature": 1.1, "min_p": 0.05},
    "wild": {"temperature": 1.6, "min_p": 0.02},
    "thaw": {"temperature": "0.2..1.6"},
}
"""The presets that come with afterglow."""

DECLARED_DEFAULTS = Settings()
"""The declared defaults."""

LOCK_TIMEOUT = 5.0
"""Seconds to wait for another process that is saving a preset."""

MAX_PRESET_VALUES = 100_000
"""Most values in the file of the user's presets: thousands of them, with every setting in each."""

_PRESET_SCOPES = ("token", "passage")


def load_all() -> dict[str, dict[str, object]]:
    """Return all presets by name. The user's replace built-in ones of the same name. Damaged ones are left out.

    Raises StorageError.
    """
    usable: dict[str, dict[str, object]] = {}
    for name, values in _load_user_presets().items():
        with contextlib.suppress(SettingError):
            usable[name] = _require_settings(values)
    return BUILTIN | usable


def apply(name: str, settings: Settings, defaults: Settings) -> Settings:
    """Return ``settings`` with the preset ``name`` applied.

    Token and passage settings that the preset does not name are reset to ``defaults``. ``rng`` and view settings stay.
    Raises UsageError for an unknown name, SettingError for an invalid value, StorageError.
    """
    known = load_all()
    if name not in known:
        _require_not_damaged(name)
        raise UsageError(f"there is no preset {name!r}; there are: {', '.join(known)}")
    chosen = merge_layers(known[name])
    named = _setting_names(known[name])
    values = {n: getattr(chosen if n in named else defaults, n) for n in SPECS if _is_preset_setting(n)}
    return settings.changed(**values)


def save(name: str, settings: Settings, replace: bool = False, defaults: Settings = DECLARED_DEFAULTS) -> None:
    """Save the token and passage settings, except ``rng``, as a preset, so that ``apply`` restores them.

    Those at their declared defaults are left out, unless ``defaults``, to which ``apply`` would reset them, differ. So
    are those that only the front end chose.
    Raises UsageError for an invalid name, or one that the user has given to another preset unless ``replace``. Raises
    StorageError.
    """
    if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 40:
        raise UsageError(f"{name!r} cannot be a preset's name: use letters, digits, '-' and '_'")
    kept = settings.non_defaults() | {n: getattr(settings, n) for n in defaults.non_defaults()}
    chosen_by_front_end = {n for n in WATCHED_DEFAULTS if getattr(settings, n) == getattr(defaults, n)}
    names = [n for n in kept if _is_preset_setting(n) and n not in chosen_by_front_end]
    values = {n: SPECS[n].kind.to_json(kept[n]) for n in names}
    _put(name, values, replace)


def _put(name: str, values: object, replace: bool = False) -> None:
    with _edit_user_presets() as known:
        if not replace and known.get(name, values) != values:
            raise UsageError(f"there is another preset {name!r}; choose another name, or /preset! to replace it")
        known[name] = values


def require_own(name: str) -> None:
    """Raise UsageError unless the user has a preset of this name. Raises StorageError."""
    own = _load_user_presets()
    if name in own:
        return
    if name in BUILTIN:
        raise UsageError(f"the preset {name!r} comes with afterglow and cannot be deleted")
    raise UsageError(f"there is no preset {name!r} of yours; there are: {', '.join(own) or 'none'}")


def delete(name: str) -> Callable[[], None]:
    """Delete one of the user's presets. Return a function that brings it back. Raises UsageError if there is none.

    Raises StorageError.
    """
    with _edit_user_presets() as known:
        require_own(name)
        return partial(_put, name, known.pop(name))


@contextlib.contextmanager
def _edit_user_presets() -> Iterator[dict[str, object]]:
    """Yield the content of the user's file, and write it again when the block ends. Raises StorageError."""
    with hold_lock(private_file(lock_file("presets")), LOCK_TIMEOUT):
        known = _load_user_presets()
        yield known
        write_atomically(presets_file(), json.dumps(known, indent=1).encode())


def describe(values: Mapping[str, object]) -> str:
    """Return the settings of a preset as they would be typed."""
    return merge_layers(values).format(_setting_names(values)) or "the defaults"


def _is_preset_setting(name: str) -> bool:
    return SPECS[name].scope in _PRESET_SCOPES and name != "rng"


def _setting_names(values: Mapping[str, object]) -> list[str]:
    return [name.replace("-", "_") for name in values]


def _require_settings(values: object) -> dict[str, object]:
    """Return the values of a preset. Raises SettingError if they are no settings that this release can read."""
    if not isinstance(values, dict):
        raise SettingError("it holds no settings")
    merge_layers(values)
    return values


def _require_not_damaged(name: str) -> None:
    """Raise StorageError if the user has a preset ``name`` that cannot be read."""
    try:
        _require_settings(_load_user_presets().get(name, {}))
    except SettingError as error:
        raise StorageError(f"this release cannot read the preset {name!r} in {presets_file()}: {error}") from None


def _load_user_presets() -> dict[str, object]:
    """Return the content of the user's file: what it holds for each name, not checked yet."""
    path = presets_file()
    try:
        presets = require_type(dict, parse_json(path.read_bytes(), MAX_PRESET_VALUES))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error_text(error)}") from error
    except ValueError as error:
        raise StorageError(f"{path} has presets that this release cannot read: {error}") from None
    return {visible_name(name): values for name, values in presets.items()}
