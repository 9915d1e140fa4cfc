"""Text that a terminal would obey, places that hold it, and a check of what a terminal has received."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from afterglow.core import paths
from afterglow.core.commands.command import Argument
from afterglow.core.commands.registry import COMMANDS
from afterglow.core.session import passage_db, passage_json
from afterglow.core.session.node import Node
from afterglow.core.session.passage import Passage
from afterglow.core.session.session import Session

from .conftest import DATA

PAYLOADS = {
    "right-to-left override": "\u202egpj.exe",
    "OSC 52, the clipboard": "\x1b]52;c;UFdO\x07",
    "OSC 0, the title": "\x1b]0;PWN\x07",
    "CSI": "\x1b[2J\x1b[31m",
    "CSI and OSC in C1": "\x9b31m\x9d0;PWN\x9c",
    "bell": "\x07\x7f",
    "carriage return and a forged line": "ok\r\nFORGED: all is well\n\rFORGED too",
    "backspaces": "bad\b\b\bgood",
    "left-to-right isolate": "\u2066a\u2069\u200f",
    "full reset": "\x1bc",
    "next line and line separator": "\x85FORGED\u2028FORGED\u2029",
    "zero-width and tag characters": "\u200b\u200d\ufeff\U000e0041\ufe0f",
}

HOSTILE = "<" + "".join(PAYLOADS.values()) + ">"
HOSTILE_WORD = "".join(HOSTILE.split())
"""The same without white space, so that it is one word of a command."""

HOSTILE_TEXT = HOSTILE.replace("FORGED", "written")
"""The same as a text, which may have lines of its own."""

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that terminals obey, and those that reorder or break lines."""

INVISIBLE = re.compile("[\u200b-\u200d\ufeff\ufe0f\U000e0000-\U000e007f]")


def check_shown(output: str) -> None:
    """Fail if a terminal would obey something in ``output``, or if a line of it is forged."""
    assert OBEYED.findall(output) == []
    assert [line for line in output.splitlines() if line.lstrip().startswith("FORGED")] == []


def settle_lines(received: str) -> str:
    """Return the output of a terminal, which ends lines with CR and LF, with lines that end with LF."""
    return received.replace("\r\n", "\n")


@contextlib.contextmanager
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Make standard output and standard error a pseudo-terminal. After the block the list has what it received."""
    pytest.importorskip("termios")
    master, slave = os.openpty()
    data = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # raised once the other end is closed
            while piece := os.read(master, 65536):
                data.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    shown: list[str] = []
    try:
        with os.fdopen(slave, "w", encoding="utf-8", errors="replace") as terminal, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            patch.setattr(sys, "stderr", terminal)
            yield shown
    finally:
        reader.join()
        os.close(master)
        shown.append(settle_lines(data.decode("utf-8", "replace")))


def hostile_model(home: Path) -> Path:
    """Put a model of a hostile name into the library, and return its path."""
    path = home / "models" / f"{HOSTILE}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA / "tiny-char.safetensors", path)
    return path


def damage_model(path: Path, **header: object) -> Path:
    """Replace entries of a model file's header, and return its path."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + length])
    changed = json.loads(entries["__metadata__"]["afterglow"]) | header
    entries["__metadata__"]["afterglow"] = json.dumps(changed)
    packed = json.dumps(entries).encode()
    path.write_bytes(len(packed).to_bytes(8, "little") + packed + data[8 + length :])
    return path


def fill_home(home: Path) -> None:
    """Make a data folder in which every name and every text is hostile."""
    hostile_model(home)
    damage_model(Path(shutil.copy(hostile_model(home), home / "models" / f"a{HOSTILE}.safetensors")), format=HOSTILE)
    paths.presets_file().write_text(json.dumps({HOSTILE_WORD: {"stop": [HOSTILE], "temperature": 0.5}}))
    passage = hostile_passage()
    passage_db.PassageSaver().save(passage)
    paths.passages_dir().mkdir(parents=True, exist_ok=True)
    (paths.passages_dir() / f"{HOSTILE}{passage_json.PASSAGE_SUFFIX}").write_text(passage_json.to_json(passage))
    paths.history_file().write_text(f"\n# 2026-01-01\n+{HOSTILE_WORD}\n")


def hostile_passage() -> Passage:
    """Return a passage whose text, model and settings are hostile."""
    passage = Passage(HOSTILE, "0" * 64, 7)
    passage.add(Node(None, seed=HOSTILE_TEXT))
    return passage


def hostile_lines(session: Session) -> Iterator[str]:
    """Yield a seed, and every command but /quit without arguments and with the payload as each of its arguments."""
    yield HOSTILE_TEXT
    for command in COMMANDS:
        if command.name == "quit":
            continue
        yield f"/{command.name}"
        for number, argument in enumerate(command.arguments):
            before = [_valid_value(session, each) for each in command.arguments[:number]]
            for payload in (HOSTILE, HOSTILE_WORD, f"reset{HOSTILE_WORD}", argument.name + HOSTILE_WORD):
                yield " ".join([f"/{command.name}", *before, payload])
    yield from (HOSTILE_TEXT, f"/{HOSTILE}", f"/{HOSTILE_WORD}", f"/stop 'a{HOSTILE_WORD}'", f"/open {HOSTILE_WORD}")
    yield from (f"/preset save {HOSTILE_WORD}", f"/export {HOSTILE_WORD}.md", f"/export ~{HOSTILE_WORD}/x.md")


def _valid_value(session: Session, argument: Argument) -> str:
    return next(iter(argument.choices(session, ())), ("1", ""))[0]
