"""The house rules: names, sentences and files that a newcomer meets in core, repl and bot. See docs/contributing.md.

``python tests/test_house.py`` prints what breaks them, one line each.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("core", "repl", "bot")
MAX_LINES = 300

if not (ROOT / "README.md").exists():
    pytest.skip("the sources are not here: this is no checkout", allow_module_level=True)


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BANNED_BEGINNINGS = re.compile(r"\s*(What|Whether|Where|Who|How|Those|Somebody|Nobody)\b")
"""First words that make a reader decode a sentence from its end."""

BANNED_WORDS = re.compile(r"\b(behind|anew|somebody|nobody|whoever)\b", re.IGNORECASE)
"""Words for "after", "again", "a user" and "no one"."""

IRREGULAR = words(
    "begun bound bought broken brought built chosen done drawn driven eaten fallen felt forgotten found frozen given "
    "gone grown heard held hidden kept known laid led left lost made meant met paid risen said seen sent shown slept "
    "sold spoken stolen stood stuck taken taught thought thrown told torn understood woken won worn written"
)
"""Past participles without -ed. Those that are a verb's present too (cut, put, read, run, set, split) are left out."""

NOT_PARTICIPLES = frozenset({"embed", "exceed", "feed", "need", "proceed", "red", "seed", "speed", "succeed"})
"""Words in -ed that are none."""

HOOKS = ("action_", "on_", "watch_", "compute_", "validate_", "is_", "has_", "was_", "test_")
"""Beginnings of names that a framework gives, and of predicates that say so themselves."""

VERBS = words(
    "add apply cancel check choose clear close collect copy count decay deliver discard draw drop find finish "
    "forget format from get init invalidate keep list load make mark offer open pop print prune read rebuild "
    "remove reopen replace require reset restore retry return run save send set show skip stop store take tell to "
    "update wait warn write"
)
"""First words of phrases that may end in a participle: ``remove_finished``."""

PARTICIPLES = words(
    "changed extended finished paused reply_received request_sent saturated scaled selection_updated surprise_bound"
)
"""Functions and properties named by a participle: copies in the manner of ``sorted``, and the field's predicates."""

SHARED_FILE_NAMES = {
    "__init__.py": "every package has one",
    "__main__.py": "every program has one",
    "export.py": "what is exported differs, as the packages say: a model's weights, a passage",
    "model.py": "core/model.py is what one imports; core/training/model.py is the torch module, as in nanoGPT",
}
"""File names that several files have, with the reason."""


class Found(NamedTuple):
    """A thing in a source file, as FILE:LINE and text."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {' '.join(self.text.split())[:100]}"


@cache
def sources() -> dict[str, ast.Module]:
    files = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in files}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for file, tree in sources().items():
        for node in ast.walk(tree):
            yield file, node


def is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def docstrings() -> list[Found]:
    """Every string that is a statement: docstrings of modules, classes, functions, constants and attributes."""
    return [
        Found(file, node.lineno, node.value.value)  # type: ignore[attr-defined]
        for file, node in nodes()
        if isinstance(node, ast.Expr) and is_text(node.value)
    ]


def strings() -> list[Found]:
    """Every other string constant: help texts and messages among them, and the constant parts of f-strings."""
    documents = {(found.file, found.line, found.text) for found in docstrings()}
    return [
        found
        for file, node in nodes()
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (found := Found(file, node.lineno, node.value)) not in documents
    ]


def public_classes() -> dict[str, list[str]]:
    """The modules of each public class name."""
    found = defaultdict(list)
    for file, node in nodes():
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found[node.name].append(f"{file}:{node.lineno}")
    return found


def public_constants() -> dict[str, set[str]]:
    """The modules of each constant whose name is public and in capitals."""
    found = defaultdict(set)
    for file, tree in sources().items():
        for node in tree.body:
            stored = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            for name in stored if isinstance(node, ast.Assign | ast.AnnAssign) else ():
                if name.isupper() and len(name) > 1 and not name.startswith("_"):
                    found[name].add(file)
    return found


def is_participle(name: str) -> bool:
    """True if the last word of a function's name is a past participle and the first is not a verb."""
    parts = name.strip("_").split("_")
    first, last = parts[0], parts[-1]
    if name.lstrip("_").startswith(HOOKS) or first in VERBS or last in NOT_PARTICIPLES:
        return False
    return last in IRREGULAR or (last.endswith("ed") and len(last) > 3)


def participles() -> list[Found]:
    return [
        Found(file, node.lineno, node.name)
        for file, node in nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_participle(node.name)
    ]


# Names --------------------------------------------------------------------------------------------------------------


