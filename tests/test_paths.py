"""Files are written whole or not at all, and land where the environment says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from afterglow.core import file_io, paths
from afterglow.core.errors import StorageError, error_text

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


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "file.txt"
    file.touch(mode=0o666)
    file_io.write_atomically(file, b"", mode)
    assert file.stat().st_mode & 0o777 == mode


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
