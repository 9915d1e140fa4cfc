"""Run the measurements and print a table: ``python -m benchmarks [--json] [--model NAME]``."""

from __future__ import annotations

import argparse
import json
import platform

from benchmarks.single_stream import measure


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--model", default="shakespeare")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    rows = measure(arguments.model, arguments.rounds)
    if arguments.json:
        print(json.dumps({"machine": platform.processor() or platform.machine(), "single_stream": rows}))
        return
    print(f"one stream of {arguments.model}, medians of {arguments.rounds} interleaved rounds\n")
    print(f"{'':<44}{'characters/s':>14}{'µs/character':>14}{'times slower':>14}")
    for row in rows:
        print(f"{row['what']:<44}{row['per_second']:>14,.0f}{row['microseconds']:>14.0f}{row['ratio']:>14.1f}")


if __name__ == "__main__":
    main()
