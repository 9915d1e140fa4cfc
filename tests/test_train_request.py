"""A request comes back from JSON, and from the command line that is recorded in a card."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from afterglow.core.errors import TrainingError
from afterglow.repl.cli import train

pytest.importorskip("torch")

from afterglow.core.training import run
from afterglow.core.training.request import TrainRequest, as_command_line, request_from_json, request_to_json
from afterglow.core.training.sizes import Dropout

LAMP = Path(__file__).parent / "data" / "lamp.txt"

WISHES = [
    TrainRequest("mine", ("a b.txt", "notes/*.md")),
    TrainRequest("mine", ("a.csv",), column="Review Text", parent="my models/a.safetensors"),
    TrainRequest(
        "m",
        ("-",),
        encoding="latin-1",
        keep_boilerplate=True,
        field="body",
        column="c",
        lines=True,
        split="80/10/10",
        tokens="bpe",
        vocabulary_size=900,
        parent="s",
    ),
    TrainRequest("m", ("a.txt",), minutes=1.5, epochs=2, size="small", layers=3, width=40, min_count=4, index=False),
    TrainRequest("m", ("a.csv",), column="c", label="author", label_column="who"),
    TrainRequest("m", ("a.txt",), items="blank-line"),
    TrainRequest("m", ("chat.txt",), encoding="auto", reader="whatsapp", author="Anna, Ben", strict=True, lower=True),
    TrainRequest("m", ("a.txt",), batch_size=7, learning_rate=1e-3, dropout=0.0),
]

OLD_RUN: dict[str, Any] = {
    "format": 2,
    "wish": {
        "name": "mine",
        "paths": ["lamp.txt"],
        "files": [str(LAMP)],
        "reading": {
            "encoding": "utf-8",
            "keep_boilerplate": False,
            "field": "",
            "column": "",
            "lines": False,
            "split": "44/2/44/10",
        },
        "tokens": None,
        "vocabulary": None,
        "start": None,
        "min_count": 1,
        "wanted": {
            "minutes": inf,
            "epochs": 5.0,
            "size": None,
            "layers": None,
            "width": 24,
            "batch": 2,
            "rate": 0.003,
            "dropout": None,
        },
        "licence": "",
        "replace": False,
        "index": False,
    },
    "sha256": "9492d35157ab742f18700609c7a09af26c2c6289cc6058e55ca622a9cbf7b81e",
    "tokenizer": {"kind": "char", "characters": sorted(set(LAMP.read_text("utf-8")))},
    "recipe": {
        "architecture": {"vocabulary": 47, "embedding": 128, "layers": 2, "width": 24},
        "dropout": {"embedding": 0.0, "between": 0.05, "output": 0.1, "recurrent": 0.0},
        "minutes": inf,
        "epochs": 5.0,
        "longest": 60.0,
        "batch": 2,
        "steps": 64,
        "rate": 0.003,
        "betas": [0.9, 0.99],
        "momentum": 0.95,
        "weight_decay": 0.02,
        "warm_up": 30,
        "flat": 0.4,
        "last_rate": 0.01,
        "clip": 0.5,
        "average": 0.9998122358161325,
        "reset": 0.03,
        "validations": 20,
        "seed": 1,
    },
}
"""A run.json as the first release wrote it."""


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_request_comes_back_from_json(wish: TrainRequest) -> None:
    assert request_from_json(json.loads(json.dumps(request_to_json(wish)))) == wish


def test_one_of_another_release_is_told() -> None:
    values = request_to_json(WISHES[0])
    for broken in ({**values, "colour": "red"}, {**values, "wanted": 3}, {"name": "mine"}):
        with pytest.raises(TrainingError, match="another release"):
            request_from_json(broken)


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_the_command_asks_for_the_same_again(wish: TrainRequest) -> None:
    """As the command itself parses it; only the folders of the files are left out."""
    words = shlex.split(as_command_line(wish))[2:]
    context = train.train.make_context("train", words)
    given = {name: value for name, value in context.params.items() if value is not None}
    paths = given.pop("paths")
    assert [path.split("/")[-1] for path in wish.paths] == list(paths)
    assert (given.pop("device"), given.pop("as_json")) == ("auto", False)
    assert TrainRequest(paths=wish.paths, **given) == replace(wish, parent=wish.parent_name or None)


def test_a_run_of_an_earlier_release_goes_on_and_is_written_under_the_same_keys(home: Path) -> None:
    path = home / "runs" / "mine" / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(OLD_RUN))
    resumed = run.resume_run("mine")
    request, config = resumed.request, resumed.trainer.config
    assert request == TrainRequest(
        "mine",
        ("lamp.txt",),
        (str(LAMP),),
        epochs=5.0,
        width=24,
        batch_size=2,
        learning_rate=0.003,
        reader="plain",
        split="44/2/44/10",
        index=False,
    )
    assert (config.seq_len, config.batch_size, config.learning_rate) == (64, 2, 0.003)
    assert (config.max_flat_epochs, config.evaluations, config.warmup_steps) == (60.0, 20, 30)
    assert (config.grad_clip, config.ema_decay, config.state_reset_prob) == (0.5, 0.9998122358161325, 0.03)
    assert (config.flat_fraction, config.final_rate_fraction) == (0.4, 0.01)
    assert config.dropout == Dropout(0.0, 0.05, 0.1, 0.0)
    again = json.loads(json.dumps(run.RunInputs(request, resumed.corpus, resumed.tokenizer, config).to_json()))
    for part in ("wish", "recipe"):
        again[part] = {name: again[part][name] for name in OLD_RUN[part]}
    assert {"format": 2, **again} == OLD_RUN


def test_an_earlier_release_read_a_chat_as_it_is_and_tables_by_column() -> None:
    """It knew no chats. A resumed run must read the text that it began with."""
    wish = OLD_RUN["wish"]
    readers = [
        request_from_json({**wish, "files": files}).reader for files in (["/chat.txt"], ["/a.json"], ["/b.csv.gz"])
    ]
    assert readers == ["plain", "plain", ""]


def test_a_checkpoint_keeps_the_keys_of_the_first_release(home: Path) -> None:
    path = home / "runs" / "mine" / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(OLD_RUN))
    trainer = run.resume_run("mine").trainer
    next(trainer.run())
    values = trainer.make_checkpoint().values
    keys = {"seconds", "step", "seen", "_smooth", "_rate", "_behind", "best_loss", "plan", "position"}
    assert set(values) == {*keys, "best_step"}
    assert set(values["plan"]) == {"steps", "cool", "every", "save", "bf16", "threads"}
    assert set(values["position"]) == {"offset", "at", "random"}
