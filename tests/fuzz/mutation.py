"""Edits: the changes to a sample. A case is a list of them, so it stays the same when the fuzzer changes.

First those of arrays: ["cast", NAME, DTYPE, SHAPE] ["number", NAME, INDEX, VALUE] ["fill", NAME, VALUE] ["lose", NAME]
["call", NAME, NAME]. Then those of the tree: ["put", PATH, VALUE] ["drop", PATH] ["rename", PATH, KEY]
["swap", PATH, PATH] ["repeat", PATH, COUNT]. Then those of the file's bytes: ["flip", AT, BIT] ["cut", AT]
["insert", AT, HEX].
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from .values import is_recipe, unexpected

Edit = list[Any]
Path = list[Any]

DTYPES = ["int8", "uint8", "bool", "int16", "int32", "int64", "float16", "float32", "float64", "uint32"]
EXTREMES = ["nan", "inf", "-inf", "3.4e38", "1e30", "-1e30", "-1", "0", "127", "70000", "1e-40"]


@dataclass
class Sample:
    """A file taken apart: a tree of JSON values, and arrays by name."""

    tree: Any
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def random_edits(rng: Random, sample: Sample, size: int) -> list[Edit]:
    """Return one to three edits of a sample whose file has ``size`` bytes."""
    kinds = [_tree_edit] * 8 + [_array_edit] * (4 if sample.arrays else 0) + [_bytes_edit]
    return [rng.choice(kinds)(rng, sample, size) for _ in range(rng.choice([1, 1, 1, 2, 3]))]


def edited(sample: Sample, edits: list[Edit]) -> Sample:
    """Return a sample with the edits of its arrays and its tree. Those that no longer apply are skipped."""
    arrays = {name: array.copy() for name, array in sample.arrays.items()}
    for edit in edits:
        with contextlib.suppress(KeyError, IndexError, ValueError, OverflowError, TypeError):
            _ARRAY_EDITS.get(edit[0], _nothing)(arrays, *edit[1:])
    tree = copy.deepcopy(sample.tree)
    if "entries" in tree:
        tree["entries"] = entries_of(arrays)
    for edit in edits:
        with contextlib.suppress(KeyError, IndexError, TypeError, AttributeError):
            _TREE_EDITS.get(edit[0], _nothing)(tree, *edit[1:])
    return Sample(tree, arrays)


def edited_bytes(data: bytes, edits: list[Edit]) -> bytes:
    """Return the bytes of a file with those edits that change bytes."""
    for edit in edits:
        data = _BYTES_EDITS.get(edit[0], lambda data, *_: data)(data, *edit[1:])
    return data


def entries_of(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the entries of a safetensors header."""
    entries, at = {}, 0
    for name, array in arrays.items():
        kind = {"b": "BOOL", "i": "I", "u": "U", "f": "F"}[array.dtype.kind]
        bits = "" if kind == "BOOL" else str(8 * array.dtype.itemsize)
        entries[name] = {"dtype": kind + bits, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    return entries


def random_path(rng: Random, tree: Any) -> Path:
    """Return the path to a random value. Each level is as likely as the next, however many values a list has."""
    path: Path = []
    while isinstance(tree, dict | list) and tree and not is_recipe(tree) and (not path or rng.random() < 0.8):
        path.append(rng.choice(list(tree)) if isinstance(tree, dict) else rng.randrange(len(tree)))
        tree = tree[path[-1]]
    return path


def value_at(tree: Any, path: Path) -> Any:
    """Return the value at a path."""
    for step in path:
        tree = tree[step]
    return tree


def _tree_edit(rng: Random, sample: Sample, _: int) -> Edit:
    path = random_path(rng, sample.tree)
    kind = rng.choice(["put"] * 7 + ["drop", "rename", "swap", "repeat"])
    if kind == "put":
        return ["put", path, unexpected(rng, value_at(sample.tree, path))]
    more = {"drop": [], "rename": [rng.choice(["", "x", "id", "model"])], "repeat": [rng.choice([2, 3, 1000])]}
    return [kind, path, *more.get(kind, [random_path(rng, sample.tree)])]


def _array_edit(rng: Random, sample: Sample, _: int) -> Edit:
    name = rng.choice(list(sample.arrays))
    array = sample.arrays[name]
    shape = [rng.choice([n, n, n + 1, max(0, n - 1), 0, 1, 2 * n]) for n in array.shape]
    return rng.choice(
        [
            ["cast", name, rng.choice([*DTYPES, array.dtype.name]), shape],
            ["cast", name, rng.choice(DTYPES), list(array.shape)],
            ["cast", name, array.dtype.name, rng.choice([[], [1], [1, *array.shape], list(array.shape)[::-1]])],
            ["number", name, rng.randrange(max(1, array.size)), rng.choice(EXTREMES)],
            ["fill", name, rng.choice(EXTREMES)],
            ["lose", name],
            ["call", name, rng.choice([*sample.arrays, name + ".0", "x", ""])],
        ]
    )


def _bytes_edit(rng: Random, _: Sample, size: int) -> Edit:
    at = rng.randrange(max(1, rng.choice([size, min(size, 200)])))
    junk = rng.choice(["00", "ff" * 8, "0a", "7b5b22", "504b0304"])
    return rng.choice([["flip", at, rng.randrange(8)], ["cut", at], ["insert", at, junk]])


def _nothing(*_: Any) -> None:
    """Do nothing: the edit is of another kind."""


def _cast(arrays: dict[str, np.ndarray], name: str, dtype: str, shape: list[int]) -> None:
    with np.errstate(all="ignore"):
        arrays[name] = np.resize(arrays[name], tuple(shape)).astype(dtype)


def _number(arrays: dict[str, np.ndarray], name: str, index: int, value: str) -> None:
    arrays[name].reshape(-1)[index] = _converted(arrays[name], value)


def _fill(arrays: dict[str, np.ndarray], name: str, value: str) -> None:
    arrays[name].fill(_converted(arrays[name], value))


def _converted(array: np.ndarray, value: str) -> Any:
    with np.errstate(all="ignore"):
        return np.float64(value).astype(array.dtype)


def _lose(arrays: dict[str, np.ndarray], name: str) -> None:
    del arrays[name]


def _call(arrays: dict[str, np.ndarray], name: str, new: str) -> None:
    arrays[new] = arrays.pop(name)


def _put(tree: Any, path: Path, value: Any) -> None:
    value_at(tree, path[:-1])[path[-1]] = copy.deepcopy(value)


def _drop(tree: Any, path: Path) -> None:
    del value_at(tree, path[:-1])[path[-1]]


def _rename(tree: Any, path: Path, key: str) -> None:
    inside = value_at(tree, path[:-1])
    inside[key] = inside.pop(path[-1])


def _swap(tree: Any, path: Path, other: Path) -> None:
    one, two = copy.deepcopy(value_at(tree, path)), copy.deepcopy(value_at(tree, other))
    _put(tree, path, two)
    _put(tree, other, one)


def _repeat(tree: Any, path: Path, count: int) -> None:
    inside, at = value_at(tree, path[:-1]), path[-1]
    inside[at : at + 1] = [copy.deepcopy(inside[at]) for _ in range(count)]


def _flip(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] if at < len(data) else data


_ARRAY_EDITS = {"cast": _cast, "number": _number, "fill": _fill, "lose": _lose, "call": _call}
_TREE_EDITS = {"put": _put, "drop": _drop, "rename": _rename, "swap": _swap, "repeat": _repeat}
_BYTES_EDITS = {
    "flip": _flip,
    "cut": lambda data, at: data[:at],
    "insert": lambda data, at, junk: data[:at] + bytes.fromhex(junk) + data[at:],
}
