"""The commands that look inside the network: ``afterglow cells`` and ``similar``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.command_line import echo, echo_json
from .options import json_option, load_model_and_settings, name_argument, replace_option, require_new_file
from .reading_flags import ReadingFlags, reading_flags

if TYPE_CHECKING:
    from ...core.cells.ranking import CellRanking
    from ...core.model import Model

SHOWN_FINDS = 3
"""Most finds in a picture."""

_text_argument = click.argument("text", required=False, type=click.Path(path_type=Path))


@click.command()
@name_argument
@_text_argument
@reading_flags("as in training")
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="file for a picture: text in the colors of cells"
)
@replace_option
@json_option
def cells(name: str, text: Path | None, flags: ReadingFlags, svg: Path | None, replace: bool, as_json: bool) -> None:
    """Find cells of the model NAME that follow things in TEXT.

    Quotation marks, the place in the line, names and headings, brackets, words, and so on: each gets the cell that
    follows it best, beside what chance finds. If TEXT is the file the model was trained on, only its held-out part is
    used; without TEXT the model writes one.
    """
    from ..progress_line import print_progress
    from .cell_table import format_ranking

    require_new_file(svg, replace)
    model, _ = load_model_and_settings(name, "int8", {})
    read, source = _open_text(model, text, flags, whole=False)
    ranking = model.rank_cells(read, partial(print_progress, "finding cells"))
    if svg:
        _draw(svg, model, ranking, read)
    if as_json:
        echo_json({"model": model.name, "text": source, **ranking.to_dict()})
    else:
        unit = "characters" if model.tokenizer.kind == "char" else "tokens"
        echo(f"{model.name}: {ranking.cells:,} cells, on {ranking.tokens:,} {unit} of {source}")
        for line in ("", *format_ranking(ranking, unit)):
            echo(line)


@click.command()
@name_argument
@click.argument("sentence")
@_text_argument
@reading_flags("as in training")
@click.option("-n", "count", type=click.IntRange(1, 1000), default=10, help="number of lines")
@json_option
def similar(name: str, sentence: str, text: Path | None, flags: ReadingFlags, count: int, as_json: bool) -> None:
    """Find the lines of TEXT that are nearest to SENTENCE.

    Lines are compared by the state of the model NAME after reading them: the cosine of the mean h of its last layer.
    Without TEXT the model writes one.
    """
    from ...core.cells.similar import find_similar
    from ...core.progress import drain
    from ..progress_line import print_progress

    model, _ = load_model_and_settings(name, "int8", {})
    read, source = _open_text(model, text, flags, whole=True)
    fold = model.file.card.fold_case
    search = find_similar(model, fold(sentence), fold(read).split("\n"), count)
    lines = drain(search, partial(print_progress, "reading"))
    if as_json:
        echo_json({"model": model.name, "text": source, "lines": [line._asdict() for line in lines]})
        return
    echo(f"the nearest lines of {source}:")
    for line in lines:
        echo(f"{line.cosine:6.3f}  line {line.number:<7,} {line.line}")


def _draw(path: Path, model: Model, ranking: CellRanking, text: str) -> None:
    from ...core.render.cell_picture import draw_cells
    from ...core.user_files import write_user_file

    best = [find for find in ranking.finds if not find.is_chance][:SHOWN_FINDS]
    write_user_file(path, draw_cells(model, best, text).encode("utf-8", "replace"))
    echo(f"written: {path}", err=True)


def _open_text(model: Model, path: Path | None, flags: ReadingFlags, whole: bool) -> tuple[str, str]:
    """Return (text, its description). It is the file's, only the held-out part unless ``whole``, or of the model."""
    from ...core.commands.cells_command import write_own_text
    from ...core.progress import drain
    from ..progress_line import print_progress
    from .generate import is_training_text, read_as_trained

    if path is None:
        own = drain(write_own_text(model), partial(print_progress, "writing a text"))
        return own, f"a text that {model.name} wrote at T 1 with rng 1"
    corpus = read_as_trained(model, [str(path)], flags)
    if whole or not is_training_text(corpus, model):
        return corpus.text[:], f"all of {corpus.name}"
    return "".join(part.text for part in corpus.test), f"the held-out {corpus.describe_test()} of {corpus.name}"
