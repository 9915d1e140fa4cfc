"""The base of all targets, and a table of them."""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from random import Random

from afterglow.core.errors import AfterglowError, UsageError
from afterglow.core.model import Model, load
from afterglow.core.paths import data_dir
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings

from .mutation import Edit, Sample, random_edits
from .values import to_json

TINY = Path(__file__).parents[1] / "data" / "tiny-char.safetensors"


class Target(ABC):
    """A reader of the program: makes a valid file with the program itself, packs a changed one, and uses it.

    ``promises`` are the errors that the reader promises.
    """

    name: str
    promises: tuple[type[AfterglowError], ...] = (UsageError,)

    @cached_property
    def sample(self) -> Sample:
        """A valid file, taken apart."""
        return self.make_sample()

    @abstractmethod
    def make_sample(self) -> Sample:
        """Return a valid file, made by the program and taken apart."""

    def random_edits(self, rng: Random, size: int) -> list[Edit]:
        """Return the edits of a new case. ``size`` is that of the valid file, in bytes."""
        return random_edits(rng, self.sample, size)

    def pack(self, sample: Sample) -> bytes:
        """Return the file of a sample. What the format signs is signed. The default is JSON."""
        return to_json(sample.tree).encode()

    @abstractmethod
    def use(self, data: bytes, edits: list[Edit]) -> None:
        """Read a file and use what it holds. ``edits`` are the changes that were made to it."""

    def put(self, path: Path, data: bytes) -> Path:
        """Write a file into an otherwise empty data folder."""
        shutil.rmtree(data_dir(), ignore_errors=True)
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        return path


class TinyTarget(Target):
    """A target that needs a model."""

    @cached_property
    def model(self) -> Model:
        """The tiny model."""
        return load(str(TINY))

    def written(self) -> Session:
        """Return a session with a seed, a text, a retry and a branch, drawn with several settings."""
        chosen = Settings(
            rng=7,
            length=12,
            temperature=0.9,
            ban=("q",),
            bias=(("e", 1.0),),
            surprise=2.0,
            repeat_penalty=1.1,
            finish="sentence",
            stop=("zzz",),
        )
        session = Session(self.model, chosen)
        for write in (lambda: session.write_from("The lamp"), session.retry, lambda: session.branch(4)):
            for _ in write():
                pass
        return session


def parsed(text: str | bytes) -> object:
    """Return the value of a JSON text that the program wrote."""
    return json.loads(text)
