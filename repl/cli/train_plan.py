"""The lines that ``afterglow train`` prints before it begins: text, model, parent, duration."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from ...core.command_line import echo
from ...core.inference.styles import show_style_names
from ...core.sanitize import list_characters
from ...core.training.advice import advise, find_missing
from ...core.training.request import TrainRequest, as_command_line
from ...core.training.run import TrainingRun
from ...core.training.run_inputs import open_parent
from .train_display import format_duration

SHOWN_CHARACTERS = 12
"""Characters new to the parent that are named; the others are counted."""

RARE_COUNT = 5
"""Occurrences below which a character is hard to learn."""


def say(line: str) -> None:
    """Print a line to standard error."""
    echo(line, err=True)


def print_plan(training_run: TrainingRun) -> None:
    """Print what is going to be trained, on what, and from which model on."""
    corpus, request = training_run.corpus, training_run.request
    for note in training_run.notes:
        say(note)
    size = f"{corpus.name}: {len(corpus.text):,} characters"
    say(f"{size}, {_describe_characters(training_run)}")
    say(corpus.describe_parts())
    if request.parent:
        say(f"fine-tuning {request.parent}{_describe_new_characters(training_run)}")
    say(f"{_describe_model(training_run)}; {_describe_limits(training_run)}")
    if styles := training_run.trainer.config.styles:
        say(f"styles: {show_style_names(styles)}")
    if not request.parent:
        _print_advice(training_run)
    say(_describe_duration(training_run))
    baselines = ", ".join(f"{name} {bits:.2f}" for name, bits in training_run.baselines.items())
    say(f"n-gram baselines on the validation text, bits per character: {baselines}")
    say("Ctrl-C stops after the step, saves, and keeps the best model")


def _print_advice(training_run: TrainingRun) -> None:
    """Print which model reads the text best, and the command that goes on from it; nothing if none would help."""
    corpus = training_run.corpus
    advice = advise(corpus, training_run.request.tokens)
    if best := advice.best(training_run.baselines["5-gram"]):
        say(f"{advice.describe(best)}; to go on from it instead:")
        echo(f"    {_finetune_command(training_run.request, best.name)}", err=True, whole=True)


def _describe_new_characters(training_run: TrainingRun) -> str:
    """Return the characters that the parent lacks, the most frequent first, or "" if it lacks none."""
    parent = open_parent(training_run.request)
    counts = training_run.corpus.counts
    missing, alike = find_missing(parent.tokenizer, counts) if parent else ([], {})
    learned = sorted(
        set(missing).difference(training_run.tokenizer.unknown_characters("".join(missing))),
        key=lambda c: (-counts[c], c),
    )
    if not learned:
        return ""
    looks = [character for character in learned if character in alike]
    of_which = f", of which these begin as a look-alike: {list_characters(looks, SHOWN_CHARACTERS)}" if looks else ""
    return f"; new characters: {list_characters(learned, SHOWN_CHARACTERS)}{of_which}"


def _describe_model(training_run: TrainingRun) -> str:
    architecture = training_run.trainer.config.architecture
    layers = f"{architecture.layers} LSTM layers" if architecture.layers > 1 else "1 LSTM layer"
    return f"{layers} of {architecture.width}, {architecture.parameters:,} parameters"


def _finetune_command(request: TrainRequest, parent: str) -> str:
    """Return the command that fine-tunes ``parent`` instead, which determines size and tokens."""
    finetune = replace(request, size=None, layers=None, width=None, tokens=None, parent=parent)
    return f"{as_command_line(finetune, full_paths=True)} --replace"


def _describe_duration(training_run: TrainingRun) -> str:
    """Measure this machine's speed and return a line with the estimated duration."""
    request = training_run.request
    speed = training_run.trainer.prepare() / training_run.tokens_per_char
    epoch = len(training_run.corpus.train_text) / speed
    estimate = f"about {speed:,.0f} characters/s here: {format_duration(epoch)} per epoch"
    if request.epochs < inf:
        return f"{estimate}, {format_duration(request.epochs * epoch)} for {_count(request.epochs, 'epochs')}"
    if request.minutes < inf:
        return f"{estimate}, about {60 * request.minutes / epoch:.1f} epochs in that time"
    return estimate


def _describe_characters(training_run: TrainingRun) -> str:
    corpus, tokenizer = training_run.corpus, training_run.tokenizer
    rare = sum(count < RARE_COUNT for count in corpus.counts.values())
    note = ""
    if unknown := tokenizer.unknown_characters("".join(corpus.counts)):
        note = f", {len(unknown):,} of them rare, read as {tokenizer.replacement!r} and never written"
    elif rare and tokenizer.kind == "char" and not training_run.request.parent:
        note = f", {rare:,} of them fewer than {RARE_COUNT} times (--min-count {RARE_COUNT} leaves those out)"
    tokens = "" if tokenizer.kind == "char" else f", read as {tokenizer.size:,} {tokenizer.kind} tokens"
    return f"{len(corpus.counts):,} distinct{note}{tokens}"


def _describe_limits(training_run: TrainingRun) -> str:
    request = training_run.request
    limits = ((request.minutes, "minutes"), (request.epochs, "epochs"))
    words = [_count(value, unit) for value, unit in limits if value < inf]
    return " or ".join(words) or "until validation stops improving"


def _count(value: float, unit: str) -> str:
    """Return "2 epochs", or "1 epoch"."""
    return f"{value:g} {unit if value != 1 else unit[:-1]}"
