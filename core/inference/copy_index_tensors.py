"""The copy-detection index as tensors of a model file, and its entry in the header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..errors import ModelError
from ..text.copy_index import BUCKETS, MIN_RUN, RUN_LENGTHS, CopyIndex

IndexTensors = dict[str, NDArray[Any]]

PRINTS = "index.prints"
STARTS = "index.starts"
ITEMS = "index.items"


def index_header(index: CopyIndex) -> dict[str, object]:
    """Return the entry ``index`` of the header."""
    items = {"items": True} if index.items is not None else {}
    if index.is_sampled:
        return {"run": MIN_RUN, "every": index.modulus, **items}
    return {"runs": list(index.lengths), "all": index.is_complete, **items}


def index_tensors(index: CopyIndex) -> IndexTensors:
    """Return the tensors of an index by name, all of type U32. One of an earlier release has the fingerprints alone."""
    tensors = {PRINTS: index.prints}
    if not index.is_sampled:
        tensors |= {STARTS: index.starts, **({} if index.items is None else {ITEMS: index.items})}
    return {name: tensor.astype("<u4") for name, tensor in tensors.items()}


def index_tensor_lengths(header: object, entries: Mapping[str, Any]) -> dict[str, int]:
    """Return the length of each tensor of the index that a model file's header announces, by name; {} if it has none.

    Raises ModelError if the entry has another form, or a tensor no length.
    """
    match header:
        case None:
            return {}
        case {"run": 16, "every": modulus} if _is_count(modulus) and 1 <= modulus < 1 << 32:
            return {PRINTS: _parse_length(entries.get(PRINTS))}
        case {"runs": [*lengths], "all": bool()} if lengths == [*RUN_LENGTHS]:
            items = {ITEMS: _parse_length(entries.get(ITEMS))} if _has_items(header) else {}
            return {PRINTS: _parse_length(entries.get(PRINTS)), STARTS: BUCKETS + 1, **items}
    raise ModelError("its index of copied runs has a form that this release cannot read")


def read_index(header: object, tensors: IndexTensors) -> CopyIndex | None:
    """Return the index in ``tensors``, and remove its tensors. None if the header announces none.

    ``index_tensor_lengths`` has accepted the header. Raises ModelError if its buckets are not in order.
    """
    match header:
        case {"every": int(modulus)}:
            return CopyIndex.from_sample(modulus, tensors.pop(PRINTS), _has_items(header))
        case {"all": bool(is_complete)}:
            prints, starts = tensors.pop(PRINTS), tensors.pop(STARTS)
            if starts[0] or starts[-1] != len(prints) or (starts[1:] < starts[:-1]).any():
                raise ModelError("its index of copied runs is damaged; copy the file again")
            return CopyIndex(prints, starts, RUN_LENGTHS, is_complete, items=tensors.pop(ITEMS, None))
    return None


def _has_items(header: object) -> bool:
    return isinstance(header, dict) and header.get("items") is True


def _parse_length(entry: object) -> int:
    match entry:
        case {"shape": [length]} if _is_count(length) and 0 <= length < 1 << 32:
            return int(length)
    raise ModelError("its header announces an index of copied runs, but there is none")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
