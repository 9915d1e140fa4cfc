"""Model files and the tensors of other files in the same form."""

from __future__ import annotations

import json
import struct
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
from afterglow.core.commands.actions import list_models
from afterglow.core.errors import ModelError
from afterglow.core.inference.model_file import read_card
from afterglow.core.model import load
from afterglow.core.paths import models_dir
from afterglow.repl.cli.models import info

from .mutation import Edit, Sample, entries_of
from .play import play_model
from .target import TINY, Target
from .values import to_json

HEADER_KEY = "afterglow"
DTYPES = {"I8": "i1", "F32": "<f4", "U32": "<u4", "I64": "<i8", "U8": "u1", "F64": "<f8", "BOOL": "?"}


def take_apart(data: bytes) -> Sample:
    """Return the tensors of a safetensors file, and a tree of their entries and of our own header."""
    (length,) = struct.unpack("<Q", data[:8])
    entries = json.loads(data[8 : 8 + length])
    header = json.loads(entries.pop("__metadata__")[HEADER_KEY])
    arrays = {}
    for name, entry in entries.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        arrays[name] = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return Sample({"entries": entries_of(arrays), "header": header}, arrays)


def put_together(sample: Sample) -> bytes:
    """Return the file of a sample, whatever it holds."""
    entries, header = sample.tree.get("entries"), to_json(sample.tree.get("header"))
    if isinstance(entries, dict):
        entries = {**entries, "__metadata__": {HEADER_KEY: header}}
    text = to_json(entries).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in sample.arrays.values())


class ModelTarget(Target):
    """A model file: opened, described, listed and played."""

    name = "model"
    promises = (ModelError,)

    def make_sample(self) -> Sample:
        """Return the tiny model."""
        return take_apart(TINY.read_bytes())

    def pack(self, sample: Sample) -> bytes:
        """Return the model file."""
        return put_together(sample)

    def use(self, data: bytes, _: list[Edit]) -> None:
        """List the models, read the card, show both, and play."""
        path = self.put(models_dir() / "m.safetensors", data)
        list_models()
        read_card(path)
        with redirect_stdout(StringIO()):
            info.main(["m"], standalone_mode=False)
            info.main(["m", "--json"], standalone_mode=False)
        play_model(load("m"))
