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
from ...core.training.distributed import init_distributed
from ...core.training.request import TrainRequest, as_command_line
from ...core.training.run import TrainingRun, resume_run, start_run
from ..progress_line import print_progress
from .generate import score_values
from .train_display import TrainDisplay, choose_display, format_duration

SMALL_TEXT_CHARS = 200_000
"""Characters under which a model is better begun from one that has read more."""


RARE_COUNT = 5
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
def catch_interrupt() -> Iterator[Interrupt]:
    """Ctrl-C as a flag, for as long as this lasts."""
    flag = Interrupt()
    before = signal.signal(signal.SIGINT, flag)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


def start_or_resume(request_or_name: TrainRequest | str, device: str) -> dict[str, Any] | None:
    """A new run, or go on with the one of a name; the figures of the model, None in all processes but the first."""
    group, cutting = init_distributed(device), partial(print_progress, "cutting the text into tokens")
    try:
        with group.peer_failures_as_errors(
            request_or_name if isinstance(request_or_name, str) else request_or_name.name
        ):
            training_run = (
                resume_run(request_or_name, group)
                if isinstance(request_or_name, str)
                else start_run(request_or_name, group, cutting)
            )
            if group.is_main:
                return train_and_report(training_run)
            _follow_rank0(training_run)
            return None
    except AfterglowError as error:
        if group.is_main:
            raise
        sys.exit(error.exit_code)  # the first one has said it
    finally:
        group.close()


def train_and_report(training_run: TrainingRun) -> dict[str, Any]:
    """Train to the end or to Ctrl-C, telling how it goes; returns the figures of the model that was put away.

    Ctrl-C finishes the step and saves; the best model so far is put away all the same, and the run can be resumed.
    """
    with catch_interrupt() as stop:
        _print_plan(training_run)
        with choose_display(training_run) as shown:
            finished = _run_loop(training_run, stop, shown)
        if not finished:
            _save_unfinished(training_run)
        training_run.trainer.group.close()
        _say(f"judging it on the held-out last {training_run.corpus.split.test} %")
        model, score = _finish(training_run)
        if finished:
            training_run.run_dir.delete()
    _say(_final_summary(training_run, model))
    seconds = round(training_run.trainer.seconds, 1)
    return {"model": model.name, "path": str(training_run.output_path), "seconds": seconds, **score_values(score)}


def _follow_rank0(training_run: TrainingRun) -> None:
    """The part of another process than the first: the same steps, and nothing said."""
    with catch_interrupt() as stop:
        training_run.trainer.prepare()
        if not _run_loop(training_run, stop):
            training_run.save_checkpoint()
            training_run.trainer.evaluate()


def _finish(training_run: TrainingRun) -> tuple[Model, Score]:
    try:
        return training_run.finish()
    except StorageError as error:
        raise StorageError(f"{error}; make room, then: afterglow train --resume {training_run.request.name}") from None


def _run_loop(training_run: TrainingRun, stop: Interrupt, train_display: TrainDisplay | None = None) -> bool:
    """Train to the end; False where Ctrl-C came first, in whichever process."""
    for progress in training_run.train():
        if train_display:
            train_display.show(progress)
        if train_display and progress.note:
            train_display.say(progress.note)
        if training_run.trainer.group.any(stop.pressed):
            return False
    return True


def _save_unfinished(training_run: TrainingRun) -> None:
    stopped = f"stopped at step {training_run.trainer.step:,}, epoch {training_run.trainer.epochs:.1f}"
    try:
        training_run.save_checkpoint()
        _say(f"{stopped}, and saved; go on with:")
        _say(f"    afterglow train --resume {training_run.request.name}")
    except StorageError as error:
        _say(f"{stopped}; it cannot be resumed from here: {error}")
    _say("the best so far is kept as a model; Ctrl-C again leaves without")
    training_run.trainer.evaluate()


def _final_summary(training_run: TrainingRun, model: Model) -> str:
    """What one keeps in mind of a run."""
    card = model.file.card
    assert card.nats_per_char_stateful is not None
    counted = training_run.ngram_bits(training_run.corpus.test_text)
    longest = f"{card.longest_copied_run} characters" if card.longest_copied_run else "under 16 characters"
    bits = card.nats_per_char_stateful / log(2)
    return f"{bits:.2f} bits/char; your text's own 5-gram: {counted:.2f}; longest copied run: {longest}"


def _print_plan(training_run: TrainingRun) -> None:
    corpus, recipe = training_run.corpus, training_run.trainer.config
    for note in training_run.notes:
        _say(note)
    _say(f"{corpus.name}: {len(corpus.text):,} characters, {_describe_characters(training_run)}; {corpus.split}")
    if training_run.request.parent:
        _say(f"it goes on from {training_run.request.parent}")
    shape = recipe.architecture
    layers = f"{shape.layers} LSTM layers" if shape.layers > 1 else "an LSTM layer"
    _say(f"{layers} of {shape.width}, {shape.parameters:,} parameters; {_describe_limits(training_run)}")
    if len(corpus.text) < SMALL_TEXT_CHARS and not training_run.request.parent and training_run.tokenizer.kind == "char":
        _say("this is a small text, soon known by heart; a model that has read more learns it better:")
        _say(f"    {_finetune_command(training_run.request)}")
    _say(_describe_duration(training_run))
    counted = ", ".join(f"{kind} {bits:.2f}" for kind, bits in training_run.baselines.items())
    _say(f"bits per character by counting alone: {counted}")
    _say("Ctrl-C stops at a good place, saves, and keeps the best")


def _finetune_command(request: TrainRequest) -> str:
    """The same command, but from the bundled model, whose size it then has."""
    wanted = replace(request.wanted, size=None, layers=None, width=None)
    return (
        as_command_line(replace(request, wanted=wanted, start="shakespeare", tokens=None), full_paths=True)
        + " --replace"
    )


def _describe_duration(training_run: TrainingRun) -> str:
    """What the run will take, as far as a short look at this machine's speed tells."""
    speed = training_run.trainer.prepare() / training_run.tokens_per_char
    epoch = len(training_run.corpus.train_text) / speed
    told = f"about {speed:,.0f} characters/s here: an epoch takes {format_duration(epoch)}"
    wanted = training_run.request.wanted
    if wanted.epochs < inf:
        return f"{told}, {wanted.epochs:g} of them {format_duration(wanted.epochs * epoch)}"
    return told if wanted.minutes == inf else f"{told}, {60 * wanted.minutes / epoch:.1f} of them fit in"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _describe_characters(training_run: TrainingRun) -> str:
    corpus, tokenizer = training_run.corpus, training_run.tokenizer
    unseen = tokenizer.unknown_characters("".join(corpus.counts))
    folded = f", {len(unseen):,} rare ones of them read as {tokenizer.replacement!r}" if unseen else ""
    rare = sum(count < RARE_COUNT for count in corpus.counts.values())
    if rare and not unseen and tokenizer.kind == "char" and not training_run.request.parent:
        folded = f", {rare:,} of them less than {RARE_COUNT} times (--min-count {RARE_COUNT} reads those as a space)"
    tokens = "" if tokenizer.kind == "char" else f", read as {tokenizer.size:,} {tokenizer.kind} tokens"
    return f"{len(corpus.counts):,} distinct{folded}{tokens}"


def _describe_limits(training_run: TrainingRun) -> str:
    wanted = training_run.request.wanted
    named = ((wanted.minutes, "minutes"), (wanted.epochs, "epochs"))
    bounds = [f"{value:g} {unit if value != 1 else unit[:-1]}" for value, unit in named if value < inf]
    return " or ".join(bounds) or "until validation improves no more"
