"""The command line: ``afterglow`` and its verbs. Each verb imports what it needs when it runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from afterglow.core.errors import AfterglowError, MissingExtraError, StorageError
from afterglow.core.paths import reason
from afterglow.core.settingkinds import SWITCH
from afterglow.core.settings import SPECS, Settings, from_config, from_environment, layered
from afterglow.repl.options import NO_TORCH, json_option, show
from afterglow.repl.trainverbs import novelty, train
from click.core import ParameterSource

SHORT = {"temperature": "-t", "length": "-l"}


def with_settings(*scopes: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a flag for every setting of these scopes, made from its declaration."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for spec in reversed([s for s in SPECS.values() if s.scope in scopes]):
            names = [SHORT[spec.name]] if spec.name in SHORT else []
            form: dict[str, Any] = (
                {"is_flag": True, "default": None} if isinstance(spec.kind, SWITCH) else {"metavar": "VALUE"}
            )
            what = spec.help if isinstance(spec.kind, SWITCH) else f"{spec.help} ({spec.kind.range})"
            option = click.option(f"--{spec.label}", spec.name, *names, help=what, **form)
            function = option(function)
        return function

    return decorate


def opened(name: str | None, runtime: str, flags: dict[str, Any]) -> tuple[Any, Settings]:
    """The model, and the settings: defaults, then its card, the user's file, the environment, flags."""
    from afterglow.core.library import DEFAULT_MODEL
    from afterglow.core.model import load
    from afterglow.core.paths import config_file

    config = from_config(config_file())
    chosen = str(name or os.environ.get("AFTERGLOW_MODEL") or config.pop("model", DEFAULT_MODEL))
    config.pop("model", None)
    model = load(chosen, _torch_runtime() if runtime == "torch" else None)
    given = {key: value for key, value in flags.items() if value is not None}
    return model, layered(model.file.card.settings, config, from_environment(), given)


def _torch_runtime() -> Any:
    try:
        from afterglow.core.training.runtime import TorchRuntime
    except ImportError as error:
        raise MissingExtraError(NO_TORCH) from error
    return TorchRuntime


model_option = click.option("--model", "-m", "model_name", metavar="NAME", help="a model's name or path")
runtime_option = click.option(
    "--runtime", type=click.Choice(["int8", "torch"]), default="int8", help="what steps the LSTM"
)


class Verbs(click.Group):
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
            raise StorageError(f"cannot write the output: {reason(error)}") from error
        return result


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="afterglow")
@model_option
@runtime_option
@click.option("--plain", is_flag=True, help="lines instead of the full screen")
@with_settings("token", "passage", "view")
@click.pass_context
def cli(context: click.Context, /, model_name: str | None, runtime: str, plain: bool, **flags: Any) -> None:
    """Play with a text-generating LSTM: type a seed, watch it go on, turn the temperature while it writes."""
    if context.invoked_subcommand is None:
        from afterglow.core.session import Session

        model, settings = opened(model_name, runtime, flags)
        sys.exit(_chat(Session(model, settings), plain))
    _hand_on(context, context.invoked_subcommand)


def _hand_on(context: click.Context, verb: str) -> None:
    """Options that stand before a verb are meant for it; raises UsageError for one that it does not have."""
    known = {parameter.name for parameter in cli.commands[verb].params}
    given = {
        parameter.name: context.params[parameter.name]
        for parameter in cli.params
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }
    foreign = next((name for name in given if name not in known), None)
    if foreign:
        option = next(parameter.opts[0] for parameter in cli.params if parameter.name == foreign)
        raise click.UsageError(f"'afterglow {verb}' has no option {option}")
    context.default_map = {verb: given}


def _chat(session: Any, plain: bool) -> int:
    if not sys.stdin.isatty():
        from afterglow.repl.script import run_script

        return run_script(session, sys.stdin, sys.stdout)
    if (
        plain
        or not sys.stdout.isatty()
        or not sys.stderr.isatty()
        or os.environ.get("TERM", "dumb") in ("dumb", "unknown")
    ):
        from afterglow.repl.line import run_line

        run_line(session)
    else:
        from afterglow.repl.tui import run_app

        run_app(session)
    return 0


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
    """Write what goes on from SEED (else from standard input) and end."""
    from afterglow.repl.oneshot import generate as write
    from afterglow.repl.oneshot import seed_from_stdin

    model, settings = opened(model_name, runtime, flags)
    write(model, seed_from_stdin() if seed is None else seed, settings, count, echo, as_json)


cli.add_command(train)
cli.add_command(novelty)


@cli.command("eval")
@click.argument("name")
@click.argument("text", type=click.Path(path_type=Path))
@click.option("--encoding", default="utf-8", help="of the text file")
@runtime_option
@json_option
def evaluate(name: str, text: Path, encoding: str, runtime: str, as_json: bool) -> None:
    """Tell how well a model predicts a TEXT, in nats and bits per character; of its own text the held-out part."""
    from afterglow.repl.oneshot import evaluate as judge

    model, _ = opened(name, runtime, {})
    show(judge(model, text, encoding), as_json)


@cli.group(invoke_without_command=True)
@json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the models."""
    from afterglow.core.library import entries

    if context.invoked_subcommand is None:
        rows = [{"name": e.name, "bundled": e.bundled, "path": str(e.path)} for e in entries()]
        if as_json:
            click.echo(json.dumps(rows))
        for row in () if as_json else rows:
            click.echo(f"{row['name']:<20} {'comes with afterglow' if row['bundled'] else row['path']}")


@models.command("rm")
@click.argument("name")
def remove(name: str) -> None:
    """Delete one of your models."""
    from afterglow.core import library

    click.echo(f"removed {library.remove(name)}")


@cli.command()
@click.argument("name")
@json_option
def info(name: str, as_json: bool) -> None:
    """Show a model's card."""
    from afterglow.repl.oneshot import card

    show(card(name), as_json)


@cli.command()
@model_option
@click.option("--proxy", envvar="DISCORD_PROXY", help="an HTTP proxy for all that goes to Discord")
def bot(model_name: str | None, proxy: str | None) -> None:
    """Serve a Discord bot; its token is taken from the environment, DISCORD_TOKEN."""
    from afterglow.core.library import DEFAULT_MODEL

    try:
        from afterglow.bot.client import run_bot
    except ImportError as error:
        raise MissingExtraError("the bot needs discord.py: pip install 'afterglow[bot]'") from error
    run_bot(model_name or DEFAULT_MODEL, proxy)


def main() -> None:
    """Run the command line. Exit codes: 1 for what went wrong, 2 for wrong usage, 130 after Ctrl-C."""
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