def test_no_public_class_name_is_in_two_modules() -> None:
    assert {name: where for name, where in public_classes().items() if len(where) > 1} == {}


def test_no_public_constant_is_in_two_modules_but_for_the_format_of_a_file() -> None:
    shared = {name: where for name, where in public_constants().items() if len(where) > 1}
    assert shared.keys() == {"FORMAT"}  # each module that writes files has its own, and it is named with the module


def test_functions_are_verbs_but_for_copies_and_predicates() -> None:
    assert len(PARTICIPLES) <= 30
    assert [str(found) for found in participles() if found.text.strip("_") not in PARTICIPLES] == []


def test_every_allowed_participle_is_in_use() -> None:
    assert PARTICIPLES - {found.text.strip("_") for found in participles()} == set()


def test_no_two_files_share_a_name() -> None:
    files = defaultdict(list)
    for file in sources():
        files[Path(file).name].append(file)
    shared = {name: where for name, where in files.items() if len(where) > 1}
    assert {name: where for name, where in shared.items() if name not in SHARED_FILE_NAMES} == {}
    assert SHARED_FILE_NAMES.keys() - shared.keys() == set()


def test_no_file_hides_a_module_of_the_standard_library() -> None:
    # python bot/__main__.py puts bot/ first on the path.
    assert [file for file in sources() if Path(file).stem in sys.stdlib_module_names] == []


# Sentences ----------------------------------------------------------------------------------------------------------


def test_docstrings_begin_with_the_result() -> None:
    assert [str(found) for found in docstrings() if BANNED_BEGINNINGS.match(found.text)] == []


def test_docstrings_use_plain_words() -> None:
    assert [str(found) for found in docstrings() if BANNED_WORDS.search(found.text)] == []


def test_messages_and_help_use_plain_words() -> None:
    assert [str(found) for found in strings() if BANNED_WORDS.search(found.text)] == []


def test_pages_use_plain_words() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    lines = [(page.name, *line) for page in pages for line in enumerate(page.read_text("utf-8").splitlines(), 1)]
    assert [str(Found(*line)) for line in lines if BANNED_WORDS.search(line[2])] == []


# Files --------------------------------------------------------------------------------------------------------------


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {file: len((ROOT / file).read_text("utf-8").splitlines()) for file in sources()}
    assert {file: length for file, length in lengths.items() if length > MAX_LINES} == {}


def test_every_package_says_what_is_in_it() -> None:
    assert [
        file for file, tree in sources().items() if file.endswith("__init__.py") and not ast.get_docstring(tree)
    ] == []


def test_the_wheel_has_every_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {Path(file).parent for file in sources() if file.endswith("__init__.py")} | {Path("models")}
    assert sorted(settings["packages"]) == sorted(".".join(("afterglow", *folder.parts)) for folder in folders)


OTHERS_PACKAGE = re.compile(r"pip3? install\b[^\n`]*?[ '\"]afterglow(?=[\s'\"\[=<>~!]|$)", re.MULTILINE)
"""A command that installs the distribution `afterglow`, which is another project's. Ours is `afterglow-lm`."""


def test_no_command_installs_the_other_project_called_afterglow() -> None:
    assert OTHERS_PACKAGE.search("pip install 'afterglow[train]'")
    assert OTHERS_PACKAGE.search("pip install -U afterglow")
    assert not OTHERS_PACKAGE.search("pip install 'afterglow-lm[train]'")
    endings = {".py", ".md", ".toml", ".txt", ".cfg", ".yml", ".service", ""}
    folders = (".ci", "benchmarks", "bot", "core", "docs", "repl", "tests")
    files = [*ROOT.glob("*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    found = []
    for path in files:
        if path.is_file() and path.suffix in endings and path != Path(__file__):
            found += [f"{path.relative_to(ROOT)}: {line}" for line in OTHERS_PACKAGE.findall(path.read_text("utf-8"))]
    assert found == []


if __name__ == "__main__":
    twice = [f"{name}: {', '.join(where)}" for name, where in sorted(public_classes().items()) if len(where) > 1]
    print(f"public class names in two modules: {len(twice)}", *twice, sep="\n  ")
    beginnings = [found for found in docstrings() if BANNED_BEGINNINGS.match(found.text)]
    print(f"docstrings beginning What, Where …: {len(beginnings)} of {len(docstrings())}", *beginnings, sep="\n  ")
    sentences = [found for found in (*docstrings(), *strings()) if BANNED_WORDS.search(found.text)]
    print(f"sentences with behind, anew …: {len(sentences)}", *sentences, sep="\n  ")
    names = sorted(participles(), key=lambda found: found.text)
    print(f"functions named by a participle: {len(names)}", *names, sep="\n  ")
