"""The declaration of a setting: its name, type, default, scope and help."""

from __future__ import annotations

import reprlib
from typing import NamedTuple

from .errors import SettingError
from .setting_types import Kind


class Spec(NamedTuple):
    """The declaration of one setting.

    ``scope`` is what a change affects: "token" (from the next token on), "passage" (from the next seed or
    continuation on) or "view" (the display only). ``off_value`` turns a filter off. It is None for settings that are
    not filters.
    """

    name: str
    kind: Kind
    default: object
    off_value: object
    scope: str
    help: str

    @property
    def label(self) -> str:
        """The name as users type it: top-p."""
        return self.name.replace("_", "-")

    def parse(self, text: str, current: object = None) -> object:
        """Return the value of ``text``. "+0.1" and "-0.1" are relative to ``current``, if it is given.

        Raises SettingError if the value is not permitted.
        """
        try:
            return self.kind.check(self.kind.parse(text.strip(), current))
        except (TypeError, ValueError, OverflowError):
            raise self.error(text) from None

    def check(self, value: object) -> object:
        """Return ``value`` converted to the setting's type. Raises SettingError if its type or range is wrong."""
        try:
            return self.kind.check(value)
        except (TypeError, ValueError, OverflowError):
            raise self.error(value) from None

    def error(self, value: object) -> SettingError:
        """Return the error for a value that is not permitted, one line that names the range."""
        shown = (repr(value[:40]) if isinstance(value, str) else reprlib.repr(value))[:60]
        return SettingError(f"{self.label} cannot be {shown}: it must be {self.kind.range}")
