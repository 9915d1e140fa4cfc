"""``afterglow train`` as a person sees it: what is coming, how it goes, how to go on, and what came of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import inf, log
from types import FrameType
from typing import Any

from ...core.errors import AfterglowError, StorageError
from ...core.model import Model
from ...core.score import Score
from ...core.training.distributed import joined
from ...core.training.request import Wish, command
from ...core.training.run import Learning, begin, resume
from ..progress_line import show_share
from .generate import figures
from .train_display import Display, clock, display

SMALL_TEXT = 200_000
"""Characters under which a model is better begun from one that has read more."""


RARE = 5
"""Occurrences under which a character can hardly be learned."""


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


def run(what: Wish | str, device: str) -> dict[str, Any] | None:
    """A new run, or go on with the one of a name; the figures of the model, None in all processes but the first."""
    group, cutting = joined(device), partial(show_share, "cutting the text into tokens")
    try:
        with group.unbroken(what if isinstance(what, str) else what.name):
            learning = resume(what, group) if isinstance(what, str) else begin(what, group, cutting)
            if group.leads:
                return learn(learning)
            _follow(learning)
            return None
    except AfterglowError as error:
        if group.leads:
            raise
        sys.exit(error.exit_code)  # the first one has said it
    finally:
        group.leave()


def learn(learning: Learning) -> dict[str, Any]:
    """Train to the end or to Ctrl-C, telling how it goes; returns the figures of the model that was put away.

    Ctrl-C finishes the step and saves; the best model so far is put away all the same, and the run can be resumed.
    """
    with interrupt() as stop:
        _say_what_is_coming(learning)
        with display(learning) as shown:
            finished = _watch(learning, stop, shown)
        if not finished:
            _keep(learning)
        learning.trainer.group.leave()
        _say(f"judging it on the held-out last {learning.corpus.split.held_out} %")
        model, score = _finished(learning)
        if finished:
            learning.folder.clear()
    _say(_to_remember(learning, model))
    seconds = round(learning.trainer.seconds, 1)
    return {"model": model.name, "path": str(learning.place), "seconds": seconds, **figures(score)}


def _follow(learning: Learning) -> None:
    """The part of another process than the first: the same steps, and nothing said."""
    with interrupt() as stop:
        learning.trainer.prepare()
        if not _watch(learning, stop):
            learning.keep()
            learning.trainer.check()


def _finished(learning: Learning) -> tuple[Model, Score]:
    try:
        return learning.finish()
    except StorageError as error:
        raise StorageError(f"{error}; make room, then: afterglow train --resume {learning.wish.name}") from None


def _watch(learning: Learning, stop: Interrupt, shown: Display | None = None) -> bool:
    """Train to the end; False where Ctrl-C came first, in whichever process."""
    for progress in learning.steps():
        if shown:
            shown.show(progress)
        if shown and progress.note:
            shown.say(progress.note)
        if learning.trainer.group.any(stop.pressed):
            return False
    return True


def _keep(learning: Learning) -> None:
    stopped = f"stopped at step {learning.trainer.step:,}, epoch {learning.trainer.epochs:.1f}"
    try:
        learning.keep()
        _say(f"{stopped}, and saved; go on with:")
        _say(f"    afterglow train --resume {learning.wish.name}")
    except StorageError as error:
        _say(f"{stopped}; it cannot be resumed from here: {error}")
    _say("the best so far is kept as a model; Ctrl-C again leaves without")
    learning.trainer.check()


def _to_remember(learning: Learning, model: Model) -> str:
    """What one keeps in mind of a run."""
    card = model.file.card
    assert card.nats_per_char_stateful is not None
    counted = learning.counted(learning.corpus.held_out)
    longest = f"{card.longest_copied_run} characters" if card.longest_copied_run else "under 16 characters"
    bits = card.nats_per_char_stateful / log(2)
    return f"{bits:.2f} bits/char; your text's own 5-gram: {counted:.2f}; longest copied run: {longest}"


def _say_what_is_coming(learning: Learning) -> None:
    corpus, recipe = learning.corpus, learning.trainer.recipe
    for note in learning.notes:
        _say(note)
    _say(f"{corpus.name}: {len(corpus.text):,} characters, {_distinct(learning)}; {corpus.split}")
    if learning.wish.start:
        _say(f"it goes on from {learning.wish.start}")
    shape = recipe.architecture
    layers = f"{shape.layers} LSTM layers" if shape.layers > 1 else "an LSTM layer"
    _say(f"{layers} of {shape.width}, {shape.parameters:,} parameters; {_until(learning)}")
    if len(corpus.text) < SMALL_TEXT and not learning.wish.start and learning.tokenizer.kind == "char":
        _say("this is a small text, soon known by heart; a model that has read more learns it better:")
        _say(f"    {_better(learning.wish)}")
    _say(_expected(learning))
    counted = ", ".join(f"{kind} {bits:.2f}" for kind, bits in learning.baselines.items())
    _say(f"bits per character by counting alone: {counted}")
    _say("Ctrl-C stops at a good place, saves, and keeps the best")


def _better(wish: Wish) -> str:
    """The same command, but from the bundled model, whose size it then has."""
    wanted = replace(wish.wanted, size=None, layers=None, width=None)
    return command(replace(wish, wanted=wanted, start="shakespeare", tokens=None), whole_paths=True) + " --replace"


def _expected(learning: Learning) -> str:
    """What the run will take, as far as a short look at this machine's speed tells."""
    speed = learning.trainer.prepare() / learning.tokens_per_char
    epoch = len(learning.corpus.trained) / speed
    told = f"about {speed:,.0f} characters/s here: an epoch takes {clock(epoch)}"
    wanted = learning.wish.wanted
    if wanted.epochs < inf:
        return f"{told}, {wanted.epochs:g} of them {clock(wanted.epochs * epoch)}"
    return told if wanted.minutes == inf else f"{told}, {60 * wanted.minutes / epoch:.1f} of them fit in"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _distinct(learning: Learning) -> str:
    corpus, tokenizer = learning.corpus, learning.tokenizer
    unseen = tokenizer.unseen("".join(corpus.counts))
    folded = f", {len(unseen):,} rare ones of them read as {tokenizer.stand_in!r}" if unseen else ""
    rare = sum(count < RARE for count in corpus.counts.values())
    if rare and not unseen and tokenizer.kind == "char" and not learning.wish.start:
        folded = f", {rare:,} of them less than {RARE} times (--min-count {RARE} reads those as a space)"
    tokens = "" if tokenizer.kind == "char" else f", read as {tokenizer.size:,} {tokenizer.kind} tokens"
    return f"{len(corpus.counts):,} distinct{folded}{tokens}"


def _until(learning: Learning) -> str:
    wanted = learning.wish.wanted
    named = ((wanted.minutes, "minutes"), (wanted.epochs, "epochs"))
    bounds = [f"{value:g} {unit if value != 1 else unit[:-1]}" for value, unit in named if value < inf]
    return " or ".join(bounds) or "until validation improves no more"
