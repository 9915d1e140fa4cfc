"""What was asked for of a training run, as values, as JSON and as the command line that asks for it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

from ..errors import TrainingError, UsageError
from ..inference.library import is_path
from ..text.files import STDIN, files
from ..text.formats import Reading
from ..text.split import OURS
from .sizes import Wanted


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. ``files`` are all the files that ``paths`` stood for, by their full path."""

    name: str
    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    reading: Reading = field(default_factory=Reading)
    tokens: str | None = None
    vocabulary: int | None = None
    start: str | None = None
    min_count: int = 1
    wanted: Wanted = field(default_factory=Wanted)
    licence: str = ""
    replace: bool = False
    index: bool = True

    @property
    def start_name(self) -> str:
        """The model to go on from, without where it lies; "" for none."""
        return Path(self.start or "").name


def command(wish: Wish, whole_paths: bool = False) -> str:
    """The command line that trains such a model; without ``whole_paths`` it does not tell where the texts lie."""
    reading, wanted = wish.reading, wish.wanted
    texts = [shlex.quote(path if whole_paths else Path(path).name or path) for path in wish.paths]
    words = ["afterglow train", *texts, f"--name {shlex.quote(wish.name)}"]
    options: dict[str, Any] = {
        "minutes": None if wanted.minutes == inf else f"{wanted.minutes:g}",
        "epochs": None if wanted.epochs == inf else f"{wanted.epochs:g}",
        "size": wanted.size,
        "layers": wanted.layers,
        "width": wanted.width,
        "batch": wanted.batch,
        "rate": None if wanted.rate is None else f"{wanted.rate:g}",
        "dropout": None if wanted.dropout is None else f"{wanted.dropout:g}",
        "tokens": wish.tokens,
        "vocab": wish.vocabulary,
        "from": wish.start if whole_paths else wish.start_name,
        "min-count": None if wish.min_count == 1 else wish.min_count,
        "encoding": None if reading.encoding == "utf-8" else reading.encoding,
        "field": reading.field,
        "column": reading.column,
        "split": None if reading.split == OURS else reading.split,
    }
    words += [f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value]
    flags = {"lines": reading.lines, "keep-boilerplate": reading.keep_boilerplate, "no-index": not wish.index}
    return " ".join(words + [f"--{name}" for name, given in flags.items() if given])


def placed(wish: Wish, keep_input: Callable[[], Path]) -> Wish:
    """With every file by its full path, so that the run can be resumed from anywhere; standard input is kept.

    Raises UsageError where no text was named, TextError where there is none.
    """
    if not wish.paths:
        raise UsageError("name a text to learn from, or - for standard input")
    found = [path for word in wish.paths for path in files(word)]
    whole = (str(keep_input() if path == STDIN else Path(path).absolute()) for path in found)
    start = str(Path(wish.start).absolute()) if wish.start and is_path(wish.start) else wish.start
    return replace(wish, files=tuple(whole), start=start)


def wish_of(values: dict[str, Any]) -> Wish:
    """A wish from its JSON values; raises TrainingError where another release wrote them."""
    try:
        parts = {"reading": Reading(**values["reading"]), "wanted": Wanted(**values["wanted"])}
        return Wish(**{**values, **parts, "paths": tuple(values["paths"]), "files": tuple(values["files"])})
    except (KeyError, TypeError):
        raise TrainingError("the run was begun by another release; begin anew with --replace") from None
