"""The commands that teach: ``afterglow explain``, ``diversity`` and ``tour``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.command_line import echo, echo_json
from ...core.errors import UsageError
from .options import (
    json_option,
    load_model_and_settings,
    model_option,
    plain_option,
    replace_option,
    require_new_file,
    with_settings,
)
from .reading_flags import ReadingFlags, reading_flags

if TYPE_CHECKING:
    from ...core.diversity import DiversityMetrics

NEXT_STEP_HINT = 'next, the probabilities of a model: afterglow explain "To be or not to b" -t 0.5 -t 1 -t 2'


def _parse_temperatures(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[float, ...]:
    from ...core.commands.explain import parse_temperature

    return tuple(map(parse_temperature, values))


temperatures_option = click.option(
    "--temperature",
    "-t",
    "temperatures",
    metavar="T",
    multiple=True,
    callback=_parse_temperatures,
    help="temperature (repeatable)",
)
rng_option = click.option(
    "--rng",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    help="number that fixes the random choices: the same number gives the same texts",
)
plot_option = click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="file for a plot; its name ends in .svg or .png"
)


@click.command()
@click.argument("text", required=False)
@temperatures_option
@click.option("--probs", metavar="P,P,…", help="probabilities to use instead of a model's, such as 0.3,0.5,0.2")
@click.option("--gaussian", is_flag=True, help="use a bell curve instead of a model's probabilities")
@click.option("--step", is_flag=True, help="work the step of the LSTM that reads the last token of TEXT, in numbers")
@click.option(
    "--unit",
    metavar="2.22",
    help="with --step: the unit to work, as layer and number (default: the best in the model's card)",
)
@rng_option
@model_option
@plot_option
@replace_option
@json_option
def explain(
    text: str | None,
    temperatures: tuple[float, ...],
    probs: str | None,
    gaussian: bool,
    step: bool,
    unit: str | None,
    rng: int,
    model_name: str | None,
    plot: Path | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Show step by step what a temperature does to probabilities, and how a token is drawn from them.

    They are a model's probabilities for the token after TEXT, those of --probs, or a bell curve. Without any of these,
    an example with three numbers is explained. With --step, all numbers of one step of the LSTM are worked, each from
    those printed before it, so that a calculator gives the same digits.
    """
    if sum((text is not None, probs is not None, gaussian)) > 1:
        raise UsageError("give one thing to explain: a text, --probs or --gaussian")
    if (step and not text) or (unit and not step):
        raise UsageError('--step needs a text, and --unit needs --step: afterglow explain --step "To be" --unit 2.22')
    require_new_file(plot, replace)
    from .explanations import ExplainRequest, build_explanation, print_effects

    explanation = build_explanation(ExplainRequest(text, probs, gaussian, step, unit, model_name, temperatures, rng))
    if plot:
        explanation.write_plot(plot)
    if as_json:
        echo_json(explanation.to_json())
        return
    print_effects(explanation.effects())
    if text is None and probs is None and not gaussian:
        echo(NEXT_STEP_HINT)


@click.command()
@model_option
@temperatures_option
@click.option("--text", type=click.Path(path_type=Path), metavar="FILE", help="training text to compare with")
@reading_flags("as in training")
@click.option("--seed", default="", help="text that every generated text continues")
@click.option("-n", "count", type=click.IntRange(1, 64), default=4, help="number of texts at each temperature")
@click.option("--length", "-l", type=click.IntRange(50, 100_000), default=1000, help="characters in a text")
@rng_option
@plot_option
@replace_option
@json_option
def diversity(
    model_name: str | None,
    temperatures: tuple[float, ...],
    text: Path | None,
    flags: ReadingFlags,
    plot: Path | None,
    replace: bool,
    as_json: bool,
    **sampling: Any,  # the options that are the fields of SampleConfig
) -> None:
    """Measure how diverse the texts of a model are.

    A few texts are generated at each temperature, and compared with the training text if --text names it. Without
    --temperature, eight temperatures from 0.2 to 1.6 are used.
    """
    from ...core.diversity import DEFAULT_TEMPERATURES, SampleConfig, measure_diversity
    from .diversity_table import load_reference, summarize

    require_new_file(plot, replace)
    model, _ = load_model_and_settings(model_name, "int8", {})
    reference, notes = load_reference(model, text, flags)
    results = measure_diversity(model, temperatures or DEFAULT_TEMPERATURES, SampleConfig(**sampling), reference)
    rows = list(results) if as_json else list(_print_table(results))
    if as_json:
        echo_json([asdict(metrics) for metrics in rows])
    for line in (*notes, *summarize(rows)):
        echo(line, err=as_json)
    if plot:
        from .plots import draw_diversity

        draw_diversity(plot, rows)


def _print_table(results: Iterable[DiversityMetrics]) -> Iterator[DiversityMetrics]:
    """Print the header, then a row for each temperature as soon as it is measured. Yield the results."""
    from .diversity_table import format_header, format_row

    echo(format_header())
    for metrics in results:
        echo(format_row(metrics))
        yield metrics


@click.command()
@model_option
@plain_option
@with_settings("token", "passage", "view")
def tour(model_name: str | None, plain: bool, **flags: object) -> None:
    """Learn to use afterglow in eight short steps.

    Each step asks you to do one thing, and notices when you have done it.
    """
    from ...core.inference.library import DEFAULT_MODEL
    from .launch import launch, open_session

    sys.exit(launch(open_session(model_name or DEFAULT_MODEL, "int8", flags), plain, "/tour"))
