"""Measure how well a model predicts a text: the two losses that are commonly reported, and the best temperature."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .errors import TextError
from .html_views import HtmlView
from .inference.runtime import Logits, Runtime
from .sampling.filters import log_softmax
from .text.tokenizer import Ids, Tokenizer

FloatArray = NDArray[np.float64]

COLD_WINDOW = 256
"""Target tokens in a window of the cold loss: nanoGPT's block size for its character model."""

CALIBRATION_TEMPERATURES = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0])
"""Temperatures at which the cold loss is measured to find the best one."""

MAX_CALIBRATION_LOGITS = 1 << 25
"""Logits that are scored at all temperatures: 2,000 windows with a vocabulary of 65, 32 windows with one of 4,096."""

MAX_PIECES = 20_000
"""Tokens whose texts a score keeps, for a notebook to show: 3 MB of HTML."""

_WINDOWS_PER_BATCH = 64


@dataclass(frozen=True, slots=True)
class Score(HtmlView):
    """Losses over a text, in nats per character.

    ``nats_per_char_cold``: cold loss, the mean over all non-overlapping windows of 256 targets, each from the zero
    state (the deterministic form of nanoGPT's random 256-crops).
    ``nats_per_char_stateful``: stateful loss, from one pass that carries the state.
    ``best_temperature``: the T, 0.5 to 2, at which the cold loss is lowest if the logits are divided by it. 1 for a
    calibrated model.
    ``nats_gained``: how much lower the cold loss is at ``best_temperature`` than at 1.
    ``surprise``: surprisal of every token but the first in the stateful pass, in bits, shape (n - 1,). NaN where
    characters are not counted, because the model has a stand-in for them.
    ``pieces``: texts of the first 20,000 tokens, with the first one's. Empty if several texts were scored.
    """

    characters: int
    nats_per_char_cold: float
    nats_per_char_stateful: float
    best_temperature: float = 1.0
    nats_gained: float = 0.0
    surprise: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    pieces: Sequence[str] = field(default=(), repr=False, compare=False)

    @property
    def bits_per_char_cold(self) -> float:
        """Cold loss in bits per character."""
        return self.nats_per_char_cold / math.log(2)

    @property
    def bits_per_char_stateful(self) -> float:
        """Stateful loss in bits per character."""
        return self.nats_per_char_stateful / math.log(2)

    @property
    def perplexity_cold(self) -> float:
        """Perplexity per character of the cold loss."""
        return to_perplexity(self.nats_per_char_cold)

    @property
    def perplexity_stateful(self) -> float:
        """Perplexity per character of the stateful loss."""
        return to_perplexity(self.nats_per_char_stateful)


def to_perplexity(nats: float) -> float:
    """Return exp(nats), at most exp(700): absurd weights can lose more than a float holds the exponential of."""
    return math.exp(min(nats, 700.0))


def score(
    runtime: Runtime,
    tokenizer: Tokenizer,
    text: str | Sequence[str],
    on_progress: Callable[[float], None] = lambda _: None,
) -> Score:
    """Return both losses of ``text``. Calls ``on_progress`` with the share done, 0 to 1.

    Of a text in slices, each is read from the zero state. Characters that the tokenizer reads as its stand-in are read,
    but not counted. Raises TextError if there are no 2 tokens in a slice, or no character that counts.
    """
    pieces = [text] if isinstance(text, str) else text
    encoded = [(len(piece), tokenizer.encode(piece)) for piece in pieces]
    slices = [ids for _, ids in encoded if len(ids) > 1]
    if not slices:
        size = sum(map(len, pieces))
        raise TextError(f"there is nothing to score: the text has fewer than 2 tokens ({size} characters)")
    characters = sum(size for size, ids in encoded if len(ids) > 1)
    chars_per_token = characters / sum(map(len, slices))
    max_tokens, unknown = MAX_CALIBRATION_LOGITS // tokenizer.size, tokenizer.stand_in
    if all((ids[1:] == unknown).all() for ids in slices):
        raise TextError("there is nothing to score: the model knows no character of the text")
    cold, losses = windowed_losses(runtime, slices, CALIBRATION_TEMPERATURES, max_tokens, unknown)
    losses = losses / chars_per_token
    best_temperature, best_loss = fit_minimum(CALIBRATION_TEMPERATURES, losses)
    on_progress(0.1)
    stateful = -_stateful_logprobs(runtime, slices, lambda share: on_progress(0.1 + 0.9 * share))
    if unknown is not None:
        stateful[np.concatenate([ids[1:] for ids in slices]) == unknown] = np.nan
    return Score(
        characters=characters,
        nats_per_char_cold=cold / chars_per_token,
        nats_per_char_stateful=float(np.nanmean(stateful)) / chars_per_token,
        best_temperature=best_temperature,
        nats_gained=float(losses[CALIBRATION_TEMPERATURES == 1][0]) - best_loss,
        surprise=stateful / math.log(2),
        pieces=_texts_of(tokenizer, slices[0][:MAX_PIECES]) if len(slices) == 1 else (),
    )


def _texts_of(tokenizer: Tokenizer, ids: Ids) -> list[str]:
    """Return the text that each token completes."""
    decoder = tokenizer.decoder()
    return [decoder.push(token) for token in ids.tolist()]


def cold_nats(runtime: Runtime, slices: Sequence[Ids]) -> float:
    """Return the cold loss in nats per token.

    ``training.calibration.cold_loss`` computes the same for a torch model;
    ``test_both_cold_losses_and_both_best_temperatures_agree`` compares them.
    """
    return windowed_losses(runtime, slices, np.empty(0), 1)[0]


