"""Every damage to a run folder that one wrong value, tensor or byte can be. Checkpoints are signed again afterwards.

``python run_dir_mutations.py FOLDER STRIDE`` resumes each in turn, of which FOLDER has the run, and takes steps with
it. Each ends in a line of JSON: the name of the damage, and how the run went on or was refused.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from afterglow.core.errors import AfterglowError
from afterglow.core.training import checkpoint, run, run_dir
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

NESTED: Any = 1
for _ in range(400):
    NESTED = [NESTED]

VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "three": 3,
    "minus one": -1,
    "half": 0.5,
    "2**64": 2**64,
    "280 digits": 10**280,
    "400 digits": 10**400,
    "5000 digits": "DIGITS",
    "1e300": 1e300,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "empty text": "",
    "text": "x",
    "NUL": "\0",
    "surrogate": "\ud800",
    "list": [],
    "list of lists": [[0, 0]],
    "object": {},
    "nested": NESTED,
}
"""Values by name that stand in the place of another. DIGITS becomes a number of 5,000 digits."""

Array = NDArray[Any]

TENSORS: dict[str, Callable[[Array], Array | None]] = {
    "left out": lambda _: None,
    "flat": lambda array: array.reshape(-1) if array.ndim != 1 else array[None],
    "shorter": lambda array: array[:-1] if array.ndim else np.zeros(0, array.dtype),
    "longer": lambda array: np.concatenate([array, array]) if array.ndim else np.zeros(9, array.dtype),
    "turned": lambda array: np.ascontiguousarray(array.T) if array.ndim > 1 else np.zeros((1, 1), array.dtype),
    "empty": lambda array: np.zeros((0, 3), array.dtype),
    "float64": lambda array: array.astype(np.float64),
    "float16": lambda array: array.astype(np.float16),
    "int64": lambda array: array.astype(np.int64) if array.dtype != np.int64 else array.astype(np.int32),
    "uint16": lambda array: array.astype(np.uint16),
    "bool": lambda array: array.astype(bool),
    "NaN": lambda array: np.full_like(array, np.nan) if array.dtype.kind == "f" else np.full_like(array, 255),
    "infinity": lambda array: np.full_like(array, np.inf) if array.dtype.kind == "f" else np.zeros_like(array),
    "negative": lambda array: np.full_like(array, -1) if array.dtype.kind in "fi" else np.ones_like(array),
    "huge": lambda array: np.full_like(array, 3e38) if array.dtype.kind == "f" else np.full_like(array, 127),
}
"""Changes of a tensor by name; None leaves it out."""


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value in a JSON value: of lists only the first item."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    """Return a copy of a JSON value with another value at ``path``."""
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def value_mutations(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield a name and the JSON value with one value in it replaced, left out, or put in."""
    for path in places(value):
        name = "/".join(map(str, path))
        for kind, new in VALUES.items():
            yield f"{name}: {kind}", replaced(value, path, new)
        if path and isinstance(path[-1], str):
            parent = value
            for key in path[:-1]:
                parent = parent[key]  # type: ignore[index]
            yield f"{name}: left out", replaced(value, path[:-1], {k: v for k, v in parent.items() if k != path[-1]})
            yield f"{name}: doubled", replaced(value, path[:-1], {**parent, f"{path[-1]}2": 1})


