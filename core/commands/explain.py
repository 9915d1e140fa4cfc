"""The temperature lesson as tables: a distribution, and the effect of temperatures on it, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    LESSON_PROBABILITIES,
    Loop,
    double_rounding_differs,
    effective_choices,
    entropy_from_probs,
    find_loop,
    gaussian,
    parse_probabilities,
    probs_at_temperatures,
    temperature_steps,
)
from ..session.lens import next_logprobs
from ..session.session import Session
from ..settings import SPECS, Settings
from .effects import Effect, Listing

MAX_ROWS = 10
"""Maximum number of tokens in a table; the others are summed up in one row."""

BAR_WIDTH = 20
"""Width of the bar for probability 1, in columns."""

MIN_SHOWN_PROBABILITY = 0.0005
"""Smallest probability that is not printed as 0.000."""

GREEDY_LENGTH = 800
"""Characters written at T = 0 to find the loop."""

_HEADER = f"{'p':>5}  {'log p':>6}  {'log p / T':>9}  {'exp':>5}   sums to 1"


class Distribution(NamedTuple):
    """Probabilities (V,) with a label for each."""

    labels: list[str]
    probs: Array


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
        yield from build_tables(args.distribution, temperatures)
        return
    logprobs = next_logprobs(session)
    if logprobs is None:
        raise CommandError("there is no text yet: type a seed first, or probabilities: /explain 0.3,0.5,0.2 1.2 0.8")
    yield from build_tables(from_logprobs(session.model, logprobs), temperatures)
    if filters := session.settings.format_active_filters():
        yield Notice(f"the tables show the temperature alone; {filters} also changes the probabilities before the draw")
    if 0 in temperatures and not session.playing:
        yield greedy_notice(run_greedy(session.model, session.current_snapshot()))


def parse_args(_: Session, text: str) -> ExplainArgs:
    """Parse "0.5 1 2" or "0.3,0.5,0.2 1.2 0.8". Raises UsageError or SettingError if it is invalid."""
    words = text.split()
    distribution = from_probs(parse_probabilities(words.pop(0))) if words and "," in words[0] else None
    return ExplainArgs(distribution, tuple(map(parse_temperature, words)))


def parse_temperature(text: str) -> float:
    """Parse one temperature. Raises SettingError if it is out of range, UsageError if it is a ramp."""
    value = SPECS["temperature"].parse(text)
    if not isinstance(value, float):
        raise UsageError(f"{text!r} is a ramp; give single temperatures: 0.2 0.8 1.6")
    return value


def from_probs(probs: Array) -> Distribution:
    """Return typed probabilities, labeled with numbers from 1."""
    return Distribution([str(n) for n in range(1, len(probs) + 1)], probs)


def from_snapshot(model: Model, snapshot: Snapshot) -> Distribution:
    """Return the model's distribution (T = 1, no filter) of the token after a snapshot."""
    return from_logprobs(model, log_softmax(snapshot.logits[None].astype(np.float64))[0])


def from_logprobs(model: Model, logprobs: Array) -> Distribution:
    """Return the distribution of a model's log-probabilities (V,), labeled with its tokens."""
    return Distribution([_label_token(model, token) for token in range(model.tokenizer.size)], np.exp(logprobs))


def bell_curve() -> Distribution:
    """Return a Gaussian, labeled with standard deviations from the mean."""
    positions, probs = gaussian()
    return Distribution([f"{position:+.2f}" for position in positions], probs)


def build_tables(distribution: Distribution, temperatures: Sequence[float]) -> Iterator[Listing | Notice]:
    """Yield a table for each temperature: p, log p, log p / T, its exponential, the result. A footnote can follow."""
    for temperature in temperatures:
        rows = _build_rows(distribution, temperature)
        yield Listing(_format_title(distribution.probs, temperature), [("", _HEADER), *rows])
    divided = [log / t for t in temperatures if t for log in _log_probs(distribution.probs)[:MAX_ROWS]]
    if any(map(_is_rounded_twice_on_slide, divided)):
        yield Notice("* exactly -1.50497; rounded twice, over -1.505, it becomes the -1.51 of the lesson's slide")


