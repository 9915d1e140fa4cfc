"""The page's sources: their types, and the module that is made of C."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "core" / "page"
TSC = ROOT / "build" / "node" / "node_modules" / ".bin" / "tsc"
ZIG = ROOT / "build" / "zig" / "ziglang" / "zig"

OPTIONS = "--allowJs --checkJs --noEmit --strict --noUnusedLocals --target es2022 --module nodenext --lib es2023,dom"


@pytest.mark.skipif(not TSC.exists(), reason="typescript is not in build/node: make page-tools")
def test_the_types_in_the_page_s_comments_are_right() -> None:
    command = [TSC, *OPTIONS.split(), *sorted(PAGE.rglob("*.mjs"))]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert (checked.stdout, checked.returncode) == ("", 0)


@pytest.mark.skipif(not ZIG.exists(), reason="the compiler is not in build/zig: make wasm")
@pytest.mark.slow
def test_the_module_that_is_checked_in_is_made_of_its_source(tmp_path: Path) -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8").split("build/zig/ziglang/zig cc ")[1].split(" -o core")[0]
    flags, made = recipe.replace("\\\n", " ").split(), tmp_path / "step.wasm"
    source = PAGE / "kernel" / "step.c"
    subprocess.run([ZIG, "cc", *flags, "-o", made, source], cwd=ROOT, check=True)  # noqa: S603
    assert made.read_bytes() == (PAGE / "kernel" / "step.wasm").read_bytes()


@pytest.mark.parametrize("path", sorted(PAGE.rglob("*.mjs")), ids=lambda path: path.name)
def test_no_module_of_the_page_is_longer_than_300_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 300
