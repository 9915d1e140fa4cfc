"""The command ``afterglow learn``: a model learns a text while it reads it, and is saved under another name."""

from __future__ import annotations

import dataclasses
from functools import partial

import click

from ...core.command_line import echo, echo_notice
from ...core.errors import TextError
from .options import json_option, load_model_and_settings, one_model_option, print_values
from .reading_flags import ReadingFlags, ask_for_encoding, reading_flags


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="TEXT...")
@one_model_option
@click.option("--name", required=True, metavar="NAME", help="name of the model that is saved")
@reading_flags("utf-8")
@click.option("--field", metavar="NAME", default="", help="field of a .jsonl file")
@click.option("--column", metavar="NAME", default="", help="column of a .csv or .tsv file")
@click.option("--replace", is_flag=True, help="replace a model of this name")
@json_option
def learn(
    paths: tuple[str, ...],
    model_name: str | None,
    name: str,
    flags: ReadingFlags,
    field: str,
    column: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Let a model learn TEXT... as it reads it, and save it under another name.

    Needs no torch, and reads about 2,000 characters a second. Each piece of the text is scored before it is learned:
    the figures are the bits per character that the model needs as it is, and while learning. With torch and some
    minutes, train --from gets further.
    """
    from ...core.inference.library import path_for_new_model
    from ...core.learning.learning_model import LearningModel
    from ...core.text.corpus import read_corpora
    from ...core.text.formats import ReadOptions
    from ..progress_line import print_progress

    path = path_for_new_model(name, replace)
    model, _ = load_model_and_settings(model_name, "int8", {})
    options = flags.apply(ReadOptions(field=field, column=column))
    corpus = read_corpora(paths, dataclasses.replace(options, encoding=ask_for_encoding(paths, options)))
    for notice in corpus.notes:
        echo_notice(notice)
    learning = LearningModel(model)
    figures = learning.learn(corpus.text[:], on_progress=partial(print_progress, "learning"))
    if not figures.characters:
        raise TextError(f"there is nothing to learn: {corpus.name} has no character that {model.name} knows")
    learning.latest.file.save(path)
    bits = {"bits_per_char_before": figures.bits_before, "bits_per_char_while_learning": figures.bits}
    values = {"model": name, "parent": model.name, "characters": figures.characters, "unseen": figures.unknown, **bits}
    print_values({**values, "path": str(path)}, as_json)
    if not as_json:
        echo(f"play it: afterglow --model {name}")
