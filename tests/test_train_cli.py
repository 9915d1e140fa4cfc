"""``afterglow train``: from a text file to a model that plays, and every text that cannot be learned from."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from afterglow.core import item_samples
from afterglow.core.errors import StorageError, TextError
from afterglow.core.inference.model_file import open_model_file
from afterglow.core.model import load
from afterglow.core.progress import drain
from afterglow.core.session.reading import read_tokens
from afterglow.core.text.copy_detection import copied_run_lengths
from afterglow.repl.__main__ import main
from afterglow.repl.cli import generate
from afterglow.repl.cli.reading_flags import ReadingFlags

pytest.importorskip("afterglow.core.training.model")  # before torch, which it tells how to use its threads

from afterglow.core.training import copy_measurement
from afterglow.core.training import run as training_run
from afterglow.core.training.request import TrainRequest
from afterglow.repl.cli import train_run

pytestmark = pytest.mark.usefixtures("one_thread")

LAMP = Path(__file__).parent / "data" / "lamp.txt"
Train = Callable[..., tuple[int, str, str]]


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    """Run the verb in this process: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["afterglow", "train", *arguments])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return code, *capfd.readouterr()

    return run


def test_a_text_becomes_a_model_that_plays(train: Train, home: Path) -> None:
    code, out, err = train(str(LAMP), "--name", "mine", "--epochs", "2", "--json", "--licence", "MIT")
    assert code == 0
    figures = json.loads(out)
    assert figures["nats_per_char_cold"] > 0
    assert "5,191 characters" in err
    card = open_model_file(home / "models" / "mine.safetensors").card
    assert (card.corpus, card.licence, card.epochs >= 2) == ("lamp.txt", "MIT", True)
    assert card.nats_per_char_cold == pytest.approx(figures["nats_per_char_cold"], abs=1e-4)
    assert card.command == "afterglow train lamp.txt --name mine --epochs 2"
    assert len(load("mine").generate("The lamp", length=40, rng=7)) == 40


@pytest.mark.parametrize("kind", ["byte", "bpe", "word"])
def test_other_tokens_can_be_learned_and_are_judged_by_the_character(train: Train, kind: str) -> None:
    options = ["--epochs", "2", "--tokens", kind, "--width", "24", "--json"]
    code, out, err = train(str(LAMP), "--name", "mine", *options)
    assert code == 0, err
    model = load("mine")
    assert model.tokenizer.kind == kind
    assert 1 < json.loads(out)["nats_per_char_cold"] < 4
    assert len(model.generate("The lamp", length=40, rng=7)) == 40


def test_a_name_that_is_taken_needs_replace(train: Train, home: Path) -> None:
    place = home / "models" / "mine.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"old")
    code, _, err = train(str(LAMP), "--name", "mine", "--epochs", "1")
    assert (code, place.read_bytes()) == (2, b"old")
    assert "--replace" in err
    assert train(str(LAMP), "--name", "mine", "--epochs", "1", "--replace")[0] == 0
    assert place.read_bytes() != b"old"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "there is no text file"),
        (b"", "empty"),
        (b"too short", "at least 5,000 characters are needed"),
        (b"a" * 6000, "one character repeated"),
        (b"text\0" * 2000, "looks like binary data"),
        (b"word " * 2000 + b"\xe9", "--encoding auto takes that"),
    ],
)
def test_what_cannot_be_learned_gets_one_line(train: Train, tmp_path: Path, data: bytes | None, says: str) -> None:
    text = tmp_path / "text.txt"
    if data is not None:
        text.write_bytes(data)
    code, out, err = train(str(text), "--name", "mine")
    assert (code, out, err.count("\n")) == (TextError.exit_code, "", 1)
    assert says in err


def test_a_path_that_no_system_takes_gets_one_line(train: Train) -> None:
    code, out, err = train("a" * 300, "--name", "mine")
    assert (code, out, err.count("\n")) == (TextError.exit_code, "", 1)
    assert "cannot read aaa" in err


