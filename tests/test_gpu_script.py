"""``benchmarks/gpu.sh`` on the CPU, in tiny sizes: every line of it runs, and a failed check is its exit code."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from afterglow.core.inference.model_file import open_model_file
from afterglow.core.text.split import DEFAULT_SPLIT

sys.path.append(str(Path(__file__).parent.parent))
pytest.importorskip("benchmarks", reason="the benchmarks are not here: this is no checkout")
pytest.importorskip("afterglow.core.training.model")

import torch
from afterglow.core.training.model import run_in_bfloat16
from safetensors.torch import load_file
from torch import nn

from benchmarks import gpu, gpu_checks, gpu_english, gpu_speed

from .conftest import DATA

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def tiny_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes with which the script takes a second or two."""
    shape = gpu_speed.Shape(1, 8)
    monkeypatch.setattr(gpu, "SMALL", gpu.Sizes((shape,), (2,), shape, 5_000, 8, 8))
    monkeypatch.setattr(gpu_speed, "SEQUENCE_LENGTH", 4)
    monkeypatch.setattr(gpu_speed, "ROUNDS", 1)
    monkeypatch.setattr(gpu_speed, "WARM_UP_ROUNDS", 0)
    monkeypatch.setattr(gpu_checks, "LEAST_GAIN", -1)


ALL = "training", "speed", "english"


def run_script(
    monkeypatch: pytest.MonkeyPatch,
    out: Path,
    *options: str,
    stages: tuple[str, ...] = ("training", "speed", "english"),
) -> int:
    """Run it with some of its stages. Return the exit code."""
    if "training" not in stages:
        monkeypatch.setattr(gpu, "check_small_model", lambda *_: {})
    if "speed" not in stages:
        monkeypatch.setattr(gpu, "SMALL", replace(gpu.SMALL, speed=()))
    small = "--device", "cpu", "--small", "--minutes", "0.001", "--layers", "1", "--width", "8", "--batch", "2"
    monkeypatch.setattr(sys, "argv", ["gpu.py", *small, "--texts", str(DATA / "lamp.txt"), "--out", str(out), *options])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    return int(ended.value.code or 0)


def test_every_stage_runs_and_another_run_goes_on_from_its_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run_script(monkeypatch, tmp_path / "first") == 0
    report = json.loads((tmp_path / "first" / "report.json").read_text())
    assert list(report["stages"]) == ["machine", "training", "speed 1 x 8", "texts", "english"]
    assert report["failures"] == []
    assert report["stages"]["training"]["differences"]["resumed"] == 0  # on a CPU, bit for bit
    card = open_model_file(tmp_path / "first" / "english.safetensors").card
    assert card.nats_per_char_stateful == report["stages"]["english"]["nats_per_char_stateful"]
    assert card.split == DEFAULT_SPLIT  # eval holds out the same text
    weights = tmp_path / "first" / "weights.safetensors"
    begun: list[torch.Tensor] = []
    begin = lambda run, _: begun.append(run.trainer.model.projection.weight.clone()) or 1.0  # noqa: E731
    monkeypatch.setattr(gpu_english, "train", begin)
    assert run_script(monkeypatch, tmp_path / "second", "--weights", str(weights), stages=("english",)) == 0
    assert torch.equal(begun[0], load_file(weights)["projection.weight"].float())


def test_a_check_out_of_bounds_is_reported_and_the_other_stages_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(gpu_checks.LIMITS, "int8", -1)
    monkeypatch.setattr(gpu, "train_on_english", lambda *_: 1 / 0)
    assert run_script(monkeypatch, tmp_path, stages=("training",)) == 1
    assert json.loads((tmp_path / "report.json").read_text())["failures"] == [
        "training: int8",
        "english: ZeroDivisionError: division by zero",
    ]
    assert capsys.readouterr().out.count("FAILED") == 2


def test_an_lstm_in_bfloat16_is_the_lstm_and_its_gradients_reach_the_weights() -> None:
    layer, x = nn.LSTM(6, 8), torch.randn(5, 3, 6)
    state = torch.randn(1, 3, 8), torch.randn(1, 3, 8)
    weights: dict[str, torch.Tensor] = dict(layer.named_parameters())
    found, (h, _) = run_in_bfloat16(layer, x, state, weights)
    assert (found.dtype, h.dtype) == (torch.bfloat16, torch.bfloat16)
    assert torch.allclose(found.float(), layer(x, state)[0], atol=0.03)
    found.float().sum().backward()
    low = layer.weight_hh_l0.grad.clone()
    layer.zero_grad()
    layer(x, state)[0].sum().backward()
    assert torch.allclose(low, layer.weight_hh_l0.grad, atol=0.2)
