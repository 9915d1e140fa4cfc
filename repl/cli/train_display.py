"""Progress of a training run: a live display on a terminal, log lines elsewhere."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...core.command_line import echo
from ...core.sanitize import one_line
from ...core.training.run import TrainingRun
from ...core.training.samples import show_sample, write_samples
from ...core.training.trainer import TrainProgress
from .braille import Curve, render_braille

SAMPLING_PAUSE_FACTOR = 20
"""Minimum time between samples, as a multiple of the time that sampling took."""

FRAMES_PER_SECOND = 4.0


class TrainDisplay(Protocol):
    """Shows the progress of a run, inside its ``with`` block."""

    def __enter__(self) -> TrainDisplay: ...

    def __exit__(self, *_: object) -> None: ...

    def say(self, line: str) -> None:
        """Print a line that stays on the screen."""
        ...

    def show(self, progress: TrainProgress) -> None:
        """Show the progress after a step."""
        ...


class LogDisplay:
    """Prints one line per validation, for logs, pipes and dumb terminals."""

    def __init__(self, training_run: TrainingRun) -> None:
        self._training_run = training_run

    def __enter__(self) -> LogDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, line: str) -> None:
        """Print to standard error."""
        echo(line, err=True)

    def show(self, progress: TrainProgress) -> None:
        """Print training and validation loss if validation was measured at this step."""
        if progress.valid_loss is not None:
            bits = self._training_run.to_bits_per_char(progress.valid_loss)
            best = " (best)" if progress.is_best else ""
            self.say(f"{format_progress(self._training_run, progress)} · validation {bits:.3f}{best}")


class LiveDisplay:
    """Draws progress, losses with n-gram baselines, loss curves, and samples at four temperatures."""

    def __init__(self, training_run: TrainingRun, console: Console | None = None) -> None:
        self._training_run = training_run
        self._samples = dict[float, str]()
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._last_drawn = 0.0
        self._last_sampled = 0.0
        self._sampling_pause = 0.0

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        """Print a line above the display."""
        self._live.console.print(Text(one_line(line)))

    def show(self, progress: TrainProgress) -> None:
        """Redraw a few times a second, and after each validation with new samples."""
        now = time.monotonic()
        validated = progress.valid_loss is not None
        if validated and now - self._last_sampled >= self._sampling_pause:
            self._draw_samples(now)
        if validated or now - self._last_drawn >= 1 / FRAMES_PER_SECOND:
            self._live.update(self._render(progress), refresh=True)
            self._last_drawn = now

    def _draw_samples(self, now: float) -> None:
        for temperature, text in write_samples(self._training_run.build_model()):
            self._samples[temperature] = show_sample(text)
        self._last_sampled = time.monotonic()
        self._sampling_pause = SAMPLING_PAUSE_FACTOR * (self._last_sampled - now)

    def _render(self, progress: TrainProgress) -> RenderableType:
        width = min(self._console.width, 100)
        parts: list[RenderableType] = [
            Text(format_progress(self._training_run, progress), no_wrap=True, overflow="ellipsis"),
            Padding(
                ProgressBar(None if progress.fraction is None else 1.0, progress.fraction or 0.0, width), (0, 0, 1, 0)
            ),
            self._losses_table(progress),
        ]
        rows = self._training_run.run_dir.losses.rows()
        if len(rows) > 1 and self._console.height >= 20:
            curves = [Curve([(row.epoch, row.train_bits) for row in rows], "dim")]
            curves.append(Curve([(row.epoch, row.valid_bits) for row in rows], "bold"))
            parts.append(render_braille(curves, width - 8, min(8, self._console.height - 14)))
        parts += [self._sample_line(t, text, width) for t, text in self._samples.items()]
        return Group(*parts)

    def _losses_table(self, progress: TrainProgress) -> Table:
        """Return losses and baselines side by side, in bits per character."""
        table = Table.grid(padding=(0, 3))
        best = self._training_run.best_bits
        figures = {"training": self._training_run.to_bits_per_char(progress.train_loss), "validation, best": best}
        figures |= self._training_run.baselines
        table.add_row(*(Text(name, "dim") for name in figures))
        table.add_row(*(Text("–" if bits is None else f"{bits:.3f} bits") for bits in figures.values()))
        return table

    def _sample_line(self, temperature: float, text: str, width: int) -> Text:
        line = Text(f"T {temperature:.1f}  ", "dim", no_wrap=True, overflow="ellipsis")
        line.append(text, "not dim")
        line.truncate(width, overflow="ellipsis")
        return line


def choose_display(training_run: TrainingRun) -> TrainDisplay:
    """Return a live display if the terminal can draw it, else log lines."""
    console = Console(stderr=True)
    can_draw = console.is_terminal and not console.is_dumb_terminal and console.width >= 40 and console.height >= 12
    return LiveDisplay(training_run, console) if can_draw else LogDisplay(training_run)


def format_progress(training_run: TrainingRun, progress: TrainProgress) -> str:
    """Return a line: share and time left (time so far if the run is open-ended), epoch, speed, loss."""
    share_or_time = (
        f"{progress.fraction:4.0%} · {_format_time_left(progress)} · "
        if progress.fraction is not None
        else f"{format_duration(progress.seconds)} · "
    )
    speed = progress.tokens_per_second / training_run.tokens_per_char
    bits = training_run.to_bits_per_char(progress.train_loss)
    return f"{share_or_time}epoch {progress.epoch:.1f} · {speed:,.0f} characters/s · training {bits:.3f} bits/char"


def format_duration(seconds: float) -> str:
    """Return seconds as M:SS, or H:MM:SS from an hour on."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _format_time_left(progress: TrainProgress) -> str:
    if not progress.fraction or progress.seconds < 1:
        return "starting"
    return f"{format_duration(progress.seconds / progress.fraction - progress.seconds)} left"
