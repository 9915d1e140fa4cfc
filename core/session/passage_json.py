"""Passages saved under a name: one JSON file each, replaced atomically. Loading one draws no tokens again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import chain, count
from math import inf, isfinite
from pathlib import Path
from typing import Any

from ..bounded_json import parse_json, require_int_below, require_number, require_type
from ..errors import StorageError, UsageError, error_text
from ..events import Token
from ..file_io import write_atomically
from ..paths import passages_dir
from ..sanitize import visible_name
from ..settings import settings_from_dict
from ..user_files import FileStamp, stamp_file
from .node import Node
from .passage import Passage

PASSAGE_FORMAT = 1
"""Version of the format. Files of a newer one are rejected."""

PASSAGE_SUFFIX = ".passage.json"

MIN_BYTES_PER_VALUE = 4
"""Fewest characters for each value in a saved passage. A token of eight values has about 80, and never below 39."""

FORMAT_ERRORS = (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError)
"""Exceptions that ``from_json`` and ``from_dict`` raise for an invalid passage."""


def list_names() -> list[str]:
    """Return the names of the saved passages, newest first."""
    return [name_of(stamp) for stamp in list_files()]


def list_files() -> list[FileStamp]:
    """Return the files of the saved passages, newest first."""
    stamps = filter(None, map(stamp_file, passages_dir().glob(f"*{PASSAGE_SUFFIX}")))
    return sorted(stamps, key=lambda stamp: stamp.changed, reverse=True)


def name_of(file: FileStamp) -> str:
    """Return the name that the passage in a file was saved under."""
    return visible_name(file.path.name.removesuffix(PASSAGE_SUFFIX))


def path_for(name: str) -> Path:
    """Return the path of a saved passage's file. Raises UsageError if the name is not allowed."""
    if not re.fullmatch(r"\w[\w .-]{0,63}", name):
        raise UsageError(f"{name!r} cannot be a passage's name; use letters, digits, spaces, '.', '-' and '_'")
    return passages_dir() / f"{name}{PASSAGE_SUFFIX}"


def suggest_name(passage: Passage) -> str:
    """Return a name for a passage that no other one has: the beginning of its text and its ``rng``."""
    words = re.sub(r"\W+", "-", passage.text()[:24].lower()).strip("-")
    name = f"{words or 'passage'}-{passage.rng}"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(name for name in names if not _is_of_another(passage, path_for(name)))


def save(passage: Passage, name: str, replace: bool = False) -> Path:
    """Write a passage to a file that only its owner may read (0600).

    Raises UsageError if another passage has the name, or another process changed the file, unless ``replace``. Raises
    StorageError if it fails.
    """
    path = path_for(name)
    if not replace and _is_of_another(passage, path):
        raise UsageError(f"there is another passage {name!r}; choose another name, or /save! to replace it")
    write_atomically(path, to_json(passage).encode())
    passage.saved_as = stamp_file(path)
    return path


def _is_of_another(passage: Passage, path: Path) -> bool:
    """True if there is a file that does not hold an earlier version of the passage."""
    return stamp_file(path) not in (None, passage.saved_as)


def load(name: str) -> Passage:
    """Return the passage saved under ``name``. Raises StorageError if there is none, or it is damaged."""
    path = path_for(name)
    stamp = stamp_file(path)
    try:
        passage = from_json(path.read_text("utf-8"))
        passage.saved_as = stamp
        return passage
    except FileNotFoundError:
        known = ", ".join(list_names()[:10]) or "none"
        raise StorageError(f"there is no saved passage {name!r}; saved passages: {known}") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error_text(error)}") from error
    except FORMAT_ERRORS:
        raise StorageError(f"{path} is not a passage that this release can read; it was not changed") from None


def to_json(passage: Passage) -> str:
    """Return a passage as JSON: the whole tree, with one list of values for each token field."""
    nodes = [{**node_header(node), "tokens": token_columns(list(node.tokens))} for node in passage.nodes]
    return json.dumps({"format": PASSAGE_FORMAT, **passage_header(passage), "nodes": nodes}, allow_nan=False)


def from_json(text: str) -> Passage:
    """Return the passage of a JSON text. Raises one of ``FORMAT_ERRORS`` if it is invalid."""
    return from_dict(parse_json(text, max_values(text)))


