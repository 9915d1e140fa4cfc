"""The work of ``afterglow grid``, imported when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.command_line import echo_notice
from ...core.errors import UsageError
from ...core.render.text_grid import TextGrid, grid_svg
from ...core.user_files import write_user_file
from .options import load_model_and_settings


def write_grid(
    model_name: str | None, seeds: Sequence[str], temperatures: Sequence[float], length: int, rng: int
) -> TextGrid:
    """Return the texts of a model that continue each seed at each temperature."""
    model, settings = load_model_and_settings(model_name, "int8", {})
    for notice in dict.fromkeys(notice for seed in seeds for notice in model.unknown_character_notices(seed)):
        echo_notice(notice)
    shared = {name: getattr(settings, name) for name in settings.non_defaults()}
    shared |= {"length": length, "rng": rng, "stop": (), "finish": "off"}
    rows = [[list(model.stream(seed, **{**shared, "temperature": t})) for t in temperatures] for seed in seeds]
    title = f"{model.name}, {length:,} characters after each seed, rng {rng}"
    return TextGrid(title, seeds, temperatures, rows)


def write_grid_picture(path: Path, grid: TextGrid) -> None:
    """Write a grid as a picture. Raises UsageError if the name of ``path`` does not end in .svg."""
    if path.suffix != ".svg":
        raise UsageError(f"cannot write a grid to {path}: its name must end in .svg")
    write_user_file(path, grid_svg(grid).encode("utf-8"))


def grid_as_json(grid: TextGrid) -> dict[str, Any]:
    """Return the texts for JSON, a list for each seed in the order of the temperatures."""
    texts = [[grid.text(row, column) for column in range(len(grid.temperatures))] for row in range(len(grid.seeds))]
    return {"seeds": list(grid.seeds), "temperatures": list(grid.temperatures), "texts": texts}
