"""Draw the pictures of learning.md from real runs, in minutes: ``python docs/learning_pictures.py``. Needs torch."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from afterglow.core.inference.library import path_for_new_model
from afterglow.core.model import Model, load
from afterglow.core.sampling.filters import log_softmax
from afterglow.core.score import FloatArray, cold_windows
from afterglow.core.text.tokenizer import Ids
from afterglow.core.training.loss_plot import render_loss_svg
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.run import TrainingRun, start_run
from afterglow.repl.cli.plots import open_figure

HERE = Path(__file__).parent
WINDOW, WINDOWS = 512, 200
EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def main() -> None:
    """Train on a page, and draw its losses, how sure its two models are, and how far a state reaches."""
    run = start_run(TrainRequest("page", (str(HERE / "page.txt"),), epochs=60, keep="last"))
    for _ in run.train():
        pass
    losses, samples = run.run_dir.losses.rows(), run.run_dir.samples.rows()
    title = "page.txt: 60 epochs"
    (HERE / "learning-overfit.svg").write_text(render_loss_svg(title, losses, run.baselines, samples), "utf-8")
    draw_calibration(run)
    draw_reach("shakespeare", "tolstoy")


def read_windows(model: Model, slices: list[Ids]) -> Iterator[tuple[FloatArray, Ids]]:
    """Yield the logits (windows, V) and the targets (windows,) at each place of the windows of ``slices``."""
    for inputs, targets in cold_windows(slices):
        stepper = model.runtime.stepper(model.runtime.zeros(len(inputs)))
        for column in range(inputs.shape[1]):
            stepper.step(inputs[:, column])
            yield stepper.logits.astype(np.float64), targets[:, column]


def bits_at(model: Model, texts: list[str], temperatures: FloatArray) -> FloatArray:
    """Return the loss on ``texts`` at each temperature in bits per character."""
    places = list(read_windows(model, [model.tokenizer.encode(text) for text in texts]))
    return np.array([-np.mean(np.concatenate([log_probs(x / t, y) for x, y in places])) for t in temperatures])


def log_probs(logits: FloatArray, targets: Ids) -> FloatArray:
    """Return the log-probabilities of ``targets`` in bits."""
    return log_softmax(logits)[np.arange(len(targets)), targets] / math.log(2)


def draw_calibration(run: TrainingRun) -> None:
    """Draw the loss on the held-out text at temperatures from 0.5 to 4: of the last weights, and of the best."""
    temperatures, texts = np.linspace(0.5, 4, 36), [part.text for part in run.corpus.test]
    with open_figure(HERE / "learning-calibration.svg") as figure:
        axes = figure.add_subplot()
        for model, _ in run.measure_models():
            bits = bits_at(model, texts, temperatures)
            lowest = int(bits.argmin())
            label = f"{model.name}: lowest at T {temperatures[lowest]:.1f}"
            (line,) = axes.plot(temperatures, bits, label=label)
            axes.plot(temperatures[lowest], bits[lowest], "o", color=line.get_color())
            model.file.save(path_for_new_model(model.name, replace=True))
        axes.axvline(1, color="grey", linestyle=":")
        axes.set_xlabel("temperature at which the text is judged")
        axes.set_ylabel("bits per character, held out")
        axes.set_ylim(0)
        axes.set_title("An overfitted model is too sure of itself")
        axes.legend(frameon=False)


def draw_reach(*names: str) -> None:
    """Draw how many bits a character costs more if the state began from zero so many characters before it."""
    with open_figure(HERE / "learning-reach.svg") as figure:
        axes = figure.add_subplot()
        for name in names:
            extra = extra_bits(load(name))
            bins = [(math.sqrt((a + 1) * b), float(extra[a:b].mean())) for a, b in pairwise(EDGES)]
            print(name, *(f"{bits:.4f}" for _, bits in bins))
            axes.plot(*zip(*bins, strict=True), "o-", markersize=4, label=name)
        axes.axvline(64, color="grey", linestyle=":")
        axes.text(68, 0.3, "so far gradients reach")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_yticks((1, 0.1, 0.01, 0.001), ("1", "0.1", "0.01", "0.001"))
        axes.set_ylim(0.0005, 4)
        axes.set_xticks(EDGES[1:], [str(edge) for edge in EDGES[1:]])
        axes.set_xlabel("characters that the state has read")
        axes.set_ylabel("bits more than with all of them")
        axes.set_title("How far a state reaches")
        axes.legend(frameon=False)


def extra_bits(model: Model) -> FloatArray:
    """Return for each place in windows of a text that ``model`` wrote how many bits more it costs from the zero state.

    At T = 1 the model writes what it expects, so no text can be predicted better by its whole state.
    """
    text = model.generate("\n", length=WINDOW * WINDOWS + 1, temperature=1, rng=1, stop=())
    ids = model.tokenizer.encode(text)
    inputs, targets = ids[:-1].reshape(WINDOWS, WINDOW), ids[1:].reshape(WINDOWS, WINDOW)
    whole = model.score(text).surprise.reshape(WINDOWS, WINDOW).mean(0)
    stepper, cold = model.runtime.stepper(model.runtime.zeros(WINDOWS)), np.empty(WINDOW)
    for place in range(WINDOW):
        stepper.step(inputs[:, place])
        cold[place] = -log_probs(stepper.logits.astype(np.float64), targets[:, place]).mean()
    return cold - whole


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["AFTERGLOW_HOME"] = home
        main()
