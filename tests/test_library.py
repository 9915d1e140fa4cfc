"""Which models there are, and where a new one goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from afterglow.core.errors import ModelError, UsageError
from afterglow.core.inference import library
from afterglow.core.paths import models_dir

TINY = Path(__file__).parent / "data" / "tiny-char.safetensors"


def put(name: str) -> Path:
    models_dir().mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(TINY, models_dir() / f"{name}.safetensors"))


def test_the_users_models_are_found_by_name() -> None:
    path = put("mine")
    put(".half-written")
    assert library.find_model("mine") == library.ModelEntry("mine", path, bundled=False)
    assert "mine" in [entry.name for entry in library.list_models()]
    assert ".half-written" not in [entry.name for entry in library.list_models()]


def test_a_users_model_stands_before_a_bundled_one_of_its_name() -> None:
    assert library.list_models()
    for bundled in library.list_models():
        path = put(bundled.name)
        assert library.find_model(bundled.name).path == path
        assert [entry.name for entry in library.list_models()].count(bundled.name) == 1


@pytest.mark.parametrize("name", [str(TINY), "./x.safetensors", "folder/x", "x.safetensors", "a\\b"])
def test_what_looks_like_a_path_is_one(name: str) -> None:
    assert library.find_model(name) == library.ModelEntry(Path(name).stem, Path(name), bundled=False)


def test_an_unknown_name_guesses_and_lists() -> None:
    put("keeper")
    with pytest.raises(ModelError, match=r"no model 'keepr'; did you mean keeper\? there are: .*keeper"):
        library.find_model("keepr")
    with pytest.raises(ModelError, match=r"no model 'zzz'; there are: .*keeper"):
        library.find_model("zzz")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a b", "-x", ".x", "x" * 65, "a\n", "é", "a\0"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a model's name"):
        library.path_for_new_model(name)


def test_a_files_name_is_not_a_models() -> None:
    with pytest.raises(UsageError, match=r"leave \.safetensors out"):
        library.path_for_new_model("mine.safetensors")


def test_a_name_that_is_taken_is_refused_unless_replaced() -> None:
    path = library.path_for_new_model("keeper-2")
    assert path == models_dir() / "keeper-2.safetensors"
    put("keeper-2")
    with pytest.raises(UsageError, match="--replace"):
        library.path_for_new_model("keeper-2")
    assert library.path_for_new_model("keeper-2", replace=True) == path


def test_only_a_users_own_model_can_be_removed() -> None:
    path = put("mine")
    for suffix in library.SIDECAR_SUFFIXES:
        path.with_suffix(suffix).write_text("beside it")
    other = put("mine.2")
    assert library.remove("mine") == path
    assert list(path.parent.iterdir()) == [other]
    for name in ("mine", str(TINY), *(entry.name for entry in library.list_models() if entry.bundled)):
        with pytest.raises(ModelError):
            library.remove(name)
    assert TINY.exists()