@pytest.mark.parametrize(("how", "end"), [(["--lines"], "\n"), (["--items", "blank-line"], "\n\n")])
def test_what_a_model_of_a_list_copies_is_counted_in_whole_items(
    train: Train, home: Path, monkeypatch: pytest.MonkeyPatch, how: list[str], end: str
) -> None:
    looked_at = []

    def watched(written: str, text: str) -> object:
        looked_at.append(written)
        return copied_run_lengths(written, text)

    monkeypatch.setattr(copy_measurement, "copied_run_lengths", watched)
    monkeypatch.setattr(item_samples, "MAX_MEASURED_LENGTH", 40)
    monkeypatch.setattr(item_samples, "MEASURED_CHARS", 1000)
    code, _, err = train(str(LAMP), "--name", "mine", "--epochs", "1", "--width", "16", *how)
    assert code == 0
    assert len(looked_at[0]) == copy_measurement.COPY_SAMPLE_SETTINGS["length"]
    file = open_model_file(home / "models" / "mine.safetensors")
    assert (file.card.item_end, file.card.settings["stop"]) == (end, [end])
    assert file.index
    assert all(file.index.contains_item(item) for item in LAMP.read_text("utf-8").split(end) if item.strip())
    assert not file.index.contains_item("An item of another list")
    assert f"{file.card.copied_items:.0%} of generated items at T 0.8 stand in your list" in err


def test_the_card_of_a_new_model_names_the_cells_that_follow_a_thing(train: Train, home: Path, tmp_path: Path) -> None:
    text = tmp_path / "lamps.txt"
    text.write_text(LAMP.read_text("utf-8") * 4, "utf-8")
    assert train(str(text), "--name", "mine", "--epochs", "1", "--width", "16")[0] == 0
    cells = open_model_file(home / "models" / "mine.safetensors").card.cells
    assert re.match(r"[12]\.\d+ [a-z ]+ \(r -?0\.\d\d\)", cells), cells


def test_lines_and_other_items_exclude_each_other(train: Train) -> None:
    code, _, err = train(str(LAMP), "--name", "mine", "--lines", "--items", "blank-line")
    assert (code, err) == (2, "afterglow: --lines and --items blank-line exclude each other\n")


