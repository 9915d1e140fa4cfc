"""Types of the results. Their fields are the keys of ``--json``."""

from __future__ import annotations

from typing import TypedDict


class ProcessResult(TypedDict):
    """Medians over several runs of a process."""

    seconds: float
    peak_bytes: float


class RooflineResult(TypedDict):
    """Seconds of a step without sampling, and the least that the machine allows."""

    seconds: float
    least: float


class GapsResult(TypedDict):
    """Milliseconds between two tokens of one stream, and tokens per second of the other streams."""

    median_ms: float
    p99_ms: float
    others_per_second: float


class ScreenResult(TypedDict):
    """A measurement of the full screen; ``target`` is the most that is acceptable."""

    what: str
    figure: float
    unit: str
    target: int


class LearningResult(TypedDict):
    """Characters learned per second, by implementation and for each number of rows.

    ``shares``: afterglow's arithmetic per second, as a share of the machine's best bfloat16 matrix product.
    """

    rows: tuple[int, ...]
    speeds: dict[str, list[float]]
    shares: list[float]


class Results(TypedDict):
    """All results. ``ratios``: how many times slower than afterglow; ``parked``: bytes of memory each."""

    model: str
    machine: str
    rounds: int
    rows: tuple[int, ...]
    seconds_per_token: dict[str, list[float]]
    ratios: dict[str, list[float]]
    processes: dict[str, ProcessResult]
    roofline: dict[str, RooflineResult]
    gaps: GapsResult
    lens: float
    terminal: list[ScreenResult]
    learning: LearningResult
    parked: dict[str, float]
