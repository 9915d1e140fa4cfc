"""The work of ``afterglow explain``: what there is to explain, and its tables on the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.cells.units import Unit, parse_unit, require_unit
from ...core.cells.worked_step import WorkedStep, work_step
from ...core.command_line import echo, echo_notice
from ...core.commands import explain, explain_tables, step_tables
from ...core.commands.draw_table import DrawTable, draw_table
from ...core.commands.effects import Listing, Table
from ...core.commands.listing_svg import listings_svg
from ...core.errors import SettingError, UsageError
from ...core.sampling.rng import PositionRNG
from ...core.sampling.temperature import LESSON_PROBABILITIES
from ...core.user_files import write_user_file
from .options import load_model_and_settings, terminal_columns

if TYPE_CHECKING:
    from ...core.commands.explain import GreedyRun
    from ...core.commands.explain_tables import Distribution
    from ...core.events import Notice
    from ...core.model import Model


LESSON_TEMPERATURES = (1.2, 0.8)
"""Temperatures of typed probabilities if none are given."""

LATER_TEMPERATURES = (0.5, 1.0, 2.0)
"""Temperatures of a model's distribution or a curve if none are given."""


class ExplainRequest(NamedTuple):
    """The arguments of the command. ``temperatures`` is empty if none is given."""

    text: str | None
    probs: str | None
    gaussian: bool
    step: bool
    unit: str | None
    model_name: str | None
    temperatures: tuple[float, ...]
    rng: int


class Explanation(NamedTuple):
    """A distribution at some temperatures, the draw from it, and the model's text at T = 0.

    The draw is None for a bell curve, the text None without a model.
    """

    distribution: Distribution
    temperatures: Sequence[float]
    draw: DrawTable | None = None
    greedy_run: GreedyRun | None = None
    text: str | None = None

    def effects(self) -> Iterable[Listing | Table | Notice]:
        """Yield the tables and notices. A narrow terminal gets tables that fit it."""
        if self.draw is None:
            yield explain_tables.compare_curves(self.distribution, self.temperatures)
            return
        if terminal_columns() <= explain_tables.PLAIN_WIDTH:
            yield from (explain_tables.build_table(self.distribution, [t]) for t in self.temperatures)
        else:
            yield from explain_tables.build_tables(self.distribution, self.temperatures)
        yield from explain_tables.slide_notices(self.distribution, self.temperatures)
        yield self.draw
        if self.greedy_run:
            yield explain.greedy_notice(self.greedy_run)

    def to_json(self) -> dict[str, Any]:
        """Return all figures unrounded."""
        values = explain.as_json(self.distribution, self.temperatures, self.greedy_run)
        return {**values, "draw": self.draw.to_json()} if self.draw else values

    def write_plot(self, path: Path) -> None:
        """Write a plot. Raises the errors of ``draw_distribution``."""
        from .plots import draw_distribution

        draw_distribution(path, self, self.text)


def build_explanation(request: ExplainRequest) -> Explanation | StepExplanation:
    """Return what is asked for. Raises UsageError for wrong arguments, and the errors of opening a model."""
    if request.gaussian:
        return explain_curve(request.temperatures or LATER_TEMPERATURES)
    if request.text is None:
        return explain_numbers(request.probs, request.temperatures or LESSON_TEMPERATURES, request.rng)
    model, _ = load_model_and_settings(request.model_name, "int8", {})
    if request.step:
        return explain_step(model, request.text, request.temperatures, request.unit, request.rng)
    return explain_next(model, request.text, request.temperatures or LATER_TEMPERATURES, request.rng)


def explain_curve(temperatures: Sequence[float]) -> Explanation:
    """Return the explanation of a bell curve."""
    return Explanation(explain.bell_curve(max(temperatures)), temperatures)


def explain_numbers(probs: str | None, temperatures: Sequence[float], rng: int) -> Explanation:
    """Return the explanation of typed probabilities, or of the lesson's if that is None. Raises UsageError."""
    distribution = explain.parse_distribution(",".join(map(str, LESSON_PROBABILITIES)) if probs is None else probs)
    if distribution.notice:
        echo_notice(distribution.notice)
    return Explanation(distribution, temperatures, draw_table(distribution, temperatures, PositionRNG(rng), 0))


def explain_next(model: Model, text: str, temperatures: Sequence[float], rng: int) -> Explanation:
    """Return the explanation of a model's distribution after ``text``."""
    prefill = model.read(text)
    for notice in prefill.notices:
        echo_notice(notice)
    snapshot, labels = prefill.snapshot, explain.token_labels(model)
    distribution = explain.from_snapshot(model, snapshot)
    table = draw_table(distribution, temperatures, PositionRNG(rng), snapshot.position, labels)
    return Explanation(distribution, temperatures, table, explain.run_greedy(model, snapshot), text)


class StepExplanation(NamedTuple):
    """One step of the LSTM, and the draw from what it predicts."""

    step: WorkedStep
    temperature: float
    draw: DrawTable
    label: Callable[[int], str]

    def effects(self) -> list[Listing | Table]:
        """Return the tables."""
        return [*step_tables.step_listings(self.step, self.temperature, self.label), self.draw]

    def to_json(self) -> dict[str, Any]:
        """Return all figures, rounded as on paper, and the draw."""
        values = step_tables.step_as_json(self.step, self.temperature, self.label)
        return {**values, "draw": self.draw.to_json()}

    def write_plot(self, path: Path) -> None:
        """Write the tables as a picture. Raises UsageError if the name of ``path`` does not end in .svg."""
        if path.suffix != ".svg":
            raise UsageError(f"cannot write a step to {path}: its name must end in .svg")
        svg = listings_svg(self.effects(), f"One step of the LSTM, which reads {self.label(self.step.id)}")
        write_user_file(path, svg.encode("utf-8"))


def explain_step(model: Model, text: str, temperatures: Sequence[float], unit: str | None, rng: int) -> StepExplanation:
    """Return the step that reads the last token of ``text``. Raises UsageError for more than one temperature, or 0."""
    temperature = (*temperatures, 1.0)[0]
    if len(temperatures) > 1 or temperature == 0:
        raise UsageError("a step is worked at one temperature above 0: give -t once")
    ids = model.tokenizer.encode(model.file.card.fold_case(text))
    step = work_step(model, ids, parse_unit(unit) if unit else _best_cell(model))
    snapshot = model.read(text, whole=True).snapshot
    distribution, labels = explain.from_snapshot(model, snapshot), explain.token_labels(model)
    table = draw_table(distribution, [temperature], PositionRNG(rng), snapshot.position, labels)
    return StepExplanation(step, temperature, table, distribution.labels.__getitem__)


def _best_cell(model: Model) -> Unit | None:
    """Return the first cell that the model's card names, None if it names none that the model has."""
    with contextlib.suppress(SettingError):
        unit = parse_unit(model.file.card.cells.partition(" ")[0])
        require_unit(unit, model.file.architecture)
        return unit
    return None


def print_effects(effects: Iterable[Listing | Table | Notice]) -> None:
    """Print notices and tables, with an empty line after each table."""
    for effect in effects:
        if isinstance(effect, Table):
            lines = ["".join(text for text, _ in line).rstrip() for line in effect.lines(terminal_columns() - 3)]
        elif isinstance(effect, Listing):
            lines = effect.lines()
        else:
            echo(effect.text)
            continue
        for line in (effect.title, *(f"  {line}" for line in lines), ""):
            echo(line)
