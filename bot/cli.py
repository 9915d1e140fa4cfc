"""``afterglow bot``: the verb, its options, and what its owner can ask. discord.py is imported when it is needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..core.errors import MissingExtraError
from . import config as owner


@click.group("bot", invoke_without_command=True)
@click.option("--model", "-m", "model_name", metavar="NAME", help="a model's name or path")
@click.option("--proxy", envvar="DISCORD_PROXY", help="an HTTP proxy for all that goes to Discord")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="a TOML file instead of bot.toml")
@click.option("--check", is_flag=True, help="say what is missing, and do not connect")
@click.option("--shards", metavar="one|auto", help="auto: as many connections as Discord advises")
@click.option("--shard-ids", metavar="0,1", help="which of --shard-count connections this process serves")
@click.option("--shard-count", type=int, help="how many connections there are, over all processes")
@click.pass_context
def bot(context: click.Context, /, model_name: str | None, shard_ids: str | None, **flags: Any) -> None:
    """Serve a Discord bot; its token is taken from the environment, DISCORD_TOKEN or DISCORD_TOKEN_FILE."""
    config, check = flags.pop("config"), flags.pop("check")
    chosen = owner.load_options(config).changed(model=model_name, shard_ids=_parse_shard_ids(shard_ids), **flags)
    context.obj = chosen
    if context.invoked_subcommand:
        return
    process = _import_process()
    if not check:
        process.run(chosen)
        return
    problems = process.check(chosen)
    for thing, wrong in problems:
        click.echo(f"{'missing' if wrong else 'ok':<8} {thing}{': ' if wrong else ''}{wrong}")
    sys.exit(1 if any(wrong for _, wrong in problems) else 0)


@bot.command()
@click.pass_obj
def status(chosen: owner.Options) -> None:
    """Say how the bot fares: since when it runs, in how many servers, what went wrong last."""
    for line in _import_process().status(chosen):
        click.echo(line)


@bot.command()
def config() -> None:
    """Print a bot.toml with every option, its default and what it is for."""
    click.echo(f"# {owner.default_config_path()}\n\n{owner.template()}", nl=False)


def _import_process() -> Any:
    try:
        from . import process
    except ImportError as error:
        raise MissingExtraError("the bot needs discord.py: pip install 'afterglow-lm[bot]'") from error
    return process


def _parse_shard_ids(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError:
        raise click.UsageError(f"--shard-ids cannot be {text!r}: it is numbers with commas, such as 0,1") from None
