"""``make sanitize``: the kernels with checks compiled in, under the tests that run them.

A copy of the package under ``build/sanitize`` holds modules in C that report an access outside of an array, undefined
behavior, or a race of the pool's threads. A report ends the tests. ``python tests/sanitize.py address`` runs one part.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "sanitize"
SOURCES = ("core/inference/kernel_avx512.c", "core/inference/kernel_avx2.c", "core/training/kernel_bf16.c")


class Check(NamedTuple):
    """A sanitizer: gcc's flags, the libraries to load before Python, their options, and the arguments of pytest."""

    flags: list[str]
    libraries: list[str]
    options: dict[str, str]
    tests: list[str]


CHECKS = {
    "address": Check(
        ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
        ["libasan.so", "libubsan.so"],
        # Python itself leaves memory to the end of the process.
        {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1"},
        ["test_runtime.py", "test_sampler.py", "test_engine.py", "test_lstm_kernel.py"],
    ),
    "thread": Check(
        ["-fsanitize=thread"],
        ["libtsan.so"],
        # Python and numpy are not compiled with it: races between their own threads are not seen, and not looked for.
        {"TSAN_OPTIONS": "halt_on_error=1:ignore_noninstrumented_modules=1:report_signal_unsafe=0:die_after_fork=0"},
        ["test_runtime.py", "test_engine.py", "-k", "threads or rows or runtime or one_thread"],
    ),
}


def build(name: str, check: Check) -> Path:
    """Make a copy of the package with checked modules, and return the folder that holds it."""
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    for package in ("core", "repl", "bot", "models"):
        ignored = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(ROOT / package, folder / "afterglow" / package, ignore=ignored)
    for source in SOURCES:
        module = folder / "afterglow" / Path(source).with_suffix(".abi3.so")
        flags = ["-shared", "-fPIC", "-O1", "-g", "-fno-omit-frame-pointer", "-ffp-contract=off", *check.flags]
        macros = ["-DPy_LIMITED_API=0x030b0000", f"-I{sysconfig.get_path('include')}"]
        subprocess.run(["gcc", *flags, *macros, str(ROOT / source), "-o", str(module)], check=True)  # noqa: S603, S607
    return folder


def library(name: str) -> str:
    """Return the path of one of gcc's libraries."""
    asked = ["gcc", f"-print-file-name={name}"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def run(name: str) -> int:
    """Build and test with one sanitizer. Return the exit code of the tests."""
    check = CHECKS[name]
    loaded = {"LD_PRELOAD": " ".join(map(library, check.libraries)), "PYTHONPATH": str(build(name, check))}
    tests = [f"tests/{word}" if word.endswith(".py") else word for word in check.tests]
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-x", *tests]
    # The thread sanitizer keeps its tables at fixed addresses, which a randomized address space may hold.
    plain = ["setarch", platform.machine(), "-R"] if name == "thread" else []
    environment = os.environ | loaded | check.options | {"OMP_NUM_THREADS": "1"}
    code = subprocess.run([*plain, *command], cwd=ROOT, env=environment, check=False).returncode  # noqa: S603
    print(f"{name}: {'clean' if code == 0 else f'exit code {code}'}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(max([abs(run(name)) for name in sys.argv[1:] or CHECKS]))
