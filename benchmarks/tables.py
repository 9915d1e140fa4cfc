"""The measurements as JSON, as a table on a terminal, and as a page of the documentation."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = Iterable[Any]


def machine() -> str:
    """What the measurements were made on."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    flags = next((line for line in _lines("/proc/cpuinfo") if line.startswith("flags")), "")
    kinds = [
        name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8") if f" {name} " in f"{flags} "
    ]
    return f"{len(names)} x {names[0] if names else platform.machine()} ({', '.join(kinds)}), {platform.system()}"


def sections(found: dict[str, Any]) -> list[tuple[str, list[str], list[Row]]]:
    """Title, head and rows of every table."""
    learning = ["", *(f"{rows} rows" for rows in found["learning"]["rows"])]
    return [
        ("Tokens a second", ["", *(f"{n} stream{'s' * (n > 1)}" for n in found["rows"])], _speeds(found)),
        ("How many times slower than afterglow", ["", *map(str, found["rows"])], _ratios(found)),
        ("A process until its first token", ["", "seconds", "peak MB"], _processes(found)),
        ("A step beside what the machine allows", ["", "µs", "x roofline, µs"], _roofline(found)),
        ("Many at once", ["", ""], _serving(found)),
        ("The full screen, text streaming unthrottled", ["", "", "at most"], _screen(found)),
        ("Characters a second that 2 x 512 learns from", learning, _learning(found)),
    ]


def as_text(found: dict[str, Any]) -> str:
    """Tables in columns."""
    parts = [f"{found['model']}, {found['machine']}"]
    for title, head, rows in sections(found):
        parts.append(f"\n{title}")
        parts += [f"  {name!s:<46}" + "".join(f"{value:>14}" for value in values) for name, *values in [head, *rows]]
    return "\n".join(parts)


def as_page(found: dict[str, Any], command: str) -> str:
    """Tables in Markdown, with the command that made them."""
    on = f"a model of {found['model']}, on {found['machine']}"
    parts = [f"# Benchmarks\n\n`{command}`, {on}; medians of {found['rounds']} interleaved rounds.\n"]
    for title, head, rows in sections(found):
        parts.append(f"## {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        parts += [f"| {' | '.join(map(str, row))} |" for row in rows]
        parts.append("")
    return "\n".join(parts)


def _speeds(found: dict[str, Any]) -> list[Row]:
    return [(name, *(f"{1 / seconds:,.0f}" for seconds in way)) for name, way in found["seconds_per_token"].items()]


def _ratios(found: dict[str, Any]) -> list[Row]:
    return [(name, *(f"{ratio:.1f}" for ratio in ratios)) for name, ratios in found["ratios"].items()]


def _processes(found: dict[str, Any]) -> list[Row]:
    return [(name, f"{p['seconds']:.2f}", f"{p['peak_bytes'] / 1e6:.0f}") for name, p in found["processes"].items()]


def _roofline(found: dict[str, Any]) -> list[Row]:
    return [
        (name, f"{1e6 * row['seconds']:.0f}", f"{row['seconds'] / row['least']:.2f} x {1e6 * row['least']:.0f}")
        for name, row in found["roofline"].items()
    ]


def _serving(found: dict[str, Any]) -> list[Row]:
    gaps = found["gaps"]
    return [
        ("between two tokens of one stream among 64, median", f"{gaps['median_ms']:.1f} ms"),
        ("the same, 99th percentile", f"{gaps['p99_ms']:.1f} ms"),
        ("tokens a second of the 63 others meanwhile", f"{gaps['others_per_second']:,.0f}"),
        ("tokens a second of one stream, looked at through the lens", f"{found['lens']:,.0f}"),
        *((f"memory of {kind}", f"{size / 1e3:.1f} KB") for kind, size in found["parked"].items()),
    ]


def _screen(found: dict[str, Any]) -> list[Row]:
    return [(r["what"], f"{r['figure']:.0f} {r['unit']}", f"{r['target']}") for r in found["terminal"]]


def _learning(found: dict[str, Any]) -> list[Row]:
    speeds, shares = found["learning"]["speeds"], found["learning"]["shares"]
    rows: list[Row] = [(way, *(f"{speed:,.0f}" for speed in each)) for way, each in speeds.items()]
    return [*rows, ("afterglow, of the best product in bfloat16", *(f"{share:.0%}" for share in shares))]


def _lines(path: str) -> list[str]:
    place = Path(path)
    return place.read_text().splitlines() if place.exists() else []
