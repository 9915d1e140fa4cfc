"""Styles: vectors that shift the gates of layer 0, with the same bits on every runtime and in any batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.errors import ModelError, UsageError
from afterglow.core.inference.model_file import Architecture, ModelFile, open_model_file
from afterglow.core.inference.runtime import Runtime
from afterglow.core.inference.styles import StyleTable
from afterglow.core.setting_styles import is_style_name
from numpy.typing import NDArray

from .kernel_helpers import (
    KERNEL_PARAMS,
    NO_ONNX,
    import_onnx_runtime,
    random_file,
    random_styles,
    runtime_of,
    torch_runtime,
    trace_of,
)

SHAPES = [Architecture(5, 3, 1, 7), Architecture(47, 16, 2, 48), Architecture(61, 9, 3, 33)]
Shifts = NDArray[np.float32]


def styled(shape: Architecture) -> ModelFile:
    """A model of random weights with three styles."""
    return replace(random_file(shape), styles=random_styles(shape, "ann", "bob", "eve")).with_sha256()


def shifts_of(file: ModelFile, rows: int) -> Shifts:
    """Another mix for each row: none, one style, and several."""
    assert file.styles
    mixes: list[dict[str, float]] = [{}, {"ann": 1}, {"bob": 0.7, "eve": 0.3}, {"eve": -2}]
    return np.stack([file.styles.shift(mixes[row % len(mixes)]) for row in range(rows)])


def shifted_trace(
    runtime: Runtime, ids: NDArray[np.int64], shifts: Shifts | None, exclusive: bool = True
) -> list[bytes]:
    steps = runtime.stepper(runtime.zeros(len(ids)), exclusive)
    steps.shift_gates(shifts)
    return trace_of(steps, ids)


@pytest.fixture(params=["table", "lookup"])
def first_input(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The input of layer 0 from a table, and computed for each token."""
    if request.param == "lookup":
        monkeypatch.setattr("afterglow.core.inference.runtime.MAX_TABLE_BYTES", 0)


