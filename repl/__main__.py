"""The command ``afterglow`` and its subcommands. Each subcommand imports what it needs when it runs."""

from __future__ import annotations

import io
import sys

import click
from afterglow.bot.cli import bot
from afterglow.core.command_line import run_command
from afterglow.repl.cli.group import AfterglowGroup
from afterglow.repl.cli.launch import launch
from afterglow.repl.cli.models import evaluate, generate, info, models
from afterglow.repl.cli.options import (
    load_model_and_settings,
    model_option,
    plain_option,
    runtime_option,
    with_settings,
)
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
@with_settings("token", "passage", "view")
@click.pass_context
def cli(context: click.Context, /, model_name: str | None, runtime: str, plain: bool, **flags: object) -> None:
    """Play with a text-generating LSTM.

    Without a command the full screen opens. Type a seed (any text), watch the model continue it, and change the
    temperature while it writes. To learn it step by step: afterglow tour
    """
    if context.invoked_subcommand is not None:
        cli.forward_options(context, context.invoked_subcommand)
        return
    from afterglow.core.session.session import Session

    model, settings = load_model_and_settings(model_name, runtime, flags)
    sys.exit(launch(Session(model, settings), plain))


SUBCOMMANDS = [generate, evaluate, models, info, train, novelty, bot, explain, diversity, tour, export, completion, web]

for command in SUBCOMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line. Exit codes: 1 for a failure, 2 for wrong usage, 130 after Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a code page may lack characters that a model writes
    run_command(cli)


if __name__ == "__main__":
    main()
