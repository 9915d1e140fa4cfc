"""Passages on disk: one JSON file each, written whole or not at all. Opening one never draws again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import inf, isfinite
from pathlib import Path
from typing import Any, TypeVar

from ..errors import StorageError, UsageError, error_text
from ..events import Token
from ..file_io import write_atomically
from ..paths import passages_dir
from ..settings import settings_from_dict
from .passage import Node, Passage

PASSAGE_FORMAT = 1
SUFFIX = ".passage.json"

T = TypeVar("T")


def list_names() -> list[str]:
    """What has been saved, newest first."""
    files = sorted(passages_dir().glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.name.removesuffix(SUFFIX) for path in files]


def path_for(name: str) -> Path:
    """The file of a saved passage; raises UsageError for a name that cannot be one."""
    if not re.fullmatch(r"\w[\w .-]{0,63}", name):
        raise UsageError(f"{name!r} cannot be a passage's name: use letters, digits, spaces, '.', '-' and '_'")
    return passages_dir() / f"{name}{SUFFIX}"


def suggest_name(passage: Passage) -> str:
    """A name made of the seed and the RNG seed."""
    words = re.sub(r"\W+", "-", passage.text()[:24].lower()).strip("-")
    return f"{words or 'passage'}-{passage.rng}"


def save(passage: Passage, name: str) -> Path:
    """Write a passage for its owner alone (0600); raises StorageError and leaves what was there."""
    path = path_for(name)
    write_atomically(path, to_json(passage).encode(), mode=0o600)
    return path


def load(name: str) -> Passage:
    """A saved passage; raises StorageError where there is none or it is damaged."""
    path = path_for(name)
    try:
        return from_json(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(list_names()[:10]) or "none"
        raise StorageError(f"there is no saved passage {name!r}; there are: {known}") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error_text(error)}") from error
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise StorageError(f"{path} is not a passage that this release can read; it was left as it is") from None


def to_json(passage: Passage) -> str:
    """A passage as JSON: the tree, with a column of values for each field of a token."""
    nodes = [{**node_header(node), "tokens": token_columns(list(node.tokens))} for node in passage.nodes]
    return json.dumps({"format": PASSAGE_FORMAT, **passage_header(passage), "nodes": nodes}, allow_nan=False)


def from_json(text: str) -> Passage:
    """The way back; raises ValueError, KeyError, TypeError or IndexError where it is none."""
    return from_dict(json.loads(text))


def from_dict(data: Any) -> Passage:
    """A passage from what JSON gives; raises ValueError, KeyError, TypeError or IndexError where it is none."""
    if not 1 <= _require_type(int, data["format"]) <= PASSAGE_FORMAT:
        raise ValueError
    passage = Passage(
        _require_type(str, data["model"]),
        _require_type(str, data["model_sha256"]),
        _require_int_below(1 << 32, data["rng"]),
    )
    for values in data["nodes"]:
        passage.add(_node_from_dict(values, passage))
    for node, values in zip(passage.nodes, data["nodes"], strict=True):
        node.visited = None if values["visited"] is None else node.children[node.children.index(values["visited"])]
    passage.cursor = None if data["cursor"] is None else _require_int_below(len(passage.nodes), data["cursor"])
    passage.settings = (
        None if data.get("settings") is None else settings_from_dict(_require_type(dict, data["settings"]))
    )
    return passage


def passage_header(passage: Passage) -> dict[str, Any]:
    """What there is to know of a passage besides its nodes, by name."""
    kept = {name: getattr(passage, name) for name in ("model", "model_sha256", "rng", "cursor")}
    return kept | {"settings": passage.settings and passage.settings.to_dict()}


def node_header(node: Node) -> dict[str, Any]:
    """What there is to know of a node besides its tokens, by name."""
    kept = {name: getattr(node, name) for name in ("parent", "at", "seed", "take", "tail", "reason", "visited")}
    return kept | {"filters": [[first, filters.to_dict()] for first, filters in list(node.filters)]}


def token_columns(tokens: list[Token]) -> dict[str, list[Any]]:
    """Tokens as a list of values for each of their fields."""
    columns = {name: [getattr(token, name) for token in tokens] for name in _TOKEN_COLUMNS}
    # JSON knows no infinity: a token that was taken though the filters had cut it has null.
    columns["shaped"] = [value if isfinite(value) else None for value in columns["shaped"]]
    return columns


def _node_from_dict(values: dict[str, Any], passage: Passage) -> Node:
    stored = values["tokens"]
    nones = [None] * len(stored["id"])  # "bound" came later than the others
    columns = {name: [check(value) for value in stored.get(name, nones)] for name, check in _TOKEN_COLUMNS.items()}
    tokens = [Token(*row) for row in zip(*columns.values(), strict=True)]
    parent = None if values["parent"] is None else _require_int_below(len(passage.nodes), values["parent"])
    seed = None if values["seed"] is None else _require_type(str, values["seed"])
    if (parent is None and seed is None) or (seed is not None and tokens):
        raise ValueError
    kept = 0 if parent is None else len(passage.nodes[parent].tokens)
    at = _require_int_below(kept + 1, values["at"])
    take, tail, why = (
        _require_int_below(1 << 63, values["take"]),
        _require_type(str, values["tail"]),
        _require_type(str, values["reason"]),
    )
    filters = [
        (_require_int_below(1 << 31, first), settings_from_dict(_require_type(dict, kept)))
        for first, kept in values.get("filters", [])
    ]
    return Node(parent, at, seed, tokens, take, tail, reason=why, filters=filters)


def _require_type(kind: type[T], value: Any) -> T:
    """``value`` if it is of this very type; raises TypeError."""
    if type(value) is not kind:
        raise TypeError
    return value


def _require_int_below(end: int, value: Any) -> int:
    """A whole number from 0 on, less than ``end``; raises TypeError or ValueError."""
    if not 0 <= _require_type(int, value) < end:
        raise ValueError
    return int(value)


def _require_finite(value: Any) -> float:
    """A finite number; raises TypeError or ValueError."""
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError
    return float(value)


_TOKEN_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: _require_type(str, value),
    "id": lambda value: _require_int_below(1 << 31, value),
    "logprob": _require_finite,
    "shaped": lambda value: -inf if value is None else _require_finite(value),
    "rank": lambda value: _require_int_below(1 << 31, value),
    "entropy": _require_finite,
    "temperature": _require_finite,
    "bound": lambda value: None if value is None else _require_finite(value),
}
"""The fields of a token in their order, and what each value has to be."""
