"""The history of a run: losses by validation, and what its weights wrote on the way. Lines of JSON; needs no torch."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from ..errors import StorageError, error_text
from ..file_io import write_atomically
from .typed_json import Between, Count, load_object, parse

MAX_BYTES = 64 << 20
"""Largest history or run.json in bytes. 65,536 whole words of Chinese, escaped, take 5 MB."""

MAX_SAMPLE_CHARS = 4_000
"""Longest text of a sample that is read. Samples are shorter; a file may come from a stranger."""

Figure = Annotated[float, Between(0, 1e300)]


@dataclass(frozen=True, slots=True)
class LossRow:
    """The losses at a validation, in bits per character. ``train_bits`` is a moving average."""

    step: Count
    epoch: Figure
    seconds: Figure
    train_bits: Figure
    valid_bits: Figure


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A text that the averaged weights of a step wrote at ``temperature``."""

    step: Count
    epoch: Figure
    temperature: Figure
    text: str

    def __post_init__(self) -> None:
        if len(self.text) > MAX_SAMPLE_CHARS:
            raise ValueError("text is too long")


Row = TypeVar("Row", bound=LossRow | SampleRow)


class RowFile(Generic[Row]):
    """Rows of one type in a file, one a line."""

    def __init__(self, path: Path, row_type: type[Row]) -> None:
        self.path = path
        self._type = row_type

    def rows(self) -> list[Row]:
        """Return the rows without damaged ones; none if there is no file or it cannot be read."""
        with contextlib.suppress(StorageError):
            return self._read()
        return []

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows. Raises StorageError."""
        self._write([*self._read(), *rows])

    def truncate(self, step: int) -> None:
        """Delete the rows after ``step``. Raises StorageError."""
        kept = [row for row in self._read() if row.step <= step]
        if self.path.exists():
            self._write(kept)

    def _read(self) -> list[Row]:
        """Return the rows. Raises StorageError, since what cannot be read must not be replaced."""
        try:
            lines = read_bounded(self.path).splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error_text(error)}") from error
        except ValueError as error:
            raise StorageError(f"{self.path} is damaged: {error}") from None
        return [row for line in lines if (row := self._parse(line))]

    def _parse(self, line: bytes) -> Row | None:
        """Return the row in a line; None if it is damaged."""
        try:
            return parse(self._type, load_object(line))
        except ValueError:
            return None

    def _write(self, rows: Iterable[Row]) -> None:
        write_atomically(self.path, to_lines(rows))


def to_lines(rows: Iterable[LossRow | SampleRow]) -> bytes:
    """Return the lines of a file with these rows."""
    return "".join(f"{json.dumps(asdict(row))}\n" for row in rows).encode()


def find_lowest(rows: Iterable[LossRow]) -> LossRow | None:
    """Return the row with the lowest validation loss, the first of several; None if there are none."""
    return min(rows, key=lambda row: row.valid_bits, default=None)


def read_bounded(path: Path) -> bytes:
    """Return the bytes of a file. Raises ValueError if it is larger than a file of a run can be."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    return data
