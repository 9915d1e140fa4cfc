"""Compare the text generator of a book's chapter with this one: the same task, the same text, the same held-out part.

The book is Lane, Howard and Hapke, Natural Language Processing in Action (2019), chapter 9; its Keras code is
here in torch.

``python -m benchmarks.chapter9 [TEXTS] [--epochs 30] [--minutes 3]``

TEXTS is the folder with the three plays of NLTK's Gutenberg selection (``python -m nltk.downloader gutenberg`` makes
``nltk_data/corpora/gutenberg``), or a text file, of which as many characters are read as the plays have; without it,
that is tiny Shakespeare. Both read the text in lower case without the last 10 % of each file, and are judged on that.
Results are kept in ``build/chapter9``, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from afterglow.core.model import Model, load
from afterglow.core.text.corpus import Corpus, read_corpora
from afterglow.core.text.formats import ReadOptions
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

PLAYS = ("shakespeare-caesar.txt", "shakespeare-hamlet.txt", "shakespeare-macbeth.txt")
"""The files that the book reads."""

PLAYS_CHARACTERS = 375_542
"""Characters of the three."""

STAND_IN = Path(__file__).parent.parent.parent / "shared" / "data" / "tinyshakespeare.txt"
"""The text file that is read if none is named."""

WINDOW, STEP, UNITS, BATCH, RATE = 40, 3, 128, 128, 0.01
"""The book's recipe: windows of 40 characters, one every 3, one layer of 128 units, batches of 128, RMSprop at 0.01."""

BOOK_EPOCHS = 30
"""Epochs of the book's code: five times six."""

SCORED_ROWS = 1024


class Texts(NamedTuple):
    """Characters as numbers: the pieces to train on and the held-out ones. ``size`` is the number of characters."""

    train: list[Tensor]
    held_out: list[Tensor]
    size: int


class BookModel(nn.Module):
    """One LSTM layer over one-hot characters; the last output predicts the next one."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(size, UNITS, batch_first=True)
        self.dense = nn.Linear(UNITS, size)
        self.size = size
        self._initialize()

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits (B, V) after windows of ids (B, 40)."""
        one_hot = nn.functional.one_hot(windows, self.size).float()
        return self.dense(self.lstm(one_hot)[0][:, -1])

    def _initialize(self) -> None:
        """Initialize as Keras does: Glorot, orthogonal recurrent weights, biases 0 but 1 for the forget gate."""
        for name, weights in self.named_parameters():
            if weights.dim() == 1:
                nn.init.zeros_(weights)
            elif "hh" in name:
                nn.init.orthogonal_(weights)
            else:
                nn.init.xavier_uniform_(weights)
        self.lstm.bias_ih_l0.data[UNITS : 2 * UNITS] = 1


