"""Fixtures for all tests: tiny models trained on a short text, sessions, apps, and a data folder for each test."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import textual._wait
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import ModelFile
from afterglow.core.model import Model, load
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.text.copy_index import CopyIndex
from afterglow.core.text.items import ItemSet
from afterglow.repl import clipboard
from afterglow.repl.__main__ import main
from afterglow.repl.tui.app import AfterglowApp

from .cli_helpers import CliResult, RunCli
from .kernel_helpers import random_styles
from .properties import PROFILE

if TYPE_CHECKING:
    from .discord_standin import Discord

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parent.parent.parent / "shared"


def pytest_report_header() -> str:
    """Return a line for the report's beginning."""
    return f"hypothesis: profile {PROFILE}"


# A script starts what it runs in the background with SIGINT ignored, and its children inherit that. The tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


# After each key Textual's pilot waits, in steps of 20 ms, until the process does nothing, at most a second. While text
# is written that never happens. Tests wait for what they expect, with ``until``, so shorter waits are enough.
textual._wait.SLEEP_GRANULARITY = 0.01
textual._wait.SLEEP_IDLE = 0.01 / 20
textual._wait.wait_for_idle.__defaults__ = (0.01, 0.1)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Let torch use one thread. Tiny steps gain nothing from two, and lose much where the other core is busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate, empty data folder for each test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AFTERGLOW_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def all_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """All colors, whatever terminal the tests are run in."""
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture(autouse=True)
def no_clipboard_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tool that would put what a test copies into the clipboard of the person who runs it."""
    monkeypatch.setattr(clipboard, "TOOLS", ())


@pytest.fixture(scope="session")
def tiny() -> Model:
    """A character model of 2 x 48 that has memorized tests/data/lamp.txt."""
    return load(str(DATA / "tiny-char.safetensors"))


@pytest.fixture(scope="session")
def tiny_bytes() -> Model:
    """The same as ``tiny``, over bytes."""
    return load(str(DATA / "tiny-byte.safetensors"))


@pytest.fixture(scope="session")
def copying(tiny: Model) -> Model:
    """The same as ``tiny``, with an index of its training text that detects every copied run."""
    file, text = tiny.file, (DATA / "lamp.txt").read_text("utf-8")
    index = CopyIndex.build(text[: len(text) * 9 // 10], 1 << 20)
    return Model("copying", ModelFile(file.architecture, file.tokenizer, file.card, file.tensors, index=index))


@pytest.fixture(scope="session")
def listing(tiny: Model) -> Model:
    """The same as ``tiny``, as a model of a list whose items are the lines of its training text."""
    file, text = tiny.file, (DATA / "lamp.txt").read_text("utf-8")
    index = CopyIndex.build("", 1 << 20, ItemSet(text, "\n"))
    card = Card(lines=True, settings={"temperature": 0.8, "stop": ["\n"]})
    return Model("listing", ModelFile(file.architecture, file.tokenizer, card, file.tensors, index=index))


@pytest.fixture(scope="session")
def styled(tiny: Model) -> Model:
    """The same as ``tiny``, with three styles: ann, bob and eve."""
    styles = random_styles(tiny.file.architecture, "ann", "bob", "eve")
    return Model("styled", replace(tiny.file, styles=styles).with_sha256())


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discord]:
    """The stand-in for Discord, on loopback."""
    from .bot_helpers import loopback  # imports discord.py, which is not installed everywhere

    async with loopback(monkeypatch) as standin:
        yield standin


@pytest.fixture
def session(tiny: Model) -> Session:
    """A session with a fixed rng and a length of 60 characters."""
    return Session(tiny, Settings(rng=7, length=60))


@pytest.fixture
def written(session: Session) -> Session:
    """A session whose passage has a seed, a text, a retry, a branch and an undo."""
    for write in (lambda: session.write_from("The lamp"), session.retry, lambda: session.branch(10)):
        for _ in write():
            pass
    session.passage.undo()
    return session


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> RunCli:
    """A function that runs the command line in this process."""

    def run(*arguments: str, stdin: bytes = b"") -> CliResult:
        monkeypatch.setattr(sys, "argv", ["afterglow", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        return CliResult(code, *capfd.readouterr())

    return run


@pytest.fixture
def app(session: Session) -> AfterglowApp:
    """The full-screen app, at full speed."""
    session.set("speed", 0)
    return AfterglowApp(session)


@pytest.fixture
def slow(tiny: Model) -> AfterglowApp:
    """The full-screen app with a text so long that it never ends before it is stopped."""
    return AfterglowApp(Session(tiny, Settings(rng=7, length=100_000, speed=400)))
