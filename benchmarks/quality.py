"""Train on texts of the kinds that people have, from nothing and from bundled models: losses, copied runs, known words.

``python -m benchmarks.quality [--minutes 1] [--parents shakespeare tolstoy] [--only Python]``
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.made_texts import TEXTS

COMMAND = [sys.executable, "-m", "afterglow.repl"]

SAMPLE = {"length": 4_000, "temperature": 0.7, "rng": 1, "stop": ()}
"""Settings of the text in which words are looked up."""


class Quality(NamedTuple):
    """Figures of a trained model, in bits per character, stateful. ``known`` is the share of its words in the texts."""

    held_out: float
    other: float
    best_temperature: float
    longest_copied: int
    known: float


def main() -> None:
    """Print a Markdown table with a row for each text and parent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--parents", nargs="*", default=["shakespeare", "tolstoy"], help="models for --from, or auto")
    parser.add_argument("--only", default="", help="a part of the names of the texts to try")
    arguments = parser.parse_args()
    print("| text | from | held out | other text | 5-gram | best T | longest copied | known words |")
    print("|---|---|---|---|---|---|---|---|")
    for name in TEXTS:
        if arguments.only in name:
            for parent in ["", *arguments.parents]:
                print(_row(name, parent, arguments.minutes), flush=True)


def _row(name: str, parent: str, minutes: float) -> str:
    make, make_other, options = TEXTS[name]
    text, other = make(), make_other()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_text(text, "utf-8")
        quality = train(path, other, ["--minutes", f"{minutes:g}", *options, *(["--from", parent] if parent else [])])
    figures = (
        f"{quality.held_out:.2f} | {quality.other:.3f} | {five_gram(text, other):.2f} | {quality.best_temperature:.2f}"
    )
    return f"| {name} | {parent or 'scratch'} | {figures} | {quality.longest_copied} | {quality.known:.1%} |"


def train(path: Path, other: str, options: list[str]) -> Quality:
    """Train on the text at ``path`` as a user does, in its folder, and judge the model on ``other``."""
    environment = {**os.environ, "AFTERGLOW_HOME": str(path.parent)}
    command = [*COMMAND, "train", str(path), "--name", "judged", *options]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    from afterglow.core.model import load

    model = load(str(path.parent / "models" / "judged.safetensors"))
    card, score = model.file.card, model.score(other)
    words = re.findall(r"\w+", model.generate("\n", **SAMPLE))
    texts = set(re.findall(r"\w+", path.read_text("utf-8") + other))
    known = sum(word in texts for word in words) / max(1, len(words))
    held_out = (card.nats_per_char_stateful or 0.0) / log(2)
    return Quality(held_out, score.bits_per_char_stateful, score.best_temperature, card.longest_copied_run or 0, known)


def five_gram(text: str, other: str) -> float:
    """Return the loss of a 5-gram model of ``text`` on ``other``, in bits per character."""
    from afterglow.core.training.ngram_baseline import ngram_bits_per_char

    return ngram_bits_per_char(text, [other], 5)


if __name__ == "__main__":
    main()
