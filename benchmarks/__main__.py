"""Run the measurements: ``python -m benchmarks [--json] [--page FILE] [--model NAME]``."""

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
from typing import Any

import numpy as np
from afterglow.core.inference.model_file import Architecture, Card
from afterglow.core.inference.runtime import default_threads
from afterglow.core.model import Model, load

from benchmarks import learning, processes, roofline, serving, tables, terminal
from benchmarks.ways import WAYS

ROWS = (1, 8, 32, 64, 128)
SECONDS_PER_ROUND = 0.25
"""Seconds that each way gets in a round, about."""

SETTLE_SECONDS = 0.3
"""Seconds before each: the threads of torch and ONNX Runtime go on spinning for a while after their last step."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--page", type=Path, help="write a page of documentation too")
    parser.add_argument(
        "--model", help="an untrained one of 2 x 512 if not given: how fast it is does not depend on it"
    )
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # ONNX Runtime's quantiser advises what does not apply here
    with TemporaryDirectory() as folder:
        found = measure_all(arguments.model or save_untrained_model(Path(folder)), arguments.rounds)
    if arguments.page:
        arguments.page.write_text(tables.as_page(found, "make bench"), "utf-8")
    print(json.dumps(found) if arguments.json else tables.as_text(found))


def save_untrained_model(folder: Path) -> str:
    """The path of a model of 2 x 512 over the characters of the bundled one."""
    from afterglow.core.training.convert import to_model_file
    from afterglow.core.training.model import LSTMLanguageModel

    tokenizer = load("shakespeare").tokenizer
    path = folder / "untrained.safetensors"
    module = LSTMLanguageModel(Architecture(tokenizer.size, embedding=128, layers=2, width=512))
    to_model_file(module, tokenizer, Card()).save(path)
    return str(path)


def measure_all(name: str, rounds: int) -> dict[str, Any]:
    """All figures: seconds, bytes, and ratios."""
    model = load(name)
    taken = {(way, rows): times for rows in ROWS for way, times in _rounds(model, rows, rounds).items()}
    medians = {way: [statistics.median(taken[way, rows]) / rows for rows in ROWS] for way in WAYS}
    shape = model.file.architecture
    return {
        "model": f"{shape.layers} x {shape.width} over {shape.vocabulary} tokens",
        "machine": tables.machine(),
        "rounds": rounds,
        "rows": ROWS,
        "seconds_per_token": medians,
        "ratios": {way: [_ratio(taken, way, rows) for rows in ROWS] for way in WAYS},
        "processes": _processes(name),
        "roofline": _roofline(model),
        "gaps": serving.gaps(model),
        "lens": serving.lens_speed(model),
        "terminal": terminal.measure(),
        "learning": learning.measure(),
        "parked": {kind: serving.measure_parked(kind, name) for kind in serving.PARKED_KINDS},
    }


def _rounds(model: Model, rows: int, rounds: int) -> dict[str, list[float]]:
    """Seconds a step of every way, a figure a round; the ways take turns."""
    loops = {way: make(model, rows) for way, make in WAYS.items()}
    gc.freeze()  # else every collection looks through all of torch, which nobody who only plays has loaded
    tokens = {way: max(8, int(SECONDS_PER_ROUND / max(loop(8), loop(8)) * 8)) for way, loop in loops.items()}
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, loop in loops.items():
            time.sleep(SETTLE_SECONDS)
            taken[way].append(loop(tokens[way]) / tokens[way])
    return taken


def _ratio(taken: dict[tuple[str, int], list[float]], way: str, rows: int) -> float:
    """How many times slower than ours, round by round: so a machine that changes its pace does not matter."""
    ours = taken[next(iter(WAYS)), rows]
    return statistics.median(theirs / mine for theirs, mine in zip(taken[way, rows], ours, strict=True))


def _processes(name: str) -> dict[str, dict[str, float]]:
    found = {way: processes.first_token(way, name) for way in WAYS}
    found["afterglow generate --length 1"] = processes.command("generate", "ROMEO:", "--length", "1", "--model", name)
    return {what: process._asdict() for what, process in found.items()}


def _roofline(model: Model) -> dict[str, dict[str, float]]:
    """A bare step, and the least time in which the machine could read its weights and multiply by them."""
    threads = default_threads()
    reading = roofline.weight_bytes(model.file) / roofline.bandwidth(roofline.weight_bytes(model.file), threads)
    multiplying = roofline.multiplications(model.file) / roofline.integer_rate(threads)
    return {
        f"{rows} row{'s' * (rows > 1)} in one batch": {
            "seconds": _bare_step(model, rows),
            "least": max(reading, rows * multiplying),
        }
        for rows in (1, 8, 64)
    }


def _bare_step(model: Model, rows: int) -> float:
    """Median seconds of a step without sampler."""
    steps, ids = model.runtime.stepper(model.runtime.zeros(rows)), np.zeros(rows, np.int64)
    return statistics.median(_time_call(lambda: steps.step(ids), 100) for _ in range(15))


def _time_call(work: Callable[[], None], repeats: int) -> float:
    begun = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - begun) / repeats


if __name__ == "__main__":
    main()
