"""What training leaves beside the model: the weights that ``--keep`` names, losses and samples, and their picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.errors import UsageError
from afterglow.core.model import Model, load
from afterglow.core.score import Score

pytest.importorskip("afterglow.core.training.model")  # before torch, which it tells how to use its threads

from afterglow.core.training import run as training_run
from afterglow.core.training.convert import to_torch
from afterglow.core.training.history_files import LossRow, RowFile, SampleRow
from afterglow.core.training.loss_plot import render_loss_svg
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.run import TrainingRun
from afterglow.core.training.samples import SAMPLE_TEMPERATURES, is_sample_due, spread
from afterglow.repl.cli.train_run import save_unfinished, train_and_report

from .cli_helpers import RunCli

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A text without rules: all that a model learns of it after the first epochs, it knows by heart."""
    path = tmp_path / "noise.txt"
    path.write_text("".join(np.random.default_rng(1).choice(list("abcdefgh "), 5_000)))
    return path


def start(text: Path, **options: Any) -> TrainingRun:
    chosen: dict[str, Any] = {"epochs": 6.0, "width": 32, "layers": 1, "dropout": 0.0, "split": "60/20/20"} | options
    if not chosen.get("parent"):
        chosen |= {"learning_rate": 0.02, "batch_size": 4}
    else:
        del chosen["width"], chosen["layers"]
    return training_run.start_run(TrainRequest("mine", (str(text),), **chosen))


def finished(text: Path, **options: Any) -> TrainingRun:
    made = start(text, **options)
    list(made.train())
    return made


def kept(made: TrainingRun) -> list[tuple[Model, Score]]:
    measured = list(made.measure_models())
    for model, _ in measured:
        made.save_model(model)
    return measured


def test_the_last_weights_are_kept_with_the_best_beside_them(noise: Path) -> None:
    made = finished(noise, keep="last")
    (last, last_score), (best, best_score) = kept(made)
    assert (last.name, best.name) == ("mine", "mine-best")
    assert last_score.nats_per_char_cold > best_score.nats_per_char_cold + 0.02
    trained, played = made.trainer.last().state_dict(), to_torch(last).state_dict()
    name = "projection.bias"
    assert np.array_equal(trained[name].numpy(), played[name].numpy())
    cards = [load(name).file.card for name in ("mine", "mine-best")]
    losses = made.run_dir.losses.rows()
    lowest = min(losses, key=lambda row: row.valid_bits)
    where = f"epoch {lowest.epoch:.1f}"
    bits = f"validation was lowest, {lowest.valid_bits:.3f} bits per character"
    assert cards[0].kept == f"epoch {losses[-1].epoch:.1f}, the last, as --keep last asks; at {where} {bits}"
    assert cards[1].kept == f"{where} of {losses[-1].epoch:.1f}: there {bits}"


def test_without_the_option_the_best_alone_is_kept_and_the_log_says_which(
    noise: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = train_and_report(start(noise), is_new=True)
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("kept as ")]
    assert said == [f"kept as mine: {outcome.figures['kept']}"]
    assert " of 6.1: there validation was lowest, 3." in said[0]
    assert "beside" not in outcome.figures


def test_the_last_weights_are_the_best_if_validation_was_lowest_at_the_end(noise: Path) -> None:
    made = finished(noise, keep="last", epochs=0.5)
    ((model, _),) = kept(made)
    assert model.name == "mine"
    assert model.file.card.kept.startswith("epoch 0.5, the last: there validation was lowest")


def test_a_run_that_is_stopped_keeps_both_and_goes_on(noise: Path) -> None:
    made = start(noise, keep="last")
    for progress in made.train():
        if progress.epoch > 4:
            break
    save_unfinished(made)
    assert [model.name for model, _ in kept(made)] == ["mine", "mine-best"]
    again = training_run.resume_run("mine")
    list(again.train())
    whole = finished(noise, keep="last", replace=True)
    for one, other in zip(kept(again), kept(whole), strict=True):
        assert one[0].file.with_sha256().sha256 == other[0].file.with_sha256().sha256
    assert [row.text for row in again.run_dir.samples.rows()] == [row.text for row in whole.run_dir.samples.rows()]


def test_fine_tuning_goes_on_to_the_last_weights_and_never_back_to_the_parent(noise: Path) -> None:
    parent, _ = kept(finished(noise, epochs=1.0, keep="best"))[0]
    made = finished(noise, parent="mine", keep="last", replace=True)
    last, best = (model for model, _ in kept(made))
    steps = [row.step for row in made.run_dir.losses.rows()]
    assert made.trainer.step == steps[-1]
    assert made.trainer.rate_factor == 1
    assert last.file.card.kept.startswith("epoch 6.0, the last, as --keep last asks")
    assert best.file.card.parent == last.file.card.parent == parent.name


def test_a_name_that_the_best_model_would_take_is_refused(noise: Path, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "mine-best.safetensors").touch()
    with pytest.raises(UsageError, match="there is a model 'mine-best' already; add --replace"):
        start(noise, keep="last")
    assert start(noise, keep="last", replace=True).request.beside_name == "mine-best"


