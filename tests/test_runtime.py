"""The int8 runtime: rows alone in any batch, one thread as two, and the float model's losses."""

from __future__ import annotations

import os
import re
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from afterglow.core.errors import StateError, UsageError
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.inference import kernel as kernel_module
from afterglow.core.inference.backends import fastest_runtime
from afterglow.core.inference.kernel import INTERFACE, KERNEL, VARIANTS
from afterglow.core.inference.model_file import MAX_DIMENSIONS, MAX_FLOAT, Architecture, open_model_file
from afterglow.core.inference.quantization import HIDDEN_ZERO, WEIGHT_LIMIT, dequantize, quantize
from afterglow.core.inference.runtime import (
    Runtime,
    StateArrays,
    concat_states,
    default_threads,
    int8_zeros,
    select_rows,
)
from afterglow.core.model import Model
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.sampling.sampler import draw, token_stats
from afterglow.core.score import score
from afterglow.core.settings import Settings
from afterglow.core.text.corpus import read_corpus
from afterglow.core.text.tokenizer import CharTokenizer

from .kernel_helpers import (
    KERNEL_PARAMS,
    KERNELS,
    Make,
    import_onnx_runtime,
    random_file,
    runtime_of,
    save_extreme_model,
    torch_runtime,
    trace,
    trace_of,
)

LAMP = Path(__file__).parent / "data" / "lamp.txt"


SHAPES = [Architecture(5, 3, 1, 7), Architecture(47, 16, 2, 48), Architecture(61, 9, 3, 33)]
WIDE = Architecture(64, 64, 2, 256)
"""Wide enough for ONNX Runtime to share the sums out."""


@pytest.fixture(params=["table", "lookup"])
def with_input_table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """True if the input of layer 0 is in a table; else it is computed for each token, as in large vocabularies."""
    if request.param == "lookup":
        monkeypatch.setattr("afterglow.core.inference.runtime.MAX_TABLE_BYTES", 0)
    return bool(request.param == "table")


@pytest.fixture(params=["onnx", *KERNEL_PARAMS])
def make(request: pytest.FixtureRequest, with_input_table: bool) -> Make:  # noqa: ARG001
    """Every way there is here."""
    return runtime_of(request.param)


@pytest.fixture(params=KERNEL_PARAMS)
def make_compiled(request: pytest.FixtureRequest, with_input_table: bool) -> Make:  # noqa: ARG001
    """The kernels among them."""
    return runtime_of(request.param)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_row_is_the_same_bit_for_bit_in_any_batch_and_on_any_threads(shape: Architecture, make: Make) -> None:
    file = random_file(shape)
    ids = np.random.default_rng(4).integers(0, shape.vocabulary, (17, 12))
    one, two = make(file, threads=1), make(file, threads=2)
    single = [trace(one, ids[row : row + 1]) for row in range(17)]
    for runtime in (one, two):
        for alone in (True, False):
            together = trace(runtime, ids, alone)
            assert [together[row::17] for row in range(17)] == single
            assert trace(runtime, ids[3:8], alone)[2::5] == single[5]


def test_a_wide_model_is_the_same_on_one_thread_and_on_two(make: Make) -> None:
    file = random_file(WIDE)
    ids = np.random.default_rng(5).integers(0, 64, (33, 3))
    one, two = make(file, threads=1), make(file, threads=2)
    assert trace(one, ids) == trace(two, ids) == trace(two, ids, alone=False)


@pytest.mark.parametrize("threads", [1, 2, 5, 100])
@pytest.mark.parametrize("shape", [*SHAPES, WIDE], ids=str)
def test_a_kernel_is_onnx_runtime_bit_for_bit(shape: Architecture, threads: int, make_compiled: Make) -> None:
    file, onnx_runtime = random_file(shape), import_onnx_runtime()
    for rows in (1, 2, 5, 6, 7, 13, 33):
        ids = np.random.default_rng(rows).integers(0, shape.vocabulary, (rows, 9))
        assert trace(make_compiled(file, threads), ids) == trace(onnx_runtime(file), ids)


