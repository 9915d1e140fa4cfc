"""Presets of several processes: each keeps what the others have saved."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from afterglow.core import presets
from afterglow.core.commands.effects import Ask
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import StorageError, UsageError
from afterglow.core.file_io import private_file
from afterglow.core.file_locks import hold_lock
from afterglow.core.paths import lock_file, presets_file
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings

SAVING = """
import sys
from afterglow.core import presets
from afterglow.core.settings import Settings
sys.stdin.readline()
for number in range(20):
    presets.save(f"{sys.argv[1]}{number}", Settings(temperature=number / 10))
"""


def test_processes_that_save_presets_at_once_lose_none() -> None:
    names = "abcd"
    arguments = [[sys.executable, "-c", SAVING, name] for name in names]
    processes = [subprocess.Popen(words, stdin=subprocess.PIPE, text=True) for words in arguments]  # noqa: S603
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    saved = presets.load_all().keys() - presets.BUILTIN.keys()
    assert saved == {f"{name}{number}" for name in names for number in range(20)}


def test_a_process_that_never_lets_go_is_named_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "LOCK_TIMEOUT", 0.0)
    presets.save("mine", Settings(temperature=0.5))
    before = presets_file().read_bytes()
    lock = private_file(lock_file("presets"))
    with hold_lock(lock), pytest.raises(StorageError, match="in use by process") as caught:
        presets.save("other", Settings())
    assert "\n" not in str(caught.value)
    assert presets_file().read_bytes() == before


def test_a_name_that_is_built_in_can_be_given_to_a_preset_once() -> None:
    presets.save("wild", Settings(temperature=1.9))
    assert presets.load_all()["wild"] == {"temperature": 1.9}
    with pytest.raises(UsageError, match="another preset 'wild'"):
        presets.save("wild", Settings(temperature=1.8))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[]",
        "5",
        "\xff",
        '{"a": {"top_k": %s}}' % ("9" * 400),
    ],
    ids=lambda text: text[:12],
)
def test_a_file_that_holds_no_presets_is_one_line(text: str) -> None:
    presets_file().parent.mkdir(parents=True, exist_ok=True)
    presets_file().write_bytes(text.encode("latin-1"))
    with pytest.raises(StorageError, match="presets that this release cannot read") as caught:
        presets.load_all()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("damaged", [5, None, [], {"temperature": 99}, {"x": 1}, {"stop": {"a": []}}])
def test_a_damaged_preset_hides_no_other_one_and_is_kept(damaged: object) -> None:
    presets.save("whole", Settings(temperature=0.5))
    presets_file().write_text(json.dumps(json.loads(presets_file().read_text()) | {"broken": damaged}))
    assert presets.load_all() == presets.BUILTIN | {"whole": {"temperature": 0.5}}
    assert presets.apply("whole", Settings(), Settings()).temperature == 0.5
    with pytest.raises(StorageError, match="cannot read the preset 'broken'") as caught:
        presets.apply("broken", Settings(), Settings())
    assert "\n" not in str(caught.value)
    presets.save("other", Settings(temperature=0.6))
    assert json.loads(presets_file().read_text())["broken"] == damaged
    with pytest.raises(UsageError, match="another preset 'broken'"):
        presets.save("broken", Settings(temperature=0.7))


def test_a_preset_is_deleted_and_brought_back(session: Session) -> None:
    presets.save("mine", Settings(temperature=0.5))
    (ask,) = dispatch(session, "/preset delete mine")
    assert isinstance(ask, Ask)
    assert "mine" in presets.load_all()
    list(ask.on_yes())
    assert "mine" not in presets.load_all()
    list(dispatch(session, "/undelete"))
    assert presets.load_all()["mine"] == {"temperature": 0.5}
    list(dispatch(session, "/preset! delete mine"))
    assert "mine" not in presets.load_all()


@pytest.mark.parametrize(("name", "why"), [("strict", "comes with afterglow"), ("nowhere", "there are: none")])
def test_only_a_preset_of_ones_own_is_deleted(name: str, why: str, session: Session) -> None:
    with pytest.raises(UsageError, match=why):
        list(dispatch(session, f"/preset delete {name}"))
