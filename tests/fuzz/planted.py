"""A reader with every fault that the fuzzer looks for, to see that it finds them."""

from __future__ import annotations

import json
import os
import signal

from afterglow.core.errors import ModelError, StorageError

from .mutation import Edit, Sample
from .target import Target


class RawError(StorageError):
    """An error whose message is shown as it is."""

    def __str__(self) -> str:
        return str(self.args[0])


class PlantedTarget(Target):
    """A file that says what goes wrong when it is read."""

    name = "planted"
    promises = (StorageError,)

    def make_sample(self) -> Sample:
        """Return a file that is read without a fault."""
        return Sample({"fault": "none"})

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Do what the file says."""
        fault = json.loads(data)["fault"]
        if fault in _ERRORS:
            raise _ERRORS[fault]
        if fault in _ENDS:
            _ENDS[fault]()


def _hang() -> None:
    while True:
        pass


_ERRORS = {
    "refusal": StorageError("this file cannot be read"),
    "exception": KeyError("fault"),
    "other error": ModelError("this file cannot be read"),
    "two lines": RawError("this file\ncannot be read"),
    "escape": RawError("this file \x1b[31mcannot be read"),
    "length": StorageError("this file cannot be read " * 20),
}
_ENDS = {
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(3),
    "hang": _hang,
    "memory": lambda: bytearray(160 << 20),
}