@pytest.mark.parametrize("size", [MAX_FLOAT, 0.01, 1e-20, 1e-45])
@pytest.mark.parametrize("shape", [SHAPES[1], WIDE], ids=str)
def test_the_most_extreme_file_that_opens_has_finite_logits_the_same_on_every_runtime(
    shape: Architecture, size: float, make_compiled: Make, tmp_path: Path
) -> None:
    path = tmp_path / "extreme.safetensors"
    save_extreme_model(path, random_file(shape), size)
    file = open_model_file(path)
    ids = np.random.default_rng(9).integers(0, shape.vocabulary, (5, 40))
    onnx_runtime = import_onnx_runtime()
    expected = trace(onnx_runtime(file), ids)
    assert trace(make_compiled(file), ids) == trace(make_compiled(file, 2), ids, alone=False) == expected
    steps = onnx_runtime(file).stepper(int8_zeros(shape, 5), exclusive=False)
    assert trace_of(steps, ids) == expected
    assert all(np.isfinite(array).all() for array in (steps.logits, *steps.state))


@pytest.mark.parametrize("kind", ["onnx", *KERNEL_PARAMS])
@pytest.mark.parametrize("shape", [*SHAPES, WIDE], ids=str)
def test_an_input_that_is_computed_for_each_token_is_that_of_the_table_bit_for_bit(
    shape: Architecture, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, runtime = random_file(shape), runtime_of(kind)
    ids = np.random.default_rng(11).integers(0, shape.vocabulary, (7, 30))
    with_table = trace(runtime(file, 2), ids)
    monkeypatch.setattr("afterglow.core.inference.runtime.MAX_TABLE_BYTES", 0)
    assert trace(runtime(file, 2), ids) == trace(runtime(file), ids, alone=False) == with_table


@pytest.mark.parametrize("kind", KERNEL_PARAMS)
def test_a_model_of_a_large_vocabulary_is_opened_in_twice_its_size(kind: str, tmp_path: Path) -> None:
    """A table of the input for every token would be sixty times as large. 8 MiB are for tokens as Python objects."""
    shape, path = Architecture(20_000, 1, 1, 256), tmp_path / "large.safetensors"
    characters = [chr(0x4E00 + n) for n in range(shape.vocabulary)]
    replace(random_file(shape), tokenizer=CharTokenizer(characters)).save(path)
    tracemalloc.start()
    runtime_of(kind)(open_model_file(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * path.stat().st_size + (8 << 20)


# What is handed to C ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["onnx", "torch", *KERNEL_PARAMS])
def test_an_id_that_is_no_token_is_the_same_error_on_every_runtime_and_nothing_is_read(kind: str) -> None:
    file = random_file(SHAPES[1])
    runtime = (torch_runtime if kind == "torch" else runtime_of(kind))(file)
    steps = runtime.stepper(runtime.zeros(2))
    steps.step(np.array([0, 46]))
    before = [array.copy() for array in (steps.logits, *steps.state)]
    for wrong in (47, -1, 10**6, 2**62, -(2**63)):
        for ids in ([wrong, 0], [0, wrong]):
            with pytest.raises(UsageError, match=f"^there is no token {wrong}; ids are 0 to 46$"):
                steps.step(np.array(ids))
        with pytest.raises(UsageError, match=f"^there is no token {wrong}; ids are 0 to 46$"):
            steps.step_many(np.array([[wrong, 0], [1, 2]]))
    assert all(np.array_equal(a, b) for a, b in zip(before, (steps.logits, *steps.state), strict=True))


def test_a_model_refuses_an_id_that_is_no_token(tiny: Model) -> None:
    start, size = tiny.read("The lamp").snapshot, tiny.tokenizer.size
    for wrong in (size, -1, 10**6):
        with pytest.raises(UsageError, match=f"no token {wrong}"):
            tiny.advance(start, np.array([0, wrong]))
        with pytest.raises(UsageError, match=f"no token {wrong}"):
            tiny.engine().open(start, StreamOptions(Settings(), PositionRNG(7), forced_token=wrong))
        with pytest.raises(UsageError, match=f"no token {wrong}"):
            token_stats(np.zeros((2, size)), np.zeros((2, size)), np.array([0, wrong]))
    assert tiny.advance(start, np.array([size - 1])).position == start.position + 1
    stream = tiny.engine().open(start, StreamOptions(Settings(), PositionRNG(7), forced_token=size - 1))
    assert not stream.finished


def test_a_runtime_refuses_the_state_of_another_model(make: Make, tiny: Model) -> None:
    runtime = make(tiny.file)
    for other in (
        make(random_file(SHAPES[0])).zeros(1),
        runtime.zeros(1)[:2],
        (*runtime.zeros(1)[:3], runtime.zeros(2)[3]),
        tuple(array.astype(np.float64) for array in runtime.zeros(1)),
    ):
        with pytest.raises(StateError, match="another size"):
            runtime.stepper(other)


@pytest.mark.parametrize("kind", KERNEL_PARAMS)
def test_arrays_of_another_number_of_rows_do_not_reach_a_kernel(kind: str, tiny: Model) -> None:
    steps = runtime_of(kind)(tiny.file).stepper(tiny.runtime.zeros(2))
    for ids in (np.zeros(1, np.int64), np.zeros(3, np.int64), np.zeros((1, 2), np.int64)):
        with pytest.raises(ValueError, match="2 rows"):
            steps.step(ids)
    for uniforms, temperatures in (((4, 1), (2,)), ((4, 2), (1,)), ((2,), (2,)), ((4, 2), (2, 1))):
        with pytest.raises(ValueError, match="2 rows"):
            steps.generate(np.full(uniforms, 0.5), np.ones(temperatures))
    size = tiny.tokenizer.size
    with pytest.raises(ValueError, match="2 rows"):
        draw(np.zeros((2, size)), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="2 ids"):
        token_stats(np.zeros((2, size)), np.zeros((1, size)), np.zeros(2, np.int64))


@pytest.mark.parametrize("name", ["logits", "state"])
def test_the_arrays_that_a_kernel_writes_to_cannot_be_replaced(name: str, make: Make, tiny: Model) -> None:
    steps = make(tiny.file).stepper(tiny.runtime.zeros(1))
    with pytest.raises(AttributeError):
        setattr(steps, name, getattr(steps, name))


def test_a_kernel_has_room_for_the_phases_of_the_largest_model() -> None:
    phases = MAX_DIMENSIONS["layers"] + 2  # the embedding and the projection
    assert [kernel.max_phases for kernel in KERNELS.values()] == [phases] * len(KERNELS)


C_FILES = ["inference/kernel_avx2.c", "inference/kernel_avx512.c", "training/kernel_bf16.c"]
CORE = Path(__file__).parent.parent / "core"


@pytest.mark.skipif(not CORE.exists(), reason="the sources are not here: this is no checkout")
@pytest.mark.parametrize("name", C_FILES)
def test_a_kernel_is_used_only_on_a_processor_with_every_feature_that_it_was_compiled_for(name: str) -> None:
    """One list makes both the compiler's target and the question to the processor; here it is asked a third time."""
    text = (CORE / name).read_text()
    assert "target(" not in text
    assert "__builtin_cpu_supports" not in text
    features = set(re.findall(r'each\("(\w+)"\)', text))
    assert {"fma"} < features
    cpuinfo = Path("/proc/cpuinfo")
    module = pytest.importorskip(f"afterglow.core.{name.removesuffix('.c').replace('/', '.')}")
    if not cpuinfo.exists():
        pytest.skip("only Linux lists the features of its processor")
    flags = set(re.sub(r"avx512_(vnni|bf16)", r"avx512\1", cpuinfo.read_text()).split())
    assert bool(module.supported) == (features <= flags and not ("bf16" in name and "amx_tile" in flags))


def test_models_that_step_at_the_same_time_share_a_kernels_threads_and_nothing_else(make_compiled: Make) -> None:
    files = [random_file(shape) for shape in (*SHAPES, WIDE)]
    ids = np.random.default_rng(7).integers(0, 5, (3, 200))
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda file: trace(make_compiled(file, 2), ids), files))
    assert at_once == [trace(make_compiled(file, 1), ids) for file in files]


def test_a_forked_process_steps_on_threads_of_its_own(make_compiled: Make) -> None:
    runtime, ids = make_compiled(random_file(WIDE), 2), np.arange(40).reshape(4, 10)
    before = trace(runtime, ids)
    if not (child := os.fork()):
        os._exit(trace(runtime, ids) != before)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_where_there_is_no_kernel_it_is_onnx_runtime(monkeypatch: pytest.MonkeyPatch, tiny: Model) -> None:
    onnx_runtime = import_onnx_runtime()
    assert isinstance(fastest_runtime(tiny.file, 1), onnx_runtime) is (KERNEL is None)
    monkeypatch.setattr("afterglow.core.inference.backends.KERNEL", None)
    assert isinstance(fastest_runtime(tiny.file, 1), onnx_runtime)


def test_without_a_compiler_or_the_processor_there_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "afterglow.core.inference.kernel_avx512", None)
    monkeypatch.setitem(sys.modules, "afterglow.core.inference.kernel_avx2", SimpleNamespace(supported=0))
    assert [kernel_module.load_kernel(kind) for kind in VARIANTS] == [None, None]


