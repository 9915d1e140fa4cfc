"""The results as tables, for a terminal and as a Markdown page."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import NamedTuple

from benchmarks.results import Results

Row = tuple[str, ...]
"""A label and the cells after it."""


class Table(NamedTuple):
    """A titled table with a row of headings."""

    title: str
    head: Row
    rows: list[Row]


def machine() -> str:
    """Return the number and name of the CPUs, their relevant features, and the operating system."""
    names = [line.partition(":")[2].strip() for line in _read_lines("/proc/cpuinfo") if line.startswith("model name")]
    flags = next((line for line in _read_lines("/proc/cpuinfo") if line.startswith("flags")), "")
    features = [
        name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8") if f" {name} " in f"{flags} "
    ]
    return f"{len(names)} x {names[0] if names else platform.machine()} ({', '.join(features)}), {platform.system()}"


def make_tables(results: Results) -> list[Table]:
    """Return all tables."""
    streams = ("", *(f"{n} stream{'s' * (n > 1)}" for n in results["rows"]))
    learning_rows = ("", *(f"{rows} rows" for rows in results["learning"]["rows"]))
    return [
        Table("Tokens a second", streams, _speed_rows(results)),
        Table("How many times slower than afterglow", ("", *map(str, results["rows"])), _ratio_rows(results)),
        Table("A process until its first token", ("", "seconds", "peak MB"), _process_rows(results)),
        Table("A step compared with the machine's limit", ("", "µs", "x roofline, µs"), _roofline_rows(results)),
        Table("Many streams at once", ("", ""), _serving_rows(results)),
        Table("The full screen, text streaming at full speed", ("", "", "at most"), _screen_rows(results)),
        Table("Characters a second in training 2 x 512", learning_rows, _learning_rows(results)),
    ]


def as_text(results: Results) -> str:
    """Return the tables in aligned columns."""
    parts = [f"{results['model']}, {results['machine']}"]
    for table in make_tables(results):
        parts.append(f"\n{table.title}")
        for label, *cells in [table.head, *table.rows]:
            parts.append(f"  {label:<46}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(parts)


def as_page(results: Results, command: str) -> str:
    """Return the tables in Markdown; ``command`` is the one that made them."""
    setup = f"a model of {results['model']}, on {results['machine']}"
    parts = [f"# Benchmarks\n\n`{command}`, {setup}; medians of {results['rounds']} interleaved rounds.\n"]
    for title, head, rows in make_tables(results):
        parts.append(f"## {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        parts += [f"| {' | '.join(row)} |" for row in rows]
        parts.append("")
    return "\n".join(parts)


def _speed_rows(results: Results) -> list[Row]:
    return [(name, *(f"{1 / s:,.0f}" for s in seconds)) for name, seconds in results["seconds_per_token"].items()]


def _ratio_rows(results: Results) -> list[Row]:
    return [(name, *(f"{ratio:.1f}" for ratio in ratios)) for name, ratios in results["ratios"].items()]


def _process_rows(results: Results) -> list[Row]:
    return [(name, f"{p['seconds']:.2f}", f"{p['peak_bytes'] / 1e6:.0f}") for name, p in results["processes"].items()]


def _roofline_rows(results: Results) -> list[Row]:
    return [
        (name, f"{1e6 * row['seconds']:.0f}", f"{row['seconds'] / row['least']:.2f} x {1e6 * row['least']:.0f}")
        for name, row in results["roofline"].items()
    ]


def _serving_rows(results: Results) -> list[Row]:
    gaps = results["gaps"]
    return [
        ("between two tokens of one stream among 64, median", f"{gaps['median_ms']:.1f} ms"),
        ("the same, 99th percentile", f"{gaps['p99_ms']:.1f} ms"),
        ("tokens a second of the 63 others meanwhile", f"{gaps['others_per_second']:,.0f}"),
        ("tokens a second of one stream with the lens", f"{results['lens']:,.0f}"),
        *((f"memory of {kind}", f"{size / 1e3:.1f} KB") for kind, size in results["parked"].items()),
    ]


def _screen_rows(results: Results) -> list[Row]:
    return [(r["what"], f"{r['figure']:.0f} {r['unit']}", f"{r['target']}") for r in results["terminal"]]


def _learning_rows(results: Results) -> list[Row]:
    speeds, shares = results["learning"]["speeds"], results["learning"]["shares"]
    rows: list[Row] = [(name, *(f"{speed:,.0f}" for speed in each)) for name, each in speeds.items()]
    return [*rows, ("afterglow, share of the best bfloat16 product", *(f"{share:.0%}" for share in shares))]


def _read_lines(path: str) -> list[str]:
    """Return the lines of a file, or none if it does not exist."""
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
