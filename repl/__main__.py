"""The command line: ``afterglow`` and its verbs. Each verb imports what it needs when it runs."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import click
from afterglow.bot.cli import bot
from afterglow.core.errors import AfterglowError, StorageError, error_text
from afterglow.repl.cli.launch import launch
from afterglow.repl.cli.options import (
    json_option,
    load_model_and_settings,
    model_option,
    name_argument,
    print_values,
    runtime_option,
    with_settings,
)
from afterglow.repl.cli.share import completion, export, web
from afterglow.repl.cli.teach import diversity, explain, tour
from afterglow.repl.cli.train import novelty, train
from click.core import ParameterSource


class AfterglowGroup(click.Group):
    """A group that leaves as a shell expects: quiet on a closed pipe, 130 after Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            # Python flushes standard output once more at its end, and shall find no closed pipe there.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            if error.filename is not None:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise StorageError(f"cannot write the output: {error_text(error)}") from error
        return result


@click.group(
    cls=AfterglowGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="afterglow-lm")
@model_option
@runtime_option
@click.option("--plain", is_flag=True, help="lines instead of the full screen")
@with_settings("token", "passage", "view")
@click.pass_context
def cli(context: click.Context, /, model_name: str | None, runtime: str, plain: bool, **flags: Any) -> None:
    """Play with a text-generating LSTM: type a seed, watch it go on, turn the temperature while it writes."""
    if context.invoked_subcommand is None:
        from afterglow.core.session.session import Session

        model, settings = load_model_and_settings(model_name, runtime, flags)
        sys.exit(launch(Session(model, settings), plain))
    _forward_options(context, context.invoked_subcommand)


def _forward_options(context: click.Context, command: str) -> None:
    """Options that stand before a verb are meant for it; raises UsageError for one that it does not have."""
    theirs = {option: parameter for parameter in cli.commands[command].params for option in parameter.opts}
    given = {}
    for ours in cli.params:
        if not ours.name or context.get_parameter_source(ours.name) is not ParameterSource.COMMANDLINE:
            continue
        meant = theirs.get(ours.opts[0])
        if meant is None:
            raise click.UsageError(f"'afterglow {command}' has no option {ours.opts[0]}")
        value = context.params[ours.name]
        given[meant.name] = (value,) if isinstance(meant, click.Option) and meant.multiple else value
    context.default_map = {command: given}


@cli.command()
@click.argument("seed", required=False)
@model_option
@runtime_option
@click.option("-n", "count", type=click.IntRange(1, 1000), default=1, help="how many texts")
@click.option("--echo", is_flag=True, help="write the seed too")
@json_option
@with_settings("token", "passage")
def generate(
    seed: str | None, model_name: str | None, runtime: str, count: int, echo: bool, as_json: bool, **flags: Any
) -> None:
    """Write what goes on from SEED, and end.

    Without SEED, standard input is it.
    """
    from afterglow.repl.cli.generate import generate as write
    from afterglow.repl.cli.generate import read_seed_from_stdin

    model, settings = load_model_and_settings(model_name, runtime, flags)
    write(model, read_seed_from_stdin() if seed is None else seed, settings, count, echo, as_json)


@cli.command("eval")
@name_argument
@click.argument("text", type=click.Path(path_type=Path))
@click.option("--encoding", help="of the text file (that of the model's own text)")
@runtime_option
@json_option
def evaluate(name: str, text: Path, encoding: str | None, runtime: str, as_json: bool) -> None:
    """Tell how well a model predicts a TEXT.

    In nats and bits per character. Of the text that it was trained on, the held-out part is taken.
    """
    from afterglow.repl.cli.generate import evaluate as judge

    model, _ = load_model_and_settings(name, runtime, {})
    print_values(judge(model, text, encoding), as_json)


@cli.group(invoke_without_command=True)
@json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the models."""
    from afterglow.core.inference.library import list_models

    if context.invoked_subcommand is None:
        rows = [{"name": e.name, "bundled": e.bundled, "path": str(e.path)} for e in list_models()]
        if as_json:
            click.echo(json.dumps(rows))
        for row in () if as_json else rows:
            click.echo(f"{row['name']:<20} {'comes with afterglow' if row['bundled'] else row['path']}")


@models.command("rm")
@name_argument
def remove(name: str) -> None:
    """Delete one of your models."""
    from afterglow.core.inference import library

    click.echo(f"removed {library.remove(name)}")


@cli.command()
@name_argument
@json_option
def info(name: str, as_json: bool) -> None:
    """Show a model's card."""
    from afterglow.repl.cli.generate import card

    print_values(card(name), as_json)


for verb in (train, novelty, bot, explain, diversity, tour, export, completion, web):
    cli.add_command(verb)


def main() -> None:
    """Run the command line. Exit codes: 1 for what went wrong, 2 for wrong usage, 130 after Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a code page may lack what a model writes, or an arrow of ours
    try:
        cli.main(standalone_mode=False)
    except AfterglowError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)


def _fail(message: str, code: int) -> None:
    print(f"afterglow: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
