"""``afterglow grid``: short texts of several seeds at several temperatures, side by side."""

from __future__ import annotations

from pathlib import Path

import click

from ...core.command_line import echo, echo_json
from .options import json_option, model_option, replace_option, require_new_file
from .teach import rng_option, temperatures_option

SEEDS = ("At midnight", "The king", "Good night")
"""Seeds of a grid if none are given."""


@click.command()
@click.argument("seeds", nargs=-1)
@temperatures_option
@click.option("--length", "-l", type=click.IntRange(1, 2000), default=120, help="characters in a text")
@rng_option
@model_option
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="file for a picture; its name ends in .svg"
)
@replace_option
@json_option
def grid(
    seeds: tuple[str, ...],
    temperatures: tuple[float, ...],
    length: int,
    rng: int,
    model_name: str | None,
    svg: Path | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Write a table: a row for each of SEEDS, a column for each temperature.

    Prints Markdown. All texts use the same random numbers, so that only seed and temperature differ. Without
    --temperature, four temperatures from 0.2 to 1.2 are used.
    """
    from ...core.commands.actions import SWEEP_TEMPERATURES
    from ...core.render.text_grid import grid_markdown
    from .grid_texts import grid_as_json, write_grid, write_grid_picture

    require_new_file(svg, replace)
    written = write_grid(model_name, seeds or SEEDS, temperatures or SWEEP_TEMPERATURES, length, rng)
    if svg:
        write_grid_picture(svg, written)
    if as_json:
        echo_json(grid_as_json(written))
        return
    for line in grid_markdown(written).splitlines():
        echo(line)
