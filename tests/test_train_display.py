"""What is seen of a training run: the picture, the curve in braille, the plot, and plain lines elsewhere."""

from __future__ import annotations

import io
import itertools
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from afterglow.core.inference.model_file import open_model_file
from rich.console import Console

torch = pytest.importorskip("torch")

from afterglow.core.training import run as training_run  # noqa: E402
from afterglow.core.training.history_files import LossRow  # noqa: E402
from afterglow.core.training.loss_plot import render_loss_svg  # noqa: E402
from afterglow.core.training.request import TrainRequest  # noqa: E402
from afterglow.repl.cli.braille import Curve, render_braille  # noqa: E402
from afterglow.repl.cli.train_display import LiveDisplay, LogDisplay, format_duration  # noqa: E402

LAMP = Path(__file__).parent / "data" / "lamp.txt"


def begun() -> training_run.TrainingRun:
    torch.set_num_threads(1)
    return training_run.start_run(TrainRequest("mine", (str(LAMP),), epochs=3, width=16, layers=1))


def test_the_picture_shows_losses_baselines_a_curve_and_four_temperatures() -> None:
    run, out = begun(), io.StringIO()
    console = Console(file=out, force_terminal=True, width=90, height=30, color_system=None)
    with LiveDisplay(run, console) as picture:
        for progress in run.train():
            picture.show(progress)
        picture.say("a note")
    text = out.getvalue()
    for shown in ("100%", "epoch 3.0", "characters/s", "5-gram", "letter counts", "a note"):
        assert shown in text, shown
    for temperature in ("T 0.2", "T 0.5", "T 1.0", "T 1.2"):
        assert temperature in text, temperature
    assert any("\u2800" < c < "\u2900" for c in text)


def test_elsewhere_there_is_a_line_for_each_validation(capsys: pytest.CaptureFixture[str]) -> None:
    run = begun()
    with LogDisplay(run) as lines:
        for progress in run.train():
            lines.show(progress)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(run.run_dir.losses.rows()) > 3
    assert all("validation" in line and "\x1b" not in line for line in told)
    assert "(best)" in told[0]


def test_a_falling_line_goes_from_the_upper_left_to_the_lower_right() -> None:
    rows = render_braille([Curve([(0, 2.0), (1, 1.0)], "")], 10, 3).plain.split("\n")
    assert [len(row) for row in rows] == [17, 17, 17]
    assert (rows[0][:6].strip(), rows[2][:6].strip()) == ("2.00", "1.00")
    marks = [[i for i, c in enumerate(row[7:]) if c != " "] for row in rows]
    assert (marks[0][0], marks[2][-1]) == (0, 9)
    assert marks[0][-1] <= marks[1][0] + 1
    assert marks[1][-1] <= marks[2][0] + 1


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(0.0, 1.0), (0.0, 1.0)]])
def test_curves_of_little_are_drawn_too(points: list[tuple[float, float]]) -> None:
    assert render_braille([Curve(points, "")], 10, 4).plain.count("\n") == 3


def test_a_plot_is_well_formed_and_has_a_line_for_all() -> None:
    rows = [LossRow(n, n, 0, 4 - n / 2, 4 - n / 3) for n in range(4)]
    root = ET.fromstring(render_loss_svg("mine: <lamp> & co", rows, {"5-gram": 2.5}))  # noqa: S314
    lines = [e for e in root.iter() if e.tag.endswith("polyline")]
    assert [len(line.attrib["points"].split()) for line in lines] == [4, 4]
    heights = [float(point.split(",")[1]) for point in lines[1].attrib["points"].split()]
    assert heights == sorted(heights)
    words = {e.text for e in root.iter() if e.tag.endswith("text")}
    assert {"mine: <lamp> & co", "5-gram 2.50", "validation 3.00"} <= words
    beside = [float(e.attrib["y"]) for e in root.iter() if e.text and e.text[-3:-2] == "."]
    assert min(abs(one - other) for one, other in itertools.combinations(beside, 2)) >= 13
    assert ET.fromstring(render_loss_svg("lost", [LossRow(1, 1, 0, 7e25, 2.0)], {})) is not None  # noqa: S314
    assert ET.fromstring(render_loss_svg("none", [], {})) is not None  # noqa: S314


def test_a_finished_run_leaves_model_history_and_plot(home: Path) -> None:
    run = begun()
    list(run.train())
    run.save_model(run.measure()[0])
    names = sorted(path.name for path in (home / "models").iterdir())
    assert names == ["mine.history.jsonl", "mine.safetensors", "mine.samples.jsonl", "mine.svg"]
    file = (home / "models" / "mine.safetensors").stat().st_size
    assert run.build_model().file.index is None
    again = open_model_file(home / "models" / "mine.safetensors")
    assert again.index
    assert again.index.prints.nbytes + again.index.starts.nbytes <= 0.15 * file


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (61.9, "1:01"), (3_725, "1:02:05")])
def test_times(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown
