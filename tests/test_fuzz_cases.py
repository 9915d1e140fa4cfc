"""Every reader is given the files that once broke it, and 200 others: it works, or refuses them with its one line."""

from __future__ import annotations

import pytest

pytest.importorskip("resource", reason="the fuzzer forks, which Windows cannot")

from .test_fuzz import fuzz


def test_kept_cases_and_200_others_work_or_are_refused() -> None:
    code, printed = fuzz("--kept", "--cases", "200", "--seed", "fixed")
    assert code == 0, printed


def test_kept_cases_are_run(request: pytest.FixtureRequest) -> None:
    kept = list((request.path.parent / "fuzz" / "cases").glob("*.jsonl"))
    assert {path.stem for path in kept} >= {"model", "passage", "archive", "state", "checkpoint", "run", "store"}
    count = len((request.path.parent / "fuzz" / "cases" / "presets.jsonl").read_text("utf-8").splitlines())
    assert f"cases {count + 3:5}" in fuzz("--kept", "--cases", "3", "--only", "presets")[1]
