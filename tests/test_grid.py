"""``afterglow grid``: what stands in which cell, in Markdown, in the picture and in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from afterglow.core.model import Model

from .cli_helpers import RunCli

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
WORDS = ("grid", "The lamp", "Good", "-t", "0.5", "-t", "2", "-m", TINY, "-l", "40", "--rng", "3")


def test_each_cell_is_the_text_that_generate_writes(run: RunCli, tiny: Model) -> None:
    values = json.loads(run(*WORDS, "--json").out)
    assert (values["seeds"], values["temperatures"]) == (["The lamp", "Good"], [0.5, 2])
    assert values["texts"] == [
        [tiny.generate(seed, temperature=t, length=40, rng=3) for t in (0.5, 2)] for seed in ("The lamp", "Good")
    ]


def test_markdown_has_a_row_for_each_seed_and_a_column_for_each_temperature(run: RunCli) -> None:
    title, empty, *lines = run(*WORDS).out.splitlines()
    assert (title, empty) == ("tiny-char, 40 characters after each seed, rng 3", "")
    assert [line.count(" | ") for line in lines] == [2] * 4
    assert lines[0] == "| seed | T 0.5 | T 2 |"
    assert lines[2].startswith("| **The lamp** | ")


def test_a_seed_cannot_break_the_table(run: RunCli) -> None:
    *_, row = run("grid", "a|b\n# c <i>", "-m", TINY, "-l", "4", "-t", "1").out.splitlines()
    assert row.startswith("| **a&#124;b<br>\\# c &#60;i>** | ")


def test_picture_has_all_texts_in_columns(run: RunCli, tmp_path: Path) -> None:
    assert run(*WORDS, "--svg", str(tmp_path / "a.svg")).code == 0
    picture = (tmp_path / "a.svg").read_text("utf-8")
    assert picture.count(">The lamp<") == 2
    assert ">T 0.5<" in picture
    assert ">T 2<" in picture


@pytest.mark.parametrize("name", ["a.png", "a"])
def test_another_kind_of_picture_is_refused(run: RunCli, tmp_path: Path, name: str) -> None:
    ran = run(*WORDS, "--svg", str(tmp_path / name))
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
