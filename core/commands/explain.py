"""The lesson as tables: a distribution, and what temperatures make of it, for any face to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import CommandError, UsageError
from ..events import Notice, Token
from ..generation.snapshot import Snapshot
from ..model import Model
from ..sampling.filters import log_softmax
from ..sampling.rng import Dice
from ..sampling.temperature import (
    LESSON,
    Array,
    Loop,
    at_temperatures,
    effective_choices,
    entropy,
    gaussian,
    loop_in,
    probabilities,
    reshape,
    rounds_twice,
)
from ..session.session import Session
from ..settings import SPECS, Settings
from .effects import Effect, Listing

TOP, BAR = 10, 20
"""Most rows of a table over a model's tokens, and the width of a bar that stands for 1."""

LEAST_SHOWN = 0.0005
"""A chance that is not 0.000 when printed."""

GREEDY_LENGTH = 800
"""Characters that are written at T = 0 to find the loop."""

_HEADER = f"{'p':>5}  {'log p':>6}  {'log p / T':>9}  {'exp':>5}   sums to 1"


class Distribution(NamedTuple):
    """Probabilities (V,) with a name for each."""

    labels: list[str]
    probs: Array


class Greedy(NamedTuple):
    """What T = 0 writes, and the loop that it falls into, if it does."""

    text: str
    loop: Loop | None


class Asked(NamedTuple):
    """What was typed behind /explain: a distribution or None for the text's own, and temperatures, () for today's."""

    distribution: Distribution | None
    temperatures: tuple[float, ...]


HERE = Asked(None, ())


def explain(session: Session, asked: Asked = HERE) -> Iterator[Effect]:
    """/explain: the tables for the next token here, or for numbers; with T 0 among them also where that leads."""
    temperatures = asked.temperatures or (session.temperature,)
    if asked.distribution:
        yield from tables(asked.distribution, temperatures)
        return
    logprobs = session.next_logprobs()
    if logprobs is None:
        raise CommandError("there is no text yet: type a seed first, or numbers: /explain 0.3,0.5,0.2 1.2 0.8")
    yield from tables(of_logprobs(session.model, logprobs), temperatures)
    if filters := _filters_on(session.settings):
        yield Notice(f"this is the temperature alone; before the draw {filters} changes the chances too")
    if 0 in temperatures and not session.playing:
        yield told(greedy(session.model, session.here()))


def asked(_: Session, text: str) -> Asked:
    """What "0.5 1 2" or "0.3,0.5,0.2 1.2 0.8" asks for; raises UsageError or SettingError."""
    words = text.split()
    numbers = of_numbers(probabilities(words.pop(0))) if words and "," in words[0] else None
    return Asked(numbers, tuple(map(temperature_of, words)))


def temperature_of(text: str) -> float:
    """One temperature; raises SettingError where it is out of range, UsageError for a ramp."""
    value = SPECS["temperature"].parse(text)
    if not isinstance(value, float):
        raise UsageError(f"{text!r} moves; name the temperatures one by one: 0.2 0.8 1.6")
    return value


def of_numbers(probs: Array) -> Distribution:
    """Probabilities that somebody typed, numbered from 1."""
    return Distribution([str(n) for n in range(1, len(probs) + 1)], probs)


def of_next(model: Model, snapshot: Snapshot) -> Distribution:
    """The model's own chances (T = 1) for the token behind a snapshot."""
    return of_logprobs(model, log_softmax(snapshot.logits[None].astype(np.float64))[0])


def of_logprobs(model: Model, logprobs: Array) -> Distribution:
    """Log-probabilities (V,) over a model's tokens."""
    return Distribution([_label(model, token) for token in range(model.tokenizer.size)], np.exp(logprobs))


def bell_curve() -> Distribution:
    """A Gaussian, its places in standard deviations as labels."""
    places, probs = gaussian()
    return Distribution([f"{place:+.2f}" for place in places], probs)


def tables(distribution: Distribution, temperatures: Sequence[float]) -> Iterator[Listing | Notice]:
    """A table for each temperature: p, log p, log p / T, exp of that, and the result; then what there is to remark."""
    for temperature in temperatures:
        yield Listing(_title(distribution.probs, temperature), [("", _HEADER), *_rows(distribution, temperature)])
    divided = [log / t for t in temperatures if t for log in _log(distribution.probs)[:TOP]]
    if any(map(_starred, divided)):
        yield Notice("* exactly -1.50497; rounded twice, over -1.505, it becomes the -1.51 of the lesson's slide")


