"""The click group of ``afterglow``: handles closed pipes, Ctrl-C, and options given before a command."""

from __future__ import annotations

import os
import sys

import click
from click.core import ParameterSource

from ...core.errors import StorageError, error_text


class AfterglowGroup(click.Group):
    """A click group that exits as shells expect: silently with 0 after a closed pipe, with 130 after Ctrl-C."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Raise StorageError if standard output cannot be written."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            _discard_stdout()
            sys.exit(0)
        except OSError as error:
            if error.filename is not None:
                raise
            _discard_stdout()
            raise StorageError(f"cannot write the output: {error_text(error)}") from error
        return result

    def forward_options(self, context: click.Context, name: str) -> None:
        """Make options given before the command ``name`` the defaults of that command's own options.

        Raise click.UsageError for an option that the command does not have.
        """
        parameters = {option: parameter for parameter in self.commands[name].params for option in parameter.opts}
        defaults = {}
        for option in self.params:
            if not option.name or context.get_parameter_source(option.name) is not ParameterSource.COMMANDLINE:
                continue
            target = parameters.get(option.opts[0])
            if target is None:
                raise click.UsageError(f"'afterglow {name}' has no option {option.opts[0]}")
            value = context.params[option.name]
            defaults[target.name] = (value,) if isinstance(target, click.Option) and target.multiple else value
        context.default_map = {name: defaults}


def _discard_stdout() -> None:
    """Redirect standard output to the null device. Python flushes it again at exit, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
