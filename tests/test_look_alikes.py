"""Characters that stand for each other."""

from __future__ import annotations

import pytest
from afterglow.core.text.look_alikes import find_look_alikes


@pytest.mark.parametrize(
    ("character", "known", "target"),
    [
        ("“", "a\"'", '"'),
        ("’", "a\"'", "'"),
        ("—", "-", "-"),
        ("é", "Ee", "e"),
        ("É", "e", "e"),
        ("É", "eE", "E"),
        ('"', "a”“", "”"),  # the first one that is known
        ("\N{NO-BREAK SPACE}", " ", " "),
        ("２", "123", "2"),
        ("Ж", "abc", None),
        ("“", "abc", None),
        ("\N{COMBINING ACUTE ACCENT}", "abc", None),
    ],
)
def test_a_character_finds_the_one_that_looks_most_like_it(character: str, known: str, target: str | None) -> None:
    assert find_look_alikes([character], known).get(character) == target
