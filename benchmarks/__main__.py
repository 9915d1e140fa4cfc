"""Run the benchmarks: ``python -m benchmarks [--json] [--page FILE] [--model NAME] [--rounds N]``."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from afterglow.core.inference.model_card import Card
from afterglow.core.inference.model_file import Architecture
from afterglow.core.inference.runtime import default_threads
from afterglow.core.model import Model, load

from benchmarks import learning, processes, roofline, serving, tables, terminal
from benchmarks.implementations import IMPLEMENTATIONS
from benchmarks.results import ProcessResult, Results, RooflineResult

ROWS = (1, 8, 32, 64, 128)
"""Numbers of streams in a batch."""

SECONDS_PER_ROUND = 0.25
"""Approximate seconds that each implementation runs in a round."""

SETTLE_SECONDS = 0.3
"""Seconds of rest before each: threads of torch and ONNX Runtime spin for a while after their last step."""

StepSeconds = dict[str, list[float]]
"""Seconds per step of each implementation, one figure for each round."""


def main() -> None:
    """Run the benchmarks and print the results."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--page", type=Path, help="also write the results as a Markdown page")
    parser.add_argument(
        "--model", help="model to run (default: an untrained one of 2 x 512; training does not change the speed)"
    )
    parser.add_argument("--rounds", type=int, default=7, help="number of rounds (default: 7)")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # the advice of ONNX Runtime's quantizer does not apply here
    with TemporaryDirectory() as folder:
        results = measure_all(arguments.model or save_untrained_model(Path(folder)), arguments.rounds)
    if arguments.page:
        arguments.page.write_text(tables.as_page(results, "make bench"), "utf-8")
    print(json.dumps(results) if arguments.json else tables.as_text(results))


def save_untrained_model(folder: Path) -> str:
    """Write an untrained model of 2 x 512 over the bundled model's characters, and return its path."""
    from afterglow.core.training.convert import to_model_file
    from afterglow.core.training.model import LSTMLanguageModel

    tokenizer = load("shakespeare").tokenizer
    path = folder / "untrained.safetensors"
    module = LSTMLanguageModel(Architecture(tokenizer.size, embedding=128, layers=2, width=512))
    to_model_file(module, tokenizer, Card()).save(path)
    return str(path)


def measure_all(name: str, rounds: int) -> Results:
    """Run every benchmark on the model ``name``."""
    model = load(name)
    by_rows = {rows: _run_rounds(model, rows, rounds) for rows in ROWS}
    shape = model.file.architecture
    return {
        "model": f"{shape.layers} x {shape.width} over {shape.vocabulary} tokens",
        "machine": tables.machine(),
        "rounds": rounds,
        "rows": ROWS,
        "seconds_per_token": {
            name: [statistics.median(by_rows[rows][name]) / rows for rows in ROWS] for name in IMPLEMENTATIONS
        },
        "ratios": {name: [_ratio(by_rows[rows], name) for rows in ROWS] for name in IMPLEMENTATIONS},
        "processes": _measure_processes(name),
        "roofline": _measure_roofline(model),
        "gaps": serving.gaps(model),
        "lens": serving.lens_speed(model),
        "terminal": terminal.measure(),
        "learning": learning.measure(),
        "parked": {kind: serving.measure_parked(kind, name) for kind in serving.PARKED_KINDS},
    }


def _run_rounds(model: Model, rows: int, rounds: int) -> StepSeconds:
    """Time every implementation in every round, in turn."""
    loops = {name: make(model, rows) for name, make in IMPLEMENTATIONS.items()}
    gc.freeze()  # otherwise every collection traverses torch, which is not loaded when afterglow only generates
    tokens = {name: max(8, int(SECONDS_PER_ROUND / max(loop(8), loop(8)) * 8)) for name, loop in loops.items()}
    seconds: StepSeconds = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            time.sleep(SETTLE_SECONDS)
            seconds[name].append(loop(tokens[name]) / tokens[name])
    return seconds


def _ratio(seconds: StepSeconds, name: str) -> float:
    """How many times slower than afterglow, compared round by round, so that changes of the clock rate cancel out."""
    ours = seconds[next(iter(IMPLEMENTATIONS))]
    return statistics.median(other / own for other, own in zip(seconds[name], ours, strict=True))


def _measure_processes(model: str) -> dict[str, ProcessResult]:
    results = {name: processes.first_token(name, model) for name in IMPLEMENTATIONS}
    command_line = processes.command("generate", "ROMEO:", "--length", "1", "--model", model)
    return {**results, "afterglow generate --length 1": command_line}


def _measure_roofline(model: Model) -> dict[str, RooflineResult]:
    """Compare a step without sampling with the least time to read the model's weights and to multiply by them."""
    threads = default_threads()
    reading = roofline.weight_bytes(model.file) / roofline.bandwidth(roofline.weight_bytes(model.file), threads)
    multiplying = roofline.multiplications(model.file) / roofline.integer_rate(threads)
    return {
        f"{rows} row{'s' * (rows > 1)} in one batch": {
            "seconds": _time_bare_step(model, rows),
            "least": max(reading, rows * multiplying),
        }
        for rows in (1, 8, 64)
    }


def _time_bare_step(model: Model, rows: int) -> float:
    """Median seconds of a step without sampling."""
    stepper = model.runtime.stepper(model.runtime.zeros(rows))
    ids = np.zeros(rows, np.int64)
    return statistics.median(_time_call(lambda: stepper.step(ids), 100) for _ in range(15))


def _time_call(call: Callable[[], None], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


if __name__ == "__main__":
    main()
