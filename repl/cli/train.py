"""The verbs that make models: ``afterglow train``."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

import click
from afterglow.core.errors import MissingExtraError, UsageError
from afterglow.core.text.split import DEFAULT_SPLIT

from .options import NO_TORCH_HINT, json_option, print_values


class FiniteFloat(click.FloatRange):
    """A range of numbers, of which nan and inf are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is not a number to count with", param, ctx)
        return number


POSITIVE_FLOAT = FiniteFloat(0, min_open=True)


@click.command()
@click.argument("paths", nargs=-1, metavar="TEXT...")
@click.option("--name", help="what to call the model")
@click.option("--resume", metavar="NAME", help="go on with an unfinished run, exactly as if it had never stopped")
@click.option("--minutes", type=POSITIVE_FLOAT, help="how long to train; else until validation improves no more")
@click.option("--epochs", type=POSITIVE_FLOAT, help="how many passes over the text")
@click.option("--size", type=click.Choice(["small", "medium", "large"]), help="chosen by time and text if not given")
@click.option("--layers", type=click.IntRange(1, 8), help="how many LSTM layers")
@click.option("--width", type=click.IntRange(8, 4096), help="hidden units in a layer")
@click.option("--dropout", type=FiniteFloat(0, 10), help="times the size's own dropout: 0 none, 1 as it is, 2 twice")
@click.option("--rate", type=POSITIVE_FLOAT, help="the highest learning rate, instead of the size's own")
@click.option("--batch", type=click.IntRange(1, 65_536), help="streams down the text read at once (32)")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="a GPU where there is one (auto)")
@click.option("--tokens", type=click.Choice(["char", "byte", "bpe", "word"]), help="what it reads and writes (char)")
@click.option("--vocab", "vocabulary", type=click.IntRange(257, 65_536), help="how many tokens, for bpe and word")
@click.option("--from", "start", metavar="MODEL", help="go on from this model; characters that it lacks are added")
@click.option("--min-count", type=click.IntRange(1), help="rarer characters are read as a space (1: all are kept)")
@click.option("--lines", is_flag=True, help="each line is an item of its own: a sample ends with it")
@click.option("--field", help="of JSON lines (text)")
@click.option("--column", help="of a .csv or .tsv table")
@click.option("--encoding", help="of the text files (utf-8)")
@click.option(
    "--split", help=f"percents to learn from, to validate with, to hold out, such as 80/10/10 ({DEFAULT_SPLIT})"
)
@click.option("--keep-boilerplate", is_flag=True, help="learn Project Gutenberg's header and footer too")
@click.option("--licence", help="of the text, for the model's card")
@click.option("--no-index", is_flag=True, help="without the index that lets copied runs be seen")
@click.option("--replace", is_flag=True, help="overwrite a model or an unfinished run of that name")
@json_option
def train(paths: tuple[str, ...], resume: str | None, as_json: bool, **options: Any) -> None:
    """Train a model on TEXT... and keep it under a name.

    TEXT is a file (.txt, .md, .jsonl, .csv, .tsv, each also .gz), a folder, a glob, or - for standard input. Ctrl-C
    stops at a good place; --resume goes on from there.
    """
    device = options.pop("device") or "auto"
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    if resume and (paths or given):
        raise UsageError("--resume goes on with what the run was begun with: leave the other options and texts out")
    if options["vocabulary"] and options["tokens"] not in ("bpe", "word"):
        raise UsageError("--vocab is for --tokens bpe and --tokens word; characters and bytes are as many as there are")
    if options["min_count"] and options["tokens"] not in (None, "char"):
        raise UsageError("--min-count is for characters; leave it out, or --tokens")
    if not resume and not options["name"]:
        raise UsageError("say what to call the model: --name mine")
    try:
        from .train_run import start_or_resume
    except ImportError as error:
        raise MissingExtraError(NO_TORCH_HINT) from error
    figures = start_or_resume(resume or _build_request(paths, given), device)
    if figures is None:
        return
    print_values(figures, as_json)
    if not as_json:
        click.echo(f"play it: afterglow --model {figures['model']}")


def _build_request(paths: tuple[str, ...], options: dict[str, Any]) -> Any:
    from afterglow.core.text.formats import ReadOptions
    from afterglow.core.training.request import TrainRequest
    from afterglow.core.training.sizes import TrainOverrides

    def select_options(*names: str) -> dict[str, Any]:
        return {name: options[name] for name in names if name in options}

    wanted = TrainOverrides(
        options.get("minutes", inf),
        options.get("epochs", inf),
        **select_options("size", "layers", "width", "batch", "rate", "dropout"),
    )
    reading = ReadOptions(**select_options("encoding", "keep_boilerplate", "field", "column", "lines", "split"))
    rest = select_options("name", "start", "tokens", "vocabulary", "min_count", "licence", "replace")
    return TrainRequest(paths=paths, reading=reading, wanted=wanted, index="no_index" not in options, **rest)


@click.command()
@click.argument("name", metavar="MODEL")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--length", type=click.IntRange(100, 1_000_000), default=5_000, help="how many characters it writes")
@click.option("-t", "--temperature", type=FiniteFloat(0, 5), help="the model's own if not given")
@click.option("--rng", type=click.IntRange(0), default=1, help="the dice")
@click.option("--encoding", help="of the text files (that of the model's own text)")
@json_option
def novelty(name: str, texts: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Tell how much of what MODEL writes stands word for word in its training text.

    With the TEXT the lengths are exact; without it they are what the index in the model file notices.
    """
    from .generate import measure_novelty

    print_values(measure_novelty(name, texts, **options), as_json)
