"""README and pages: every command and every example in them runs, the reference fits the program, the pages build."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from afterglow.core.paths import models_dir

from .cli_helpers import RunCli

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BIN = Path(sys.executable).parent

if not PAGES[0].exists():
    pytest.skip("the pages are not here: this is no checkout", allow_module_level=True)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [Block(page.name, language, text) for language, text in found]


BLOCKS = [block for page in PAGES for block in blocks(page)]
COMMANDS = sorted({line for b in BLOCKS if b.language == "sh" for line in b.text.splitlines() if line})
EXAMPLES = sorted({block.page for block in BLOCKS if block.language == "python"})


def test_there_is_something_to_check() -> None:
    assert len(COMMANDS) > 30
    assert len(EXAMPLES) > 3
    assert {block.language for block in BLOCKS} <= {"sh", "python", "text", "toml"}


# Commands -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a text and a chat, and a library with a model called mine."""
    story = (DATA / "lamp.txt").read_text("utf-8")
    story *= 1 + 6000 // len(story)
    (tmp_path / "novel.txt").write_text(story, "utf-8")
    (tmp_path / "diary.txt").write_text(story[:1000], "utf-8")
    said = [f"2/1/21, 10:00 - {('Anna', 'Ben')[n % 2]}: {line}\n" for n, line in enumerate(story.split("\n"))]
    (tmp_path / "chat.txt").write_text("".join(said), "utf-8")
    for other in ("tinyshakespeare.txt", "shakespeare-hamlet.txt", "names.txt", "notes/first.txt", "blog/first.md"):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "novel.txt", tmp_path / other)
    models_dir().mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "page.txt", tmp_path)
    for name in ("mine", "page", "page-best"):
        shutil.copy(DATA / "tiny-char.safetensors", models_dir() / f"{name}.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    return tmp_path


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_runs(line: str, desk: Path, run: RunCli) -> None:
    words = shlex.split(line, comments=True)
    skip_without_torch(words)
    if words[0] in ("pip", "source"):
        check_setup(words)
    elif words[0] == "make":
        # Only print the commands: the other tests are what `make` would run.
        ran = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
        assert (ran.returncode, ran.stderr) == (0, "")
    elif words[:2] in (["afterglow", "web"], ["afterglow", "serve"]):
        assert run(words[1], "--help").code == 0  # they never end: tests/test_web.py and test_serve.py open them
    elif words == ["afterglow", "bot"]:
        pytest.importorskip("discord")
        assert b"DISCORD_TOKEN" in shell(line, desk, code=2).stderr
    elif words[0] == "torchrun":
        assert shell(f"{line} --replace --epochs 0.1 --width 16", desk).stdout
    elif words[0] == "afterglow" and not set(line) & set("|><"):
        ran = run(*words[1:], *short_training(words))
        assert ran.code == 0, ran.err
    elif words[0] == "curl":
        check_request(line, desk)
    else:
        check_line(line, desk)


def check_line(line: str, desk: Path) -> None:
    """A line of other programs."""
    if line.startswith("llm "):
        pytest.importorskip("llm")
        shell('llm -m afterglow/mine "The lamp"', desk)  # for llm -c there has to be something to go on with
    assert shell(line, desk).stdout or ">" in line


def check_request(line: str, folder: Path) -> None:
    """A request to the server of the page's first command, on another port."""
    pytest.importorskip("prometheus_client")
    with serving_here() as address:
        assert b'"choices"' in shell(line.replace("http://127.0.0.1:8080", address), folder).stdout


@contextmanager
def serving_here() -> Iterator[str]:
    """The address of a server of the library's models, on a thread."""
    from .serve_helpers import serving

    loop, client = asyncio.new_event_loop(), serving(DATA / "tiny-char.safetensors")
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    wait = partial(asyncio.run_coroutine_threadsafe, loop=loop)
    try:
        yield str(wait(client.__aenter__()).result().make_url("")).rstrip("/")
    finally:
        wait(client.__aexit__(None, None, None)).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def skip_without_torch(words: list[str]) -> None:
    if words[0] == "torchrun" or words[:2] == ["afterglow", "train"]:
        pytest.importorskip("afterglow.core.training.model")


def check_setup(words: list[str]) -> None:
    """`pip install` of an extra that there is, or activation of the environment that `make` creates."""
    if words[0] == "source":
        assert words[1:] == [".venv/bin/activate"]
        assert "$(PYTHON) -m venv .venv" in (ROOT / "Makefile").read_text("utf-8")
    else:
        (extra,) = re.findall(r"\[(\w+)\]", words[-1])
        assert extra in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


def short_training(words: list[str]) -> list[str]:
    """Flags that end a training within a second. The last one counts of a flag that is given twice."""
    if words[1:2] != ["train"]:
        return []
    return ["--replace", "--minutes", "0.01", *(() if "--from" in words else ("--size", "small"))]


def shell(line: str, folder: Path, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    """A line in a shell, with its own processes."""
    command = ["bash", "-c", f"set -o pipefail; {line}"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)  # noqa: S603
    assert ran.returncode == code, ran.stderr
    return ran


# Examples -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", EXAMPLES)
def test_every_example_runs(page: str, desk: Path, run: RunCli) -> None:  # noqa: ARG001
    if any("torch" in block.text for block in BLOCKS if block.page == page and block.language == "python"):
        pytest.importorskip("afterglow.core.training.model")  # before torch: it sets torch's threads
    run("export", "shakespeare", "--onnx", "shakespeare.onnx", "--pytorch", "shakespeare-torch.safetensors")
    names: dict[str, object] = {}
    for block in BLOCKS:
        if block.page == page and block.language == "python":
            exec(compile(block.text, page, "exec"), names)  # noqa: S102 - the examples of a page are one session


@pytest.mark.parametrize("name", ["", ".model", ".sampling.temperature"])
def test_the_examples_of_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"afterglow.core{name}")
    assert doctest.testmod(module).failed == 0


# Pages --------------------------------------------------------------------------------------------------------------


def reference() -> object:
    """docs/reference.py as a module."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands.md", "keys.md", "settings.md", "command-line.md"])
def test_the_reference_fits_the_program(name: str) -> None:
    made = reference().PAGES[name]()  # type: ignore[attr-defined]
    assert (ROOT / "docs" / name).read_text("utf-8") == made, "run: python docs/reference.py"


def test_the_pages_build_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="mkdocs-material is not installed: pip install 'afterglow-lm[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert ran.returncode == 0, ran.stderr
    site = tmp_path / "site"
    page = (site / "temperature.html").read_text("utf-8")
    assert "0.472" in page
    assert re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="?http[^>]*', page) == []  # nothing from other sites
    search = json.loads((site / "search" / "search_index.js").read_text("utf-8").removeprefix("var __index = "))
    assert any("softmax" in each["text"] for each in search["docs"])  # a file that a page opened as a file can load
    assert 'src="iframe-worker.js"' in page


def test_every_name_on_the_architecture_page_is_in_the_file_before_it() -> None:
    """In the numbered steps, `Class.method` and `function` are looked for in the last `file.py` before them."""
    steps = re.findall(r"^\d\. (.*)$", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE)
    assert len(steps) == 18
    source = ""
    for word in (word for step in steps for word in re.findall(r"`([\w./]+)`", step)):
        if word.endswith(".py"):
            source = (ROOT / word).read_text("utf-8")
        for name in () if word.endswith(".py") else word.split("."):
            assert re.search(rf"\b{name}\b", source), word


def test_the_picture_on_the_architecture_page_has_every_package_and_module_of_core() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    packages = {path.parent.name for path in (ROOT / "core").glob("*/__init__.py")}
    modules = {path.name for path in (ROOT / "core").glob("*.py")} - {"__init__.py"}
    picture = set(re.findall(r"```text\n(.*?)```", page, re.DOTALL)[0].split())
    assert packages | modules <= picture


def test_the_readme_links_to_what_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[0].read_text("utf-8"))
    assert len(links) > 5
    # The picture is made by the full screen's own /export.
    assert [link for link in links if not (ROOT / link).exists() and link != "docs/ramp.svg"] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_worked_output_on_a_page_is_what_the_commands_print(page: Path, run: RunCli) -> None:
    """A text block right after commands that need no file of the reader's begins what they print, one after the other.

    Those that follow, up to the next commands, are the rest.
    """
    worked = r"```sh\n((?:afterglow (?:explain --probs|generate)[^\n]*\n)+)```\n\n(```text\n.*?)(?=```sh\n|\Z)"
    for commands, section in re.findall(worked, page.read_text("utf-8"), re.DOTALL):
        shown = "".join(re.findall(r"```text\n(.*?)```", section, re.DOTALL))
        printed = "".join(run(*shlex.split(line)[1:]).out for line in commands.splitlines())
        assert printed.rstrip("\n") == shown.rstrip("\n")


def test_every_question_has_a_short_answer_and_a_command() -> None:
    questions = (ROOT / "docs" / "questions.md").read_text("utf-8").split("\n### ")[1:]
    assert len(questions) == 22
    wrong = []
    for question in questions:
        title, answer, *commands = question.split("\n\n")
        sentences = len(re.findall(r"[\w)][.?!](?=\s|$)", answer))
        if not 3 <= sentences <= 6 or not re.fullmatch(r"```sh\n.*\bafterglow\b.*\n```\n?", commands[0]):
            wrong.append((title, sentences))
    assert wrong == []


def test_the_readme_shows_a_text_at_three_temperatures() -> None:
    readme = PAGES[0].read_text("utf-8")
    assert all(f"--rng 8 -t {t}\n" in readme for t in (0.3, 0.8, 1.4))
    assert re.search(r"-t 1.4\n```\n\n```text\nAt midnight ", readme)
