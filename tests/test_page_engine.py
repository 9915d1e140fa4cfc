"""The page's engine against the terminal's: the same seed, settings and rng give the same text, bit for bit."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.events import Token
from afterglow.core.generation.stream import SNAPSHOT_INTERVAL, StreamOptions
from afterglow.core.inference.backends import fastest_runtime
from afterglow.core.inference.kernel import KERNEL
from afterglow.core.inference.model_file import Architecture, ModelFile
from afterglow.core.model import Model, load
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.settings import Settings, settings_from_dict

from .conftest import DATA
from .kernel_helpers import random_file, save_extreme_model
from .page_helpers import needs_node, run_page

pytestmark = needs_node

TEMPERATURES = (0.5, 0.8, 1.2)
BUNDLED = sorted((Path(__file__).parent.parent / "models").glob("*.safetensors"))
LONG = 100_000

SHAPES = [Architecture(19, 7, 1, 5), Architecture(66, 12, 2, 8), Architecture(31, 9, 3, 17)]
"""Widths and vocabularies that fill no block of four units, or 16 tokens, and one that fills them."""


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_bundled_model_writes_the_same_tokens_on_the_page(path: Path) -> None:
    lengths = {True: 250, False: 40}
    settings = {
        fast: [{"temperature": t, "length": n, "stop": []} for t in TEMPERATURES] for fast, n in lengths.items()
    }
    calls = [{"do": "write", "model": str(path), "fast": fast, "seed": "The ", "rng": 7} for fast in settings]
    texts = run_page(*({**call, "settings": settings[bool(call["fast"])]} for call in calls))
    model = load(str(path))
    for values, tokens in zip([*settings[True], *settings[False]], [*texts[0], *texts[1]], strict=True):
        assert_same_tokens(tokens, list(model.stream("The ", rng=7, **values)))


def assert_same_tokens(found: list[dict[str, Any]], expected: list[Token]) -> None:
    """Ids, texts, ranks and temperatures are the same; logarithms may differ in their last bits."""
    assert [(t["id"], t["text"], t["rank"], t["temperature"]) for t in found] == [
        (t.id, t.text, t.rank, t.temperature) for t in expected
    ]
    figures = [[t["logprob"], t["shaped"], t["entropy"], t["bound"] or 0] for t in found]
    assert np.allclose(figures, [[t.logprob, t.shaped, t.entropy, t.bound or 0] for t in expected], 1e-12, 1e-14)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, ModelFile]]:
    """Models of odd shapes with weights as training gives them, and one with the largest that a file may have."""
    folder, files = tmp_path_factory.mktemp("models"), [random_file(shape) for shape in SHAPES]
    paths = [folder / f"{number}.safetensors" for number in range(len(files) + 1)]
    for file, path in zip(files, paths, strict=False):
        file.save(path)
    save_extreme_model(paths[-1], files[1], 0.01)
    return [(path, load(str(path)).file) for path in paths]


@pytest.mark.skipif(KERNEL is None, reason="ONNX Runtime's state is compared by the texts")
def test_states_and_logits_are_the_terminal_s_bit_for_bit(files: list[tuple[Path, ModelFile]]) -> None:
    rng = np.random.default_rng(4)
    rows = [rng.integers(0, file.architecture.vocabulary, (9, 20)) for _, file in files]
    shifts = [rng.normal(0, 2, (9, 4 * file.architecture.width)).astype(np.float32) for _, file in files]
    calls = [
        {"do": "states", "model": str(path), "fast": fast, "rows": ids.tolist(), "shifts": some}
        for (path, _), ids, shift in zip(files, rows, shifts, strict=True)
        for some in (None, shift.tolist())
        for fast in (True, False)
    ]
    results = iter(run_page(*calls))
    for (_, file), ids, shift in zip(files, rows, shifts, strict=True):
        for some in (None, shift):
            expected = _trace(file, ids, some)
            assert next(results) == expected
            assert next(results) == expected


def _trace(file: ModelFile, ids: np.ndarray, shift: np.ndarray | None) -> list[list[list[str]]]:
    """Return h, c and logits in hexadecimal, by step and row."""
    runtime = fastest_runtime(file)
    stepper = runtime.stepper(runtime.zeros(len(ids)))
    stepper.shift_gates(shift)
    steps = []
    for at in range(ids.shape[1]):
        stepper.step(ids[:, at])
        steps.append([_parts(stepper.state, stepper.logits[row], row) for row in range(len(ids))])
    return steps


def _parts(state: tuple[Any, ...], logits: np.ndarray, row: int) -> list[str]:
    h, c = (b"".join(array[row].tobytes() for array in state[kind::2]).hex() for kind in (0, 1))
    return [h, c, logits.tobytes().hex()]


def test_javascript_steps_where_webassembly_cannot(files: list[tuple[Path, ModelFile]]) -> None:
    assert run_page({"do": "fallbacks", "model": str(files[0][0])}) == [[True, False, False]]


def test_both_kernels_give_the_same_softmax(files: list[tuple[Path, ModelFile]]) -> None:
    rng = np.random.default_rng(8)
    for path, file in files[:3]:
        rows = rng.normal(0, rng.choice([0.1, 5, 200], (60, 1)), (60, file.architecture.vocabulary))
        rows[::3] = np.where(rng.random(rows[::3].shape) < 0.5, -np.inf, rows[::3])
        rows[:, 0] = 1.5
        sent = [[None if np.isinf(x) else x for x in row] for row in rows.tolist()]
        assert run_page({"do": "softmaxes", "model": str(path), "rows": sent}) == [[True] * 60]


def test_a_damaged_file_is_refused_in_one_line(files: list[tuple[Path, ModelFile]]) -> None:
    data = files[0][0].read_bytes()
    length = 8 + int.from_bytes(data[:8], "little")
    damaged = [
        b"",
        data[:40],
        data[:-1],
        (1 << 62).to_bytes(8, "little") + data[8:],
        data[:8] + b"x" + data[9:],
        data.replace(b'\\"width\\": 5', b'\\"width\\": 6'),
        data.replace(b'\\"width\\": 5', b'\\"width\\":-5'),
        data.replace(b'\\"format\\": 2', b'\\"format\\": 9'),
        data.replace(b'"F32"', b'"F16"', 1),
        data[:length] + b"\xff\xff\xff\x7f" * ((len(data) - length) // 4),
    ]
    assert len(set(damaged)) == len(damaged)
    [messages] = run_page({"do": "damages", "files": [each.hex() for each in [data, *damaged]]})
    assert messages[0] == ""
    for message in messages[1:]:
        assert message.startswith("this model cannot be used: ")
        assert len(message.splitlines()) == 1


CHAINS: list[dict[str, Any]] = [
    {"temperature": 0},
    {"temperature": "0.2..1.6"},
    {"temperature": 0.005},
    {"top_k": 5, "temperature": 1.5},
    {"top_p": 0.8},
    {"min_p": 0.05, "temperature": 1.3},
    {"typical": 0.7},
    {"repeat_penalty": 1.3, "repeat_last_n": 20},
    {"frequency_penalty": 0.3, "presence_penalty": -0.2},
    {"dry_multiplier": 0.8, "dry_allowed_length": 3, "temperature": 0.3},
    {"surprise": 2.5, "surprise_rate": 0.3},
    {"ban": ["e", "q"], "bias": {"a": 2.5, "t": -1}},
    {"finish": "sentence", "length": 31},
    {"finish": "line", "length": 31},
    {"stop": ["the", "lamp"], "length": 90},
    {"stop": ["the", "lamp"], "keep_stop": True, "length": 90},
]


@pytest.mark.parametrize("name", ["tiny-char", "tiny-byte"])
def test_every_setting_gives_the_same_text_on_the_page(name: str) -> None:
    path = DATA / f"{name}.safetensors"
    assert_writes_the_same(path, [{"length": 60, **chain} for chain in CHAINS])


STYLES: list[dict[str, Any]] = [
    {"style": "ann"},
    {"style": "ann:0.5 bob:-1"},
    {"style": "off..eve"},
    {"style": "ann", "style_strength": 2.5},
    {"style": "ann..bob", "style_strength": 1.5},
]


def test_every_style_gives_the_same_text_on_the_page(styled: Model, tmp_path: Path) -> None:
    styled.file.save(tmp_path / "styled.safetensors")
    assert_writes_the_same(tmp_path / "styled.safetensors", [{"length": 60, **style} for style in STYLES])


def assert_writes_the_same(path: Path, settings: list[dict[str, Any]]) -> None:
    model, call = load(str(path)), {"do": "write", "model": str(path), "fast": True, "seed": "The lamp", "rng": 3}
    [texts] = run_page({**call, "settings": settings})
    for values, tokens in zip(settings, texts, strict=True):
        assert_same_tokens(tokens, list(model.stream("The lamp", rng=3, **settings_from_dict(values).non_defaults())))


@pytest.mark.slow
@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_hundred_thousand_tokens_are_the_same_at_three_temperatures(path: Path) -> None:
    """And the states are, bit by bit, at more than 2,000 places."""
    settings = [{"temperature": t, "length": 10**7, "stop": []} for t in TEMPERATURES]
    call = {"do": "writeLong", "model": str(path), "fast": True, "seed": "The ", "rng": 7, "settings": settings}
    model, places = load(str(path)), 0
    with ThreadPoolExecutor(1) as other_core:
        page = other_core.submit(run_page, {**call, "tokens": LONG, "every": SNAPSHOT_INTERVAL})
        expected = [write_long(model, model.settings.changed(**values)) for values in settings]
    for (ids, hashes), found in zip(expected, page.result()[0], strict=True):
        assert found["ids"] == ids
        assert found["hashes"] == hashes
        places += len(hashes)
    assert places > 2000


def write_long(model: Model, settings: Settings) -> tuple[list[int], dict[str, str]]:
    """Return the ids of a long text, and hashes of its states by position."""
    engine = model.engine()
    stream = engine.open(model.read("The ").snapshot, StreamOptions(settings, PositionRNG(7), max_unread=64))
    ids = [event.id for event in islice(engine.iter_events(stream), LONG) if isinstance(event, Token)]
    hashes: dict[str, str] = {}
    for position, snapshot in stream.snapshots.items():
        parts = "".join(_parts(snapshot.state, snapshot.logits, 0))
        hashes[str(position)] = hashlib.sha256(parts.encode()).hexdigest()
    return ids, hashes


@pytest.mark.slow
def test_long_texts_under_every_filter_are_the_same() -> None:
    """Filters by exp, log and powers can differ in a last bit, which decides a draw once in some 10^15."""
    path = DATA.parent.parent / "models" / "shakespeare.safetensors"
    assert_writes_the_same(path, [{**chain, "length": 2000, "finish": "off", "stop": []} for chain in CHAINS])


@pytest.mark.slow
def test_no_number_needs_a_multiply_add_that_is_rounded_once(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if not compiler or "fma" not in Path("/proc/cpuinfo").read_text("utf-8"):
        pytest.skip("it takes gcc and a processor with fused multiply-adds")
    program = tmp_path / "gates"
    source = Path(__file__).parent / "page_gates.c"
    command = [compiler, "-O2", "-mfma", "-ffp-contract=off", "-o", program, source, "-lm"]
    subprocess.run(command, check=True)  # noqa: S603
    assert subprocess.run([program], capture_output=True, text=True, check=False).stdout == ""  # noqa: S603
