"""What was asked for comes back from JSON, and as the command line that asks for it again."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, replace

import pytest
from afterglow.core.errors import TrainingError
from afterglow.core.text.formats import ReadOptions

pytest.importorskip("torch")

from afterglow.core.training.request import TrainRequest, as_command_line, request_from_json
from afterglow.core.training.sizes import TrainOverrides
from afterglow.repl.cli import train

WISHES = [
    TrainRequest("mine", ("a b.txt", "notes/*.md")),
    TrainRequest("mine", ("a.csv",), reading=ReadOptions(column="Review Text"), parent="my models/a.safetensors"),
    TrainRequest(
        "m",
        ("-",),
        reading=ReadOptions("latin-1", True, "body", "c", True, "80/10/10"),
        tokens="bpe",
        vocabulary_size=900,
        parent="s",
    ),
    TrainRequest("m", ("a.txt",), wanted=TrainOverrides(1.5, 2, "small", 3, 40), min_count=4, index=False),
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_wish_comes_back_from_json(wish: TrainRequest) -> None:
    assert request_from_json(json.loads(json.dumps(asdict(wish)))) == wish


def test_one_of_another_release_is_told() -> None:
    with pytest.raises(TrainingError, match="another release"):
        request_from_json({**asdict(WISHES[0]), "colour": "red"})


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_command_asks_for_the_same_again(wish: TrainRequest) -> None:
    """As the verb itself reads it; only the folders of the files are left out."""
    words = shlex.split(as_command_line(wish))[2:]
    context = train.train.make_context("train", words)
    given = {name: value for name, value in context.params.items() if value not in (None, False)}
    paths = given.pop("paths")
    assert [path.split("/")[-1] for path in wish.paths] == list(paths)
    again = train._build_request(wish.paths, given)
    assert again == replace(wish, start=wish.parent_name or None)
