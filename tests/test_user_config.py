"""Settings from the configuration file and the environment, and one line for every mistake in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from afterglow.core.errors import SettingError
from afterglow.core.paths import config_file
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import SPECS, merge_layers
from afterglow.core.user_config import read_config, read_environment


@pytest.mark.parametrize("name", SPECS)
def test_every_setting_can_come_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {
        "memory": "on",
        "whole_seed": "on",
        "heat": "rank",
        "lens": "off",
        "copied": "off",
        "autosave": "off",
        "stop": "END",
    }.get(name, "1")
    monkeypatch.setenv(f"AFTERGLOW_{name.upper()}", value)
    assert read_environment() == {name: value}
    assert getattr(merge_layers(read_environment()), name) == SPECS[name].parse(value)


def test_a_bad_environment_names_setting_and_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERGLOW_TEMPERATURE", "hot")
    with pytest.raises(SettingError, match=r"temperature cannot be 'hot': it must be a number from 0 to 5"):
        merge_layers(read_environment())


def write_config(text: str | bytes) -> Path:
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_config_file_holds_settings_by_either_spelling() -> None:
    path = write_config('temperature = 0.7\ntop-p = 0.9\nstop = ["END", "\\n"]\nmemory = true\n')
    chosen = merge_layers(read_config(path))
    assert (chosen.temperature, chosen.top_p, chosen.stop, chosen.memory) == (0.7, 0.9, ("END", "\n"), True)
    assert merge_layers(read_config(write_config('temperature = "0.2..1.6"'))).temperature == Ramp(0.2, 1.6)


def test_no_config_file_is_no_settings() -> None:
    assert read_config(config_file()) == {}


@pytest.mark.parametrize(
    "text",
    [
        *("temperature = \n", b"temperature = \xff", "a = 1\na = 2", "[" * 3000),
        *(f"stop = {'[' * 100_000}{']' * 100_000}", f"length = {'9' * 5000}"),
    ],
    ids=["half", "bytes", "twice", "deep key", "deep value", "5,000 digits"],
)
def test_a_broken_config_file_is_named(text: str | bytes) -> None:
    path = write_config(text)
    with pytest.raises(SettingError) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_folder_for_a_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=str(tmp_path)):
        read_config(tmp_path)


@pytest.mark.parametrize("text", ["length = inf", "temperature = nan", "top_k = 1979-05-27", "[stop]\na = 1", "[x]"])
def test_a_config_value_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        merge_layers(read_config(write_config(text)))
