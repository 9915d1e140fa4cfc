"""The options of ``afterglow train``: one table for the command line, run.json and the command recorded in a card."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Any

from ..errors import TrainingError
from ..text.formats import ReadOptions
from ..text.items import ITEM_ENDS
from ..text.readers.reader_table import READER_NAMES
from ..text.split import DEFAULT_SPLIT
from .saved_keys import OTHER_RELEASE, REQUEST_KEYS, to_attributes, to_file_keys
from .sizes import MODEL_SIZES
from .typed_json import Between, OtherKeysError, parse

MAX_LIMIT = 1_000_000_000
"""Largest number of minutes or of epochs. Their steps can be counted."""


FIRST_FORMATS = (".jsonl", ".csv", ".tsv")
"""Extensions of the files that the first release did not read as they are."""


@dataclass(frozen=True, slots=True)
class TrainOption:
    """An option of ``afterglow train``: its default, help text, and the type and range of its value.

    A flag (``kind`` is bool) sets the opposite of ``default``. ``low`` and ``high`` are the bounds of a
    number, inclusive unless ``low_excluded``. ``flag`` is "" if it is made of the field's name. The command in the
    model card has only the options that are ``recorded``.
    """

    default: object
    help: str
    kind: type[str | int | float | bool] = str
    low: int | None = None
    high: int | None = None
    low_excluded: bool = False
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    flag: str = ""
    recorded: bool = True

    def permits(self, value: object) -> bool:
        """Return True if ``value`` is the default, or a number in the range or one of the choices if it has those."""
        if value == self.default or self.kind is bool:
            return True
        if self.kind is str:
            return not self.choices or value in self.choices
        low, high = -inf if self.low is None else self.low, inf if self.high is None else self.high
        return Between(low, high).has(value) and not (self.low_excluded and value == low)

    def to_shell(self, value: object) -> str:
        """Return the flag and ``value`` as typed in a shell, quoted if necessary."""
        if self.kind is bool:
            return self.flag
        return f"{self.flag} {shlex.quote(f'{value:g}' if isinstance(value, float) else str(value))}"


def _declare(option: TrainOption) -> Any:
    return dataclasses.field(default=option.default, metadata={"option": option})


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """The options of a run as given. An option that is None was not given and has no fixed default.

    ``paths`` are the TEXT arguments, ``files`` the absolute paths of all files that they expand to.
    """

    name: str = _declare(TrainOption("", "name of the model"))
    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    minutes: float = _declare(
        TrainOption(
            inf, "minutes to train (default: until validation stops improving)", float, 0, MAX_LIMIT, low_excluded=True
        )
    )
    epochs: float = _declare(TrainOption(inf, "passes over the text", float, 0, MAX_LIMIT, low_excluded=True))
    parent: str | None = _declare(
        TrainOption(
            None,
            "model to fine-tune, or auto: the one that reads TEXT best, if any helps",
            metavar="MODEL",
            flag="--from",
        )
    )
    lines: bool = _declare(TrainOption(False, "each line is a text of its own; a sample ends with the line", bool))
    items: str = _declare(
        TrainOption(
            "",
            "the text is a list of items: lines (as --lines), or what stands between blank lines",
            choices=tuple(ITEM_ENDS),
        )
    )
    reader: str = _declare(
        TrainOption(
            "",
            "format of the texts (default: recognized; plain: as they are)",
            choices=READER_NAMES,
            flag="--as",
        )
    )
    field: str = _declare(TrainOption("", "field of JSON to read, such as message.content (default: text)"))
    column: str = _declare(TrainOption("", "column of a table to read, by name or number"))
    author: str = _declare(TrainOption("", "whose messages to read; several with commas between them"))
    label: str = _declare(
        TrainOption("", "label each text with its folder, file or author", choices=("folder", "file", "author"))
    )
    label_column: str = _declare(TrainOption("", "column or field that holds the label of each text"))
    encoding: str = _declare(TrainOption("utf-8", "encoding of the text files, or auto to guess it (default: utf-8)"))
    strict: bool = _declare(TrainOption(False, "stop at a file that cannot be read, instead of leaving it out", bool))
    keep_boilerplate: bool = _declare(TrainOption(False, "keep Project Gutenberg's header and footer", bool))
    lower: bool = _declare(TrainOption(False, "read the text, and later seeds, in lower case", bool))
    split: str = _declare(
        TrainOption(
            DEFAULT_SPLIT,
            f"percent to train on, validate on, hold out (default: {DEFAULT_SPLIT}); 80/10/10 for contiguous parts",
        )
    )
    tokens: str | None = _declare(
        TrainOption(None, "kind of tokens (default: char)", choices=("char", "byte", "bpe", "word"))
    )
    vocabulary_size: int | None = _declare(
        TrainOption(None, "number of tokens, for --tokens bpe or word", int, 257, 65_536, flag="--vocab")
    )
    min_count: int = _declare(
        TrainOption(1, "leave out rarer characters: read as \ufffd, never written (default: 1)", int, 1, MAX_LIMIT)
    )
    size: str | None = _declare(
        TrainOption(None, "size of the model (default: by time and text)", choices=tuple(MODEL_SIZES))
    )
    layers: int | None = _declare(TrainOption(None, "number of LSTM layers", int, 1, 8))
    width: int | None = _declare(TrainOption(None, "hidden units per layer", int, 8, 4096))
    batch_size: int | None = _declare(
        TrainOption(None, "parallel streams per batch (default: 32)", int, 1, 65_536, flag="--batch")
    )
    learning_rate: float | None = _declare(
        TrainOption(None, "peak learning rate (default: by size)", float, 0, 1_000, low_excluded=True, flag="--rate")
    )
    dropout: float | None = _declare(
        TrainOption(None, "dropout multiplier (0 = off, 1 = default, 2 = double)", float, 0, 10)
    )
    index: bool = _declare(TrainOption(True, "do not store the copy-detection index", bool, flag="--no-index"))
    keep: str = _declare(
        TrainOption(
            "best",
            "weights to keep (default: best, where validation is lowest); last also saves the best, as NAME-best",
            choices=("best", "last"),
        )
    )
    licence: str = _declare(TrainOption("", "license of the text, stored in the model card", recorded=False))
    replace: bool = _declare(
        TrainOption(False, "overwrite a model or an unfinished run of that name", bool, recorded=False)
    )

    @property
    def parent_name(self) -> str:
        """Name of the model to fine-tune, without its folder; "" if there is none."""
        return Path(self.parent or "").name

    @property
    def beside_name(self) -> str:
        """Name of the best model that ``--keep last`` saves beside the last one."""
        return f"{self.name}-best"

    @property
    def read_options(self) -> ReadOptions:
        """The options for reading the files."""
        reading = (self.encoding, self.keep_boilerplate, self.field, self.column, self.lines, self.split)
        labels = "author" if self.label_column else self.label, self.label_column
        return ReadOptions(*reading, *labels, self.items, self.reader, self.author, self.strict, self.lower)


def _add_flag(option: TrainOption, name: str) -> TrainOption:
    """Return the option with a flag made of its field's name, unless it declares one."""
    return option if option.flag else dataclasses.replace(option, flag=f"--{name.replace('_', '-')}")