def to_json(value: object) -> str:
    """Return JSON, with DIGITS as a number of 5,000 digits."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(value).replace('"DIGITS"', "9" * 5_000)
    finally:
        sys.set_int_max_str_digits(limit)


class Mutator:
    """Damages copies of a run folder, one way at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metadata = (folder / "run.json").read_bytes()
        self.path = max(folder.glob(f"*{checkpoint.CHECKPOINT_SUFFIX}"))
        self.data = self.path.read_bytes()
        with safe_open(self.path, "np") as file:
            self.header = json.loads(file.metadata()["afterglow"])
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

    def damages(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Yield the name of each damage, and the function that does it to a whole folder."""
        for name, value in value_mutations(json.loads(self.metadata)):
            yield f"run.json {name}", partial(self._describe, value)
        for name, value in value_mutations(self.header):
            yield f"checkpoint {name}", partial(self.sign, value, self.tensors)
        for tensor in self.tensors:
            for kind in TENSORS:
                yield f"tensor {tensor}: {kind}", partial(self._change_tensor, tensor, kind)
        yield from self._file_damages()

    def damage(self, name: str) -> None:
        """Damage the folder in the way called ``name``."""
        dict(self.damages())[name]()

    def reset(self) -> None:
        """Undo the damage."""
        for path in self.folder.iterdir():
            path.unlink()
        (self.folder / "run.json").write_bytes(self.metadata)
        self.path.write_bytes(self.data)

    def _describe(self, metadata: object) -> None:
        """Write a run.json, and a checkpoint that belongs to it."""
        data = to_json(metadata).encode("utf-8", "surrogatepass")
        (self.folder / "run.json").write_bytes(data)
        self.sign({**self.header, "run": run_dir._compute_run_id(data)}, self.tensors)

    def _change_tensor(self, name: str, kind: str) -> None:
        with np.errstate(all="ignore"):
            changed = TENSORS[kind](self.tensors[name])
        others = {other: array for other, array in self.tensors.items() if other != name}
        self.sign(self.header, others if changed is None else {**others, name: changed})

    def _file_damages(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Yield damages to the header of the safetensors file: its length, names of types, shapes, offsets."""
        length = int.from_bytes(self.data[:8], "little")
        header, rest = json.loads(self.data[8 : 8 + length]), self.data[8 + length :]
        for name, value in value_mutations({key: header[key] for key in ("__metadata__", "hidden.0.h", "random")}):
            described = to_json({**header, **value} if isinstance(value, dict) else value).encode()
            data = len(described).to_bytes(8, "little") + described + rest
            yield f"safetensors {name}", partial(self.path.write_bytes, data)
        for size in (0, 1, length - 1, length + 1, 2**31, 2**63, 2**64 - 1):
            yield (
                f"safetensors length {size}",
                partial(self.path.write_bytes, size.to_bytes(8, "little") + self.data[8:]),
            )

    def sign(self, header: Any, tensors: dict[str, Array]) -> None:
        """Write a checkpoint whose hash is right, as far as its header can be hashed."""
        if isinstance(header, dict):
            unsigned = {key: value for key, value in header.items() if key != "sha256"}
            text = to_json(unsigned)
            try:
                header = {**unsigned, "sha256": checkpoint._digest(json.loads(text), tensors)}
            except (ValueError, RecursionError):
                header = {**unsigned, "sha256": ""}
        self.path.write_bytes(save(tensors, metadata={"afterglow": to_json(header)}))


def outcome(name: str) -> str:
    """Resume the run ``name``, take two steps, which write through the moments, and validate. Return how it ended."""
    try:
        resumed = run.resume_run(name)
        for _ in range(2):
            resumed.trainer._train_step()
        resumed.trainer.evaluate()
        resumed.run_dir.losses.rows()
    except AfterglowError as error:
        return f"refused with {error.exit_code}: {error}"
    except Exception as error:
        return f"traceback: {error!r}"
    return f"went on: {resumed.notes[-1]}"


def main() -> None:
    folder, stride = Path(sys.argv[1]), int(sys.argv[2])
    run_dir.MAX_BYTES = 1 << 20  # so much memory is filled at each reading, under MALLOC_PERTURB_
    mutator = Mutator(folder)
    for name, damage in islice(mutator.damages(), 0, None, stride):
        damage()
        print(json.dumps([name]), flush=True)
        print(json.dumps([name, outcome(folder.name)]), flush=True)
        mutator.reset()


if __name__ == "__main__":
    main()