def side_by_side(distribution: Distribution, temperatures: Sequence[float]) -> Listing:
    """The distribution at each temperature as columns of bars: for a curve, whose shape is the point."""
    shapes = at_temperatures(_log(distribution.probs), temperatures)
    highest = max(float(shape.max()) for shape in shapes)
    width = max(8, 60 // len(temperatures))
    header = "".join(f"{f'T {t:g}':<{width}}" for t in temperatures).rstrip()
    rows = [
        (label, "".join(f"{bar(shape[i] / highest, width - 2):<{width}}" for shape in shapes).rstrip())
        for i, label in enumerate(distribution.labels)
    ]
    widths = ", ".join(f"T {t:g}: {t**0.5:.2f}" for t in temperatures)
    return Listing(f"a bell curve becomes √T times as wide · {widths}", [("", header), *rows])


def greedy(model: Model, start: Snapshot) -> Greedy:
    """Write on from ``start`` at T = 0, every filter off, far enough to see it go round in circles."""
    engine = model.engine()
    stream = engine.open(start, Settings(temperature=0, length=GREEDY_LENGTH), Dice(0), ahead=GREEDY_LENGTH, keep=False)
    text = "".join(event.text for event in engine.play(stream) if isinstance(event, Token))
    return Greedy(text, loop_in(text))


def told(found: Greedy) -> Notice:
    """What T = 0 does, in a sentence."""
    if not found.loop:
        return Notice(f"T 0 always takes the likeliest: {found.text[:60]!r} … no loop in {len(found.text)} characters")
    start, text = found.loop
    return Notice(
        f"T 0 always takes the likeliest: {found.text[:60]!r} … and from character {start + 1} on it goes round in"
        f" circles: {text!r}, {len(text)} characters, again and again"
    )


def as_json(distribution: Distribution, temperatures: Sequence[float], found: Greedy | None = None) -> dict[str, Any]:
    """All of it, unrounded, for a notebook; None where a number is infinite."""
    values: dict[str, Any] = {
        "labels": distribution.labels,
        "probs": distribution.probs.tolist(),
        "entropy_bits": entropy(distribution.probs),
        "effective_choices": effective_choices(distribution.probs),
        "temperatures": [_step_by_step(distribution.probs, t) for t in temperatures],
    }
    if found:
        loop = found.loop._asdict() if found.loop else None
        values["greedy"] = {"text": found.text, "loop": loop}
    return values


def bar(share: float, width: int = BAR) -> str:
    """A bar of ``share`` x ``width`` columns, in eighths of a column."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _filters_on(settings: Settings) -> str:
    """The filters that are not at their off value, with their values: "top-p 0.90"."""
    on = [spec for name, spec in SPECS.items() if spec.off is not None and getattr(settings, name) != spec.off]
    return ", ".join(f"{spec.label} {spec.kind.show(getattr(settings, spec.name))}" for spec in on)


def _label(model: Model, token: int) -> str:
    """A token as people may read it; a byte that is no character by itself as its number."""
    text = model.tokenizer.decode([token])
    return f"0x{token:02x}" if text == "\ufffd" and model.tokenizer.kind == "byte" else repr(text)


def _title(probs: Array, temperature: float) -> str:
    (shaped,) = at_temperatures(_log(probs), [temperature])
    what = "as it is" if temperature == 1 else "flatter" if temperature > 1 else "sharper"
    if temperature == 0:
        what = "one takes all"
    bits = f"{entropy(probs):.2f} → {entropy(shaped):.2f} bits"
    return f"T {temperature:g}, {what}: entropy {bits}, {_choices(probs)} → {_choices(shaped)} effective choices"


def _rows(distribution: Distribution, temperature: float) -> Iterator[tuple[str, str]]:
    """The likeliest in their order where there are many, else all as they come; the rest in one; the sums."""
    labels, probs = distribution
    steps = reshape(probs, temperature) if temperature else None
    (shaped,) = at_temperatures(_log(probs), [temperature])
    many = len(probs) > TOP
    order = _likeliest(probs, shaped) if many else list(range(len(probs)))
    for i in order:
        numbers = (steps.log[i], steps.divided[i], steps.exponential[i]) if steps else (_log(probs)[i], None, None)
        yield labels[i], _row(probs[i], numbers, shaped[i])
    if many:
        rest = np.delete(np.arange(len(probs)), order)
        yield f"{len(rest)} others", _row(probs[rest].sum(), (None, None, None), shaped[rest].sum())
    total = steps.exponential.sum() if steps else None
    yield "sum", _row(probs.sum(), (None, None, total), shaped.sum(), drawn=False)


def _likeliest(probs: Array, shaped: Array) -> list[int]:
    """The first of the order of chances: those with something to see, three at least."""
    order = [int(i) for i in np.argsort(-probs, kind="stable")[:TOP]]
    seen = [i for i in order if max(probs[i], shaped[i]) >= LEAST_SHOWN]
    return order[: max(3, len(seen))]


def _row(p: float, numbers: Sequence[float | None], shaped: float, drawn: bool = True) -> str:
    log, divided, exponential = map(_two, numbers)
    # A star takes the place of a blank, so that the figures stay in line.
    starred = f"{divided:>9}" + ("*" if numbers[1] is not None and _starred(numbers[1]) else " ")
    cells = f"{p:5.3f}  {log:>6}  {starred} {exponential:>5}   {shaped:5.3f}"
    return f"{cells}  {bar(shaped)}".rstrip() if drawn else cells


def _two(value: float | None) -> str:
    if value is None:
        return ""
    return "-∞" if value == -np.inf else f"{round(value, 2) + 0.0:.2f}"  # + 0.0 makes 0 of -0


def _starred(divided: float) -> bool:
    """Whether this is the figure that the lesson's slide rounds twice: log 0.3 / 0.8."""
    return bool(np.isclose(divided, np.log(LESSON[0]) / 0.8)) and rounds_twice(divided)


def _choices(probs: Array) -> str:
    return f"{effective_choices(probs):.2f}"


def _log(probs: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probs))


def _step_by_step(probs: Array, temperature: float) -> dict[str, Any]:
    (shaped,) = at_temperatures(_log(probs), [temperature])
    columns: dict[str, Any] = {}
    if temperature:
        steps = reshape(probs, temperature)._asdict()
        columns = {name: [float(x) if np.isfinite(x) else None for x in steps[name]] for name in steps}
    return {
        "temperature": temperature,
        **columns,
        "renormalised": shaped.tolist(),
        "entropy_bits": entropy(shaped),
        "effective_choices": effective_choices(shaped),
    }
