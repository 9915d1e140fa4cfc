"""Writes the reference pages from the tables that the program itself runs on: ``python docs/reference.py``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from afterglow.core.commands.registry import COMMANDS
from afterglow.core.settings import SPECS
from afterglow.repl.__main__ import cli

HERE = Path(__file__).parent
MADE = "<!-- Made by docs/reference.py; edit the tables that it reads instead. -->\n"

ABOUT_COMMANDS = """# Commands

What begins with `/` is a command, in the full screen and in the line REPL (`--plain`) alike. All else is a seed; one
that begins with a slash is written `//…`. An empty line writes on, Tab completes.

Commands marked *at once* act while text is being written; for the others it has to be stopped, which the full screen
does by itself. Every [setting](settings.md) is a command of its own name too: `/top-p 0.9` sets it, `/top-p` shows it;
`/temp` is short for `/temperature`.

"""

ABOUT_SETTINGS = """# Settings

Every setting is a flag (`--top-p 0.9`), a command (`/top-p 0.9`), an entry of `config.toml` in the configuration folder
(`top-p = 0.9`) and an environment variable (`AFTERGLOW_TOP_P`). Defaults give way to the model's card, that to the
file, that to the environment, that to flags, and those to what is typed. `/set` lists them with their values, and
`/set NAME reset` goes back to the model's own.

`AFTERGLOW_HOME` moves the data and configuration folder, `AFTERGLOW_MODEL` names the model to begin with, and
`AFTERGLOW_THREADS` says how many threads a step may use; the text does not depend on it.

"""

ABOUT_VERBS = """# Command line

`afterglow` alone opens the full screen, `afterglow --plain` the line REPL; both take the [settings](settings.md) as
flags. Without a terminal on standard input its lines are played as a script. Flags that stand before a verb are handed
on to it.

Text goes to standard output, everything else to standard error. Exit codes: 1 for what went wrong, 2 for wrong usage,
130 after Ctrl-C.
"""

ACTS = {"token": "the next token", "passage": "the next text", "view": "what is shown"}
"""What a setting's scope means."""


def commands() -> str:
    """The page of slash commands, those of single settings left out."""
    of_settings = {"temp", *(spec.label for spec in SPECS.values())}
    rows = [
        (_code(c.usage), ", ".join(_code(f"/{a}") for a in c.aliases), c.help, "*at once*" if c.live else "")
        for c in COMMANDS
        if c.name not in of_settings
    ]
    return MADE + ABOUT_COMMANDS + _table(("command", "also", "what it does", ""), rows)


def settings() -> str:
    """The page of settings."""
    rows = [
        (_code(s.label), s.help, s.kind.range, _code(s.kind.show(s.default)), ACTS[s.scope]) for s in SPECS.values()
    ]
    return MADE + ABOUT_SETTINGS + _table(("setting", "what it does", "range", "default", "acts on"), rows)


def command_line() -> str:
    """The page of verbs and their flags."""
    return MADE + ABOUT_VERBS + "".join(_verb(name, verb) for name, verb in _verbs(cli))


PAGES = {"commands.md": commands, "settings.md": settings, "command-line.md": command_line}
"""The pages, by file name."""


def main() -> None:
    """Write them all."""
    for name, made in PAGES.items():
        (HERE / name).write_text(made(), "utf-8")


def _verbs(group: click.Group, before: str = "afterglow ") -> Iterator[tuple[str, click.Command]]:
    """Every verb by its whole name, those of groups behind their group."""
    for name, verb in sorted(group.commands.items()):
        yield before + name, verb
        if isinstance(verb, click.Group):
            yield from _verbs(verb, f"{before}{name} ")


def _verb(name: str, verb: click.Command) -> str:
    usage = " ".join([name, *verb.collect_usage_pieces(click.Context(verb))])
    told = "\n".join(line.strip() for line in (verb.help or "").strip().splitlines())
    options = [p for p in verb.params if isinstance(p, click.Option)]
    takes_settings = {name for name, spec in SPECS.items() if spec.scope == "token"} <= {p.name for p in options}
    if takes_settings:
        options = [p for p in options if p.name not in SPECS]
    rows = [(", ".join(map(_code, p.opts)), p.help or "") for p in options]
    table = "\n" + _table(("flag", "what it does"), rows) if rows else ""
    more = "\nIt takes the [settings](settings.md) as flags too.\n" if takes_settings else ""
    return f"\n## `{name}`\n\n{told}\n\n```text\n{usage}\n```\n{table}{more}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    main()
