"""``afterglow train`` as a person sees it: what is coming, how it goes, how to go on, and what came of it."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from types import FrameType
from typing import Any

from ..core.training.learning import Learning
from ..core.training.train import Progress
from ..core.visible import visible
from .oneshot import figures

SMALL_TEXT = 200_000
"""Characters under which a model is better begun from one that has read more."""


class Interrupt:
    """Whether Ctrl-C was pressed. The first time is remembered, the second leaves at once."""

    pressed = False

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """What the signal calls."""
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


@contextmanager
def interrupt() -> Iterator[Interrupt]:
    """Ctrl-C as a flag, for as long as this lasts."""
    flag = Interrupt()
    before = signal.signal(signal.SIGINT, flag)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


def learn(learning: Learning) -> dict[str, Any]:
    """Train to the end or to Ctrl-C, telling how it goes; returns the figures of the model that was put away.

    Ctrl-C finishes the step and saves; the best model so far is put away all the same, and the run can be resumed.
    """
    _say_what_is_coming(learning)
    with interrupt() as stop:
        _watch(learning, stop)
        finished = not stop.pressed
        if not finished:
            learning.keep()
            _say(f"stopped at step {learning.trainer.step:,}, epoch {learning.trainer.epochs:.1f}, and saved")
            _say(f"go on with: afterglow train --resume {learning.wish.name}")
            _say("keeping the best so far as a model; Ctrl-C again leaves without")
            learning.trainer.check()
        else:
            _say("judging it on the held-out last 10 %")
        model, score = learning.finish()
        if finished:
            learning.folder.clear()
    seconds = round(learning.trainer.seconds, 1)
    return {"model": model.name, "path": str(learning.place), "seconds": seconds, **figures(score)}


def _watch(learning: Learning, stop: Interrupt) -> None:
    for progress in learning.steps():
        if progress.note:
            _say(progress.note)
        if progress.valid_loss is not None:
            _say(_measured(learning, progress))
            if progress.best and progress.step > 100:
                _say(f"    {_sample(learning)}")
        elif sys.stderr.isatty():
            print(f"\r\x1b[K{_line(learning, progress)}", end="", file=sys.stderr, flush=True)
        if stop.pressed:
            return


def _say_what_is_coming(learning: Learning) -> None:
    corpus, recipe, name = learning.corpus, learning.trainer.recipe, learning.wish.name
    for note in learning.notes:
        _say(note)
    _say(f"{corpus.name}: {len(corpus.text):,} characters, {_distinct(learning)}; {SPLIT}")
    shape = recipe.architecture
    if learning.wish.start:
        _say(f"it goes on from {learning.wish.start}")
    _say(f"{shape.layers} LSTM layers of {shape.width}, {shape.parameters:,} parameters; {_until(learning)}")
    if len(corpus.text) < SMALL_TEXT and not learning.wish.start:
        texts = " ".join(shlex.quote(path) for path in learning.wish.paths)
        _say("this is a small text, soon known by heart; a model that has read more learns it better:")
        _say(f"    afterglow train {texts} --name {name} --from shakespeare")
    _say("Ctrl-C stops at a good place, and keeps the best")


SPLIT = "88 % to learn from, 2 % to check with, 10 % held out"


def _distinct(learning: Learning) -> str:
    corpus, tokenizer = learning.corpus, learning.tokenizer
    unseen = tokenizer.unseen(corpus.text)
    folded = f", {len(unseen):,} rare ones of them read as {tokenizer.stand_in!r}" if unseen else ""
    return f"{len(set(corpus.text)):,} distinct{folded}"


def _until(learning: Learning) -> str:
    wanted = learning.wish.wanted
    named = ((wanted.minutes, "minutes"), (wanted.epochs, "epochs"))
    bounds = [f"{value:g} {unit}" for value, unit in named if value < inf]
    return " or ".join(bounds) or "until validation improves no more"


def _line(learning: Learning, p: Progress) -> str:
    share = f"{p.fraction:4.0%} · {_left(p)} · " if p.fraction is not None else ""
    speed = p.chars_per_second / learning.tokens_per_char
    bits = learning.bits(p.train_loss)
    return f"{share}epoch {p.epoch:.1f} · {speed:,.0f} characters/s · training {bits:.3f} bits"


def _left(p: Progress) -> str:
    if not p.fraction or p.seconds < 1:
        return "starting"
    return f"{_clock(p.seconds / p.fraction - p.seconds)} left"


def _measured(learning: Learning, p: Progress) -> str:
    assert p.valid_loss is not None
    return f"{_line(learning, p)} · validation {learning.bits(p.valid_loss):.3f} bits{' (best)' if p.best else ''}"


def _sample(learning: Learning) -> str:
    """A line of what it writes by now."""
    text = learning.model().generate("\n", length=72, temperature=0.8, rng=1)
    return visible(text).strip("\n").replace("\n", " ⏎ ")


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _say(line: str) -> None:
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{start}{line}", file=sys.stderr, flush=True)
