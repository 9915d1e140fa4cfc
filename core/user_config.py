"""The user's settings outside the program: the configuration file and the environment."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from .errors import SettingError
from .settings import SPECS


def read_config(path: Path) -> dict[str, object]:
    """Return the values in the user's TOML file, {} if there is none. Raises SettingError if it is unreadable."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise SettingError(f"cannot read {path}: it is nested too deeply") from None
    except (OSError, ValueError) as error:  # not only TOMLDecodeError: Python refuses numbers of 5,000 digits
        raise SettingError(f"cannot read {path}: {str(error)[:200]}") from None


def read_environment() -> dict[str, str]:
    """Return the settings in environment variables such as AFTERGLOW_TEMPERATURE."""
    values = {name: os.environ.get(f"AFTERGLOW_{name.upper()}") for name in SPECS}
    return {name: value for name, value in values.items() if value is not None}
