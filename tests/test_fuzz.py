"""The fuzzer finds every kind of fault in a reader that has them all, and none in the program's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("resource", reason="the fuzzer forks, which Windows cannot")

from .fuzz.case import Case
from .fuzz.mutation import Sample, edited, edited_bytes
from .fuzz.planted import PlantedTarget
from .fuzz.values import to_json

ROOT = Path(__file__).parent.parent


def fuzz(*arguments: str) -> tuple[int, str]:
    """Run the fuzzer in a process of its own, since it forks. Return its exit code and what it printed."""
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


FAULTS = {
    "exception": "KeyError in fuzz/planted.py",
    "crash": "a crash: SIGSEGV",
    "exit": "the process ended with code 3",
    "hang": "a hang: SIGPROF",
    "memory": "MB for a file of 19 bytes",
    "other error": "ModelError is not what the reader promises",
    "two lines": "a message that is not one printable line",
    "escape": "a message that is not one printable line",
    "length": "a message of 500 characters",
    "broken JSON": "JSONDecodeError in",
}


def test_every_planted_fault_is_found_and_blamed_on_its_case() -> None:
    code, printed = fuzz("--only", "planted", "--kept", "--cases", "0", "--cpu-seconds", "1")
    assert code == 1
    found = dict(
        line.removeprefix("FOUND planted:").split("  ", 1) for line in printed.splitlines() if line.startswith("FOUND")
    )
    assert found.keys() == FAULTS.keys(), printed
    assert {case for case, what in found.items() if FAULTS[case] not in what} == set(), printed
    assert "works     1  refused     1  found    10" in printed


def test_a_seed_makes_the_same_case_again_and_another_seed_another_one() -> None:
    one, again = ([Case(str(seed)).with_edits(PlantedTarget(), 19).edits for seed in range(50)] for _ in range(2))
    assert one == again == json.loads(json.dumps(one))
    assert len({json.dumps(edits) for edits in one}) > 30


@pytest.mark.parametrize("text", ["NaN", "1e999", "-Infinity"])
def test_a_recipe_becomes_its_json(text: str) -> None:
    assert to_json({"a": [{"$raw": text}, "b"]}) == f'{{"a": [{text}, "b"]}}'


def test_deep_long_and_many_digits_are_recipes() -> None:
    assert to_json({"$deep": [3, "["]}) == "[[[]]]"
    assert json.loads(to_json({"$deep": [2, "{"]})) == {"a": {"a": 1}}
    assert to_json([{"$digits": 4}]) == "[9999]"
    assert json.loads(to_json({"$text": ["\ud800", 2]})) == "\ud800" * 2


def test_edits_change_arrays_tree_and_bytes_and_skip_what_is_not_there() -> None:
    sample = Sample({"a": [1, 2], "b": {"c": 3}}, {"x": np.zeros(3, np.float32)})
    edits = [
        ["number", "x", 1, "inf"],
        ["repeat", ["a", 0], 2],
        ["rename", ["b"], "d"],
        ["drop", ["nowhere"]],
        ["lose", "y"],
    ]
    changed = edited(sample, edits)
    assert changed.tree == {"a": [1, 1, 2], "d": {"c": 3}}
    assert changed.arrays["x"].tolist() == [0, np.inf, 0]
    assert sample.tree == {"a": [1, 2], "b": {"c": 3}}
    assert edited_bytes(b"abc", [["flip", 0, 1], ["insert", 1, "00"], ["cut", 3], ["flip", 99, 0]]) == b"c\x00b"
