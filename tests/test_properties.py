"""Property tests draw the same examples every time, unless HYPOTHESIS_PROFILE lets them roam."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .properties import PROFILE, examples

ROOT = Path(__file__).parent.parent

DRAWS = """
from hypothesis import given, strategies
from tests.properties import examples
numbers = []
@examples(20)
@given(strategies.integers())
def draw(number):
    numbers.append(number)
draw()
print(*numbers)
"""


def drawn(profile: str) -> list[str]:
    command = [sys.executable, "-c", DRAWS]
    environment = os.environ | {"HYPOTHESIS_PROFILE": profile}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.split()


def test_the_same_examples_every_time_but_more_and_others_while_roaming() -> None:
    assert drawn("repeat") == drawn("repeat")
    one, other = drawn("roam"), drawn("roam")
    assert one != other
    assert min(len(one), len(other)) > 2 * len(drawn("repeat"))


@pytest.mark.skipif(PROFILE != "repeat", reason="the tests roam")
def test_tests_draw_with_the_profile() -> None:
    assert examples(7).derandomize
    assert examples(7).max_examples == 7


def test_no_test_fixes_its_own_examples_for_ever() -> None:
    tests = Path(__file__).parent.glob("test_*.py")
    assert [path.name for path in tests if re.search(r"derandomize\s*=", path.read_text("utf-8"))] == []