def test_samples_are_few_however_long_the_run() -> None:
    def sampled(steps: range) -> list[int]:
        taken = [0]
        for step in steps:
            if is_sample_due(step, taken[-1], step == steps[-1]):
                taken.append(step)
        return taken[1:]

    assert len(sampled(range(1, 1_000_000))) <= 62
    assert sampled(range(10, 201, 10)) == [10, 20, 30, 40, 50, 70, 90, 120, 150, 190, 200]


def test_samples_are_those_of_the_weights_at_four_temperatures(noise: Path) -> None:
    made = finished(noise, epochs=2.0)
    rows = made.run_dir.samples.rows()
    assert [row.temperature for row in rows[-4:]] == list(SAMPLE_TEMPERATURES)
    assert {row.step for row in rows} <= {row.step for row in made.run_dir.losses.rows()}
    model = made._to_model("mine", made.trainer.last(), made.build_card())
    expected = [model.generate("\n", length=160, temperature=t, rng=1, stop=()) for t in SAMPLE_TEMPERATURES]
    assert [row.text for row in rows[-4:]] == expected


def test_a_run_of_an_earlier_build_goes_on(noise: Path, home: Path) -> None:
    """It has no samples, no ``keep``, and checkpoints that do not say when the best weights were found."""
    start(noise)
    description = home / "runs" / "mine" / "run.json"
    values = json.loads(description.read_text())
    del values["wish"]["keep"]
    description.write_text(json.dumps(values))
    made = training_run.resume_run("mine")
    for progress in made.train():
        if progress.epoch > 4:
            break
    state = made.trainer.make_checkpoint()
    del state.values["best_step"]
    made.run_dir.save(state)
    made.run_dir.samples.path.unlink()
    again = training_run.resume_run("mine")
    list(again.train())
    ((model, _),) = kept(again)
    assert model.file.card.kept.startswith("an earlier epoch of 6.1: there validation was lowest")
    assert again.run_dir.samples.rows()[0].step > progress.step


def rows() -> tuple[list[LossRow], list[SampleRow]]:
    losses = [LossRow(n, n, n, 4 - n / 30, 3 + abs(n - 40) / 90) for n in range(1, 101)]
    samples = [SampleRow(n, n, t, f"text {n}\n\x1b[31mred") for n in (1, 50, 100) for t in SAMPLE_TEMPERATURES]
    return losses, samples


def leave_history(folder: Path, name: str) -> None:
    losses, samples = rows()
    RowFile(folder / f"{name}.history.jsonl", LossRow).add(losses)
    RowFile(folder / f"{name}.samples.jsonl", SampleRow).add(samples)


def test_history_prints_losses_and_samples(tiny: Model, home: Path, run: RunCli, tmp_path: Path) -> None:
    tiny.file.save(home / "models" / "mine.safetensors")
    leave_history(home / "models", "mine")
    picture = tmp_path / "mine.svg"
    ran = run("history", "mine", "--svg", str(picture))
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert "   40.0      2.667       3.000   lowest" in lines
    assert lines.index("epoch 1.0") == 27  # after the text, a heading, 24 rows and an empty line
    assert lines.count("epoch 50.0") == 1
    assert "  T 0.5  text 50⏎␛[31mred" in lines
    words = [each.text or "" for each in ET.fromstring(picture.read_text()).iter()]  # noqa: S314
    assert "lowest 3.00, epoch 40.0" in words
    assert any(word.startswith("text 100⏎") for word in words)
    values = json.loads(run("history", "mine", "--json").out)
    assert (len(values["losses"]), len(values["samples"])) == (100, 12)
    picture.write_text("something else")
    assert run("history", "mine", "--svg", str(picture)).code == 2


def test_a_bundled_model_says_that_its_losses_were_not_kept(run: RunCli) -> None:
    out = run("history", "shakespeare").out
    assert out.startswith("tinyshakespeare.txt: 1,115,394 characters; ")
    assert "losses on the way were not kept" in out


def test_an_unfinished_run_has_a_history(noise: Path, run: RunCli) -> None:
    made = start(noise)
    for progress in made.train():
        if progress.valid_loss:
            break
    out = run("history", "mine").out.splitlines()
    assert out[0] == "mine is not finished; go on with: afterglow train --resume mine"
    assert out[-1].startswith("  T 1.2  ")
    assert run("history", "none").code == 1


def test_a_damaged_sample_hides_no_other(home: Path) -> None:
    file = RowFile(home / "samples.jsonl", SampleRow)
    file.add([SampleRow(1, 1, 0.5, "whole")])
    with file.path.open("a") as lines:
        lines.write('{"step": 2, "epoch": 1, "temperature": 1, "text": 3}\n{\n')
        lines.write(json.dumps({"step": 2, "epoch": 1, "temperature": 1, "text": "x" * 4_001}) + "\n")
    file.add([SampleRow(3, 1, 0.5, "too")])
    assert [row.text for row in file.rows()] == ["whole", "too"]


def test_a_picture_marks_the_lowest_validation_only_before_the_end() -> None:
    losses, samples = rows()
    assert "<circle" in render_loss_svg("x", losses, {}, samples)
    assert "<circle" not in render_loss_svg("x", losses[:30], {}, samples)
    assert spread(range(100), 4) == [0, 33, 66, 99]
    assert spread([1, 2], 4) == [1, 2]
