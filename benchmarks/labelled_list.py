"""Train on a list of made names of four kinds with their labels, and attribute the names written in each style.

``python -m benchmarks.labelled_list [--epochs 15] [--count 200]``
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from afterglow.core.model import Model, load

from benchmarks.attribution import Classifier, report

ROWS = 6_000
"""Names in the list, all different."""

HELD_OUT = 0.1
"""Share of the list on which the classifier is judged."""

ITEM_GRAM = 3
"""Characters of an n-gram of a name, its ends among them."""


def main() -> None:
    """Print the classifier's accuracy on real names, then a table for each strength."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=float, default=15)
    parser.add_argument("--count", type=int, default=200, help="names for each kind")
    arguments = parser.parse_args()
    names = make_names(ROWS)
    known = int(ROWS * (1 - HELD_OUT))
    by_kind = {kind: [f"\n{name}\n" for name, other in names[:known] if other == kind] for kind in KINDS}
    classifier = Classifier({kind: "".join(items) for kind, items in by_kind.items()}, ITEM_GRAM)
    held_out = {kind: [f"\n{name}\n" for name, other in names[known:] if other == kind] for kind in KINDS}
    report("names of the list that the classifier has not read", classifier, held_out)
    model = train(names, arguments.epochs)
    for strength in (1, 2):
        written = {kind: [write_name(model, kind, strength, n) for n in range(arguments.count)] for kind in KINDS}
        print(", ".join(f"{kind}: {' '.join(items[0].split())}" for kind, items in written.items()))
        report(f"strength {strength}", classifier, written)


def make_names(count: int) -> list[tuple[str, str]]:
    """Return different names with their kinds, in a random order, the same at every call."""
    rng, names = random.Random(1), dict[str, str]()
    while len(names) < count:
        kind = rng.choice(list(KINDS))
        names.setdefault(KINDS[kind](rng), kind)
    return list(names.items())


def train(names: list[tuple[str, str]], epochs: float) -> Model:
    """Train on the list as a user does, and return the model."""
    with TemporaryDirectory() as folder:
        table = Path(folder) / "names.csv"
        table.write_text("name,kind\n" + "".join(f"{name},{kind}\n" for name, kind in names), "utf-8")
        options = ["--column", "name", "--label-column", "kind", "--lines", "--width", "128", "--layers", "1"]
        command = [sys.executable, "-m", "afterglow.repl", "train", str(table), "--name", "kinds", *options]
        environment = {**os.environ, "AFTERGLOW_HOME": folder}
        subprocess.run([*command, "--epochs", f"{epochs:g}"], env=environment, check=True, capture_output=True)  # noqa: S603
        return load(str(Path(folder) / "models" / "kinds.safetensors"))


def write_name(model: Model, kind: str, strength: float, rng: int) -> str:
    """Return a name in the style of a kind, with the ends of the lines around it."""
    settings = {"style": kind, "style_strength": strength, "rng": rng, "length": 40, "stop": ["\n"]}
    return "\n" + model.generate("\n", **settings).strip() + "\n"


ELF_PARTS, ELF_ENDS = ("ae", "il", "lo", "ri", "eth", "an", "el", "mi", "thel"), ("iel", "ion", "wen", "as")
DWARF_STARTS, DWARF_MIDDLES = ("Thr", "Gr", "Dr", "Br", "Kh", "B", "G"), ("m", "k", "g", "r", "nd", "rg")
DWARF_ENDS = ("li", "in", "or", "ak", "ur", "nar", "rik")
ROMAN_STARTS = ("Marc", "Luc", "Juli", "Corneli", "Fabi", "Claudi", "Anton", "Quint", "Sever", "Octavi", "Aureli")
ROMAN_ENDS, FAMILIES = ("us", "ius", "ianus", "inus"), ("Val", "Caec", "Pomp", "Sext", "Tull", "Cass")


def _elf(rng: random.Random) -> str:
    return "".join(rng.choices(ELF_PARTS, k=rng.randint(2, 3))).capitalize() + rng.choice(ELF_ENDS)


def _dwarf(rng: random.Random) -> str:
    return rng.choice(DWARF_STARTS) + rng.choice("ouai") + rng.choice(DWARF_MIDDLES) + rng.choice(DWARF_ENDS)


def _roman(rng: random.Random) -> str:
    family = rng.choice(FAMILIES) + rng.choice(("erius", "ilius", "eius", "onius"))
    return f"{rng.choice(ROMAN_STARTS)}{rng.choice(ROMAN_ENDS)} {family}"


def _robot(rng: random.Random) -> str:
    return rng.choice("BCKRTXZ") + rng.choice("234789") + "-" + rng.choice("DFPQV") + str(rng.randrange(100))


KINDS: dict[str, Callable[[random.Random], str]] = {"dwarf": _dwarf, "elf": _elf, "robot": _robot, "roman": _roman}
"""A grammar for each kind of name."""


if __name__ == "__main__":
    main()
