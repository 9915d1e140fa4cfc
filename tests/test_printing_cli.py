"""Hostile text in every option and argument of the command line, in every file it reads, and in scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from afterglow.core.model import Model
from afterglow.core.sanitize import visible_name
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.__main__ import cli, main
from afterglow.repl.line.script import run_script

from .cli_helpers import RunCli
from .conftest import DATA
from .hostile_text import (
    HOSTILE,
    HOSTILE_TEXT,
    INVISIBLE,
    check_shown,
    damage_model,
    fill_home,
    hostile_lines,
    hostile_model,
    on_terminal,
)
from .scripted_model import Scripted

MODEL = str(DATA / "tiny-char.safetensors")
TEXT = str(DATA / "lamp.txt")

VALID: dict[str, dict[str, list[str]]] = {
    "": {"model_name": ["-m", MODEL]},
    "generate": {"seed": ["The"], "model_name": ["-m", MODEL], "length": ["-l", "3"]},
    "read": {"file": [TEXT], "model_name": ["-m", MODEL]},
    "eval": {"name": [MODEL], "text": [TEXT]},
    "models": {},
    "models rm": {"name": ["none"]},
    "info": {"name": [MODEL]},
    "train": {"paths": [TEXT]},
    "learn": {
        "paths": [str(DATA / "make_tiny.py")],
        "model_name": ["-m", MODEL],
        "name": ["--name", "me"],
        "replace": ["--replace"],
    },
    "history": {"name": [MODEL]},
    "novelty": {"name": [MODEL], "texts": [TEXT], "length": ["--length", "100"]},
    "cells": {"name": [MODEL], "text": [TEXT]},
    "similar": {"name": [MODEL], "sentence": ["The"], "text": [TEXT]},
    "bot": {"check": ["--check"]},
    "bot status": {},
    "bot config": {},
    "explain": {"text": ["The"], "model_name": ["-m", MODEL]},
    "grid": {"seeds": ["The"], "model_name": ["-m", MODEL], "length": ["-l", "3"]},
    "diversity": {
        "model_name": ["-m", MODEL],
        "length": ["-l", "50"],
        "count": ["-n", "1"],
        "temperatures": ["-t", "1"],
        "text": ["--text", TEXT],
    },
    "tour": {"model_name": ["-m", MODEL]},
    "export": {"name": [MODEL], "onnx": ["--onnx", os.devnull + "/x"]},
    "completion": {"shell": ["bash"]},
    "web": {"port": ["--port", "none"]},  # so that nothing is served
    "serve": {"port": ["--port", "none"]},
}
"""Words that make each command do something short, by parameter. Options of one command may be left out."""


NAMES_OF_FILES = ("name", "model_name", "paths", "texts", "text", "file")


@pytest.fixture(autouse=True)
def current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for the files that commands write."""
    monkeypatch.chdir(tmp_path)


def walk(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, f"{path} {name}".strip())


COMMANDS = dict(walk(cli))


def command_line(path: str, replaced: str = "", words: list[str] | None = None) -> list[str]:
    """Return the words of a command, with those of one parameter replaced."""
    values = VALID[path] | ({replaced: words or []} if replaced else {})
    options = [each.name for each in COMMANDS[path].params if isinstance(each, click.Option)]
    arguments = [each.name for each in COMMANDS[path].params if isinstance(each, click.Argument)]
    return [*path.split(), *(word for name in (*options, *arguments) if name for word in values.get(name, []))]


def parameters() -> Iterator[tuple[str, click.Parameter]]:
    for path, command in COMMANDS.items():
        yield from ((path, each) for each in command.params)


def require(path: str) -> None:
    """Skip if a command's extra is not installed. Warnings that its packages give on import are of no interest."""
    package = {"bot": "discord", "train": "torch", "web": "textual_serve", "serve": "aiohttp"}.get(path.split(" ")[0])
    if package:
        pytest.importorskip(package)


def test_every_command_is_here() -> None:
    assert COMMANDS.keys() == VALID.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_hostile_options_and_arguments_are_shown(path: str, run: RunCli, home: Path) -> None:
    require(path)
    fill_home(home)
    for parameter in COMMANDS[path].params:
        for payload in (HOSTILE, f"1{HOSTILE}", f"x/{HOSTILE}.md"):
            words = [payload] if isinstance(parameter, click.Argument) else [f"{parameter.opts[0]}={payload}"]
            result = run(*command_line(path, parameter.name or "", words))
            check_shown(result.out)
            check_shown(result.err)
            assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        (path, each)
        for path, each in parameters()
        if each.name in ("name", "model_name", "paths", "texts", "text", "file")
    ],
)
def test_files_of_hostile_names_are_shown(
    path: str, parameter: click.Parameter, run: RunCli, home: Path, tmp_path: Path
) -> None:
    require(path)
    fill_home(home)
    text = tmp_path / f"{HOSTILE}.txt"
    text.write_bytes(Path(TEXT).read_bytes() + HOSTILE.encode() * 3)
    files: list[object] = [text, tmp_path / HOSTILE / "none.txt"]
    if parameter.name in ("name", "model_name"):
        files = [*(home / "models").iterdir(), f"a{HOSTILE}", f"{HOSTILE}.safetensors"]
    for file in files:
        words = [str(file)] if isinstance(parameter, click.Argument) else [parameter.opts[0], str(file)]
        result = run(*command_line(path, parameter.name or "", words))
        check_shown(result.out)
        check_shown(result.err)


