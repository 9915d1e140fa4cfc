"""The package as it is built: the C modules, and the Pythons that they are built for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
