"""Settings from the configuration file and the environment, and one line for every mistake in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from afterglow.core.errors import ModelError, SettingError
from afterglow.core.paths import config_file
from afterglow.core.setting_lists import Strings
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import SPECS, merge_layers
from afterglow.core.user_config import config_settings, default_model, environment_settings, read_config
from afterglow.repl.cli.options import load_model_and_settings

from .cli_helpers import RunCli


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
        "bias": "e=1",
        "finish": "line",
        "editing": "vi",
    }.get(name, "1")
    monkeypatch.setenv(f"AFTERGLOW_{name.upper()}", value)
    assert environment_settings() == {name: value}
    assert getattr(merge_layers(environment_settings()), name) == SPECS[name].parse(value)


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if not isinstance(spec.kind, Strings)])
def test_a_bad_value_in_the_environment_names_variable_and_range(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AFTERGLOW_{name.upper()}", "\x1b[31m")
    with pytest.raises(SettingError) as caught:
        environment_settings()
    assert str(caught.value).startswith(f"AFTERGLOW_{name.upper()}: {SPECS[name].label} cannot be ")
    assert SPECS[name].kind.range in str(caught.value)


def write_config(text: str | bytes) -> Path:
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_config_file_holds_settings_by_either_spelling() -> None:
    write_config('temperature = 0.7\ntop-p = 0.9\nstop = ["END", "\\n"]\nmemory = true\n')
    chosen = merge_layers(config_settings())
    assert (chosen.temperature, chosen.top_p, chosen.stop, chosen.memory) == (0.7, 0.9, ("END", "\n"), True)
    write_config('temperature = "0.2..1.6"')
    assert merge_layers(config_settings()).temperature == Ramp(0.2, 1.6)


def test_no_config_file_is_no_settings() -> None:
    assert config_settings() == {}


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
        read_config()
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_folder_for_a_config_file_is_named() -> None:
    config_file().mkdir(parents=True)
    with pytest.raises(SettingError, match=str(config_file())):
        read_config()


FAULTS = [
    ("topp = 0.9", 1, "there is no setting 'topp'; did you mean top-p"),
    ("length = 7\n\n# mine\ntop-k = -1 # no\nmin_p = 0.1", 4, "top-k cannot be -1: it must be"),
    ("length = 7\r\ntop_p = 2\r\n", 2, "top-p cannot be 2: it must be"),
    ("\ufefflength = 'much'", 1, "length cannot be 'much'"),
    ('stop = [\n  "top_k = 1",\n]\n\nspeed = """\nlength = 9\n"""\nlength = 8', 5, "speed cannot be"),
    ("dry_multiplier = 0.8\nstop = [\n1,\n2]\nlength = 7", 2, "stop cannot be"),
    *((f"lens = true\n{line}", 2, "") for line in ("length = inf", "temperature = nan", "top_k = 1979-05-27", "[x]")),
    ("lens = true\n\n[stop]\na = 1", 3, "stop cannot be"),
    ("lens = true\nx.y.z = 1", 2, "there is no setting 'x'"),
    (b"# caf\xc3\xa9\n# caf\xe9\n", 2, "it is not UTF-8"),
]


@pytest.mark.parametrize(("text", "line", "message"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_in_the_config_file_names_file_and_line(text: str | bytes, line: int, message: str) -> None:
    path = write_config(text)
    with pytest.raises(SettingError) as caught:
        config_settings()
    assert str(caught.value).startswith(f"{path}, line {line}: {message}")


@pytest.mark.parametrize(("model", "message"), [('"x"', "there is no model 'x'"), ("5", "model must be the name")])
def test_a_wrong_model_names_the_place_that_set_it(model: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_config(f"length = 7\nmodel = {model}\n")
    with pytest.raises((ModelError, SettingError)) as caught:
        load_model_and_settings(None, "int8", {})
    assert str(caught.value).startswith(f"{path}, line 2: {message}")
    monkeypatch.setenv("AFTERGLOW_MODEL", "z")
    with pytest.raises(ModelError, match=r"^AFTERGLOW_MODEL: there is no model 'z'"):
        load_model_and_settings(None, "int8", {})
    with pytest.raises(ModelError, match=r"^there is no model 'q'"):
        load_model_and_settings("q", "int8", {})


def test_an_error_about_the_model_that_comes_with_it_names_no_place() -> None:
    with pytest.raises(ModelError, match=r"^it is damaged$"), default_model():
        raise ModelError("it is damaged")


def test_a_wrong_flag_is_named(run: RunCli) -> None:
    for flag, value in (("--temperature", "hot"), ("--heat", "red"), ("--top-p", "7")):
        ran = run("generate", "x", flag, value) if flag != "--heat" else run(flag, value)
        assert (ran.code, ran.err.partition(" cannot be ")[0]) == (2, f"afterglow: {flag}: {flag[2:]}")
