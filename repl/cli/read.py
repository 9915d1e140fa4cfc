"""The command ``afterglow read``: the surprise of any text, in color, as figures, as JSON, or as a page."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.command_line import echo, echo_json, echo_notice
from ...core.errors import UsageError
from ...core.setting_heat import heat_unit
from .options import (
    json_option,
    load_model_and_settings,
    model_option,
    print_values,
    replace_option,
    require_new_file,
    runtime_option,
)
from .reading_flags import ReadingFlags, ask_for_encoding, reading_flags

if TYPE_CHECKING:
    from ...core.model import Model
    from ...core.session.passage import Passage
    from ...core.session.reading import ReadText

SHOWN_CANDIDATES = 5
"""Likeliest tokens in the tooltip of a page and in JSON."""

WITHOUT_COLORS = ("off", "temperature")
"""Values of ``heat`` that color nothing in a text that was not drawn."""


@click.command()
@click.argument("file")
@model_option
@runtime_option
@reading_flags("utf-8")
@click.option(
    "--heat",
    metavar="VALUE",
    default="surprise",
    help='what the colors show: surprise, rank, entropy, or a unit of the network such as "cell 2.393"',
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="file for a page with tooltips")
@replace_option
@json_option
def read(
    file: str,
    model_name: str | None,
    runtime: str,
    flags: ReadingFlags,
    heat: str,
    html: Path | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Show how much each token of a text surprises a model, or what a unit of its network does at each.

    FILE is a text, or - for standard input. On a terminal the text is printed in colors, followed by its figures. In a
    pipe only the figures are printed. The likeliest tokens for each place are in --json and in the tooltips of --html.
    """
    from .copy_figures import in_words

    require_new_file(html, replace)
    model, settings = load_model_and_settings(model_name, runtime, {"heat": heat})
    if settings.heat in WITHOUT_COLORS:
        raise UsageError(f"--heat {settings.heat} colors nothing here; choose surprise, rank, entropy, or a unit")
    reading = _read_file(model, file, flags, SHOWN_CANDIDATES if as_json or html else 0)
    values = _unit_values(model, reading, settings.heat) if html or as_json or sys.stdout.isatty() else []
    if html:
        _write_page(model, reading, settings.heat, values, html)
    if as_json:
        unit = {"unit": settings.heat} if values else {}
        echo_json({**_figures(model, reading), **unit, "tokens": list(_tokens_as_json(reading, values))})
    elif html or not sys.stdout.isatty():
        print_values(in_words(_figures(model, reading)), False)
    else:
        _print_text(model, reading, settings.heat, values)


def _read_file(model: Model, file: str, flags: ReadingFlags, candidate_count: int) -> ReadText:
    """Read a file or standard input. Print notices and progress to standard error. Raises TextError."""
    from ...core.progress import drain
    from ...core.session.reading import open_text, read_tokens
    from ...core.text.files import open_source
    from ...core.text.formats import DEFAULT_READ_OPTIONS
    from ..progress_line import print_progress

    options = flags.apply(DEFAULT_READ_OPTIONS)
    options = dataclasses.replace(options, encoding=ask_for_encoding([file], options))
    text, notices = open_text(open_source(file), options)
    for notice in (*notices, *model.unknown_character_notices(text)):
        echo_notice(notice)
    return drain(read_tokens(model, text, candidate_count), partial(print_progress, "reading"))


def _figures(model: Model, reading: ReadText) -> dict[str, object]:
    """Return the figures of a text by name."""
    from ...core.commands.read_command import track_copies
    from .copy_figures import tracker_figures

    copies = track_copies(model, reading)
    return {
        "model": model.name,
        "characters": reading.characters,
        "bits_per_char": reading.bits_per_char,
        "perplexity": reading.perplexity,
        "share_of_rank_1": reading.share_of_rank(1),
        "share_of_rank_10": reading.share_of_rank(10),
        "unseen": reading.unknown,
        **(tracker_figures(copies) if copies else {}),
    }


def _unit_values(model: Model, reading: ReadText, heat: str) -> list[float]:
    """Return the values of the unit that ``heat`` names at each token, [] if it names none."""
    from ...core.session.unit_values import NodeValues

    unit, node = heat_unit(heat), _to_passage(model, reading).current()
    return list(map(NodeValues(model, unit, node, reading.start).at, range(len(node.tokens)))) if unit else []


def _tokens_as_json(reading: ReadText, values: Sequence[float]) -> Iterator[dict[str, object]]:
    for index, (token, candidates) in enumerate(zip(reading.tokens, reading.candidates, strict=True)):
        figures = {name: getattr(token, name) for name in ("text", "id", "logprob", "rank", "entropy")}
        yield {**figures, **({"value": values[index]} if values else {}), "likeliest": candidates}


def _write_page(model: Model, reading: ReadText, heat: str, values: Sequence[float], path: Path) -> None:
    from ...core.commands.read_command import describe_reading, track_copies
    from ...core.render.export import ExportedPassage, as_html
    from ...core.user_files import write_user_file

    summary = f"{model.name} · {describe_reading(reading, track_copies(model, reading))}"
    notes = [f"likeliest: {', '.join(f'{text!r} {p:.1%}' for text, p in each)}" for each in reading.candidates]
    passage = _to_passage(model, reading)
    page = as_html(ExportedPassage(passage, summary, heat, model.copy_tracker(), notes, values))
    write_user_file(path, page.encode("utf-8", "replace"))
    echo(f"written: {path}", err=True)


def _print_text(model: Model, reading: ReadText, heat: str, values: Sequence[float]) -> None:
    """Print a text in colors, the legend, and the figures."""
    from ...core.commands.read_command import describe_reading, track_copies
    from ...core.render.marks import mark_spans
    from ..line.printer import print_fragments, print_legend, print_note, print_passage

    print_passage(mark_spans(_to_passage(model, reading), model.copy_tracker(), values), heat)
    print_fragments(("", "\n"))
    print_legend(heat)
    print_note(describe_reading(reading, track_copies(model, reading)))


def _to_passage(model: Model, reading: ReadText) -> Passage:
    from ...core.session.passage import Passage

    passage = Passage(model.name, model.file.sha256, 0)
    reading.add_to(passage)
    return passage
