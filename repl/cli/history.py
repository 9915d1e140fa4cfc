"""``afterglow history``: losses and samples of a training run, on the way and after it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.command_line import echo, echo_json
from .options import json_option, name_argument, replace_option, require_new_file

if TYPE_CHECKING:
    from ...core.training.history_files import LossRow
    from ...core.training.run_history import RunHistory

MOST_ROWS = 24
"""Most validations that are printed. ``--json`` has all."""


@click.command()
@name_argument
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="file for a picture: losses and samples")
@replace_option
@json_option
def history(name: str, svg: Path | None, replace: bool, as_json: bool) -> None:
    """Show how the training of the model NAME went.

    Prints the losses, in bits per character, and what the model wrote on the way at four temperatures. NAME may be a
    run that is not finished.
    """
    from ...core.training.run_history import find_history

    require_new_file(svg, replace)
    found = find_history(name)
    if svg:
        _draw(svg, found)
    if as_json:
        rows = {"losses": list(map(asdict, found.losses)), "samples": list(map(asdict, found.samples))}
        echo_json({"name": found.name, "kept": found.kept, **rows})
    else:
        _print(found)


def _draw(path: Path, found: RunHistory) -> None:
    from ...core.training.loss_plot import render_loss_svg
    from ...core.user_files import write_user_file

    write_user_file(path, render_loss_svg(found.name, found.losses, {}, found.samples).encode())


def _print(found: RunHistory) -> None:
    """Print a table of the losses, which weights were kept, and the samples."""
    from ...core.training.history_files import find_lowest

    echo(found.summary)
    if found.losses:
        echo(f"{'epoch':>7}{'training':>11}{'validation':>12}   bits per character")
        lowest = find_lowest(found.losses)
        for row in _choose(found.losses, lowest):
            mark = "   lowest" if row is lowest else ""
            echo(f"{row.epoch:>7.1f}{row.train_bits:>11.3f}{row.valid_bits:>12.3f}{mark}")
    if found.kept:
        echo(f"kept: {found.kept}")
    _print_samples(found)


def _choose(losses: list[LossRow], lowest: LossRow | None) -> list[LossRow]:
    """Return the rows to print: some that are evenly spread, and the lowest."""
    from ...core.training.samples import spread

    return [row for row in losses if row is lowest or any(row is each for each in spread(losses, MOST_ROWS))]


def _print_samples(found: RunHistory) -> None:
    from ...core.training.samples import by_epoch, show_sample, spread
    from .options import terminal_columns

    for epoch, rows in spread(by_epoch(found.samples), MOST_ROWS):
        echo("")
        echo(f"epoch {epoch:.1f}")
        for row in rows:
            echo(f"  T {row.temperature:<4g} {show_sample(row.text)}"[: terminal_columns()])