def test_a_kernel_that_was_built_from_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its structs would have another layout, and it would read and write outside of them."""
    for interface in ({}, {"interface": INTERFACE - 1}, {"interface": INTERFACE + 1}):
        for kind in VARIANTS:
            module = SimpleNamespace(supported=1, **interface)
            monkeypatch.setitem(sys.modules, f"afterglow.core.inference.kernel_{kind}", module)
            assert kernel_module.load_kernel(kind) is None


def test_the_widest_vectors_are_taken() -> None:
    assert list(KERNELS.values())[:1] == ([KERNEL] if KERNEL else [])
    lanes = [kernel.simd_width for kernel in KERNELS.values()]
    assert lanes == sorted(lanes, reverse=True)


def test_many_tokens_at_once_are_as_many_steps(make: Make, tiny: Model) -> None:
    ids = np.random.default_rng(8).integers(0, tiny.tokenizer.size, (30, 4))
    at_once, singly = (make(tiny.file).stepper(tiny.runtime.zeros(4)) for _ in range(2))
    at_once.step_many(ids)
    for row in ids:
        singly.step(row)
    for a, b in zip((at_once.logits, *at_once.state), (singly.logits, *singly.state), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_step_by_hand(make: Make) -> None:
    """One step of one layer against the LSTM's equations in float64, gates in the file's order i f g o."""
    shape = Architecture(4, 2, 1, 3)
    file = random_file(shape)
    t = file.tensors
    embedding = dequantize(t["embedding.weight"], t["embedding.scale"]).astype(float)
    w_ih, w_hh = (dequantize(t[f"lstm.0.weight_{k}"], t["lstm.0.scale"]).astype(float) for k in ("ih", "hh"))
    h, c = np.array([10, -120, 127]) / 127, np.array([0.5, -1.5, 0.1])
    i, f, g, o = np.split(w_ih @ embedding[2] + w_hh @ h + t["lstm.0.bias"], 4)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    c_after = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h_after = np.rint(sigmoid(o) * np.tanh(c_after) * 127)
    projection = dequantize(t["projection.weight"], t["projection.scale"]).astype(float)
    state = (np.array([[138, 8, 255]], np.uint8), c[None].astype(np.float32))
    steps = make(file).stepper(state)
    steps.step(np.array([2]))
    logits, (h_got, c_got) = steps.logits, steps.state
    assert h_got[0].astype(int).tolist() == (h_after + HIDDEN_ZERO).astype(int).tolist()
    assert c_got[0] == pytest.approx(c_after, abs=1e-6)
    assert logits[0] == pytest.approx(projection @ (h_after / 127) + t["projection.bias"], abs=1e-5)


def test_the_state_that_steps_begin_with_stays_as_it_is(make: Make, tiny: Model) -> None:
    state = tiny.runtime.zeros(2)
    before = [array.copy() for array in state]
    steps = make(tiny.file).stepper(state)
    for ids in ([1, 2], [3, 4], [5, 6]):
        steps.step(np.array(ids))
    assert all(np.array_equal(a, b) for a, b in zip(state, before, strict=True))
    assert not np.array_equal(steps.state[0], before[0])


def test_rows_join_and_are_selected(tiny: Model) -> None:
    def rows(state: StateArrays) -> list[int]:
        return [len(array) for array in state]

    three = concat_states([tiny.runtime.zeros(1), tiny.runtime.zeros(2)])
    assert rows(three) == [3] * 4
    assert rows(select_rows(three, [])) == [0] * 4
    picked = select_rows((np.array([[1], [2], [3]]),), [2, 0])[0]
    assert picked.tolist() == [[3], [1]]


def test_quantised_rows_are_within_half_a_step_and_share_a_scale() -> None:
    rng = np.random.default_rng(6)
    matrices = [rng.normal(0, 1, (8, n)).astype(np.float32) for n in (3, 5)]
    whole, scale = quantize(*matrices)
    assert max(np.abs(w).max() for w in whole) == WEIGHT_LIMIT
    for weights, matrix in zip(whole, matrices, strict=True):
        assert np.all(np.abs(dequantize(weights, scale) - matrix) <= scale[:, None] * 0.501)
    again, same = quantize(*(dequantize(w, scale) for w in whole))
    assert [a.tolist() for a in again] == [w.tolist() for w in whole]
    assert same == pytest.approx(scale)


def test_a_row_of_zeros_can_be_quantised() -> None:
    (weights,), scale = quantize(np.zeros((2, 3), np.float32))
    assert not weights.any()
    assert np.all(np.isfinite(scale) & (scale > 0))


@pytest.mark.parametrize(
    ("value", "processors", "threads"),
    [("1", 8, 1), ("3", 8, 3), ("0", 8, 2), ("many", 8, 2), ("-1", 8, 2), ("", 8, 2), (None, 8, 2), (None, 1, 1)],
)
def test_the_environment_says_how_many_threads_else_two_where_there_are(
    value: str | None, processors: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    monkeypatch.delenv("AFTERGLOW_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("AFTERGLOW_THREADS", value)
    assert default_threads() == threads


@pytest.fixture
def real(tiny: Model) -> Iterator[Runtime]:
    """The float model that the tiny file stands for, on one thread: two would wait for each other at every step."""
    torch = pytest.importorskip("torch")
    from afterglow.core.training.torch_runtime import TorchRuntime

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield TorchRuntime(tiny.file)
    torch.set_num_threads(threads)


def test_int8_loses_what_its_dequantised_weights_lose(tiny: Model, real: Runtime) -> None:
    held_out = read_corpus(LAMP).test[0].text
    losses = [score(runtime, tiny.tokenizer, held_out) for runtime in (tiny.runtime, real)]
    assert losses[0].nats_per_char_stateful == pytest.approx(losses[1].nats_per_char_stateful, abs=0.002)
    assert losses[0].nats_per_char_cold == pytest.approx(losses[1].nats_per_char_cold, abs=0.002)


def test_the_torch_runtime_steps_a_batch_like_its_rows(tiny: Model, real: Runtime) -> None:
    ids = tiny.tokenizer.encode("lamp keeper!").reshape(3, 4)
    together = logits_along(real, ids)
    for row in range(3):
        assert together[row] == pytest.approx(logits_along(real, ids[row : row + 1])[0], abs=1e-4)
    assert together == pytest.approx(logits_along(tiny.runtime, ids), abs=0.3)


def logits_along(runtime: Runtime, ids: np.ndarray) -> np.ndarray:
    """Logits (B, V) behind ids (B, T)."""
    steps = runtime.stepper(runtime.zeros(len(ids)))
    for at in range(ids.shape[1]):
        steps.step(ids[:, at])
    return steps.logits.copy()