def cold_windows(slices: Sequence[Ids]) -> list[tuple[Ids, Ids]]:
    """Return (inputs, targets) of the cold loss, by width: of each slice the windows of 256, shape (windows, 256).

    A slice with fewer targets gives one shorter window. Tokens at its end that do not fill a window are dropped, and it
    has at least 2.
    """
    windows: dict[int, list[tuple[Ids, Ids]]] = {}
    for ids in slices:
        width = min(COLD_WINDOW, len(ids) - 1)
        size = (len(ids) - 1) // width * width
        pair = ids[:size].reshape(-1, width), ids[1 : size + 1].reshape(-1, width)
        windows.setdefault(width, []).append(pair)
    pairs = (zip(*same_width, strict=True) for same_width in windows.values())
    return [(np.concatenate(inputs), np.concatenate(targets)) for inputs, targets in pairs]


def windowed_losses(
    runtime: Runtime, slices: Sequence[Ids], temperatures: FloatArray, max_tokens: int, uncounted: int | None = None
) -> tuple[float, FloatArray]:
    """Return (cold loss, cold loss with the logits divided by each of the temperatures, (n,)), in nats per token.

    The second is measured on every k-th window of the text: about ``max_tokens`` tokens, but at least one window.
    Targets that are ``uncounted`` are left out of both.
    """
    windows = cold_windows(slices)
    every = max(1, -(-sum(inputs.size for inputs, _ in windows) // max_tokens))
    total, sums = np.zeros(2), np.zeros(len(temperatures) + 2)
    for inputs, targets in windows:
        calibrating = np.zeros(len(inputs), bool)
        if len(temperatures):
            calibrating[::every] = True
        rest, some = (inputs[~calibrating], targets[~calibrating]), (inputs[calibrating], targets[calibrating])
        total += _sum_window_losses(runtime, *rest, np.ones(1), uncounted)
        sums += _sum_window_losses(runtime, *some, np.array([1.0, *temperatures]), uncounted)
    return float(total[0] + sums[0]) / (total[-1] + sums[-1]), sums[1:-1] / max(1, sums[-1])


def fit_minimum(temperatures: FloatArray, losses: FloatArray) -> tuple[float, float]:
    """Return (temperature of the least loss, that loss).

    Fits a parabola in log T through the lowest loss and its two neighbors. If the lowest loss is the first or the
    last one, returns that.

    ``training.calibration.fit_temperature`` finds the temperature by Newton's method, because it has all logits in
    memory; ``test_both_cold_losses_and_both_best_temperatures_agree`` compares them.
    """
    lowest = int(np.argmin(losses))
    measured = float(temperatures[lowest]), float(losses[lowest])
    if not 0 < lowest < len(losses) - 1:
        return measured
    neighbors = slice(lowest - 1, lowest + 2)
    a, b, c = np.polyfit(np.log(temperatures[neighbors]), losses[neighbors], 2)
    return (math.exp(-b / (2 * a)), float(c - b * b / (4 * a))) if a > 0 else measured


def logprobs(runtime: Runtime, ids: Ids, on_progress: Callable[[float], None] = lambda _: None) -> FloatArray:
    """Return the natural log-probability of every token but the first, given all before it, shape (n - 1,)."""
    stepper = runtime.stepper(runtime.zeros(1))
    result = np.empty(len(ids) - 1)
    for at in range(len(ids) - 1):
        stepper.step(ids[at : at + 1])
        result[at] = _target_logprobs(stepper.logits, ids[at + 1 : at + 2])[0]
        if at % 2048 == 0:
            on_progress(at / len(result))
    return result


def _stateful_logprobs(runtime: Runtime, slices: Sequence[Ids], on_progress: Callable[[float], None]) -> FloatArray:
    """Return the log-probabilities of all tokens but each slice's first one."""
    size, done = sum(map(len, slices)), 0
    results = []
    for ids in slices:
        results.append(logprobs(runtime, ids, partial(_report_part, on_progress, done / size, len(ids) / size)))
        done += len(ids)
    return np.concatenate(results)


def _report_part(on_progress: Callable[[float], None], before: float, part: float, share: float) -> None:
    on_progress(before + part * share)


def _sum_window_losses(
    runtime: Runtime, inputs: Ids, targets: Ids, temperatures: FloatArray, uncounted: int | None
) -> FloatArray:
    """Return the loss in nats, summed over all windows, at each of the temperatures, and the number of targets."""
    total = np.zeros(len(temperatures) + 1)
    for first in range(0, len(inputs), _WINDOWS_PER_BATCH):
        batch, batch_targets = inputs[first : first + _WINDOWS_PER_BATCH], targets[first : first + _WINDOWS_PER_BATCH]
        counted = batch_targets != uncounted
        stepper = runtime.stepper(runtime.zeros(len(batch)))
        for at in range(batch.shape[1]):
            stepper.step(batch[:, at])
            rows = counted[:, at]
            logits, goals = stepper.logits[rows], batch_targets[rows, at]
            total[:-1] -= [float(_target_logprobs(logits, goals, t).sum()) for t in temperatures]
            total[-1] += len(goals)
    return total


def _target_logprobs(logits: Logits, targets: Ids, temperature: float = 1.0) -> FloatArray:
    return np.asarray(log_softmax(logits.astype(np.float64) / temperature)[np.arange(len(targets)), targets])
