"""What was asked for comes back from JSON, and as the command line that asks for it again."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, replace

import pytest
from afterglow.core.errors import TrainingError
from afterglow.core.text.formats import Reading

pytest.importorskip("torch")

from afterglow.core.training.request import Wish, command, wish_of
from afterglow.core.training.sizes import Wanted
from afterglow.repl.cli import train

WISHES = [
    Wish("mine", ("a b.txt", "notes/*.md")),
    Wish("mine", ("a.csv",), reading=Reading(column="Review Text"), start="my models/a.safetensors"),
    Wish(
        "m",
        ("-",),
        reading=Reading("latin-1", True, "body", "c", True, "80/10/10"),
        tokens="bpe",
        vocabulary=900,
        start="s",
    ),
    Wish("m", ("a.txt",), wanted=Wanted(1.5, 2, "small", 3, 40), min_count=4, index=False),
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_wish_comes_back_from_json(wish: Wish) -> None:
    assert wish_of(json.loads(json.dumps(asdict(wish)))) == wish


def test_one_of_another_release_is_told() -> None:
    with pytest.raises(TrainingError, match="another release"):
        wish_of({**asdict(WISHES[0]), "colour": "red"})


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_command_asks_for_the_same_again(wish: Wish) -> None:
    """As the verb itself reads it; only the folders of the files are left out."""
    words = shlex.split(command(wish))[2:]
    context = train.train.make_context("train", words)
    given = {name: value for name, value in context.params.items() if value not in (None, False)}
    paths = given.pop("paths")
    assert [path.split("/")[-1] for path in wish.paths] == list(paths)
    again = train._wish(wish.paths, given)
    assert again == replace(wish, start=wish.start_name or None)
