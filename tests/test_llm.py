"""The plugin in the real ``llm``: found by its entry point, streaming, going on, and refusing in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from afterglow.core.model import load
from afterglow.core.settings import SPECS

pytest.importorskip("llm", reason="llm is not installed: pip install 'afterglow-lm[llm]'")

LLM = [sys.executable, "-m", "llm"]
MODEL = ["-m", "afterglow/shakespeare", "-o", "rng", "7"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs and settings of llm's go nowhere else."""
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))


def llm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [*LLM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )


def test_llm_lists_every_model_with_its_options() -> None:
    listed = llm("models", "--options", "-q", "afterglow").stdout
    assert "afterglow/shakespeare" in listed
    assert all(f"    {s.name}:" in listed for s in SPECS.values() if s.scope != "view" and s.name != "memory")


def test_llm_writes_what_the_api_writes() -> None:
    ran = llm(*MODEL, "-o", "temperature", "1.2", "-o", "length", "80", "ROMEO:")
    expected = load("shakespeare").generate("ROMEO:", temperature=1.2, length=80, rng=7)
    assert (ran.returncode, ran.stdout) == (0, f"{expected}\n")


def test_llm_goes_on_with_a_conversation_as_one_text() -> None:
    chosen = (*MODEL, "-o", "length", "40")
    first = llm(*chosen, "ROMEO:").stdout.removesuffix("\n")
    second = llm("-c", *chosen, " And then").stdout.removesuffix("\n")
    seed = f"ROMEO:{first} And then"
    assert second == load("shakespeare").generate(seed, length=40, rng=7)


def test_llm_streams() -> None:
    # Were the text not streamed, it would not be there for the better part of an hour.
    command = [*LLM, *MODEL, "-o", "length", "10000000", "ROMEO:"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as child:  # noqa: S603
        assert child.stdout
        try:
            assert len(child.stdout.read(200)) == 200
            assert child.poll() is None
        finally:
            child.kill()


@pytest.mark.parametrize(("name", "value"), [("temperature", "9"), ("nonsense", "1")])
def test_a_bad_option_is_one_line(name: str, value: str) -> None:
    ran = llm(*MODEL, "-o", name, value, "ROMEO:")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "Traceback" not in ran.stderr
    assert name in ran.stderr


def test_what_llm_logs_names_the_model() -> None:
    llm(*MODEL, "-o", "length", "10", "ROMEO:")
    (logged,) = json.loads(llm("logs", "--json").stdout)
    assert (logged["model"], logged["prompt"]) == ("afterglow/shakespeare", "ROMEO:")


def test_a_text_can_be_had_again_with_the_rng_that_llm_logs() -> None:
    options = ("-m", "afterglow/shakespeare", "-o", "length", "40")
    text = llm(*options, "ROMEO:").stdout
    (logged,) = json.loads(llm("logs", "--json").stdout)
    rng = logged["response_json"]["rng"]
    assert llm(*options, "-o", "rng", str(rng), "ROMEO:").stdout == text
