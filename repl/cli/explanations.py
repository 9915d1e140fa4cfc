"""The work of ``afterglow explain``: what there is to explain, and its tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.command_line import echo, echo_notice
from ...core.commands import explain, explain_tables
from ...core.commands.draw_table import DrawTable, draw_table
from ...core.commands.effects import Listing, Table
from ...core.sampling.rng import PositionRNG
from ...core.sampling.temperature import LESSON_PROBABILITIES
from .options import load_model_and_settings, terminal_columns

if TYPE_CHECKING:
    from ...core.commands.explain import GreedyRun
    from ...core.commands.explain_tables import Distribution
    from ...core.events import Notice
    from ...core.model import Model


class Explanation(NamedTuple):
    """A distribution at some temperatures, the draw from it, and the model's text at T = 0.

    The draw is None for a bell curve, the text None without a model.
    """

    distribution: Distribution
    temperatures: Sequence[float]
    draw: DrawTable | None = None
    greedy_run: GreedyRun | None = None

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


def open_model(name: str | None) -> Model:
    """Return the model to explain."""
    return load_model_and_settings(name, "int8", {})[0]


def explain_curve(temperatures: Sequence[float]) -> Explanation:
    """Return the explanation of a bell curve."""
    return Explanation(explain.bell_curve(max(temperatures)), temperatures)


def explain_numbers(probs: str | None, temperatures: Sequence[float], rng: int) -> Explanation:
    """Return the explanation of typed probabilities, or of the lesson's if that is None. Raises UsageError."""
    distribution = explain.parse_distribution(probs or ",".join(map(str, LESSON_PROBABILITIES)))
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
    return Explanation(distribution, temperatures, table, explain.run_greedy(model, snapshot))


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