def test_a_name_is_shown_with_all_of_its_characters(run: RunCli, home: Path) -> None:
    path = hostile_model(home)
    for words in (["models"], ["info", str(path)], ["models", "rm", HOSTILE]):
        result = run(*words)
        check_shown(result.out)
        assert visible_name(HOSTILE) in result.out
    assert not path.exists()


def test_names_in_lists_hide_nothing(run: RunCli, home: Path) -> None:
    fill_home(home)
    assert not INVISIBLE.search(run("models").out)


@pytest.mark.parametrize("entry", ["format", "architecture", "tokenizer", "card", "index"])
def test_a_header_writes_nothing_to_the_terminal(entry: str, run: RunCli, home: Path) -> None:
    hostile = {"width": HOSTILE, "kind": HOSTILE, "corpus": HOSTILE, "name": HOSTILE, HOSTILE: HOSTILE}
    path = damage_model(hostile_model(home), **{entry: HOSTILE if entry == "format" else hostile})
    for words in (["info", str(path)], ["generate", "a", "-m", str(path)]):
        result = run(*words)
        check_shown(result.out)
        check_shown(result.err)
        assert result.err.count("\n") == (1 if result.code else 0)


@pytest.mark.parametrize("words", [["info", "x" * 5000], ["generate", "--temperature", "9" * 5000], ["9" * 5000]])
def test_an_error_of_thousands_of_characters_is_cut(words: list[str], run: RunCli) -> None:
    result = run(*words)
    assert result.code
    assert 0 < len(result.err) < 1100


def test_click_lists_choices_on_one_line(run: RunCli) -> None:
    result = run("completion")
    assert result.err.count("\n") == 1
    assert "zsh" in result.err
    check_shown(result.err)


def test_text_is_unchanged_in_a_pipe_and_shown_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = Scripted(HOSTILE_TEXT)
    monkeypatch.setattr("afterglow.repl.cli.models.load_model_and_settings", lambda *_: (words, Settings(length=200)))
    monkeypatch.setattr(sys, "argv", ["afterglow", "generate", "--echo", HOSTILE_TEXT])
    main()
    piped = capfd.readouterr().out
    assert piped.startswith(HOSTILE_TEXT + HOSTILE_TEXT)
    with on_terminal(monkeypatch) as shown:
        main()
    check_shown(shown[0])
    assert shown[0].count("␛]52;c;UFdO␇") >= 2


def test_every_line_of_a_script_is_shown(tiny: Model, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    fill_home(home)
    named = Model(visible_name(HOSTILE), tiny.file, tiny.runtime)
    for model in (named, Scripted(HOSTILE_TEXT)):
        session = Session(model, Settings(rng=7, length=200))
        with on_terminal(monkeypatch) as shown:
            run_script(session, hostile_lines(session))
        check_shown(shown[0])
        assert "␛]52;c;UFdO␇" in shown[0]


def test_a_script_in_a_pipe_writes_text_unchanged_and_notes_shown(
    capfd: pytest.CaptureFixture[str], home: Path
) -> None:
    fill_home(home)
    session = Session(Scripted(HOSTILE_TEXT), Settings(rng=7, length=len(HOSTILE_TEXT)))
    run_script(session, ["a", "/model", "/preset", "/open", f"/{HOSTILE}", "/open 1"])
    out, err = capfd.readouterr()
    assert out.startswith(f"{HOSTILE_TEXT}\n")
    check_shown(out.removeprefix(HOSTILE_TEXT))
    check_shown(err)


def test_training_shows_the_name_of_its_text(run: RunCli, tmp_path: Path) -> None:
    require("train")
    text = tmp_path / f"{HOSTILE}.txt"
    text.write_bytes(Path(TEXT).read_bytes())
    result = run("train", str(text), "--name", "t", "--epochs", "0.2", "--width", "16", "--layers", "1")
    assert result.code == 0, result.err
    assert result.err.count("␛]0;PWN␇") >= 2  # the plan, and the command that fine-tunes instead
    check_shown(result.err)
    check_shown(result.out)
