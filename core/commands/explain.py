"""/explain: the effect of temperatures on the probabilities of the next token, or on typed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import CommandError, UsageError
from ..events import Notice, Token
from ..generation.snapshot import Snapshot
from ..generation.stream import StreamOptions
from ..model import Model
from ..sampling.filters import Array, log_softmax
from ..sampling.rng import PositionRNG
from ..sampling.temperature import (
    Loop,
    describe_sum,
    effective_choices,
    entropy_from_probs,
    find_loop,
    gaussian,
    parse_probabilities,
    probs_at_temperatures,
    temperature_steps,
)
from ..sanitize import token_label
from ..session.lens import next_stream, stream_logprobs
from ..session.session import Session
from ..setting_types import Ramp
from ..settings import SPECS, Settings
from .draw_table import draw_table
from .effects import Effect, Table
from .explain_tables import Distribution, build_table, log_probs, slide_notices

GREEDY_LENGTH = 8000
"""Characters written at T = 0 to find the loop. Of the bundled models, most loops begin after the first thousand."""


NO_STYLE = Settings()
"""Settings without style."""


class GreedyRun(NamedTuple):
    """A text written at T = 0, and the loop that it falls into, or None."""

    text: str
    loop: Loop | None


class ExplainArgs(NamedTuple):
    """Arguments of /explain: a distribution (None: the next token's), and temperatures (none: the current one)."""

    distribution: Distribution | None
    temperatures: tuple[float, ...]


DEFAULT_ARGS = ExplainArgs(None, ())


def explain(session: Session, args: ExplainArgs = DEFAULT_ARGS) -> Iterator[Effect]:
    """Show the tables of the next token or of typed probabilities. If a temperature is 0, also show its loop.

    The loop is left out while text is being written.
    """
    temperatures = args.temperatures or (session.temperature,)
    if args.distribution:
        yield from show_typed(args.distribution, temperatures)
        yield draw_table(args.distribution, temperatures, PositionRNG(session.passage.rng), 0)
        return
    stream = next_stream(session)
    if stream is None:
        raise CommandError("there is no text yet: type a seed first, or probabilities: /explain 0.3,0.5,0.2 1.2 0.8")
    distribution = from_logprobs(session.model, stream_logprobs(stream))
    yield build_table(distribution, temperatures)
    if not args.temperatures and isinstance(ramp := session.settings.temperature, Ramp):
        place = "where the ramp is now" if session.playing else "where the next text begins"
        yield Notice(f"T {session.temperature:.2f} is {place}: T goes along {SPECS['temperature'].kind.show(ramp)}")
    if filters := session.settings.changed(style=(), style_strength=1).format_active_filters():
        yield Notice(f"the tables show the temperature alone; {filters} also changes the probabilities before the draw")
    else:
        label = token_labels(session.model)
        yield draw_table(distribution, temperatures, stream.options.rng.copy(), stream.position, label)
    if 0 in temperatures and not session.playing:
        yield greedy_notice(run_greedy(session.model, session.current_snapshot(), session.settings))


def show_typed(distribution: Distribution, temperatures: Sequence[float]) -> Iterator[Table | Notice]:
    """Yield the table of typed probabilities, and notices on how they were read and on the lesson's slide."""
    if distribution.notice:
        yield Notice(distribution.notice)
    yield build_table(distribution, temperatures)
    yield from slide_notices(distribution, temperatures)


def parse_args(_: Session, text: str) -> ExplainArgs:
    """Parse "0.5 1 2" or "0.3,0.5,0.2 1.2 0.8". Raises UsageError or SettingError if it is invalid."""
    words = text.split()
    distribution = parse_distribution(words.pop(0)) if words and "," in words[0] else None
    return ExplainArgs(distribution, tuple(map(parse_temperature, words)))


def parse_temperature(text: str) -> float:
    """Parse one temperature. Raises SettingError if it is out of range, UsageError if it is a ramp."""
    value = SPECS["temperature"].parse(text)
    if not isinstance(value, float):
        raise UsageError(f"{text!r} is a ramp; give single temperatures: 0.2 0.8 1.6")
    return value


def parse_distribution(text: str) -> Distribution:
    """Return the distribution in a text such as "0.3,0.5,0.2". Raises UsageError if it is invalid."""
    return from_probs(parse_probabilities(text))._replace(notice=describe_sum(text))


def from_probs(probs: Array) -> Distribution:
    """Return typed probabilities, labeled with numbers from 1."""
    return Distribution([str(n) for n in range(1, len(probs) + 1)], probs)


def from_snapshot(model: Model, snapshot: Snapshot) -> Distribution:
    """Return the model's distribution (T = 1, no filter) of the token after a snapshot."""
    return from_logprobs(model, log_softmax(snapshot.logits[None].astype(np.float64))[0])


def from_logprobs(model: Model, logprobs: Array) -> Distribution:
    """Return the distribution of a model's log-probabilities (V,), labeled with its tokens."""
    return Distribution([_label_token(model, token) for token in range(model.tokenizer.size)], np.exp(logprobs))


def token_labels(model: Model) -> Callable[[int], str]:
    """Return the function that names a token id on the bar of a draw."""
    return lambda token: token_label(model.token_text(token))


def bell_curve(max_temperature: float = 1.0) -> Distribution:
    """Return a Gaussian, labeled with standard deviations from the mean, for temperatures up to this one."""
    positions, probs = gaussian(max_temperature)
    return Distribution([f"{position:+.2f}" for position in positions], probs)


def run_greedy(model: Model, start: Snapshot, style_of: Settings = NO_STYLE) -> GreedyRun:
    """Write ``GREEDY_LENGTH`` characters from ``start`` at T = 0 without filters, and find the loop in them.

    ``style_of`` are the settings whose style they are written in.
    """
    engine = model.engine()
    style = {name: getattr(style_of, name) for name in ("style", "style_strength")}
    settings = Settings(temperature=0, length=GREEDY_LENGTH, **style)
    options = StreamOptions(settings, PositionRNG(0), max_unread=GREEDY_LENGTH, keep_snapshots=False)
    stream = engine.open(start, options)
    text = "".join(event.text for event in engine.iter_events(stream) if isinstance(event, Token))
    return GreedyRun(text, find_loop(text))


def greedy_notice(greedy_run: GreedyRun) -> Notice:
    """Return a notice that describes a greedy text and its loop."""
    beginning = f"T 0 always takes the likeliest token: {greedy_run.text[:60]!r} …"
    if not greedy_run.loop:
        return Notice(f"{beginning}; no loop in {len(greedy_run.text):,} characters; other seeds often lead to one")
    start, text = greedy_run.loop
    repeated = f"from character {start + 1:,} on it repeats these {len(text)} characters: {text!r}"
    return Notice(f"{beginning}; {repeated}, to the end of the {len(greedy_run.text):,} that were written")


def as_json(
    distribution: Distribution, temperatures: Sequence[float], greedy_run: GreedyRun | None = None
) -> dict[str, Any]:
    """Return all figures unrounded, for JSON. Infinite numbers are None."""
    values: dict[str, Any] = {
        "labels": distribution.labels,
        "probs": distribution.probs.tolist(),
        "entropy_bits": entropy_from_probs(distribution.probs),
        "effective_choices": effective_choices(distribution.probs),
        "temperatures": [_steps_as_json(distribution.probs, t) for t in temperatures],
    }
    if greedy_run:
        loop = greedy_run.loop._asdict() if greedy_run.loop else None
        values["greedy"] = {"text": greedy_run.text, "loop": loop}
    return values


def _label_token(model: Model, token: int) -> str:
    """Return a token's text in quotes. A byte that is not a whole character is shown in hexadecimal."""
    text = model.tokenizer.decode([token])
    return f"0x{token:02x}" if text == "\ufffd" and model.tokenizer.kind == "byte" else repr(text)


def _steps_as_json(probs: Array, temperature: float) -> dict[str, Any]:
    """Return the columns of a table and its result, unrounded. At T = 0 there are no columns."""
    (shaped,) = probs_at_temperatures(log_probs(probs), [temperature])
    columns: dict[str, Any] = {}
    if temperature:
        steps = temperature_steps(probs, temperature)._asdict()
        columns = {name: [float(x) if np.isfinite(x) else None for x in steps[name]] for name in steps}
    return {
        "temperature": temperature,
        **columns,
        "renormalised": shaped.tolist(),
        "entropy_bits": entropy_from_probs(shaped),
        "effective_choices": effective_choices(shaped),
    }
