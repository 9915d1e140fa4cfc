"""Reads, checks and writes a model file: NAME.safetensors, int8 weights with row scales, described by a JSON header.

A file may come from a stranger: everything in it is checked before its tensors are read, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import reprlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..bounded_json import parse_json
from ..errors import ModelError
from ..file_io import open_or_error, write_atomically
from ..text.copy_index import CopyIndex
from ..text.copy_tracker import CopyIndexes
from ..text.tokenizer import Tokenizer, from_header
from .copy_index_tensors import index_header, index_tensor_lengths, index_tensors, read_index
from .model_card import Card
from .quantization import WEIGHT_LIMIT
from .styles import STYLE_TENSORS, StyleTable, parse_style_names

FORMAT = 4
"""Version of the format of a model with an index of chosen runs. This release reads it and every earlier one."""

STYLES_FORMAT = 3
"""Version of the format of a model with styles, but without such an index, so that earlier releases can read it."""

PLAIN_FORMAT = 2
"""Version of the format of a model with neither."""

MAX_HEADER_BYTES = 64 << 20
"""Largest header in bytes. 65,536 whole words of Chinese, escaped twice, take 20 MB."""

MAX_DIMENSIONS = {"vocabulary": 1 << 20, "embedding": 1 << 14, "layers": 64, "width": 1 << 14}
"""Largest value of each field of ``Architecture``."""

MAX_ENTRY_VALUES = 4096
"""Most values in the header without our own part: eight for each tensor, of which 64 layers have 262."""

MIN_TOKEN_BYTES = 14
"""Bytes that the tensors hold for a token, if the model has one unit."""

MAX_FLOAT = 1e6
"""Largest scale or bias. Trained ones are below 20. The product of two, times any sum of a model of ``MAX_DIMENSIONS``,
is below 1e20, so logits are finite, and every runtime computes the same ones."""

Tensors = dict[str, NDArray[Any]]
T = TypeVar("T")


class TensorSpec(NamedTuple):
    """The required form of a tensor: its type in safetensors' notation, and its shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The type as a numpy dtype, little-endian."""
        return np.dtype({"I8": "i1", "F32": "<f4", "U32": "<u4"}[self.dtype])

    @property
    def nbytes(self) -> int:
        """Size of the tensor in bytes."""
        return int(np.prod(self.shape, dtype=object)) * self.numpy_dtype.itemsize


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a model: V tokens in the vocabulary, embedding size E, LSTM layers, and H hidden units in each."""

    vocabulary: int
    embedding: int
    layers: int
    width: int

    def tensor_specs(self) -> dict[str, TensorSpec]:
        """Return the form of every tensor of a model file. Gates are in torch's order, i f g o."""
        v, h = self.vocabulary, self.width
        specs = {"embedding.weight": TensorSpec("I8", (v, self.embedding)), "embedding.scale": TensorSpec("F32", (v,))}
        for layer in range(self.layers):
            inputs = h if layer else self.embedding
            specs[f"lstm.{layer}.weight_ih"] = TensorSpec("I8", (4 * h, inputs))
            specs[f"lstm.{layer}.weight_hh"] = TensorSpec("I8", (4 * h, h))
            specs[f"lstm.{layer}.scale"] = TensorSpec("F32", (4 * h,))
            specs[f"lstm.{layer}.bias"] = TensorSpec("F32", (4 * h,))
        specs["projection.weight"] = TensorSpec("I8", (v, h))
        specs["projection.scale"] = TensorSpec("F32", (v,))
        specs["projection.bias"] = TensorSpec("F32", (v,))
        return specs

    @property
    def parameters(self) -> int:
        """Number of weights and biases, without the scales."""
        return sum(int(np.prod(s.shape)) for name, s in self.tensor_specs().items() if not name.endswith("scale"))


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The content of a model file.

    ``sha256``, the hash of tensors, tokenizer and styles, identifies the model. ``index`` detects runs copied from its
    training text; None if the file has no index, as in format 1. ``styles`` is None if the model has none.
    """

    architecture: Architecture
    tokenizer: Tokenizer
    card: Card
    tensors: Tensors
    sha256: str = ""
    index: CopyIndex | None = None
    styles: StyleTable | None = None

    def save(self, path: Path) -> None:
        """Write the file atomically. Raises StorageError if that fails."""
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        from safetensors.numpy import save  # 20 ms that only training needs

        header: dict[str, Any] = {"format": self._format, "architecture": asdict(self.architecture)}
        header |= {"tokenizer": self.tokenizer.header(), "card": asdict(self.card)}
        tensors = self._with_styles()
        if self.styles:
            header["styles"] = list(self.styles.names)
        if self.index:
            header["index"] = index_header(self.index)
            tensors |= index_tensors(self.index)
        return save(tensors, metadata={"afterglow": json.dumps(header)})

    def with_sha256(self) -> ModelFile:
        """Return a copy with the hash computed."""
        digest = hashlib.sha256(json.dumps(self.tokenizer.header()).encode())
        if self.styles:
            digest.update(json.dumps(self.styles.names).encode())
        tensors = self._with_styles()
        for name in sorted(tensors):
            digest.update(np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8).data)
        return replace(self, sha256=digest.hexdigest())

    def copy_indexes(self) -> CopyIndexes:
        """Return the indexes of the texts that the model was trained on, with what the card says about copies."""
        card = self.card
        return CopyIndexes(
            self._indexes(), card.item_end, card.unseen_in_runs_of_16, has_other_text=bool(card.learned_characters)
        )

    def _indexes(self) -> list[CopyIndex | None]:
        return [self.index]

    @property
    def _format(self) -> int:
        """The earliest version that has everything in the file."""
        if self.index and not self.index.is_sampled:
            return FORMAT
        return STYLES_FORMAT if self.styles else PLAIN_FORMAT

    def _with_styles(self) -> Tensors:
        return {**self.tensors, **(self.styles.tensors() if self.styles else {})}


def open_model_file(path: Path) -> ModelFile:
    """Read and check a model file. Raises ModelError, one line with the path, if anything is wrong with it."""
    return _read(path, _read_model)


def read_card(path: Path) -> Card:
    """Return the card of a model file without reading its weights. Raises ModelError if the header is not valid."""
    return _read(path, lambda file, size: Card.from_header(_read_header(file, size)[1].get("card")))


def _read(path: Path, read: Callable[[BufferedReader, int], T]) -> T:
    """Return the result of ``read``, called with the file and its size in bytes. Add the path to its ModelError."""
    with open_or_error(path, ModelError, "model file") as file:
        try:
            return read(file, os.fstat(file.fileno()).st_size)
        except ModelError as error:
            raise ModelError(f"{path} is not a usable model: {error}") from None
        except MemoryError:
            raise ModelError(f"{path} does not fit in the memory that is free") from None


def _read_model(file: BufferedReader, size: int) -> ModelFile:
    entries, header, start = _read_header(file, size)
    architecture = _parse_architecture(header.get("architecture"))
    tokenizer = from_header(header.get("tokenizer"))
    if tokenizer.size != architecture.vocabulary:
        raise ModelError(f"its tokenizer has {tokenizer.size} tokens, its weights {architecture.vocabulary}")
    card = Card.from_header(header.get("card"))
    names = parse_style_names(header.get("styles"))
    specs = architecture.tensor_specs()
    if names:
        forms = TensorSpec("I8", (len(names), 4 * architecture.width)), TensorSpec("F32", (len(names),))
        specs |= dict(zip(STYLE_TENSORS, forms, strict=True))
    lengths = index_tensor_lengths(header.get("index"), entries)
    specs |= {name: TensorSpec("U32", (length,)) for name, length in lengths.items()}
    tensors = _read_tensors(file, start, size, specs, entries)
    index = read_index(header.get("index"), tensors)
    styles = StyleTable(names, *map(tensors.pop, STYLE_TENSORS)) if names else None
    return ModelFile(architecture, tokenizer, card, tensors, index=index, styles=styles).with_sha256()


def _read_header(file: BufferedReader, size: int) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Return the tensors' entries, our own header, and the offset of the first tensor's bytes."""
    first = file.read(8)
    if first[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise ModelError("it is a pickle; pickles can run code and are never opened")
    length = int.from_bytes(first, "little")
    if len(first) < 8 or not 2 <= length <= MAX_HEADER_BYTES:
        raise ModelError("it is not a safetensors file")
    if 8 + length > size:
        raise ModelError("it is cut short; download or copy it again")
    try:
        entries = _parse_object(file.read(length), MAX_ENTRY_VALUES)
        metadata = entries.pop("__metadata__")
        header = _parse_object(metadata["afterglow"], _max_header_values(size - 8 - length))
        version = header["format"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError("it has no afterglow header; it was probably made by another program") from None
    if not _is_count(version) or not 1 <= version <= FORMAT:
        raise ModelError(f"it has format {_show(version)}, this release knows 1 to {FORMAT}; upgrade afterglow")
    return entries, header, 8 + length


def _parse_object(text: str | bytes, max_values: int) -> dict[str, Any]:
    """Return a JSON object. Raises TypeError or ValueError if it is none, or larger than ``max_values``."""
    values = parse_json(text, max_values)
    if not isinstance(values, dict):
        raise TypeError
    return values


def _max_header_values(tensor_bytes: int) -> int:
    """Return the largest number of values in our own header: three for each token, if its merges are pairs of ids."""
    return 4 * min(tensor_bytes // MIN_TOKEN_BYTES, MAX_DIMENSIONS["vocabulary"]) + (1 << 16)


def _parse_architecture(values: object) -> Architecture:
    if not isinstance(values, dict):
        raise ModelError("its header has no architecture")
    for name, largest in MAX_DIMENSIONS.items():
        if not _is_count(values.get(name)) or not 1 <= values[name] <= largest:
            raise ModelError(f"its {name} is {_show(values.get(name))}, not a whole number from 1 to {largest:,}")
    return Architecture(**{name: values[name] for name in MAX_DIMENSIONS})


def _read_tensors(
    file: BufferedReader, start: int, size: int, specs: dict[str, TensorSpec], entries: dict[str, Any]
) -> Tensors:
    for name, spec in specs.items():
        _check_entry(name, spec, entries.get(name))
    if start + sum(spec.nbytes for spec in specs.values()) != size or entries.keys() != specs.keys():
        raise ModelError("its size does not match its header (cut short, or with something added); copy it again")
    offsets = sorted(tuple(entry["data_offsets"]) for entry in entries.values())
    if [begin for begin, _ in offsets] != [0, *(end for _, end in offsets[:-1])]:
        raise ModelError("its tensors overlap or leave gaps")
    data = file.read(size - start)
    tensors = {}
    for name, spec in specs.items():
        begin = entries[name]["data_offsets"][0]
        tensors[name] = np.frombuffer(data, spec.numpy_dtype, int(np.prod(spec.shape)), begin).reshape(spec.shape)
        _require_in_range(name, tensors[name])
    return tensors


def _require_in_range(name: str, tensor: NDArray[Any]) -> None:
    """Raise ModelError for values with which runtimes would differ or logits could be infinite."""
    limit = {"i": WEIGHT_LIMIT, "f": MAX_FLOAT}.get(tensor.dtype.kind)
    if limit and not -limit <= tensor.min() <= tensor.max() <= limit:
        what = "training failed" if limit == MAX_FLOAT else "quantization differs"
        raise ModelError(f"{name} has values beyond ±{limit:,.0f}; its {what}, or the file is damaged")


def _check_entry(name: str, spec: TensorSpec, entry: object) -> None:
    match entry:
        case {"dtype": spec.dtype, "shape": [*sizes], "data_offsets": [int(begin), int(end)]}:
            if tuple(sizes) == spec.shape and begin >= 0 and end - begin == spec.nbytes:
                return
    raise ModelError(f"its tensor {name} is missing or does not have the shape {spec.shape}")


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _show(value: object) -> str:
    """Return a value of the header, printable, in at most 20 characters."""
    return reprlib.repr(value)[:20]
