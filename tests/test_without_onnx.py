"""ONNX is an extra: what plays and trains without it, and the messages that name it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from afterglow.core.inference.kernel import KERNEL

from .cli_helpers import RunCli

DATA = Path(__file__).parent / "data"
TINY = str(DATA / "tiny-char.safetensors")
EXTRA = "pip install 'afterglow-lm[onnx]'\n"


@pytest.fixture
def no_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without the extra."""
    for name in [name for name in sys.modules if name.startswith("afterglow.core.inference.onnx_")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.skipif(KERNEL is None, reason="no kernel runs here, so the extra onnx is needed")
def test_training_does_without_onnx() -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'afterglow-lm[train]'")
    arguments = ["afterglow", "train", str(DATA / "lamp.txt"), "--name", "a", "--epochs", "1", "--width", "16"]
    code = (
        f"import sys; sys.modules['onnx'] = sys.modules['onnxruntime'] = None; sys.argv = {arguments}\n"
        "from afterglow.repl.__main__ import main\n"
        "main()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)  # noqa: S603


@pytest.mark.usefixtures("no_onnx")
def test_the_runtime_names_its_extra(run: RunCli) -> None:
    done = run("generate", "The", "--model", TINY, "--runtime", "onnx")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.endswith(f"ONNX Runtime is not installed: {EXTRA}")


@pytest.mark.usefixtures("no_onnx")
def test_where_no_kernel_runs_the_message_says_so(run: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterglow.core.inference.backends.KERNEL", None)
    done = run("generate", "The", "--model", TINY)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "C compiler" in done.err
    assert done.err.endswith(EXTRA)


@pytest.mark.usefixtures("no_onnx")
def test_an_export_for_torch_needs_no_onnx(run: RunCli, tmp_path: Path) -> None:
    graph, weights = tmp_path / "a.onnx", tmp_path / "a.safetensors"
    assert run("export", TINY, "--onnx", str(graph)).err == f"afterglow: export --onnx needs onnx: {EXTRA}"
    assert not graph.exists()
    assert run("export", TINY, "--pytorch", str(weights)).code == 0
    assert weights.exists()
