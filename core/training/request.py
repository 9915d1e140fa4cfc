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
from ..text.files import STDIN, expand_paths
from ..text.formats import ReadOptions
from ..text.split import DEFAULT_SPLIT
from .sizes import TrainOverrides


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What was asked for. ``files`` are all the files that ``paths`` stood for, by their full path."""

    name: str
    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    reading: ReadOptions = field(default_factory=ReadOptions)
    tokens: str | None = None
    vocabulary: int | None = None
    start: str | None = None
    min_count: int = 1
    wanted: TrainOverrides = field(default_factory=TrainOverrides)
    licence: str = ""
    replace: bool = False
    index: bool = True

    @property
    def start_name(self) -> str:
        """The model to go on from, without where it lies; "" for none."""
        return Path(self.start or "").name


def as_command_line(request: TrainRequest, full_paths: bool = False) -> str:
    """The command line that trains such a model; without ``whole_paths`` it does not tell where the texts lie."""
    reading, wanted = request.reading, request.wanted
    texts = [shlex.quote(path if full_paths else Path(path).name or path) for path in request.paths]
    words = ["afterglow train", *texts, f"--name {shlex.quote(request.name)}"]
    options: dict[str, Any] = {
        "minutes": None if wanted.minutes == inf else f"{wanted.minutes:g}",
        "epochs": None if wanted.epochs == inf else f"{wanted.epochs:g}",
        "size": wanted.size,
        "layers": wanted.layers,
        "width": wanted.width,
        "batch": wanted.batch,
        "rate": None if wanted.rate is None else f"{wanted.rate:g}",
        "dropout": None if wanted.dropout is None else f"{wanted.dropout:g}",
        "tokens": request.tokens,
        "vocab": request.vocabulary,
        "from": request.start if full_paths else request.start_name,
        "min-count": None if request.min_count == 1 else request.min_count,
        "encoding": None if reading.encoding == "utf-8" else reading.encoding,
        "field": reading.field,
        "column": reading.column,
        "split": None if reading.split == DEFAULT_SPLIT else reading.split,
    }
    words += [f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value]
    flags = {"lines": reading.lines, "keep-boilerplate": reading.keep_boilerplate, "no-index": not request.index}
    return " ".join(words + [f"--{name}" for name, given in flags.items() if given])


def resolve_paths(request: TrainRequest, save_stdin: Callable[[], Path]) -> TrainRequest:
    """With every file by its full path, so that the run can be resumed from anywhere; standard input is kept.

    Raises UsageError where no text was named, TextError where there is none.
    """
    if not request.paths:
        raise UsageError("name a text to learn from, or - for standard input")
    found = [path for word in request.paths for path in expand_paths(word)]
    whole = (str(save_stdin() if path == STDIN else Path(path).absolute()) for path in found)
    start = str(Path(request.start).absolute()) if request.start and is_path(request.start) else request.start
    return replace(request, files=tuple(whole), start=start)


def request_from_json(values: dict[str, Any]) -> TrainRequest:
    """A wish from its JSON values; raises TrainingError where another release wrote them."""
    try:
        parts = {"reading": ReadOptions(**values["reading"]), "wanted": TrainOverrides(**values["wanted"])}
        return TrainRequest(**{**values, **parts, "paths": tuple(values["paths"]), "files": tuple(values["files"])})
    except (KeyError, TypeError):
        raise TrainingError("the run was begun by another release; begin anew with --replace") from None
