"""The units for systemd: it can read them, and finds little that they leave open. The container's parts are there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
UNITS = ["afterglow-bot.service", "afterglow-serve.service"]
ANALYZE = shutil.which("systemd-analyze")

if not (CHECKOUT / "docs" / "Containerfile").exists():
    pytest.skip("the units are not here: this is no checkout", allow_module_level=True)


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_reads_a_unit_and_finds_little_open(name: str, tmp_path: Path) -> None:
    text = (CHECKOUT / "docs" / name).read_text("utf-8")
    unit = tmp_path / name
    unit.write_text(text.replace("/opt/afterglow/bin/afterglow", sys.executable), "utf-8")
    for command in (["verify", unit], ["security", "--offline=true", "--threshold=15", unit]):
        ran = subprocess.run([str(ANALYZE), *command], capture_output=True, text=True, check=False)  # noqa: S603
        assert ran.returncode == 0, f"{ran.stdout[-300:]}{ran.stderr}"
    assert "/opt/afterglow/bin/afterglow" in text


def test_a_container_is_made_of_files_that_are_there() -> None:
    text = (CHECKOUT / "docs" / "Containerfile").read_text("utf-8")
    targets = re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE)
    assert targets == ["built", "serve", "bot"]  # the last one is made if no target is named
    for lock in re.findall(r"/src/(requirements/\w+\.txt)", text):
        assert (CHECKOUT / lock).exists()
    assert "!requirements" in (CHECKOUT / ".dockerignore").read_text("utf-8")
