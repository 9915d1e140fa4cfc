"""The command ``afterglow bot``. Imports discord.py only for what needs it, so that ``--help`` works without it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..core.command_line import echo
from ..core.errors import MissingExtraError
from .config import Options, default_config_path, load_options, template


@click.group("bot", invoke_without_command=True)
@click.option("--model", "-m", "model_name", metavar="NAME", help="name or path of the default model")
@click.option(
    "--proxy",
    envvar="DISCORD_PROXY",
    help="HTTP proxy for all connections to Discord; set DISCORD_PROXY instead if its URL has a password",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="TOML file to read instead of bot.toml")
@click.option("--check", is_flag=True, help="check token, model and data file without connecting")
@click.option("--shards", metavar="one|auto", help="auto: as many connections as Discord recommends")
@click.option("--shard-ids", metavar="0,1", help="which of --shard-count connections this process serves")
@click.option("--shard-count", type=int, help="number of connections over all processes")
@click.pass_context
def bot(
    context: click.Context,
    /,
    model_name: str | None,
    shard_ids: str | None,
    config: Path | None,
    check: bool,
    **flags: str | int | None,
) -> None:
    """Run the Discord bot. Its token is read from the file that DISCORD_TOKEN_FILE names, or from DISCORD_TOKEN."""
    options = load_options(config).changed(model=model_name, shard_ids=_parse_shard_ids(shard_ids), **flags)
    context.obj = options
    if context.invoked_subcommand:
        return
    with _require_discord():
        from . import process
    if check:
        _print_check(process.check(options))
    else:
        process.run(options)


@bot.command()
@click.pass_obj
def status(options: Options) -> None:
    """Show uptime, servers and the last error."""
    with _require_discord():
        from . import process
    for line in process.status(options):
        echo(line)


@bot.command("config")
def print_config() -> None:
    """Print a bot.toml with every option, its default and its meaning."""
    for line in (f"# {default_config_path()}", "", *template().splitlines()):
        echo(line)


def _print_check(results: list[tuple[str, str]]) -> None:
    """Print a line for each thing that was checked, and exit with 1 if one has an error."""
    for thing, error in results:
        echo(f"{'failed' if error else 'ok':<8} {thing}{': ' if error else ''}{error}")
    sys.exit(1 if any(error for _, error in results) else 0)


@contextmanager
def _require_discord() -> Iterator[None]:
    """Raise MissingExtraError if an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError("the bot needs discord.py: pip install 'afterglow-lm[bot]'") from error


def _parse_shard_ids(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError:
        raise click.UsageError(f"--shard-ids takes numbers with commas, such as 0,1, not {text!r}") from None