def main() -> None:
    """Print a table with a row for each sixth epoch of the book's code, and one for afterglow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, nargs="?", default=STAND_IN)
    parser.add_argument("--epochs", type=int, default=BOOK_EPOCHS)
    parser.add_argument("--minutes", type=float, default=3, help="minutes that afterglow trains")
    parser.add_argument("--characters", type=int, default=PLAYS_CHARACTERS, help="of a text file that are read")
    parser.add_argument("--work", type=Path, default=Path("build/chapter9"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    paths = find_texts(arguments.texts, arguments.work, arguments.characters)
    corpus = read_corpora(paths, ReadOptions(lower=True))
    texts = split(corpus)
    print(f"{corpus.name}: {len(corpus.text):,} characters, {texts.size} different; {corpus.describe_test()} held out")
    print("\n| what | parameters | seconds | held out, bits per character |\n|---|---|---|---|")
    for epoch, seconds, bits, parameters in train_book(texts, arguments.work, arguments.epochs):
        if epoch % 6 == 0 or epoch == arguments.epochs:
            print(f"| the book's, {epoch} epochs | {parameters:,} | {seconds:.0f} | {bits:.3f} |", flush=True)
    model = train_ours(paths, arguments.work, arguments.minutes)
    shape, seconds = model.file.architecture, model.file.card.seconds
    name = f"afterglow, {shape.layers} x {shape.width}, {model.file.card.epochs:.3g} epochs"
    print(f"| {name} | {shape.parameters:,} | {seconds:.0f} | {score_ours(model, corpus):.3f} |")


def find_texts(texts: Path, work: Path, characters: int) -> list[str]:
    """Return the paths of the plays in a folder, or of the beginning of a text file."""
    if texts.is_dir():
        return [str(texts / name) for name in PLAYS]
    print(f"the first {characters:,} characters of {texts.name} stand for the three plays of NLTK")
    stand_in = work / "stand-in.txt"
    stand_in.write_text(texts.read_text("utf-8")[:characters], "utf-8")
    return [str(stand_in)]


def split(corpus: Corpus) -> Texts:
    """Return what both train on, validation text included, and what both are judged on."""
    ids = {character: number for number, character in enumerate(sorted(corpus.counts))}
    held_out = [corpus.text[start:end] for start, end in corpus.parts.test]
    starts = [0, *(end for _, end in corpus.parts.test)]
    train = [corpus.text[start:end] for start, (end, _) in zip(starts, corpus.parts.test, strict=False)]
    encoded = ([torch.tensor([ids[c] for c in piece]) for piece in pieces] for pieces in (train, held_out))
    return Texts(*encoded, len(ids))


def windows_of(pieces: list[Tensor], step: int) -> tuple[Tensor, Tensor]:
    """Return windows (N, 40) that begin every ``step`` characters, and the character after each (N,)."""
    cut = torch.cat([piece.unfold(0, WINDOW + 1, step) for piece in pieces])
    return cut[:, :WINDOW], cut[:, WINDOW]


def train_book(texts: Texts, work: Path, epochs: int) -> Iterator[tuple[int, float, float, int]]:
    """Train the book's model. Yield the epoch, seconds so far, held-out bits per character, and its parameters."""
    torch.manual_seed(1)
    model = BookModel(texts.size)
    optimizer = torch.optim.RMSprop(model.parameters(), RATE, alpha=0.9, eps=1e-7)  # Keras's defaults
    parameters = sum(weights.numel() for weights in model.parameters())
    log_file = work / "book.json"
    done: list[dict[str, Any]] = json.loads(log_file.read_text()) if log_file.exists() else []
    if done:
        restore(model, optimizer, work / f"book-{len(done)}.safetensors")
    windows = windows_of(texts.train, STEP)
    for epoch in range(1, epochs + 1):
        if epoch > len(done):
            seconds = train_epoch(model, optimizer, windows, epoch) + sum(row["seconds"] for row in done[-1:])
            keep(model, optimizer, work / f"book-{epoch}.safetensors")
            done.append({"epoch": epoch, "seconds": seconds, "bits": score_book(model, texts.held_out)})
            log_file.write_text(json.dumps(done))
        yield epoch, done[epoch - 1]["seconds"], done[epoch - 1]["bits"], parameters


def train_epoch(model: BookModel, optimizer: torch.optim.Optimizer, data: tuple[Tensor, Tensor], epoch: int) -> float:
    """Train for an epoch in an order that the number of the epoch gives. Return its seconds."""
    started = time.perf_counter()
    order = torch.randperm(len(data[0]), generator=torch.Generator().manual_seed(epoch))
    for rows in order.split(BATCH):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data[0][rows]), data[1][rows]).backward()
        optimizer.step()
    return time.perf_counter() - started


@torch.no_grad()
def score_book(model: BookModel, pieces: list[Tensor]) -> float:
    """Return the loss in bits per character, each predicted from the 40 before it."""
    windows, targets = windows_of(pieces, 1)
    parts = zip(windows.split(SCORED_ROWS), targets.split(SCORED_ROWS), strict=True)
    return (
        sum(float(nn.functional.cross_entropy(model(w), t, reduction="sum")) for w, t in parts) / len(targets) / log(2)
    )


def keep(model: nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Write the weights and the optimizer's averages."""
    averages = {f"average.{n}": optimizer.state[p]["square_avg"] for n, p in model.named_parameters()}
    save_file({**model.state_dict(), **averages}, path)


def restore(model: nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Read what ``keep`` wrote."""
    saved = load_file(path)
    for name, weights in model.named_parameters():
        weights.data.copy_(saved[name])
        optimizer.state[weights] = {"step": torch.tensor(0.0), "square_avg": saved[f"average.{name}"]}


def train_ours(paths: list[str], work: Path, minutes: float) -> Model:
    """Train as a user does, or go on with the run, and return the model."""
    home = (work / "home").absolute()
    path = home / "models" / "plays.safetensors"
    if not path.exists():
        options = [*paths, "--name", "plays", "--lower", "--minutes", f"{minutes:g}"]
        command = ["--resume", "plays"] if (home / "runs" / "plays").exists() else options
        environment = {**os.environ, "AFTERGLOW_HOME": str(home)}
        subprocess.run([sys.executable, "-m", "afterglow.repl", "train", *command], env=environment, check=True)  # noqa: S603
    return load(str(path))


def score_ours(model: Model, corpus: Corpus) -> float:
    """Return the loss in bits per character on the characters that the book's model predicts too."""
    return float(np.nanmean(surprise_after_window(model, corpus)))


def surprise_after_window(model: Model, corpus: Corpus) -> NDArray[np.float64]:
    """Return the bits of every held-out character but the first 40 of each file."""
    pieces = [corpus.text[start:end] for start, end in corpus.parts.test]
    return np.concatenate([model.score(piece).surprise[WINDOW - 1 :] for piece in pieces])


if __name__ == "__main__":
    main()
