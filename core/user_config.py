"""The user's settings outside the program: the configuration file and the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

from .errors import SettingError
from .paths import config_file
from .settings import SPECS, merge_layers
from .toml_file import TomlFile, naming

_OTHER_KEYS = ("model", "keys")
"""Keys of the configuration file that are not settings."""


def read_config() -> TomlFile:
    """Return the user's configuration file; it has no values if there is none. Raises SettingError."""
    return TomlFile.read(config_file(), SettingError) or TomlFile(config_file(), "", {})


def config_settings() -> dict[str, object]:
    """Return the settings in the configuration file. Raises SettingError, which names file and line."""
    config = read_config()
    values = {name: value for name, value in config.values.items() if name not in _OTHER_KEYS}
    return require_permitted(values, config.place)


def environment_settings() -> dict[str, object]:
    """Return the settings in variables such as AFTERGLOW_TEMPERATURE. Raises SettingError, which names the variable."""
    values = {name: os.environ.get(_variable(name)) for name in SPECS}
    return require_permitted({name: value for name, value in values.items() if value is not None}, _variable)


def require_permitted(values: Mapping[str, object], origin: Callable[[str], str]) -> dict[str, object]:
    """Return a copy of ``values``. Raises SettingError for one that is not permitted, which names its ``origin``."""
    for name, value in values.items():
        with naming(origin, name):
            merge_layers({name: value})
    return dict(values)


@contextmanager
def default_model() -> Iterator[str]:
    """Yield the user's default model, a name or a path, "" if none is set. Errors in the block name where it is set."""
    config = read_config()
    variable = os.environ.get("AFTERGLOW_MODEL")
    name = variable or config.values.get("model", "")
    with naming(lambda: "AFTERGLOW_MODEL" if variable else config.place("model")) if name else nullcontext():
        if not isinstance(name, str):
            raise SettingError("model must be the name or the path of a model, in quotes")
        yield name


def _variable(name: str) -> str:
    return f"AFTERGLOW_{name.upper()}"
