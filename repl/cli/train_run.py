"""``afterglow train`` on the terminal: the plan, progress, Ctrl-C, and the summary."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from math import log
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from ...core.errors import AfterglowError, StorageError
from ...core.inference.library import path_for_new_model
from ...core.inference.model_card import Card
from ...core.model import Model
from ...core.score import Score
from ...core.training.distributed import ProcessGroup, init_distributed
from ...core.training.request import TrainRequest
from ...core.training.run import TrainingRun, resume_run, start_run
from ...core.training.run_dir import lock_run
from ..progress_line import print_progress
from .generate import Values, score_values
from .train_display import TrainDisplay, choose_display
from .train_plan import print_plan, say
from .train_save import save_model

STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that end training as Ctrl-C does: from the terminal, from ``kill`` or a shutdown, and if the terminal closes.
"""


CTRL_C = 128 + signal.SIGINT
"""Exit code after Ctrl-C."""


class Interrupt:
    """A signal handler that remembers the first signal. A Ctrl-C after it raises KeyboardInterrupt.

    After a terminal has closed, what would be printed there is dropped. ``exit_code`` is that of the process: 128 and
    the number of the first signal, 0 without one.
    """

    pressed = False
    exit_code = 0

    def __init__(self) -> None:
        self._terminals = [handle for handle in (1, 2) if os.isatty(handle)]

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Handle the signal."""
        if number != signal.SIGINT:  # a closed terminal sends it twice, from the kernel and from the shell
            self._drop_output()
        elif self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
        self.exit_code = self.exit_code or 128 + number

    def _drop_output(self) -> None:
        for handle in self._terminals:
            if not os.isatty(handle):
                with Path(os.devnull).open("wb") as nothing:
                    os.dup2(nothing.fileno(), handle)


@contextmanager
def catch_interrupt() -> Iterator[Interrupt]:
    """Handle Ctrl-C in a ``with`` block: the first sets ``pressed``, the second raises KeyboardInterrupt.

    The other ``STOP_SIGNALS`` set ``pressed`` too, unless they are ignored, as under nohup.
    """
    interrupt = Interrupt()
    handled = [s for s in STOP_SIGNALS if s == signal.SIGINT or signal.getsignal(s) != signal.SIG_IGN]
    previous = {number: signal.signal(number, interrupt) for number in handled}
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Outcome(NamedTuple):
    """The figures of the saved model, and the exit code of the process."""

    figures: Values
    exit_code: int


def start_or_resume(request_or_name: TrainRequest | str, device: str) -> Outcome | None:
    """Train a new run, or resume the one of that name. Return the outcome on rank 0, None on other ranks."""
    group = init_distributed(device)
    name = request_or_name if isinstance(request_or_name, str) else request_or_name.name
    try:
        with group.peer_failures_as_errors(name), lock_run(name) if group.is_main else nullcontext():
            training_run = _open_run(request_or_name, group)
            if group.is_main:
                return train_and_report(training_run, is_new=not isinstance(request_or_name, str))
            _follow_rank0(training_run)
            return None
    except AfterglowError as error:
        if group.is_main:
            raise
        sys.exit(error.exit_code)  # rank 0 prints the message
    finally:
        group.close()


def _open_run(request_or_name: TrainRequest | str, group: ProcessGroup) -> TrainingRun:
    if isinstance(request_or_name, str):
        return resume_run(request_or_name, group)
    return start_run(request_or_name, group, partial(print_progress, "tokenizing the text"))


def train_and_report(training_run: TrainingRun, is_new: bool) -> Outcome:
    """Train to the end or to Ctrl-C, with progress on the terminal. Return the outcome.

    Ctrl-C finishes the step and saves a checkpoint. The best model so far is saved in the library in any case. Before
    the first step of a new run, Ctrl-C leaves nothing.
    """
    with catch_interrupt() as stop:
        with training_run.run_dir.delete_on_error() if is_new else nullcontext():
            print_plan(training_run)
            if stop.pressed and training_run.trainer.group.world_size == 1:
                sys.exit(stop.exit_code)
        with choose_display(training_run) as display:
            finished = _run_loop(training_run, stop, display)
        if not finished:
            save_unfinished(training_run)
        training_run.trainer.group.close()
        say(f"evaluating on the held-out {training_run.corpus.describe_test()}")
        figures = [
            _report(training_run, *measured, save_model(training_run, measured[0], lambda: stop.pressed))
            for measured in training_run.measure_models()
        ]
        if finished:
            training_run.run_dir.delete()
    beside = {"beside": figures[1]["model"]} if len(figures) > 1 else {}
    return Outcome({**figures[0], **beside}, 0 if finished else stop.exit_code or CTRL_C)  # or another got the signal


def _follow_rank0(training_run: TrainingRun) -> None:
    """Take the same steps as rank 0, without output."""
    with catch_interrupt() as stop:
        training_run.trainer.prepare()
        if not _run_loop(training_run, stop):
            training_run.save_checkpoint()
            training_run.trainer.evaluate()


def _run_loop(training_run: TrainingRun, stop: Interrupt, display: TrainDisplay | None = None) -> bool:
    """Train to the end. Return False if Ctrl-C was pressed first, in any process."""
    for progress in training_run.train():
        if display:
            display.show(progress)
        if display and progress.note:
            display.say(progress.note)
        if training_run.trainer.group.any(stop.pressed):
            return False
    return True


def save_unfinished(training_run: TrainingRun) -> None:
    """Save a checkpoint and say how to resume, or why that is not possible. Then validate the current weights."""
    stopped = f"stopped at step {training_run.trainer.step:,}, epoch {training_run.trainer.epochs:.1f}"
    try:
        training_run.save_checkpoint()
        say(f"{stopped}, and saved; resume with:")
        say(f"    afterglow train --resume {training_run.request.name}")
    except StorageError as error:
        say(f"{stopped}; it cannot be resumed from here: {error}")
    say("saving the best model so far; press Ctrl-C again to quit without saving")
    training_run.trainer.evaluate()


def _report(training_run: TrainingRun, model: Model, score: Score, path: Path) -> Values:
    """Say which weights a saved model has and how good they are, and return its figures."""
    kept = model.file.card.kept
    say(f"kept as {model.name}: {kept}")
    say(_final_summary(training_run, model, score))
    name = model.name if path == path_for_new_model(model.name, replace=True) else str(path)
    seconds = round(training_run.trainer.seconds, 1)
    return {"model": name, "path": str(path), "kept": kept, "seconds": seconds, **score_values(score)}


def _final_summary(training_run: TrainingRun, model: Model, score: Score) -> str:
    """Return one line: the loss on the held-out text, that of a 5-gram model, and what is copied."""
    ngram_bits = training_run.ngram_bits([part.text for part in training_run.corpus.test])
    bits = score.nats_per_char_stateful / log(2)
    figures = f"held out: {bits:.2f} bits/char; your text's own 5-gram there: {ngram_bits:.2f}"
    return f"{figures}; {_describe_copies(model.file.card)}"


def _describe_copies(card: Card) -> str:
    """Return the share of items that stand in the list, or of copied text beside that of unseen text, in words."""
    if card.copied_items is not None:
        return f"{card.copied_items:.0%} of generated items at T 0.8 stand in your list"
    unseen = "" if card.unseen_in_runs_of_16 is None else f" (unseen text: {card.unseen_in_runs_of_16:.0%})"
    longest = f"longest copied run: {card.longest_copied_run or 'under 16'} characters"
    return f"copied at T 0.8: {card.copied_in_runs_of_16:.0%}{unseen}; {longest}"
