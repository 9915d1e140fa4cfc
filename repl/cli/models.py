"""The commands that use one model or list all: ``afterglow generate``, ``eval``, ``info`` and ``models``."""

from __future__ import annotations

from pathlib import Path

import click

from ...core.command_line import echo, echo_json
from ...core.sanitize import visible_name
from .options import (
    encoding_option,
    json_option,
    load_model_and_settings,
    model_option,
    name_argument,
    print_values,
    runtime_option,
    with_settings,
)


@click.command()
@click.argument("seed", required=False)
@model_option
@runtime_option
@click.option("-n", "count", type=click.IntRange(1, 1000), default=1, help="number of texts to write")
@click.option("--echo", is_flag=True, help="print the seed before each text")
@json_option
@with_settings("token", "passage")
def generate(
    seed: str | None, model_name: str | None, runtime: str, count: int, echo: bool, as_json: bool, **flags: object
) -> None:
    """Write text that continues SEED, then exit.

    Reads the seed from standard input if SEED is omitted.
    """
    from .generate import read_seed_from_stdin, write_texts

    model, settings = load_model_and_settings(model_name, runtime, flags)
    write_texts(model, read_seed_from_stdin() if seed is None else seed, settings, count, echo, as_json)


@click.command("eval")
@name_argument
@click.argument("text", type=click.Path(path_type=Path))
@encoding_option
@runtime_option
@json_option
def evaluate(name: str, text: Path, encoding: str | None, runtime: str, as_json: bool) -> None:
    """Measure how well the model NAME predicts TEXT.

    Prints the loss in nats and bits per character. If TEXT is the file the model was trained on, only its held-out
    part is used.
    """
    from .generate import evaluate_on_text

    model, _ = load_model_and_settings(name, runtime, {})
    print_values(evaluate_on_text(model, text, encoding), as_json)


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the bundled models and yours."""
    from ...core.inference.library import list_models

    if context.invoked_subcommand is not None:
        return
    entries = list_models()
    if as_json:
        echo_json([{"name": e.name, "bundled": e.bundled, "path": str(e.path)} for e in entries])
        return
    for entry in entries:
        echo(f"{entry.name:<20} {'comes with afterglow' if entry.bundled else visible_name(str(entry.path))}")


@models.command("rm")
@name_argument
def remove(name: str) -> None:
    """Delete NAME, one of your models."""
    from ...core.inference import library

    echo(f"removed {visible_name(str(library.remove(name)))}")


@click.command()
@name_argument
@json_option
def info(name: str, as_json: bool) -> None:
    """Show what is known about the model NAME.

    Prints its size and its model card: the training text, the training settings and the measured loss.
    """
    from .generate import describe_model

    print_values(describe_model(name), as_json)