def compare_columns(distribution: Distribution, temperatures: Sequence[float]) -> Listing:
    """Return one column of bars for each temperature, to compare the shapes of a curve."""
    shapes = probs_at_temperatures(_log_probs(distribution.probs), temperatures)
    highest = max(float(shape.max()) for shape in shapes)
    width = max(8, 60 // len(temperatures))
    header = "".join(f"{f'T {t:g}':<{width}}" for t in temperatures).rstrip()
    rows = [
        (label, "".join(f"{block_bar(shape[i] / highest, width - 2):<{width}}" for shape in shapes).rstrip())
        for i, label in enumerate(distribution.labels)
    ]
    widths = ", ".join(f"T {t:g}: {t**0.5:.2f}" for t in temperatures)
    return Listing(f"a bell curve becomes √T times as wide · {widths}", [("", header), *rows])


def run_greedy(model: Model, start: Snapshot) -> GreedyRun:
    """Write ``GREEDY_LENGTH`` characters from ``start`` at T = 0 without filters, and find the loop in them."""
    engine = model.engine()
    settings = Settings(temperature=0, length=GREEDY_LENGTH)
    options = StreamOptions(settings, PositionRNG(0), max_unread=GREEDY_LENGTH, keep_snapshots=False)
    stream = engine.open(start, options)
    text = "".join(event.text for event in engine.iter_events(stream) if isinstance(event, Token))
    return GreedyRun(text, find_loop(text))


def greedy_notice(greedy_run: GreedyRun) -> Notice:
    """Return a notice that describes a greedy text and its loop."""
    beginning = f"T 0 always takes the likeliest token: {greedy_run.text[:60]!r} …"
    if not greedy_run.loop:
        return Notice(f"{beginning}; no loop in {len(greedy_run.text)} characters")
    start, text = greedy_run.loop
    return Notice(
        f"{beginning}; from character {start + 1} on it repeats these {len(text)} characters forever: {text!r}"
    )


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


def block_bar(share: float, width: int = BAR_WIDTH) -> str:
    """Return a bar ``share`` × ``width`` columns long, rounded to eighths of a column."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _label_token(model: Model, token: int) -> str:
    """Return a token's text in quotes. A byte that is not a whole character is shown in hexadecimal."""
    text = model.tokenizer.decode([token])
    return f"0x{token:02x}" if text == "\ufffd" and model.tokenizer.kind == "byte" else repr(text)


def _format_title(probs: Array, temperature: float) -> str:
    (shaped,) = probs_at_temperatures(_log_probs(probs), [temperature])
    bits = f"{entropy_from_probs(probs):.2f} → {entropy_from_probs(shaped):.2f} bits"
    choices = f"{_format_effective_choices(probs)} → {_format_effective_choices(shaped)} effective choices"
    return f"T {temperature:g}, {_describe_effect(temperature)}: entropy {bits}, {choices}"


def _describe_effect(temperature: float) -> str:
    if temperature == 0:
        return "one takes all"
    if temperature == 1:
        return "as it is"
    return "flatter" if temperature > 1 else "sharper"


def _build_rows(distribution: Distribution, temperature: float) -> Iterator[tuple[str, str]]:
    """Yield the rows of a table, as (label, line): all entries in order, then the sums.

    If there are more than ``MAX_ROWS``, only the likeliest have rows of their own, and one row sums up the others.
    """
    labels, probs = distribution
    log_probs = _log_probs(probs)
    steps = temperature_steps(probs, temperature) if temperature else None
    (shaped,) = probs_at_temperatures(log_probs, [temperature])
    many = len(probs) > MAX_ROWS
    order = _pick_likeliest(probs, shaped) if many else list(range(len(probs)))
    for i in order:
        values = (steps.log[i], steps.divided[i], steps.exponential[i]) if steps else (log_probs[i], None, None)
        yield labels[i], _format_row(probs[i], values, shaped[i])
    if many:
        rest = np.delete(np.arange(len(probs)), order)
        yield f"{len(rest)} others", _format_row(probs[rest].sum(), (None, None, None), shaped[rest].sum())
    total = steps.exponential.sum() if steps else None
    yield "sum", _format_row(probs.sum(), (None, None, total), shaped.sum(), with_bar=False)


def _pick_likeliest(probs: Array, shaped: Array) -> list[int]:
    """Return the indices of the likeliest entries, at most ``MAX_ROWS`` and at least three.

    Entries that would be printed as 0.000 both before and after the temperature are left out.
    """
    order = [int(i) for i in np.argsort(-probs, kind="stable")[:MAX_ROWS]]
    visible = [i for i in order if max(probs[i], shaped[i]) >= MIN_SHOWN_PROBABILITY]
    return order[: max(3, len(visible))]


def _format_row(p: float, steps: Sequence[float | None], shaped: float, with_bar: bool = True) -> str:
    """Return p, the steps (log p, log p / T, exp; None leaves a gap), the result and its bar as a line."""
    log, divided, exponential = map(_format_rounded, steps)
    star = "*" if steps[1] is not None and _is_rounded_twice_on_slide(steps[1]) else " "
    cells = f"{p:5.3f}  {log:>6}  {divided:>9}{star} {exponential:>5}   {shaped:5.3f}"
    return f"{cells}  {block_bar(shaped)}".rstrip() if with_bar else cells


def _format_rounded(value: float | None) -> str:
    if value is None:
        return ""
    return "-∞" if value == -np.inf else f"{round(value, 2) + 0.0:.2f}"  # + 0.0 makes 0 of -0


def _is_rounded_twice_on_slide(divided: float) -> bool:
    """True if this is log 0.3 / 0.8, which the lesson's slide rounds twice."""
    return bool(np.isclose(divided, np.log(LESSON_PROBABILITIES[0]) / 0.8)) and double_rounding_differs(divided)


def _format_effective_choices(probs: Array) -> str:
    return f"{effective_choices(probs):.2f}"


def _log_probs(probs: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probs))


def _steps_as_json(probs: Array, temperature: float) -> dict[str, Any]:
    """Return the columns of a table and its result, unrounded. At T = 0 there are no columns."""
    (shaped,) = probs_at_temperatures(_log_probs(probs), [temperature])
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
