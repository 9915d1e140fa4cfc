"""Attribute texts written in a model's styles to the authors asked for, by their 5-grams of characters.

``python -m benchmarks.attribution --model english [--texts FOLDER] [--strengths 1 4] [--authors NAME ...]``

A naive-Bayes classifier is trained on the beginnings of the authors' books and first judged on their ends. Then it
attributes texts that the model writes in each author's style: a table of authors asked for by authors found, for each
strength, and the share of words that occur in the books.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from afterglow.core.model import Model, load
from afterglow.core.text.corpus import read_corpora
from afterglow.core.text.files import file_source
from afterglow.core.text.labels import find_label
from numpy.typing import NDArray

from benchmarks.made_texts import SHARED

TEXTS = SHARED / "english"
"""Folder of books, each named AUTHOR_TITLE.txt.gz."""

DEFAULT_AUTHORS = 10
"""Number of authors, those with the longest texts that are styles of the model."""

GRAM = 5
"""Characters of an n-gram."""

BUCKETS = 1 << 20
"""Number of hash values of n-grams."""

SMOOTHING = 0.1
"""Added to every count (Lidstone)."""

PIECE = 2_000
"""Characters of a text that is attributed."""

TRAIN_SHARE = 0.9
"""Share of an author's text that the classifier is trained on, from its beginning."""

MULTIPLIERS = np.array([1, 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F], np.uint64)
"""Odd numbers that spread n-grams over the buckets, one for each character."""

Counts = NDArray[np.int64]


class Classifier:
    """Names the most likely author of a text, by naive Bayes over n-grams of characters.

    ``texts`` has a text for each author. All are cut to the length of the shortest, so that none is favored.
    """

    def __init__(self, texts: Mapping[str, str], gram: int = GRAM) -> None:
        self.authors = tuple(texts)
        self._gram = gram
        size = min(map(len, texts.values()))
        counts = np.array([np.bincount(hash_grams(text[:size], gram), minlength=BUCKETS) for text in texts.values()])
        self._logprobs = np.log((counts + SMOOTHING) / (size + SMOOTHING * BUCKETS))

    def attribute(self, text: str) -> str:
        """Return the author under whom the n-grams of ``text`` are the most probable."""
        return self.authors[int(self._logprobs[:, hash_grams(text, self._gram)].sum(axis=1).argmax())]

    def confusion(self, pieces: Mapping[str, Sequence[str]]) -> Counts:
        """Return how many pieces by each author, in rows, are attributed to each, in columns."""
        table = np.zeros((len(self.authors), len(self.authors)), np.int64)
        for row, author in enumerate(self.authors):
            for piece in pieces[author]:
                table[row, self.authors.index(self.attribute(piece))] += 1
        return table


