"""``python -m tests.fuzz``: run new cases, or the kept ones, and print a table."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .case import Case, Outcome
from .runner import run_cases
from .targets import TARGETS, target_maker

CASES = Path(__file__).parent / "cases"
"""One file per target, one kept case per line: why it is kept, and its edits."""


def kept_cases(target: str) -> list[Case]:
    """Return the kept cases of a target."""
    path = CASES / f"{target}.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [Case(*json.loads(line)) for line in lines]


def main(arguments: list[str] | None = None) -> int:
    """Run the fuzzer. Return 1 if it found something."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as home:
        os.environ["AFTERGLOW_HOME"] = str(Path(home) / "home")
        found = sum([_run_target(name, cases, options.cpu_seconds) for name, cases in _plan(options)])
    print(f"{found} found" if found else "nothing found")
    return 1 if found else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="cases over all targets")
    parser.add_argument("--seed", default="1", help="where the numbers begin; any text")
    parser.add_argument("--only", help="names of targets, separated by commas", default=",".join(TARGETS))
    parser.add_argument("--case", help="one case, as printed: target:seed")
    parser.add_argument("--kept", action="store_true", help="the kept cases too")
    parser.add_argument("--cpu-seconds", type=float, default=10, help="CPU time after which a case hangs")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace) -> Iterator[tuple[str, list[Case]]]:
    """Yield the name of each target and its cases."""
    if options.case:
        name, _, seed = options.case.partition(":")
        yield name, [Case(seed)]
        return
    names = options.only.split(",")
    for name in names:
        new = [Case(f"{options.seed}.{number}") for number in range(options.cases // len(names))]
        yield name, (kept_cases(name) if options.kept else []) + new


def _run_target(name: str, cases: list[Case], cpu_seconds: float) -> int:
    """Run the cases of a target, print what is found and a line of figures, and return the number found."""
    begin, counts, shown = time.monotonic(), Counter[str](), set[str]()
    for outcome in run_cases(target_maker(name), cases, cpu_seconds):
        counts[outcome.kind] += 1
        if outcome.kind == "found" and outcome.what not in shown:
            shown.add(outcome.what)
            _print_found(name, outcome)
    figures = "  ".join(f"{kind} {counts[kind]:5}" for kind in ("works", "refused", "found"))
    print(f"{name:10}  cases {len(cases):5}  {figures}  {time.monotonic() - begin:6.1f} s", flush=True)
    return counts["found"]


def _print_found(name: str, outcome: Outcome) -> None:
    edits = json.dumps(outcome.edits)
    print(f"FOUND {name}:{outcome.case}  {outcome.what}")
    print(f"      {edits if len(edits) < 2000 else edits[:2000] + ' …'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
