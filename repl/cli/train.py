"""The commands around training: ``afterglow train`` and ``afterglow novelty``."""

from __future__ import annotations

import sys
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from ...core.command_line import echo
from ...core.errors import MissingExtraError, UsageError
from .options import NO_TORCH_HINT, json_option, print_values, require_one
from .reading_flags import ask_for_encoding, reading_flags

if TYPE_CHECKING:
    from ...core.training.request import TrainOption


class FiniteFloat(click.FloatRange):
    """A click type for floats in a range; rejects nan and inf."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isfinite(click.FLOAT.convert(value, param, ctx)):
            self.fail(f"{value} is not a finite number", param, ctx)
        return super().convert(value, param, ctx)


class TrainCommand(click.Command):
    """A command with the options in ``TRAIN_OPTIONS``. An option that is not given has the value None.

    The options are made when ``params`` is first read, so that other commands start 10 ms sooner.
    """

    _declared: list[click.Parameter]
    _is_complete = False

    @property
    def params(self) -> list[click.Parameter]:
        """The TEXT argument, the options in ``TRAIN_OPTIONS``, and the others. click appends to this list."""
        if not self._is_complete:
            from ...core.training.request import TRAIN_OPTIONS

            self._is_complete = True
            self._declared[1:1] = [_to_click(name, option) for name, option in TRAIN_OPTIONS.items()]
        return self._declared

    @params.setter
    def params(self, params: list[click.Parameter]) -> None:
        self._declared = params


def _to_click(name: str, option: TrainOption) -> click.Option:
    names = [option.flag, name]
    if option.kind is bool:
        return click.Option(names, help=option.help, is_flag=True, flag_value=not option.default, default=None)
    return click.Option(names, help=option.help, type=_click_type(option), metavar=option.metavar)


def _click_type(option: TrainOption) -> click.ParamType[Any]:
    if option.choices:
        return click.Choice(option.choices)
    if option.kind is float:
        return FiniteFloat(option.low, option.high, min_open=option.low_excluded)
    return click.IntRange(option.low, option.high) if option.kind is int else click.STRING


@click.command(cls=TrainCommand)
@click.argument("paths", nargs=-1, metavar="TEXT...")
@click.option("--resume", metavar="NAME", help="resume an unfinished run, exactly as if it had never stopped")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    help="device to train on (default: a GPU if there is one)",
)
@json_option
def train(paths: tuple[str, ...], resume: str | None, device: str, as_json: bool, **options: Any) -> None:
    """Train a model on TEXT... and save it under a name.

    TEXT is a file, a folder, a glob, or - for standard input: plain text, chats, mail, tables, JSON, HTML, EPUB, DOCX,
    each also as .gz or .zip. Ctrl-C saves the run, and --resume continues it.
    """
    given = {name: value for name, value in options.items() if value is not None}
    _check_combination(paths, resume, given)
    from ...core.training.request import TrainRequest

    try:
        from .train_run import start_or_resume
    except ImportError as error:
        raise MissingExtraError(NO_TORCH_HINT) from error
    request = TrainRequest(paths=paths, **given)
    if paths and not resume:
        request = replace(request, encoding=ask_for_encoding(paths, request.read_options))
    outcome = start_or_resume(resume or request, device)
    if outcome is None:
        return
    print_values(outcome.figures, as_json)
    if not as_json:
        for name in filter(None, (outcome.figures["model"], outcome.figures.get("beside"))):
            echo(f"play it: afterglow --model {name}")
    sys.exit(outcome.exit_code)


def _check_combination(paths: tuple[str, ...], resume: str | None, given: dict[str, Any]) -> None:
    """Raise UsageError if options conflict or the name is missing."""
    if resume and (paths or given):
        raise UsageError("--resume uses the options that the run started with: leave out other options and texts")
    if "label_column" in given and given.get("label", "author") != "author":
        raise UsageError("--label-column holds the labels: leave it out, or --label")
    if "vocabulary_size" in given and given.get("tokens") not in ("bpe", "word"):
        raise UsageError("--vocab only applies to --tokens bpe or word")
    if "min_count" in given and given.get("tokens", "char") != "char":
        raise UsageError("--min-count only applies to --tokens char")
    if given.get("lines") and given.get("items", "line") != "line":
        raise UsageError("--lines and --items blank-line exclude each other")
    if not resume and not given.get("name"):
        raise UsageError("name the model: --name mine")


@click.command()
@click.argument("name", metavar="MODEL")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--length", type=click.IntRange(100, 1_000_000), default=5_000, help="number of characters to generate")
@click.option(
    "-t",
    "--temperature",
    type=FiniteFloat(0, 5),
    multiple=True,
    callback=require_one,
    help="temperature (default: the model's)",
)
@click.option("--rng", type=click.IntRange(0), default=1, help="random seed")
@reading_flags("as in training")
@json_option
def novelty(name: str, texts: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Measure how much of MODEL's output is copied from its training text.

    With TEXT, the training text, all figures are exact. Without it they are the least that the index in the model
    file.
    """
    from .copy_figures import in_words
    from .generate import measure_novelty

    values = measure_novelty(name, texts, **options)
    print_values(values if as_json else in_words(values), as_json)
