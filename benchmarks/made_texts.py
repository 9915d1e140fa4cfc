"""Texts of the kinds that people train on, made from a grammar or taken from Python's own modules."""

from __future__ import annotations

import importlib
import inspect
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from afterglow.core.text.corpus import read_corpus

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
"""Folder of the books, beside the repository."""


def _words(text: str) -> list[str]:
    return text.split()


PLACE_PARTS = (
    _words(
        "Aldy Ash Black Bram Brook Clare Cor Dun East Ella Fair Fen Glen Grim Hart Holm Kings Lang Mar Mer Moor North"
        " Oak Pen Ray Red Saint Shel Stal Stone Styrn Thorn Wal West Whit Wyn"
    ),
    _words(
        "bury by combe dale den don field ford gate ham hurst leigh low minster mouth port stead thorpe ton wick worth"
    ),
    ["", "", "", "", "", " Cross", " Green", "-on-Sea", "-under-Hill", " Magna", " Parva"],
)
"""Beginnings, ends and additions of the names of places."""

ARABIC = (
    _words("الرجل المرأة الولد البنت المعلم الطبيب التاجر الملك الشاعر الجار"),
    _words("كتب قرأ رأى سمع أخذ فتح ترك وجد حمل عرف"),
    _words("الكتاب الباب البيت المدينة النهر الجبل الرسالة الطريق الشجرة البحر"),
    ["في الصباح", "في المساء", "عند الباب", "قرب النهر", "بعد الحرب", "قبل السفر", "مع الناس", "دون كلام"],
)
"""Words of a sentence: subjects, verbs, objects, and when or where."""

TUNE_NOTES = "ABcdefga"
TUNE_NAMES = (_words("Blue Green Old Merry Lost Silver Wild Lame"), _words("Piper Miller Tinker Rose Fox Ferry"))
TUNE_PLACES = _words("Clare Sligo Kerry Leith Tralee Doolin Ennis Skye")
CODE_MODULES = _words("argparse textwrap shlex csv string getopt cmd configparser")
OTHER_CODE_MODULES = _words("json.decoder optparse fileinput calendar netrc")


def unseen_lines(text: str, learned: str) -> str:
    """Return the lines of ``text`` that are not in the text to learn: a grammar makes some in both."""
    known = set(learned.splitlines())
    return "".join(f"{line}\n" for line in text.splitlines() if line not in known)


def places(count: int, seed: int) -> str:
    """Return ``count`` different names of places, one a line."""
    rng = random.Random(seed)
    names: dict[str, None] = {}
    while len(names) < count:
        words = [rng.choice(part) for part in PLACE_PARTS]
        middle = rng.choice(["", "", "er", "en", "ing", "le"])
        names[f"{words[0]}{middle}{words[1]}{words[2]}"] = None
    return "".join(f"{name}\n" for name in names)


def tunes(characters: int, seed: int) -> str:
    """Return tunes in ABC notation with bars of the right length."""
    return _take(_iter_tunes(random.Random(seed)), characters)


def _iter_tunes(rng: random.Random) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        kind, metre, beats = rng.choice([("reel", "4/4", 8), ("jig", "6/8", 6), ("waltz", "3/4", 6)])
        title = f"{' '.join(rng.choice(words) for words in TUNE_NAMES)} of {rng.choice(TUNE_PLACES)}"
        head = (
            f"X:{number}\nT:{title}\nR:{kind}\nM:{metre}\nL:1/8\nK:{rng.choice('ADEG')}{rng.choice(['', 'dor', 'm'])}\n"
        )
        bars = [_bar(rng, beats) for _ in range(8)]
        yield f"{head}|:{'|'.join(bars[:4])}:|\n|:{'|'.join(bars[4:])}:|\n\n"


def _bar(rng: random.Random, beats: int) -> str:
    notes = ""
    while beats:
        length = rng.choice([1, 1, 1, 2, 3]) if beats >= 3 else 1
        notes += rng.choice(TUNE_NOTES) + ("" if length == 1 else str(length))
        beats -= length
    return notes


def arabic(characters: int, seed: int) -> str:
    """Return Arabic sentences, one a line."""
    rng = random.Random(seed)
    sentences = iter(lambda: " ".join(rng.choice(words) for words in (ARABIC[1], *ARABIC[::2], ARABIC[3])) + ".\n", "")
    return _take(sentences, characters)


def code(names: list[str], characters: int) -> str:
    """Return the source of modules of the standard library, one after the other."""
    return "\n".join(inspect.getsource(importlib.import_module(name)) for name in names)[:characters]


def novel(start: int, end: int) -> str:
    """Return a part of *Pride and Prejudice*, without the license."""
    text = read_corpus(SHARED / "pride_and_prejudice.txt").text
    return text[start:end]


def _take(parts: Iterator[str], characters: int) -> str:
    text = ""
    while len(text) < characters:
        text += next(parts)
    return text


TEXTS: dict[str, tuple[Callable[[], str], Callable[[], str], list[str]]] = {
    "2,000 place names, --lines": (
        lambda: places(2_000, 1),
        lambda: unseen_lines(places(4_000, 2), places(2_000, 1)),
        ["--lines"],
    ),
    "150 kB Python": (lambda: code(CODE_MODULES, 150_000), lambda: code(OTHER_CODE_MODULES, 100_000), []),
    "100 kB ABC, made": (lambda: tunes(100_000, 1), lambda: tunes(60_000, 2), []),
    "60 kB of Pride and Prejudice": (lambda: novel(0, 60_000), lambda: novel(60_000, 100_000), []),
    "Arabic, made, 31 kB": (lambda: arabic(31_000, 1), lambda: unseen_lines(arabic(20_000, 2), arabic(31_000, 1)), []),
}
"""By name: what to train on, other text of the same kind to judge on, and the options of the training."""