TRAIN_OPTIONS: dict[str, TrainOption] = {
    field.name: _add_flag(field.metadata["option"], field.name) for field in fields(TrainRequest) if field.metadata
}
"""Options by their field of ``TrainRequest``, in the order of ``--help`` and of a recorded command."""


def as_command_line(request: TrainRequest, full_paths: bool = False) -> str:
    """Return the shell command that makes this request. Paths lose their folders unless ``full_paths``."""
    if not full_paths:
        request = dataclasses.replace(request, parent=request.parent_name or None)
    texts = [shlex.quote(path if full_paths else Path(path).name or path) for path in request.paths]
    values = [(option, getattr(request, name)) for name, option in TRAIN_OPTIONS.items() if option.recorded]
    options = [option.to_shell(value) for option, value in values if value != option.default]
    return " ".join(["afterglow train", *texts, *options])


def request_to_json(request: TrainRequest) -> dict[str, Any]:
    """Return the JSON values that run.json stores."""
    return to_file_keys(dataclasses.asdict(request), REQUEST_KEYS)


def request_from_json(values: object) -> TrainRequest:
    """Return the request stored in run.json.

    Raises ValueError if it is damaged, TrainingError if another release wrote it.
    """
    try:
        options = to_attributes(values, REQUEST_KEYS)
        for name in TRAIN_OPTIONS.keys() & options.keys():
            if not TRAIN_OPTIONS[name].permits(options[name]):
                raise ValueError(f"{TRAIN_OPTIONS[name].flag} is out of range")
        request = parse(TrainRequest, options)
    except OtherKeysError:
        raise TrainingError(OTHER_RELEASE) from None
    return request if "reader" in options else _read_as_first_release(request)


def _read_as_first_release(request: TrainRequest) -> TrainRequest:
    """Return a request of the release that read all texts but tables and JSON lines as they are."""
    names = [file.lower().removesuffix(".gz") for file in request.files]
    is_chosen = request.field or request.column or any(name.endswith(FIRST_FORMATS) for name in names)
    return request if is_chosen else dataclasses.replace(request, reader="plain")
