"""How a training run looks while it goes on: plain lines, or on a terminal a picture that is drawn over and over."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...core.render.sanitize import visible
from ...core.training.run import Learning
from ...core.training.trainer import Progress
from .braille import Curve, drawn

TEMPERATURES = (0.2, 0.5, 1.0, 1.2)
"""What samples are shown at: from strict to wild."""

SAMPLING_PAUSE = 20
"""How many times longer than samples took is trained before the next ones."""

FRAMES = 4.0
"""A second."""


class Display(Protocol):
    """Where a run is shown."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *_: object) -> None: ...

    def say(self, line: str) -> None:
        """A line that stays."""
        ...

    def show(self, progress: Progress) -> None:
        """Where the run stands."""
        ...


class Lines:
    """One line for each validation: for logs, pipes and dumb terminals."""

    def __init__(self, learning: Learning) -> None:
        self._learning = learning

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, line: str) -> None:
        """To standard error."""
        print(line, file=sys.stderr, flush=True)

    def show(self, progress: Progress) -> None:
        """Training and validation loss, where they were just measured."""
        if progress.valid_loss is not None:
            bits = self._learning.bits(progress.valid_loss)
            self.say(f"{status(self._learning, progress)} · validation {bits:.3f}{' (best)' if progress.best else ''}")


class Picture:
    """Progress, losses beside what counting reaches, a curve of them, and samples at four temperatures."""

    def __init__(self, learning: Learning, console: Console | None = None) -> None:
        self._learning, self._samples = learning, dict[float, str]()
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._drawn = self._sampled = self._pause = 0.0

    def __enter__(self) -> Picture:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        """Above the picture."""
        self._live.console.print(Text(line))

    def show(self, progress: Progress) -> None:
        """Draw it, a few times a second; new samples when validation was measured."""
        now = time.monotonic()
        due = progress.valid_loss is not None
        if due and now - self._sampled >= self._pause:
            self._sample(now)
        if due or now - self._drawn >= 1 / FRAMES:
            self._live.update(self._picture(progress), refresh=True)
            self._drawn = now

    def _sample(self, now: float) -> None:
        model = self._learning.model()
        for temperature in TEMPERATURES:
            text = model.generate("\n", length=200, temperature=temperature, rng=1, stop=())
            self._samples[temperature] = visible(text).strip("\n").replace("\n", "⏎").replace("\t", " ")
        self._sampled = time.monotonic()
        self._pause = SAMPLING_PAUSE * (self._sampled - now)

    def _picture(self, p: Progress) -> RenderableType:
        width = min(self._console.width, 100)
        parts: list[RenderableType] = [
            Text(status(self._learning, p), no_wrap=True, overflow="ellipsis"),
            Padding(ProgressBar(None if p.fraction is None else 1.0, p.fraction or 0.0, width), (0, 0, 1, 0)),
            self._losses(p),
        ]
        rows = self._learning.folder.history()
        if len(rows) > 1 and self._console.height >= 20:
            curves = [Curve([(row["epoch"], row["train_bits"]) for row in rows], "dim")]
            curves.append(Curve([(row["epoch"], row["valid_bits"]) for row in rows], "bold"))
            parts.append(drawn(curves, width - 8, min(8, self._console.height - 14)))
        parts += [self._sample_line(t, text, width) for t, text in self._samples.items()]
        return Group(*parts)

    def _losses(self, p: Progress) -> Table:
        """Bits per character of the model and of counting, side by side."""
        table = Table.grid(padding=(0, 3))
        best = self._learning.best_bits
        figures = {"training": self._learning.bits(p.train_loss), "validation, best": best}
        figures |= self._learning.baselines
        table.add_row(*(Text(name, "dim") for name in figures))
        table.add_row(*(Text("–" if bits is None else f"{bits:.3f} bits") for bits in figures.values()))
        return table

    def _sample_line(self, temperature: float, text: str, width: int) -> Text:
        line = Text(f"T {temperature:.1f}  ", "dim", no_wrap=True, overflow="ellipsis")
        line.append(text, "not dim")
        line.truncate(width, overflow="ellipsis")
        return line


def display(learning: Learning) -> Display:
    """The picture where there is a terminal that can draw it, else lines."""
    console = Console(stderr=True)
    capable = console.is_terminal and not console.is_dumb_terminal and console.width >= 40 and console.height >= 12
    return Picture(learning, console) if capable else Lines(learning)


def status(learning: Learning, p: Progress) -> str:
    """Where a run stands, in one line."""
    share = f"{p.fraction:4.0%} · {_left(p)} · " if p.fraction is not None else f"{clock(p.seconds)} · "
    speed = p.chars_per_second / learning.tokens_per_char
    bits = learning.bits(p.train_loss)
    return f"{share}epoch {p.epoch:.1f} · {speed:,.0f} characters/s · training {bits:.3f} bits/char"


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _left(p: Progress) -> str:
    if not p.fraction or p.seconds < 1:
        return "starting"
    return f"{clock(p.seconds / p.fraction - p.seconds)} left"