def max_values(text: str | bytes) -> int:
    """Return the largest number of JSON values that a passage, or a part of one, has if it is as long as ``text``."""
    return len(text) // MIN_BYTES_PER_VALUE + 1024


def from_dict(data: Any) -> Passage:
    """Return the passage of decoded JSON. Raises one of ``FORMAT_ERRORS`` if it is invalid."""
    if not 1 <= require_type(int, data["format"]) <= PASSAGE_FORMAT:
        raise ValueError
    passage = Passage(
        require_type(str, data["model"]),
        require_type(str, data["model_sha256"]),
        require_int_below(1 << 32, data["rng"]),
    )
    for number, values in enumerate(require_type(list, data["nodes"])):
        node = _node_from_dict(values, passage)
        if node.parent is not None:
            passage.nodes[node.parent].children.append(number)
        passage.nodes.append(node)
    for number, values in enumerate(data["nodes"]):
        passage.nodes[number].visited = _parse_redo_child(values["visited"], number, passage)
    passage.cursor = None if data["cursor"] is None else require_int_below(len(passage.nodes), data["cursor"])
    if data.get("settings") is not None:
        passage.settings = settings_from_dict(require_type(dict, data["settings"]))
    return passage


def passage_header(passage: Passage) -> dict[str, Any]:
    """Return the fields of a passage except its nodes, by name."""
    header = {name: getattr(passage, name) for name in ("model", "model_sha256", "rng", "cursor")}
    return header | {"settings": passage.settings and passage.settings.to_dict()}


def node_header(node: Node) -> dict[str, Any]:
    """Return the fields of a node except its tokens and snapshots, by name."""
    header = {name: getattr(node, name) for name in ("parent", "at", "seed", "take", "tail", "reason", "visited")}
    return header | {"filters": [[first, filters.to_dict()] for first, filters in list(node.filters)]}


def token_columns(tokens: list[Token]) -> dict[str, list[Any]]:
    """Return tokens as JSON stores them: a list of values for each field, by name."""
    columns = {name: [getattr(token, name) for token in tokens] for name in _TOKEN_COLUMNS}
    # JSON has no infinity: null stands for the -inf of a forced token that the filters had removed.
    columns["shaped"] = [value if isfinite(value) else None for value in columns["shaped"]]
    return columns


def _node_from_dict(values: dict[str, Any], passage: Passage) -> Node:
    tokens = _tokens_from_columns(values["tokens"])
    parent = None if values["parent"] is None else require_int_below(len(passage.nodes), values["parent"])
    seed = None if values["seed"] is None else require_type(str, values["seed"])
    if (parent is None and seed is None) or (seed is not None and tokens):
        raise ValueError
    parent_length = 0 if parent is None else len(passage.nodes[parent].tokens)
    return Node(
        parent,
        at=require_int_below(parent_length + 1, values["at"]),
        seed=seed,
        tokens=tokens,
        take=require_int_below(1 << 63, values["take"]),
        tail=require_type(str, values["tail"]),
        reason=require_type(str, values["reason"]),
        filters=[
            (require_int_below(1 << 31, first), settings_from_dict(require_type(dict, settings)))
            for first, settings in values.get("filters", [])
        ],
    )


def _parse_redo_child(value: object, number: int, passage: Passage) -> int | None:
    """Return the child of node ``number`` that redo goes to. Raises ValueError if it has no such child."""
    if value is None:
        return None
    child = require_int_below(len(passage.nodes), value)
    if passage.nodes[child].parent != number:
        raise ValueError
    return child


def _tokens_from_columns(stored: dict[str, list[Any]]) -> list[Token]:
    absent = [None] * len(stored["id"])  # files of the first release have no "bound"
    columns = [[check(value) for value in stored.get(name, absent)] for name, check in _TOKEN_COLUMNS.items()]
    return [Token(*row) for row in zip(*columns, strict=True)]


_TOKEN_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: require_type(str, value),
    "id": lambda value: require_int_below(1 << 31, value),
    "logprob": require_number,
    "shaped": lambda value: -inf if value is None else require_number(value),
    "rank": lambda value: require_int_below(1 << 31, value),
    "entropy": require_number,
    "temperature": require_number,
    "bound": lambda value: None if value is None else require_number(value),
}
"""Functions that check and convert the values of each token field, in the order of the fields."""
