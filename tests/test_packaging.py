"""The package as it is built: the C modules, and the Pythons that they are built for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parent.parent

if not (CHECKOUT / "setup.py").exists():
    pytest.skip("this is no checkout", allow_module_level=True)

SHOW = """
import sys, sysconfig
sysconfig.get_config_vars()["Py_GIL_DISABLED"] = int(sys.argv[1])
from setuptools.dist import Distribution
from distutils.core import run_setup
package = run_setup("setup.py", stop_after="init")
wheel = package.get_command_obj("bdist_wheel")
wheel.ensure_finalized()
print(wheel.py_limited_api, *[(module.py_limited_api, len(module.define_macros)) for module in package.ext_modules])
"""


@pytest.mark.parametrize(
    ("free_threaded", "built"),
    [(0, "cp311 (True, 1) (True, 1) (True, 1)"), (1, "False (False, 0) (False, 0) (False, 0)")],
)
def test_free_threaded_pythons_have_no_stable_abi(free_threaded: int, built: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", SHOW, str(free_threaded)]
    assert subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout.strip() == built  # noqa: S603


@pytest.mark.parametrize("extra", ["dev", "bot", "serve"])
def test_the_lock_has_every_requirement(extra: str) -> None:
    """``make lock`` was not forgotten. torch is left out, because its builds for CPUs have other hashes."""
    locked = lock_of(extra)
    for requirement in requirements_of(extra):
        if requirement.name != "torch":
            versions = locked[canonicalize_name(requirement.name)]
            assert versions, f"{requirement.name} is not locked"
            assert [version for version in versions if version not in requirement.specifier] == []


@pytest.mark.parametrize("extra", ["dev", "bot", "serve"])
def test_every_line_of_a_lock_has_hashes_and_names_no_host(extra: str) -> None:
    text = (CHECKOUT / "requirements" / f"{extra}.txt").read_text("utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=\w)", text)[1:]
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def requirements_of(extra: str) -> Iterator[Requirement]:
    """Yield what the package needs with this extra, and with the extras that it consists of."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    for requirement in map(Requirement, [*project["dependencies"], *project["optional-dependencies"][extra]]):
        if requirement.name == project["name"]:
            for part in requirement.extras:
                yield from requirements_of(part)
        else:
            yield requirement


def lock_of(extra: str) -> dict[str, list[str]]:
    """Locked versions by name: several if Pythons differ."""
    found = defaultdict(list)
    for name, version in re.findall(r"^([\w-]+)==(\S+)", (CHECKOUT / f"requirements/{extra}.txt").read_text(), re.M):
        found[name].append(version)
    return found


WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_its_actions_are_pinned(path: Path) -> None:
    """One job alone may do more: it proves to the package index which repository it belongs to."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install 'afterglow-lm[docs]'")
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert more == ({"publish": {"id-token": "write"}} if path.name == "release.yml" else {})
    used = re.findall(r"uses: (\S+)", path.read_text("utf-8"))
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}|\./.*", action)] == []


def test_actionlint_finds_nothing() -> None:
    if not (actionlint := shutil.which("actionlint")):
        pytest.skip("actionlint is not installed")
    assert subprocess.run([actionlint, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False).stdout == ""  # noqa: S603
