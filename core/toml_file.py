"""TOML files that a user writes. An error in one names the file and the line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ModelError, UsageError, error_text


class TomlFile(NamedTuple):
    """The path of a file, its text, and the values in it."""

    path: Path
    text: str
    values: dict[str, Any]

    @classmethod
    def read(cls, path: Path, error_class: type[UsageError]) -> TomlFile | None:
        """Return the file at ``path``, None if there is none. Raise ``error_class`` if it is unreadable."""
        try:
            data = path.read_bytes()
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
            return cls(path, text, tomllib.loads(text))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise error_class(f"cannot read {path}: {error_text(error)}") from None
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise error_class(f"{path}, line {line}: it is not UTF-8") from None
        except RecursionError:
            raise error_class(f"cannot read {path}: it is nested too deeply") from None
        except ValueError as error:  # not only TOMLDecodeError: Python refuses numbers of 5,000 digits
            raise error_class(f"cannot read {path}: {str(error)[:200]}") from None

    def place(self, *keys: str) -> str:
        """Return path and line of the value to which ``keys`` lead, for example "config.toml, line 3"."""
        return f"{self.path}, line {_line_of(self.text, keys)}"


@contextmanager
def naming(origin: Callable[..., str], *keys: str) -> Iterator[None]:
    """Begin the message of an error about a value with ``origin(*keys)``: where the value came from."""
    try:
        yield
    except (UsageError, ModelError) as error:
        raise type(error)(f"{origin(*keys)}: {error}") from None


def _line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the number of the line where the statement begins that gives ``keys`` a value.

    It is the last statement of the shortest part of the text, cut at the end of a line, that has the value.
    """
    lines = text.split("\n")
    start = 1
    for end in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("\n".join(lines[:end]))
        except ValueError:  # cut within a statement
            continue
        if _has(values, keys):
            break
        start = end + 1
    return start


def _has(values: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True
