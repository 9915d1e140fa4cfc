"""The command ``afterglow`` and its subcommands. Each subcommand imports what it needs when it runs."""

from __future__ import annotations

import io
import os
import sys

import click
from afterglow.bot.cli import bot
from afterglow.core.command_line import run_command
from afterglow.repl.cli.cells import cells, similar
from afterglow.repl.cli.grid import grid
from afterglow.repl.cli.group import AfterglowGroup
from afterglow.repl.cli.history import history
from afterglow.repl.cli.launch import launch, open_session
from afterglow.repl.cli.learn import learn
from afterglow.repl.cli.models import evaluate, generate, info, models
from afterglow.repl.cli.options import (
    model_option,
    plain_option,
    runtime_option,
    with_settings,
)
from afterglow.repl.cli.read import read
from afterglow.repl.cli.resume import choose_model, find_or_explain, opening_line
from afterglow.repl.cli.serve import serve
from afterglow.repl.cli.share import completion, export, web
from afterglow.repl.cli.teach import diversity, explain, tour
from afterglow.repl.cli.train import novelty, train


@click.group(
    cls=AfterglowGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="afterglow-lm")
@model_option
@runtime_option
@plain_option
@click.option("--continue", "continues", is_flag=True, help="go on with the last passage")
@click.option("--open", "opened", metavar="NAME", help="open a passage: its number, its name, or a word of it")
@with_settings("token", "passage", "view")
@click.pass_context
def cli(
    context: click.Context,
    /,
    model_name: str | None,
    runtime: str,
    plain: bool,
    continues: bool,
    opened: str | None,
    **flags: object,
) -> None:
    """Play with a text-generating LSTM.

    Without a command the full screen opens. Type a seed (any text), watch the model continue it, and change the
    temperature while it writes. To learn it step by step: afterglow tour
    """
    if context.invoked_subcommand is not None:
        cli.forward_options(context, context.invoked_subcommand)
        return
    found = find_or_explain(continues, opened)
    session = open_session(model_name or choose_model(found), runtime, flags)
    if found:
        session.pinned = frozenset(name for name, value in flags.items() if value is not None)
    sys.exit(launch(session, plain, opening_line(found, opened)))


SUBCOMMANDS = [
    generate,
    read,
    evaluate,
    models,
    info,
    train,
    learn,
    history,
    novelty,
    cells,
    similar,
    bot,
    explain,
    diversity,
    grid,
    tour,
    export,
    completion,
    web,
    serve,
]

for command in SUBCOMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line. Exit codes: 1 for a failure, 2 for wrong usage, 130 after Ctrl-C."""
    # Read when numpy is imported. Its threads would only wait for each other where learning runs beside writing: a
    # paragraph took 5 s instead of 0.4 s on two busy cores. A step of the LSTM has a kernel with threads of its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a code page may lack characters that a model writes
    run_command(cli)


if __name__ == "__main__":
    main()
