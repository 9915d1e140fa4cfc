"""Files are written whole or not at all, and land where the environment says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from afterglow.core import file_io, paths
from afterglow.core.errors import StorageError, error_text
from afterglow.core.user_files import write_user_file

posix_modes = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")

FULL = """
import resource, signal, sys
from pathlib import Path
from afterglow.core.errors import StorageError
from afterglow.core.file_io import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_atomically(Path(sys.argv[1]), b"new" * 1000)
except StorageError as error:
    print(error)
"""


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "er" / "file.txt"
    for data in (b"one", b"two" * 100_000, b""):
        file_io.write_atomically(file, data)
        assert file.read_bytes() == data
    assert left_in(file.parent) == ["file.txt"]


def modes(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777 for path in folder.rglob("*")}


@posix_modes
def test_files_and_the_folders_made_for_them_are_private(home: Path) -> None:
    home.mkdir()
    home.chmod(0o755)
    for path in (home / "models" / "mine.safetensors", home / "runs" / "mine" / "run.json", home / "theme"):
        file_io.write_atomically(path, b"x")
    assert home.stat().st_mode & 0o777 == 0o755  # AFTERGLOW_HOME may name a folder that others need
    assert modes(home) == {
        "models": 0o700,
        "models/mine.safetensors": 0o600,
        "runs": 0o700,
        "runs/mine": 0o700,
        "runs/mine/run.json": 0o600,
        "theme": 0o600,
    }


@posix_modes
def test_a_new_data_folder_and_its_parents_are_private(home: Path) -> None:
    file_io.write_atomically(home / "deep" / "er" / "file.txt", b"x")
    assert home.stat().st_mode & 0o777 == 0o700
    assert modes(home) == {"deep": 0o700, "deep/er": 0o700, "deep/er/file.txt": 0o600}


@posix_modes
@pytest.mark.skipif(sys.platform == "darwin", reason="the default data folder cannot be moved there")
def test_the_default_data_folder_of_earlier_releases_becomes_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AFTERGLOW_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    ours = tmp_path / "data" / "afterglow"
    ours.mkdir(parents=True, mode=0o755)
    file_io.write_atomically(paths.theme_file(), b"x")
    assert (ours.stat().st_mode & 0o777, ours.parent.stat().st_mode & 0o777) == (0o700, 0o755)


@posix_modes
@pytest.mark.parametrize("before", [0o644, 0o666, None])
def test_a_private_file_stays_private_when_it_is_replaced(tmp_path: Path, before: int | None) -> None:
    file = tmp_path / "file.txt"
    if before:
        file.touch()
        file.chmod(before)
    file_io.write_atomically(file, b"")
    assert modes(tmp_path) == {"file.txt": 0o600}


@posix_modes
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_an_export_follows_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_user_file(tmp_path / "file.txt", b"")
    finally:
        os.umask(before)
    assert modes(tmp_path) == {"file.txt": mode}


WRITING = """
import os, sys
from pathlib import Path
from afterglow.core.file_io import atomic_writer
with atomic_writer(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
    file.write(b" and half")
"""


@contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has written half of a file. It writes the rest after a line on its standard input."""
    arguments = [sys.executable, "-c", WRITING, str(path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
        yield process


def age_all(folder: Path) -> None:
    """Make all files in ``folder`` look as if the last write was long ago."""
    for path in folder.iterdir():
        os.utime(path, (0, 0))


def test_what_a_killed_writer_has_left_is_deleted_by_the_next_write(tmp_path: Path) -> None:
    with writing(tmp_path / "file.txt") as process:
        process.kill()
    assert len(left_in(tmp_path)) == 1
    file_io.write_atomically(tmp_path / "other.txt", b"")
    assert len(left_in(tmp_path)) == 2  # it is young: its writer might be about to lock it
    age_all(tmp_path)
    file_io.write_atomically(tmp_path / "other.txt", b"")
    assert left_in(tmp_path) == ["other.txt"]


def test_what_a_living_writer_writes_is_left_alone_however_old_it_is(tmp_path: Path) -> None:
    with writing(tmp_path / "file.txt") as process:
        age_all(tmp_path)
        file_io.write_atomically(tmp_path / "other.txt", b"")
        process.communicate("go on\n", timeout=60)
    assert (tmp_path / "file.txt").read_bytes() == b"half and half"
    assert left_in(tmp_path) == ["file.txt", "other.txt"]


def test_hidden_files_of_others_are_left_alone(tmp_path: Path) -> None:
    for name in (".profile", ".bashrc.original", ".file.txt.ab12cd34", "afterglow", ".afterglow"):
        (tmp_path / name).touch()
    age_all(tmp_path)
    before = left_in(tmp_path)
    file_io.write_atomically(tmp_path / "file.txt", b"")
    assert left_in(tmp_path) == sorted([*before, "file.txt"])


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path) -> None:
    file_io.write_atomically(tmp_path / ("é" * 127), b"x")
    assert left_in(tmp_path) == ["é" * 127]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no file size limits on Windows")
@pytest.mark.parametrize("before", [b"old", None], ids=["over a file", "a new file"])
def test_a_write_that_fails_half_way_leaves_what_was_there(tmp_path: Path, before: bytes | None) -> None:
    file = tmp_path / "file.txt"
    if before is not None:
        file.write_bytes(before)
    done = subprocess.run([sys.executable, "-c", FULL, file], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == f"cannot write {file}: file too large; the old file, if any, is unchanged"
    assert left_in(tmp_path) == ([] if before is None else ["file.txt"])
    assert before is None or file.read_bytes() == before


def test_a_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file.txt" / "kept").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"cannot write .*file\.txt"):
        file_io.write_atomically(tmp_path / "file.txt", b"new")
    assert left_in(tmp_path) == ["file.txt"]
    assert left_in(tmp_path / "file.txt") == ["kept"]


@pytest.mark.parametrize("write", [lambda path: file_io.write_atomically(path, b""), file_io.private_file])
def test_a_file_where_a_folder_should_be(tmp_path: Path, write: object) -> None:
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        write(tmp_path / "folder" / "file.txt")  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_a_private_file_is_its_owners_alone_and_keeps_its_text(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "history"
    file.parent.mkdir()
    file.write_text("typed")
    file.chmod(0o644)
    for path in (file, tmp_path / "new" / "history"):
        assert file_io.private_file(path) == path
        assert path.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == "typed"


def test_the_environment_moves_everything(home: Path) -> None:
    places = [paths.data_dir(), paths.models_dir(), paths.passages_dir(), paths.history_file(), paths.log_file()]
    assert all(place.is_relative_to(home) for place in [*places, paths.config_file()])


def test_without_it_everything_lies_in_the_users_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFTERGLOW_HOME")
    assert paths.data_dir().name == "afterglow"
    assert paths.config_file().name == "config.toml"


def test_a_reason_is_the_systems_in_lower_case() -> None:
    assert error_text(OSError(28, "No space left on device")) == "no space left on device"
    assert error_text(OSError("Odd")) == "odd"
