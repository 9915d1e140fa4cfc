"""The sentence that says which weights of a run were kept, and why, for the log and the card."""

from __future__ import annotations

from .trainer import Trainer


def keeps_last(trainer: Trainer, keep: str) -> bool:
    """Return True if ``--keep`` asks for the last weights and they are not the best anyway."""
    return keep == "last" and trainer.best_step != trainer.step


def describe_choice(trainer: Trainer, keep: str, best_bits: float | None) -> str:
    """Return which weights are kept and why. ``best_bits`` is the lowest validation loss in bits per character."""
    lowest = "validation was lowest" + ("" if best_bits is None else f", {best_bits:.3f} bits per character")
    if keeps_last(trainer, keep):
        return f"epoch {trainer.epochs:.1f}, the last, as --keep last asks; at {_describe_best_epoch(trainer)} {lowest}"
    if trainer.best_step == trainer.step:
        return f"epoch {trainer.epochs:.1f}, the last: there {lowest}"
    return f"{_describe_best_epoch(trainer)} of {trainer.epochs:.1f}: there {lowest}"


def _describe_best_epoch(trainer: Trainer) -> str:
    """Return "epoch 12.0", or that it is not known: an earlier release that saved the run did not count it."""
    if trainer.best_step is None:
        return "an earlier epoch"
    return f"epoch {trainer.epochs * trainer.best_step / max(1, trainer.step):.1f}"
