"""The trace of a text has the states of the runtime that plays, and the gates that made them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from afterglow.core.cells import traces
from afterglow.core.cells.gates import GateWeights
from afterglow.core.cells.traces import LayerTrace, UnitReader, trace
from afterglow.core.cells.units import PARTS, SYMBOLS, Unit, parse_unit, require_unit
from afterglow.core.errors import SettingError, UsageError
from afterglow.core.generation.snapshot import Snapshot
from afterglow.core.inference import runtime
from afterglow.core.inference.export import dequantize_weights
from afterglow.core.inference.model_file import Architecture
from afterglow.core.model import Model, load
from afterglow.core.setting_styles import Voice

from .conftest import DATA
from .kernel_helpers import random_file

TEXT = "The lamp said nothing.\n"


def read_whole(model: Model, ids: np.ndarray, start: Snapshot | None = None) -> list[LayerTrace]:
    """The trace as one block."""
    (block,) = trace(model, ids, start)
    return block.layers


def assert_the_equations_hold(layer: LayerTrace, c_before: np.ndarray) -> None:
    c = np.concatenate([c_before, layer.c])
    assert np.abs(layer.f * c[:-1] + layer.i * layer.g - layer.c).max() < 1e-5
    np.testing.assert_array_equal(layer.h, np.rint(layer.o * np.tanh(layer.c) * 127) * np.float32(1 / 127))


@pytest.mark.parametrize(
    "shape", [Architecture(9, 5, 1, 6), Architecture(9, 6, 3, 13)], ids=["one layer", "three odd layers"]
)
def test_cells_and_hidden_states_are_made_of_the_gates(shape: Architecture) -> None:
    model = Model("random", random_file(shape))
    for layer in read_whole(model, np.arange(40) % 9):
        assert_the_equations_hold(layer, np.zeros((1, shape.width), np.float32))


def test_the_gates_of_a_large_vocabulary_are_computed_for_the_tokens_that_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "MAX_TABLE_BYTES", 0)
    test_cells_and_hidden_states_are_made_of_the_gates(Architecture(9, 6, 3, 13))


@pytest.mark.parametrize("style", [(), (("ann", 1.0),), (("bob", 0.5), ("eve", 2.0))])
def test_a_trace_goes_on_from_a_snapshot_under_its_style(styled: Model, style: tuple[tuple[str, float], ...]) -> None:
    start = styled.voices.restyle(styled.read("Once").snapshot, Voice(style, guided=bool(style)))
    ids = styled.tokenizer.encode(TEXT)
    layers = read_whole(styled, ids, start)
    for layer, c_before in zip(layers, start.state[1::2], strict=True):
        assert_the_equations_hold(layer, c_before)
    np.testing.assert_array_equal(layers[-1].c[-1], styled.advance(start, ids).state[-1][0])


def test_a_trace_is_that_of_torch_but_for_the_rounding_of_h(tiny: Model) -> None:
    torch = pytest.importorskip("torch")
    from afterglow.core.training.torch_runtime import TorchRuntime

    ids, width = tiny.tokenizer.encode(TEXT), tiny.file.architecture.width
    weights = {name: torch.from_numpy(np.array(values)) for name, values in dequantize_weights(tiny.file).items()}
    lstm = torch.nn.LSTM(weights["embedding.weight"].shape[1], width, num_layers=2)
    lstm.load_state_dict({name[5:]: values for name, values in weights.items() if name.startswith("lstm.")})
    with torch.no_grad():
        h_top, (_, c_last) = lstm(weights["embedding.weight"][torch.from_numpy(ids)])
    exact = read_whole(load(str(DATA / "tiny-char.safetensors"), TorchRuntime), ids)
    np.testing.assert_allclose(exact[-1].h, h_top.numpy(), atol=1e-5)
    np.testing.assert_allclose([layer.c[-1] for layer in exact], c_last.numpy(), atol=1e-4)
    for layer, ours in zip(exact, read_whole(tiny, ids), strict=True):
        assert np.abs(layer.f[1:] * layer.c[:-1] + layer.i[1:] * layer.g[1:] - layer.c[1:]).max() < 1e-4
        for symbol in "hifgo":
            assert np.abs(getattr(layer, symbol) - getattr(ours, symbol)).mean() < 0.01


def test_blocks_continue_each_other(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = tiny.tokenizer.encode(TEXT)
    whole = read_whole(tiny, ids)
    monkeypatch.setattr(traces, "BLOCK_VALUES", 5 * 2 * 48)
    blocks = list(trace(tiny, ids))
    assert [len(block.ids) for block in blocks] == [5, 5, 5, 5, 3]
    for n, layer in enumerate(whole):
        for symbol in SYMBOLS.values():
            joined = np.concatenate([getattr(block.layers[n], symbol) for block in blocks])
            np.testing.assert_allclose(joined, getattr(layer, symbol), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("layer", [1, 2])
def test_a_single_unit_has_the_values_of_the_trace(
    styled: Model, part: str, layer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = styled.voices.restyle(styled.read("Once").snapshot, Voice((("ann", 1.0),), guided=True))
    ids = styled.tokenizer.encode(TEXT)
    expected = getattr(read_whole(styled, ids, start)[layer - 1], SYMBOLS[part])[:, 17]
    read = UnitReader(styled, Unit(part, layer, 17)).follow(start)
    monkeypatch.setattr(traces, "BLOCK_VALUES", 5 * 2 * 48)
    values = np.concatenate([read(ids[:7]), read(ids[7:7]), read(ids[7:8]), read(ids[8:])])
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7)


def test_reading_one_unit_computes_the_gate_of_one_unit(tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    widths = []
    compute = GateWeights.compute
    monkeypatch.setattr(
        GateWeights, "compute", lambda *args: widths.append((values := compute(*args)).shape[1]) or values
    )
    UnitReader(tiny, Unit("forget", 2, 7)).values(None, tiny.tokenizer.encode(TEXT))
    assert widths == [1]


def test_a_mixture_has_no_cells(tiny: Model) -> None:
    mixture = Model("mixture", replace(tiny.file, tensors={}), tiny.runtime)
    for fail in (lambda: trace(mixture, np.arange(3)), lambda: UnitReader(mixture, Unit("cell", 1, 0))):
        with pytest.raises(UsageError, match="a mixture has no cells of its own; choose one model"):
            fail()


@pytest.mark.parametrize(
    ("typed", "unit"),
    [
        ("2.393", Unit("cell", 2, 393)),
        ("cell 2.393", Unit("cell", 2, 393)),
        (" Forget  1.7 ", Unit("forget", 1, 7)),
        ("h 2.0", Unit("hidden", 2, 0)),
        ("g 2.0", Unit("candidate", 2, 0)),
    ],
)
def test_a_unit_is_written_by_part_layer_and_number(typed: str, unit: Unit) -> None:
    assert parse_unit(typed) == unit
    assert parse_unit(str(unit)) == unit


@pytest.mark.parametrize("typed", ["", "cell", "2", "2.", "gate 2.3", "cell 2.3 4", "cell -1.3", "٢.٣", "1e3.2"])
def test_other_text_is_no_unit(typed: str) -> None:
    with pytest.raises(SettingError, match=r"is no unit; write its part, layer and number, as in cell 2\.393"):
        parse_unit(typed)


@pytest.mark.parametrize("unit", [Unit("cell", 0, 0), Unit("cell", 3, 0), Unit("forget", 2, 512)])
def test_a_unit_that_the_model_lacks_is_refused_with_those_that_it_has(unit: Unit) -> None:
    with pytest.raises(SettingError, match=rf"no {unit}; its layers are 1 to 2, the units of each 0 to 511"):
        require_unit(unit, Architecture(65, 32, 2, 512))