@pytest.mark.parametrize("wish", [["--minutes", "0"], ["--minutes", "soon"], ["--name", "../x"], ["--size", "huge"]])
def test_wishes_that_cannot_be(train: Train, wish: list[str]) -> None:
    code, out, err = train(str(LAMP), "--name", "mine", *wish)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_folder_that_cannot_be_written_is_told_before_training(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AFTERGLOW_HOME", str(tmp_path / "file"))
    code, _, err = train(str(LAMP), "--name", "mine")
    assert (code, err.count("\n")) == (1, 1)
    assert "cannot write to" in err


def test_a_disk_that_is_full_at_the_end_says_how_to_go_on(
    train: Train, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is written into the models' folder finds no space."""
    chmod = Path.chmod

    def full(path: Path, mode: int) -> None:
        if path.parent.name == "models":
            raise OSError(28, "No space left on device")
        chmod(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", full)
        code, _, err = train(str(LAMP), "--name", "mine", "--epochs", "1", "--width", "16")
    assert code == 1
    assert err.splitlines()[-1].endswith("make room, then: afterglow train --resume mine")
    assert list((home / "models").iterdir()) == []
    assert train("--resume", "mine")[0] == 0
    assert load("mine").generate("The", length=5)


def test_without_torch_the_remedy_is_named(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("afterglow.core.training.", "afterglow.repl.cli.train_run"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, err = train(str(LAMP), "--name", "mine")
    assert (code, err.count("\n")) == (1, 1)
    assert "pip install 'afterglow-lm[train]'" in err
    assert "CPU" in err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_control_c_saves_and_keeps_the_best_so_far_and_the_run_goes_on(home: Path, train: Train) -> None:
    command = [sys.executable, "-m", "afterglow.repl", "train", str(LAMP), "--name", "mine", "--epochs", "12"]
    command += ["--width", "32"]
    one = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one) as ran:  # noqa: S603
        assert ran.stderr
        assert any("(best)" in line for line in iter(ran.stderr.readline, ""))
        ran.send_signal(signal.SIGINT)
        out, err = ran.communicate(timeout=120)
    assert ran.returncode == 130, err
    assert "resume with:\n    afterglow train --resume mine\n" in err
    assert "play it: afterglow --model mine" in out
    assert (home / "models" / "mine.safetensors").exists()
    code, _, err = train("--resume", "mine")
    assert code == 0
    assert "resumed at step" in err
    assert open_model_file(home / "models" / "mine.safetensors").card.epochs == pytest.approx(12, abs=0.2)
    assert not (home / "runs" / "mine").exists()


def test_ctrl_c_where_nothing_can_be_saved_still_keeps_the_best(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(_: object) -> None:
        raise StorageError("no space left")

    made = training_run.start_run(TrainRequest("mine", (str(LAMP),), epochs=9, width=16))
    for _ in zip(range(5), made.train(), strict=False):
        pass
    monkeypatch.setattr(made.run_dir, "save", full)
    train_run.save_unfinished(made)
    assert "stopped at step 5, epoch 0.1; it cannot be resumed from here: no space left" in capfd.readouterr().err
    made.save_model(made.measure()[0])
    assert len(load("mine").generate("The lamp", length=9)) == 9


def test_a_model_is_judged_in_the_encoding_that_it_learned(train: Train, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(LAMP.read_text("utf-8").replace("lamp", "lämp"), "latin-1")
    code, _, err = train(str(text), "--name", "mine", "--epochs", "0.2", "--width", "16", "--encoding", "latin-1")
    assert code == 0, err
    assert generate.evaluate_on_text(load("mine"), text, ReadingFlags())["characters"] > 0


def test_a_model_of_lower_case_reads_every_later_text_so(train: Train) -> None:
    code, _, err = train(str(LAMP), "--name", "mine", "--epochs", "0.1", "--width", "8", "--layers", "1", "--lower")
    assert code == 0, err
    model = load("mine")
    assert all(text == text.lower() for text in map(model.token_text, range(model.tokenizer.size)))
    assert model.file.card.lower
    assert generate.read_as_trained(model, [str(LAMP)], ReadingFlags()).text == LAMP.read_text("utf-8").lower()
    seed = model.read("The LAMP")
    assert seed.notices == []
    assert (seed.snapshot.logits == model.read("the lamp").snapshot.logits).all()
    assert model.score("The LAMP") == model.score("the lamp")
    assert "".join(token.text for token in drain(read_tokens(model, "The LAMP")).tokens) == "he lamp"


def test_a_model_goes_on_with_a_new_text_and_new_characters(train: Train, tmp_path: Path) -> None:
    code, _, err = train(str(LAMP), "--name", "first", "--epochs", "6", "--width", "32", "--layers", "1")
    assert code == 0, err
    text = tmp_path / "text.txt"
    text.write_text(LAMP.read_text("utf-8").replace("lamp", "lämp"), "utf-8")
    code, out, err = train(str(text), "--name", "second", "--epochs", "1", "--from", "first", "--json")
    assert code == 0, err
    first, second = load("first"), load("second")
    assert second.tokenizer.size == first.tokenizer.size + 1
    assert second.tokenizer.unknown_characters("lämp") == []
    assert second.file.card.parent == "first"
    assert json.loads(out)["nats_per_char_cold"] < 3.2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--from", "shakespeare", "--tokens", "byte"], "shakespeare was trained on char tokens"),
        (["--from", "shakespeare", "--size", "small"], "cannot be used with --from"),
        (["--from", "nobody"], "there is no model 'nobody'"),
        (["--vocab", "500"], "--vocab only applies to"),
        (["--min-count", "2", "--tokens", "byte"], "--min-count only applies to --tokens char"),
        (["--min-count", "1000"], "no character occurs 1,000 times"),
        (["--field", "text"], "--field is for JSON, and none"),
        (["--label", "author"], "lamp.txt does not say the author of any text; --label-column names"),
        (["--label", "file", "--label-column", "who"], "--label-column holds the labels"),
        (["--rate", "nan"], "nan is not a finite number"),
        (["--epochs", "inf"], "inf is not a finite number"),
        (["--dropout", "nan"], "nan is not a finite number"),
        (["--resume", "mine"], "leave out other options and texts"),
    ],
)
def test_what_does_not_go_together_gets_one_line(train: Train, options: list[str], says: str) -> None:
    code, out, err = train(str(LAMP), "--name", "mine", *options)
    assert (code > 0, out, err.count("\n")) == (True, "", 1)
    assert says in err
