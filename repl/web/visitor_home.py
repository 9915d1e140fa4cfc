"""Throw-away data folders for visitors: models, presets and settings of the host to use, an archive of their own."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ...core.errors import AfterglowError
from ...core.file_io import private_file
from ...core.inference.library import MODEL_SUFFIX, ModelEntry, list_models
from ...core.paths import config_file, log_file, presets_file, theme_file

HOME_PREFIX = "afterglow-visitor-"
"""Beginning of the name of a visitor's folder, which is in the system's folder for temporary files."""

KEPT_LOG_BYTES = 16_000
"""Bytes that are kept of the end of a visitor's log."""


def make_home(models: Iterable[ModelEntry]) -> Path:
    """Return a new data folder, for its owner only, with links to the host's models and to ``models``.

    The host's presets, settings and theme are copied. Raises OSError, for example if the disk is full.
    """
    home = Path(tempfile.mkdtemp(prefix=HOME_PREFIX))
    try:
        _fill_home(home, models)
    except OSError:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return home


def _fill_home(home: Path, extra: Iterable[ModelEntry]) -> None:
    models = home / "models"
    models.mkdir(mode=0o700)
    entries = {entry.name: entry for entry in [*list_models(), *extra] if not entry.bundled}
    for entry in entries.values():
        _link(entry.path.resolve(), models / f"{entry.name}{MODEL_SUFFIX}")
    for path in (presets_file(), config_file(), theme_file()):
        with contextlib.suppress(OSError):  # most people have none of the three
            shutil.copyfile(path, home / path.name)


def remove_home(home: Path) -> None:
    """Delete a visitor's folder, and append the end of its log, which tells of bugs, to the host's log."""
    with contextlib.suppress(OSError, AfterglowError):
        text = (home / log_file().name).read_bytes()[-KEPT_LOG_BYTES:]
        if text:
            with private_file(log_file()).open("ab") as log:
                log.write(text)
    shutil.rmtree(home, ignore_errors=True)


def home_size(home: Path) -> int:
    """Return the bytes that a visitor's files take."""
    total = 0
    for path in home.rglob("*"):
        with contextlib.suppress(OSError):  # a temporary file may be gone by now
            total += path.lstat().st_size
    return total


def _link(source: Path, target: Path) -> None:
    """Make ``target`` a link to ``source``, or a copy where only administrators may make links."""
    try:
        target.symlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