@pytest.mark.usefixtures("first_input")
@pytest.mark.parametrize("kind", KERNEL_PARAMS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_kernel_in_a_style_is_onnx_runtime_bit_for_bit(shape: Architecture, kind: str) -> None:
    file = styled(shape)
    ids = np.random.default_rng(4).integers(0, shape.vocabulary, (13, 12))
    shifts = shifts_of(file, 13)
    expected = shifted_trace(import_onnx_runtime()(file), ids, shifts)
    for threads in (1, 3):
        for exclusive in (True, False):
            assert shifted_trace(runtime_of(kind)(file, threads), ids, shifts, exclusive) == expected
    assert shifted_trace(import_onnx_runtime()(file, 2), ids, shifts, exclusive=False) == expected


@pytest.mark.usefixtures("first_input")
@pytest.mark.parametrize("kind", ["onnx", *KERNEL_PARAMS])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_row_in_a_style_is_the_same_alone_and_among_rows_of_other_styles(shape: Architecture, kind: str) -> None:
    file = styled(shape)
    runtime = runtime_of(kind)(file)
    ids = np.random.default_rng(4).integers(0, shape.vocabulary, (9, 12))
    shifts = shifts_of(file, 9)
    together = shifted_trace(runtime, ids, shifts)
    for row in range(9):
        assert shifted_trace(runtime, ids[row : row + 1], shifts[row : row + 1]) == together[row::9]
    assert together[::9] == shifted_trace(runtime, ids[:1], None), "row 0 has no style"
    assert together[1::9] != shifted_trace(runtime, ids[1:2], None)


@pytest.mark.parametrize("kind", ["onnx", *KERNEL_PARAMS])
def test_without_a_style_a_model_steps_as_if_it_had_none(kind: str) -> None:
    file = styled(SHAPES[1])
    ids = np.random.default_rng(4).integers(0, 47, (3, 20))
    plain = shifted_trace(runtime_of(kind)(replace(file, styles=None)), ids, None)
    assert shifted_trace(runtime_of(kind)(file), ids, None) == plain


@pytest.mark.parametrize("kind", ["onnx", *KERNEL_PARAMS])
def test_a_style_is_turned_on_changed_and_off_between_two_steps(kind: str) -> None:
    file = styled(SHAPES[1])
    runtime = runtime_of(kind)(file)
    steps, first, second = runtime.stepper(runtime.zeros(2)), *shifts_of(file, 4).reshape(2, 2, -1)
    ids = np.random.default_rng(4).integers(0, 47, (2, 3))
    for shifts in (first, second, None):
        state = steps.state
        steps.shift_gates(shifts)
        fresh = runtime.stepper(state)
        fresh.shift_gates(shifts)
        assert trace_of(fresh, ids) == trace_of(steps, ids)


@pytest.mark.parametrize("kind", KERNEL_PARAMS)
def test_tokens_that_a_kernel_draws_itself_are_read_in_the_style(kind: str) -> None:
    file = styled(SHAPES[1])
    runtime, shifts = runtime_of(kind)(file), shifts_of(file, 3)
    drawing, reading = (runtime.stepper(runtime.zeros(3)) for _ in range(2))
    for steps in (drawing, reading):
        steps.shift_gates(shifts)
        steps.step(np.zeros(3, np.int64))
    drawn, _ = drawing.generate(np.random.default_rng(1).random((9, 3)), np.ones(3))
    reading.step_many(drawn)
    assert drawing.logits.tobytes() == reading.logits.tobytes()


def test_shifted_gates_by_hand() -> None:
    """The shift is one more bias of layer 0: a file whose bias has it gives the same chances."""
    file = styled(SHAPES[1])
    assert file.styles
    shift, ids = file.styles.shift({"ann": 0.5, "eve": 1}), np.random.default_rng(4).integers(0, 47, (1, 9))
    rows = file.styles.rows()
    assert shift == pytest.approx(0.5 * rows[0] + rows[2], abs=1e-5)
    moved = replace(file, tensors={**file.tensors, "lstm.0.bias": file.tensors["lstm.0.bias"] + shift})
    torch_steps = [torch_runtime(each).stepper(torch_runtime(file).zeros(1)) for each in (file, moved)]
    int8_steps = runtime_of("onnx")(file).stepper(runtime_of("onnx")(file).zeros(1))
    for steps in (torch_steps[0], int8_steps):
        steps.shift_gates(shift[None])
    for steps in (*torch_steps, int8_steps):
        trace_of(steps, ids)
    assert torch_steps[0].logits == pytest.approx(torch_steps[1].logits, abs=1e-4)
    assert int8_steps.logits == pytest.approx(torch_steps[0].logits, abs=0.3)


@pytest.mark.parametrize("kind", ["onnx", "torch", *KERNEL_PARAMS])
def test_shifts_of_another_form_do_not_reach_a_runtime(kind: str) -> None:
    file = styled(SHAPES[1])
    runtime = (torch_runtime if kind == "torch" else runtime_of(kind))(file)
    steps = runtime.stepper(runtime.zeros(2))
    for wrong in (np.zeros((1, 192), np.float32), np.zeros((2, 191), np.float32), np.zeros((2, 192))):
        with pytest.raises(ValueError, match="shifts are"):
            steps.shift_gates(wrong)


def test_a_mix_names_styles_that_there_are_with_weights_that_are_numbers() -> None:
    table = random_styles(SHAPES[0], "wodehouse", "bob")
    with pytest.raises(UsageError, match=r"no style 'wodehuose'; did you mean wodehouse\? there are: wodehouse, bob"):
        table.shift({"wodehuose": 1})
    for weight in (float("nan"), float("inf"), 1001):
        with pytest.raises(UsageError, match="weight of a style"):
            table.shift({"bob": weight})


# In the model file --------------------------------------------------------------------------------------------------


def test_a_file_gives_back_its_styles(tmp_path: Path) -> None:
    file, path = styled(SHAPES[1]), tmp_path / "a.safetensors"
    file.save(path)
    again = open_model_file(path)
    assert again.styles
    assert again.sha256 == file.sha256
    assert again.styles.names == ("ann", "bob", "eve")
    assert (
        again.styles.shift({"eve": 1.5}).tobytes()
        == shifts_of(file, 1)[:0].tobytes()
        + file.styles.shift(  # type: ignore[union-attr]
            {"eve": 1.5}
        ).tobytes()
    )


def own_header(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    entries = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(entries["__metadata__"]["afterglow"])  # type: ignore[no-any-return]


def test_only_a_file_with_styles_needs_a_new_release(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for file, version in ((random_file(SHAPES[0]), 2), (styled(SHAPES[0]), 3)):
        file.save(path)
        assert own_header(path)["format"] == version


def test_a_models_identity_is_also_that_of_its_styles() -> None:
    plain, file = random_file(SHAPES[0]), styled(SHAPES[0])
    assert file.styles
    others = [
        replace(file.styles, names=("ann", "eve", "bob")),
        replace(file.styles, weight=file.styles.weight[::-1]),
        replace(file.styles, scale=file.styles.scale * 2),
    ]
    hashes = [replace(file, styles=each).with_sha256().sha256 for each in others]
    assert len({plain.sha256, file.sha256, *hashes}) == 5


def names_are(*names: object) -> Callable[[StyleTable], StyleTable]:
    return lambda table: replace(table, names=names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (names_are("ann", "ann", "eve"), "distinct names"),
        (names_are("ann", "", "eve"), "distinct names"),
        (names_are("ann", "b" * 65, "eve"), "distinct names"),
        (names_are("ann", "\x1b[2J", "eve"), "distinct names"),
        (names_are("ann", 7, "eve"), "distinct names"),
        (names_are("ann", "off", "eve"), "distinct names"),
        (names_are("ann", "bob"), r"styles\.weight is missing or does not have the shape \(2, 28\)"),
        (names_are(*map(str, range(5000))), "list of 1 to 4,096 names"),
        (lambda t: replace(t, weight=t.weight[:, 1:]), r"styles\.weight is missing"),
        (lambda t: replace(t, weight=np.full_like(t.weight, 65)), r"styles\.weight has values beyond ±64"),
        (lambda t: replace(t, scale=np.full_like(t.scale, np.nan)), r"styles\.scale has values beyond"),
        (lambda t: replace(t, scale=t.scale.astype(np.float64)), r"styles\.scale is missing"),
    ],
)
def test_a_file_whose_styles_cannot_be_right_is_refused(
    change: Callable[[StyleTable], StyleTable], message: str, tmp_path: Path
) -> None:
    file, path = styled(SHAPES[0]), tmp_path / "a.safetensors"
    assert file.styles
    replace(file, styles=change(file.styles)).save(path)
    with pytest.raises(ModelError, match=message) as caught:
        open_model_file(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["Jane-Austen", "noir", "żółw", "a.b", "1890s", "o'brien"])
def test_a_name_of_one_word_can_be_typed(name: str) -> None:
    assert is_style_name(name)


@pytest.mark.parametrize("name", ["", "off", "a b", "a:b", "a,b", "a..b", "a\n", "x" * 65, None, 3])
def test_a_name_that_could_not_be_typed_is_none(name: object) -> None:
    assert not is_style_name(name)


# Outside of afterglow -----------------------------------------------------------------------------------------------


def test_the_exported_graph_reads_a_mix_of_styles() -> None:
    onnx_export = pytest.importorskip("afterglow.core.inference.onnx_export", reason=NO_ONNX)
    onnxruntime = pytest.importorskip("onnxruntime", reason=NO_ONNX)
    file = styled(SHAPES[1])
    session = onnxruntime.InferenceSession(onnx_export.onnx_model(file).SerializeToString())
    assert json.loads(session.get_modelmeta().custom_metadata_map["styles"]) == ["ann", "bob", "eve"]
    ids, zeros = np.random.default_rng(4).integers(0, 47, (2, 9)), np.zeros((2, 2, 48), np.float32)
    for mix, weights in (({}, [0, 0, 0]), ({"ann": 1}, [1, 0, 0]), ({"bob": 0.7, "eve": 0.3}, [0, 0.7, 0.3])):
        style = np.array(weights, np.float32)
        logits = session.run(["logits"], {"ids": ids, "h": zeros, "c": zeros, "style": style})[0]
        assert file.styles
        steps = torch_runtime(file).stepper(torch_runtime(file).zeros(2))
        steps.shift_gates(np.stack([file.styles.shift(mix)] * 2))
        trace_of(steps, ids)
        assert logits[:, -1] == pytest.approx(steps.logits, abs=2e-3)


def test_a_style_in_the_state_dict_is_one_more_bias(tmp_path: Path) -> None:
    from afterglow.core.inference.export import write_pytorch
    from safetensors.numpy import load_file

    file, path = styled(SHAPES[1]), tmp_path / "a.safetensors"
    write_pytorch(file, path)
    state = load_file(path)
    assert file.styles
    assert state["styles.weight"][2] == pytest.approx(file.styles.shift({"eve": 1}))
    assert state["styles.weight"].shape == (3, *state["lstm.bias_ih_l0"].shape)