def hash_grams(text: str, gram: int) -> NDArray[np.int64]:
    """Return a number below ``BUCKETS`` for each n-gram of ``text``, in order."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = max(0, len(codes) - gram + 1)
    mixed = sum((codes[n : n + count] + np.uint64(1)) * MULTIPLIERS[n] for n in range(gram))
    return np.asarray((mixed * MULTIPLIERS[1] >> np.uint64(16)) % np.uint64(BUCKETS), np.int64)


def read_authors(folder: Path, wanted: Sequence[str] | None, allowed: Sequence[str]) -> dict[str, str]:
    """Return the texts of authors: of those wanted, else of the ten of ``allowed`` with the most text."""
    paths: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        paths.setdefault(find_label(file_source(path), "file"), []).append(str(path))
    texts = {author: str(read_corpora(paths[author]).text[:]) for author in wanted or allowed if author in paths}
    longest = sorted(texts, key=lambda author: -len(texts[author]))
    return {author: texts[author] for author in wanted or longest[:DEFAULT_AUTHORS]}


def cut_pieces(text: str) -> list[str]:
    """Return the whole pieces of ``text``."""
    return [text[start : start + PIECE] for start in range(0, len(text) - PIECE + 1, PIECE)]


def known_share(pieces: Mapping[str, Sequence[str]], vocabulary: set[str]) -> float:
    """Return the share of the words of all pieces that are in ``vocabulary``. The last word of a piece may be cut."""
    words = [word for texts in pieces.values() for text in texts for word in find_words(text)[:-1]]
    return sum(word in vocabulary for word in words) / max(1, len(words))


def find_words(text: str) -> list[str]:
    """Return the words of ``text`` in small letters."""
    return re.findall(r"[^\W\d_]+", text.casefold())


def as_table(authors: Sequence[str], confusion: Counts) -> str:
    """Return a Markdown table: authors asked for in rows, those found in columns, 0 left out."""
    numbers = " | ".join(str(n + 1) for n in range(len(authors)))
    lines = [f"| asked for | {numbers} |", "|---|" + "---|" * len(authors)]
    for n, (author, row) in enumerate(zip(authors, confusion, strict=True)):
        lines.append(f"| {n + 1} {author} | " + " | ".join(str(count or "") for count in row) + " |")
    return "\n".join(lines)


def write_pieces(model: Model, authors: Sequence[str], count: int, **settings: object) -> dict[str, list[str]]:
    """Return ``count`` texts of ``PIECE`` characters in the style of each author."""
    chosen: dict[str, object] = {"length": PIECE, "stop": (), **settings}
    return {
        author: [model.generate("\n\n", style=author, rng=1 + n, **chosen) for n in range(count)] for author in authors
    }


def main() -> None:
    """Print the classifier's own accuracy, then a table for each strength."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="english", help="a model with styles, or none to judge only the classifier")
    parser.add_argument("--texts", type=Path, default=TEXTS, help="folder of the books")
    parser.add_argument("--authors", nargs="+", help="authors to tell apart (default: the ten with the most text)")
    parser.add_argument("--strengths", nargs="+", type=float, default=[1, 4])
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--count", type=int, default=5, help="texts for each author and strength")
    arguments = parser.parse_args()
    model = None if arguments.model == "none" else load(arguments.model)
    if model and not model.file.styles:
        parser.error(f"{model.name} has no styles")
    names = model.file.styles.names if model and model.file.styles else _all_authors(arguments.texts)
    authors = read_authors(arguments.texts, arguments.authors, names)
    classifier = _judged_classifier(authors)
    if model is None:
        return
    vocabulary = set(find_words(" ".join(str(read_corpora([str(path)]).text[:]) for path in arguments.texts.iterdir())))
    for strength in arguments.strengths:
        settings = {"style_strength": strength, "temperature": arguments.temperature}
        pieces = write_pieces(model, classifier.authors, arguments.count, **settings)
        known = known_share(pieces, vocabulary)
        report(f"strength {strength:g}, known words {known:.1%}", classifier, pieces)


def _all_authors(folder: Path) -> list[str]:
    return sorted({find_label(file_source(path), "file") for path in folder.iterdir()})


def _judged_classifier(texts: dict[str, str]) -> Classifier:
    """Return a classifier trained on the beginnings of the texts, after a report on their ends."""
    cut: Callable[[str], int] = lambda text: int(len(text) * TRAIN_SHARE)  # noqa: E731
    classifier = Classifier({author: text[: cut(text)] for author, text in texts.items()})
    report("the books' own ends", classifier, {author: cut_pieces(text[cut(text) :]) for author, text in texts.items()})
    return classifier


def report(title: str, classifier: Classifier, pieces: Mapping[str, Sequence[str]]) -> None:
    """Print the share of texts that are attributed rightly, and the table."""
    confusion = classifier.confusion(pieces)
    print(f"{title}: {np.trace(confusion) / confusion.sum():.1%} of {confusion.sum():,} texts are attributed rightly\n")
    print(as_table(classifier.authors, confusion), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
