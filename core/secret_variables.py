"""Reads secrets from the environment: the text of a variable, or of the file that a variable beside it names."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UsageError, error_text


def read_secret(variable: str) -> str:
    """Return the text of ``variable``, or of the file that ``variable`` + "_FILE" names; "" if neither is set.

    White space around it is left out. Raises UsageError, which names the variable, if the file cannot be read.
    """
    text = os.environ.get(variable, "").strip()
    path = os.environ.get(f"{variable}_FILE", "")
    return text or (_read_file(Path(path), f"{variable}_FILE").strip() if path else "")


def _read_file(path: Path, variable: str) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}, named by {variable}, is not a text file") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}, named by {variable}: {error_text(error)}") from None
