"""Joins the modules of ``core/page`` to one script, so that a page needs no other file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import AfterglowError

_IMPORT = re.compile(r'^import (\* as (?P<all>\w+)|\{(?P<names>[^}]*)\}) from "(?P<path>[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (?P<name>\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*|\bimport\.meta\b.*", re.MULTILINE)


def join_modules(entry: Path) -> str:
    """Return a script that does what the module ``entry`` does, with all modules that it imports, each before its use.

    A module becomes a function that returns its exports, so names in it stay its own. It knows the forms of ``import``
    and ``export`` that the modules have, and raises AfterglowError for any other, and for modules that import each
    other.
    """
    folder, order = entry.parent.parent, list(dict.fromkeys(_visit(entry.resolve(), ())))
    return '"use strict";\n' + "".join(_as_function(path, folder.resolve()) for path in order)


def _visit(path: Path, ancestors: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the modules that a module needs, each after those that it imports, some several times."""
    if path in ancestors:
        raise AfterglowError(f"{path.name} imports itself, by way of {ancestors[-1].name}")
    for match in _IMPORT.finditer(path.read_text("utf-8")):
        yield from _visit((path.parent / match["path"]).resolve(), (*ancestors, path))
    yield path


def _as_function(path: Path, folder: Path) -> str:
    source = path.read_text("utf-8")
    exports = ", ".join(match["name"] for match in _EXPORT.finditer(source))
    body = _EXPORT.sub("", _IMPORT.sub(lambda match: _import(match, path.parent, folder), source))
    if left := _LEFT.search(body):
        raise AfterglowError(f"{path.name} cannot be joined to the others: {left[0][:60]}")
    return f"\nconst {_variable(path, folder)} = (() => {{\n{body}return {{ {exports} }};\n}})();\n"


def _import(match: re.Match[str], folder: Path, root: Path) -> str:
    """Return the statement that takes imported names from a module's function: "const { a, b: c } = $rng;"."""
    names = match["all"] or "{" + re.sub(r"\bas\b", ":", match["names"]).replace(" :", ":") + "}"
    return f"const {names} = {_variable((folder / match['path']).resolve(), root)};\n"


def _variable(path: Path, folder: Path) -> str:
    """Return the name of the variable that holds a module's exports: "$kernel_softmax"."""
    return "$" + re.sub(r"\W", "_", path.relative_to(folder).with_suffix("").as_posix())
