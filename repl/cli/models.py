"""The commands that use one model or list all: ``afterglow generate``, ``eval``, ``info`` and ``models``."""

from __future__ import annotations

from pathlib import Path

import click

from ...core.command_line import echo, echo_json
from ...core.errors import UsageError
from ...core.sanitize import visible_name
from ...core.settings import SPECS
from .options import (
    json_option,
    load_model_and_settings,
    model_option,
    name_argument,
    print_values,
    runtime_option,
    setting_option,
    with_settings,
)
from .reading_flags import ReadingFlags, reading_flags

JSON_KINDS = ("tokens", "texts")
"""Kinds of objects that ``generate --json`` prints; tokens if none is named."""


class GenerateCommand(click.Command):
    """A command whose ``--json`` takes one of ``JSON_KINDS`` after it, but no other word: that is the seed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments."""
        return super().parse_args(ctx, _join_json_kind(args))


def _join_json_kind(words: list[str]) -> list[str]:
    """Return the words with "--json=tokens" for "--json", or "--json=texts" for "--json texts"."""
    if "--json" not in words[: words.index("--") if "--" in words else None]:
        return words
    at = words.index("--json")
    kind = words[at + 1] if words[at + 1 : at + 2] and words[at + 1] in JSON_KINDS else ""
    return [*words[:at], f"--json={kind or JSON_KINDS[0]}", *words[at + (2 if kind else 1) :]]


@click.command(cls=GenerateCommand)
@click.argument("seed", required=False)
@model_option
@runtime_option
@click.option("-n", "count", type=click.IntRange(1, 1000), help="number of texts to write (default: 1)")
@click.option(
    "--unique",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="write N texts, all different, none empty",
)
@click.option("--new", is_flag=True, help="with --unique: leave out items of the list that the model was trained on")
@click.option("--not-in", "lists", metavar="FILE", multiple=True, help="with --unique: leave out the items in FILE")
@click.option("--echo", is_flag=True, help="print the seed before each text")
@click.option("--json", "json_kind", type=click.Choice(JSON_KINDS), help="print JSON: an object a token, or a text")
@click.option(
    "--temperature",
    "-t",
    "temperatures",
    metavar="VALUE",
    multiple=True,
    help=f"{SPECS['temperature'].help} ({SPECS['temperature'].kind.range}); repeatable: the texts for each",
)
@with_settings("token", "passage", without="temperature")
def generate(
    seed: str | None,
    model_name: str | None,
    runtime: str,
    count: int | None,
    unique: int | None,
    new: bool,
    lists: tuple[str, ...],
    echo: bool,
    json_kind: str | None,
    temperatures: tuple[str, ...],
    **flags: object,
) -> None:
    """Write text that continues SEED, then exit.

    Reads the seed from standard input if SEED is omitted. Of a list, each text is an item: --unique 100 --new writes a
    hundred that are not in it. -t 0.5 -t 1.5 writes the texts at each temperature, with the same random numbers.
    """
    if unique and count:
        raise UsageError("-n and --unique exclude each other")
    if (new or lists) and not unique:
        raise UsageError("--new and --not-in need --unique, the number of texts to write")
    from .generate_texts import GenerateRequest, find_known_items, read_seed_from_stdin, write_texts

    first = temperatures[0] if temperatures else None
    model, settings = load_model_and_settings(model_name, runtime, {**flags, "temperature": first})
    others = [settings.changed(temperature=SPECS["temperature"].parse(each)) for each in temperatures[1:]]
    known = find_known_items(model, new, lists)
    request = GenerateRequest(
        read_seed_from_stdin() if seed is None else seed,
        unique or count or 1,
        echo,
        json_kind or "",
        bool(unique),
        known,
        model.file.card.item_end,
    )
    write_texts(model, [settings, *others], request)


@click.command("eval")
@name_argument
@click.argument("text", type=click.Path(path_type=Path))
@reading_flags("as in training")
@setting_option(SPECS["style"])
@runtime_option
@json_option
def evaluate(name: str, text: Path, flags: ReadingFlags, style: str | None, runtime: str, as_json: bool) -> None:
    """Measure how well the model NAME predicts TEXT.

    Prints the loss in nats and bits per character. If TEXT is the file the model was trained on, only its held-out
    part is used. With --style all of it is read in that style.
    """
    from .generate import evaluate_on_text

    model, settings = load_model_and_settings(name, runtime, {"style": style})
    print_values(evaluate_on_text(model, text, flags, settings.style if style else "off"), as_json)


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
    from .copy_figures import in_words
    from .generate import describe_model

    values = describe_model(name)
    print_values(values if as_json else in_words(values), as_json)
