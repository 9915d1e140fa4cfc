"""Mutation testing: ``python -m tests.mutants [filters …]``. Which changes of the code does no test notice?

Each file of ``MODULES`` is changed in one place at a time, and its tests run until one fails. A mutant that survives
has to be in equivalent.txt, with the reason why no test can fail. Results are kept in build/mutants.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import trial
from .changes import Change, find_changes

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "mutants"
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
MIN_KILLED = 0.95

MODULES = {
    "core/sampling/filters.py": "sampler",
    "core/sampling/sampler.py": "sampler mirostat batch",
    "core/sampling/logit_bias.py": "logit_bias",
    "core/sampling/temperature.py": "temperature explain",
    "core/generation/stream.py": "stream mirostat batch lens logit_bias voices",
    "core/generation/text_end.py": "stream",
    "core/generation/snapshot.py": "snapshot mirostat voices",
    "core/generation/batch.py": "batch mirostat voices",
    "core/generation/voices.py": "voices",
    "core/session/node.py": "passage session voices signs",
    "core/session/passage.py": "passage session",
    "core/inference/model_file.py": "model_file model_sizes",
    "core/settings.py": "settings",
    "core/user_config.py": "user_config",
    "core/setting_lists.py": "settings logit_bias",
    "core/setting_styles.py": "voices styles",
    "core/setting_types.py": "settings completion",
    "core/training/distributed.py": "process_group",
}
"""The files that are changed, and the tests that know them."""

UNTRACED = frozenset({"distributed"})
"""The files that tests also run in processes of their own: any of their tests may notice a change."""

LIBRARIES = ("numpy", "prompt_toolkit", "rich.console", "textual.app")
"""Imported before the children are forked, so that a mutant of code that runs on import starts sooner."""


class Module:
    """One file with its mutants, its tests, and the results of earlier runs, by the mutant's name."""

    def __init__(self, file: str, tests: str) -> None:
        self.file, self.stem = str(ROOT / file), Path(file).stem
        self.tests = [str(ROOT / "tests" / f"test_{name}.py") for name in tests.split()]
        self.source = Path(self.file).read_text("utf-8")
        self.changes = self.parse()[1]
        texts = [Path(path).read_bytes() for path in (self.file, *self.tests, ROOT / "tests" / "conftest.py")]
        self._key = hashlib.sha256(b"".join(texts)).hexdigest()[:16]
        self._log = RESULTS / f"{self.stem}.jsonl"
        self.seconds: dict[str, float] = {}
        self.read_log()

    def parse(self) -> tuple[ast.Module, list[Change]]:
        """Return the syntax tree, and the changes that can be made to it."""
        tree = ast.parse(self.source)
        return tree, find_changes(tree, self.source, Path(self.file).relative_to(ROOT))

    def read_log(self) -> None:
        """Read the tests that failed with each mutant, "" for none: ``results`` of the files as they are now."""
        entries = map(json.loads, self._log.read_text("utf-8").splitlines() if self._log.exists() else ())
        self.killers: dict[str, str] = {}
        self.results: dict[str, str] = {}
        for entry in entries:
            self.killers[entry["name"]] = entry["killer"]
            if entry["key"] == self._key:
                self.results[entry["name"]] = entry["killer"]
        self.kills = Counter(self.killers.values())

    def record(self, change: Change, killer: str) -> None:
        """Keep the id of the test that failed; "" if none did."""
        self.results[change.name] = killer
        self.kills[killer] += 1
        entry = {"name": change.name, "key": self._key, "killer": killer}
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")
        if not killer:
            print(f"  survives: {change.name}", flush=True)

    def untried(self) -> int:
        """Return the number of changes that have no result."""
        return sum(change.name not in self.results for change in self.changes)

    def coverage(self) -> dict[str, Any]:
        """Return the result of ``trace``: of an earlier run with the same files, or of a new one."""
        path = RESULTS / f"{self.stem}-{self._key}.json"
        if not path.exists():
            traced = trial.in_child(lambda: trial.trace(self.tests, self.file))
            if not isinstance(traced, dict) or traced["failed"]:
                sys.exit(
                    f"tests of {self.stem} fail as they are: {traced if isinstance(traced, str) else traced['failed']}"
                )
            if not any(traced["lines"].values()):
                sys.exit(f"no test runs {self.file}: is the package imported from another folder?")
            path.write_text(json.dumps(traced), "utf-8")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        self.seconds = found["seconds"]
        return found

    def in_order(self, names: Iterable[str], change: Change) -> list[str]:
        """Return tests in the order to try: the one that noticed the change before, then those that notice most."""
        seconds, killer = self.seconds, self.killers.get(change.name)
        return sorted(names, key=lambda n: (n != killer, -self.kills[n] / (seconds[n] + 0.05), seconds[n]))


