"""A model outside of afterglow: as an ONNX graph and as a torch state dict, each beside the runtime that plays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from afterglow.core import load
from afterglow.core.model import Model
from afterglow.core.text.tokenizer import from_header

from .cli_helpers import RunCli
from .kernel_helpers import NO_ONNX

onnx = pytest.importorskip("onnx", reason=NO_ONNX)
onnxruntime = pytest.importorskip("onnxruntime", reason=NO_ONNX)
onnx_model = pytest.importorskip("afterglow.core.inference.onnx_export").onnx_model

DATA = Path(__file__).parent / "data"
TINY = str(DATA / "tiny-char.safetensors")
TEXT = "The keeper of the lamp lived on a rock in the sea."

INT8_ERROR = 0.05
"""How far chances may lie from those of the int8 runtime, which rounds h to 1/127 at every step."""


def logits_of(session: onnxruntime.InferenceSession, model: Model, text: str) -> np.ndarray:
    """Logits (T, V) over a text from the zero state."""
    a = model.file.architecture
    zero = np.zeros((a.layers, 1, a.width), np.float32)
    logits, *_ = session.run(None, {"ids": model.tokenizer.encode(text)[None], "h": zero, "c": zero})
    return logits[0]  # type: ignore[no-any-return]


def chances(logits: np.ndarray) -> np.ndarray:
    exponential = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(exponential / exponential.sum(-1, keepdims=True))


@pytest.fixture(params=["tiny", "shakespeare"])
def model(request: pytest.FixtureRequest, tiny: Model) -> Model:
    return tiny if request.param == "tiny" else load("shakespeare")


@pytest.fixture
def exported(model: Model, tmp_path: Path, run: RunCli) -> Path:
    name = TINY if model.name != "shakespeare" else "shakespeare"
    path = tmp_path / "a.onnx"
    assert run("export", name, "--onnx", str(path)).out == f"written: {path}\n"
    return path


def test_the_onnx_file_is_valid_and_says_how_to_read_it(model: Model, exported: Path) -> None:
    onnx.checker.check_model(onnx.load(exported), full_check=True)
    described = onnxruntime.InferenceSession(exported).get_modelmeta().custom_metadata_map
    assert json.loads(described["architecture"])["width"] == model.file.architecture.width
    tokenizer = from_header(json.loads(described["tokenizer"]))
    assert tokenizer.encode(TEXT).tolist() == model.tokenizer.encode(TEXT).tolist()


def test_onnx_runtime_gives_the_chances_of_the_model_that_plays(model: Model, exported: Path) -> None:
    logits = logits_of(onnxruntime.InferenceSession(exported), model, TEXT)
    steps = model.runtime.stepper(model.runtime.zeros(1))
    for at, token in enumerate(model.tokenizer.encode(TEXT)):
        steps.step(np.array([token]))
        assert np.abs(chances(logits[at]) - chances(steps.logits[0])).max() < INT8_ERROR


def test_the_state_carries_the_graph_on_and_rows_are_apart(tiny: Model) -> None:
    session = onnxruntime.InferenceSession(onnx_model(tiny.file).SerializeToString())
    ids = tiny.tokenizer.encode(TEXT)
    whole = logits_of(session, tiny, TEXT)
    a = tiny.file.architecture
    h = c = np.zeros((a.layers, 2, a.width), np.float32)
    both = np.stack([ids[:20], ids[20:40]])
    first, h, c = session.run(None, {"ids": both, "h": h, "c": c})
    assert np.allclose(first[0], whole[:20], atol=1e-4)
    rest, *_ = session.run(None, {"ids": ids[None, 20:], "h": h[:, :1], "c": c[:, :1]})
    assert np.allclose(rest[0], whole[20:], atol=1e-4)


def test_export_wants_to_know_where_to(run: RunCli, tmp_path: Path) -> None:
    assert run("export", TINY).code == 2
    assert run("export", TINY, "--onnx", str(tmp_path / "nowhere" / "a" / "b.onnx")).code in (0, 1)
    assert run("export", "nobody", "--onnx", str(tmp_path / "a.onnx")).err.startswith("afterglow: there is no model")


def test_a_plain_nn_lstm_takes_the_state_dict_and_agrees_with_onnx(
    model: Model, exported: Path, tmp_path: Path, run: RunCli
) -> None:
    pytest.importorskip("afterglow.core.training.model")  # before torch, which it tells how to use its threads
    import torch
    from safetensors.torch import load_file

    path = tmp_path / "a.safetensors"
    name = TINY if model.name != "shakespeare" else "shakespeare"
    assert run("export", name, "--pytorch", str(path)).code == 0
    a, state = model.file.architecture, load_file(path)
    parts = {
        "embedding": torch.nn.Embedding(a.vocabulary, a.embedding),
        "lstm": torch.nn.LSTM(a.embedding, a.width, a.layers, batch_first=True),
        "projection": torch.nn.Linear(a.width, a.vocabulary),
    }
    for part, module in parts.items():
        module.load_state_dict({k.split(".")[1]: v for k, v in state.items() if k.startswith(f"{part}.")})
    with torch.no_grad():
        ids = torch.from_numpy(model.tokenizer.encode(TEXT))[None]
        logits = parts["projection"](parts["lstm"](parts["embedding"](ids))[0])[0].numpy()
    assert np.allclose(logits, logits_of(onnxruntime.InferenceSession(exported), model, TEXT), atol=2e-3)


def test_to_torch_takes_a_loaded_model(tiny: Model) -> None:
    to_torch = pytest.importorskip("afterglow.core.training.convert").to_torch
    import torch

    with torch.no_grad():
        logits, _ = to_torch(tiny)(torch.from_numpy(tiny.tokenizer.encode(TEXT))[None])
    session = onnxruntime.InferenceSession(onnx_model(tiny.file).SerializeToString())
    assert np.allclose(logits[0].numpy(), logits_of(session, tiny, TEXT), atol=1e-3)