class Search:
    """The trial of every mutant of a file that has no result yet."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._coverage = module.coverage()
        self._tree, self._changes = module.parse()

    def run(self) -> None:
        """Record the result of every mutant. Code that runs on import is changed before the tests are imported."""
        module = self._module
        _in_fork(lambda: trial.collect(module.tests, self._try_functions))
        module.read_log()
        for change in self._waiting():
            module.record(change, trial.in_child(lambda change=change: self._run_imported(change)))

    def _waiting(self) -> list[Change]:
        """Return the changes without a result, first those that no test noticed in an earlier run."""
        waiting = [change for change in self._changes if change.name not in self._module.results]
        return sorted(waiting, key=lambda change: bool(self._module.killers.get(change.name)))

    def _covering(self, change: Change) -> list[str]:
        """Return the tests that run the change; all if none does, since a RecursionError ends the tracing of a test."""
        lines = self._coverage["lines"]
        if self._module.stem in UNTRACED:
            return list(lines)
        return [name for name, ran in lines.items() if not change.lines.isdisjoint(ran)] or list(lines)

    def _runs_on_import(self, change: Change) -> bool:
        return not change.function or not change.lines.isdisjoint(self._coverage["imported"])

    def _try_functions(self, tests: trial.Tests) -> None:
        """Try the mutants of functions: the collected tests see a function's new code wherever it was imported."""
        for change in self._waiting():
            if change.function and self._covering(change):
                killer = trial.in_child(lambda change=change: self._run_swapped(change, tests))
                if killer or (killer == "" and not self._runs_on_import(change)):
                    self._module.record(change, killer)

    def _run_swapped(self, change: Change, tests: trial.Tests) -> str | None:
        change.apply()
        assert change.function
        swapped = trial.swap_function(self._tree, self._module.file, change.function)
        return self._run(self._covering(change), change, tests) if swapped else None

    def _run_imported(self, change: Change) -> str:
        change.apply()
        trial.change_import(self._tree, self._module.file)
        names = self._coverage["lines"] if self._runs_on_import(change) else self._covering(change)
        killer: str = trial.collect(self._module.tests, lambda tests: self._run(names, change, tests))
        return killer

    def _run(self, names: Iterable[str], change: Change, tests: trial.Tests) -> str:
        return tests.run(self._module.in_order(names, change), self._module.seconds)


def _in_fork(work: Any) -> None:
    """Call ``work`` in a process of its own, so that what it imports is not imported here."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            work()
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if status := os.waitpid(pid, 0)[1]:
        sys.exit(f"the process that tries the mutants of functions ended with status {status}")


def read_equivalent() -> dict[str, str]:
    """Return the reasons in equivalent.txt by the mutant's name: indented lines after the names that they are for."""
    reasons: dict[str, str] = {}
    names: list[str] = []
    for line in EQUIVALENT.read_text("utf-8").splitlines():
        if line.startswith("  "):
            reasons |= dict.fromkeys(names, line.strip())
        elif line and not line.startswith("#"):
            names = [line] if not names or names[-1] in reasons else [*names, line]
    return reasons


def report(modules: list[Module], seconds: float) -> bool:
    """Print the table. Return True if enough mutants were killed and equivalent.txt is right."""
    reasons, good = read_equivalent(), True
    print(f"{'module':<20}{'mutants':>8}{'killed':>8}{'equal':>8}{'survive':>8}{'killed':>8}")
    for module in modules:
        survivors = {name for name, killer in module.results.items() if not killer}
        listed = {name for name in reasons if name.startswith(f"{Path(module.file).relative_to(ROOT)} |")}
        total, equal = len(module.changes), len(survivors & listed)
        killed = total - len(survivors)
        share = killed / (total - equal)
        print(f"{module.stem:<20}{total:>8}{killed:>8}{equal:>8}{len(survivors - listed):>8}{share:>8.1%}")
        for name in sorted(listed - survivors):
            print(f"  not equal, or gone; take it out of {EQUIVALENT.name}: {name}")
        good = good and share >= MIN_KILLED and listed <= survivors
    print(f"{seconds:.0f} s")
    return good


def main(names: list[str]) -> None:
    begun = time.monotonic()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for library in LIBRARIES:
        importlib.import_module(library)
    modules = [Module(file, tests) for file, tests in MODULES.items() if not names or Path(file).stem in names]
    for module in modules:
        print(f"{module.stem}: {len(module.changes)} mutants, {module.untried()} to try", flush=True)
        Search(module).run()
    sys.exit(not report(modules, time.monotonic() - begun))


if __name__ == "__main__":
    main(sys.argv[1:])
