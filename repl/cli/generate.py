"""The work of ``afterglow generate``, ``eval``, ``novelty`` and ``info``, imported when one of them runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ...core.command_line import echo_notice
from ...core.errors import TextError
from ...core.inference.library import find_model
from ...core.inference.mixture import Mixture, open_mixture, split_mixture
from ...core.inference.model_card import Card
from ...core.inference.model_file import open_model_file
from ...core.item_samples import measure_copied_items
from ...core.model import Model, load
from ...core.score import Score
from ...core.text.copy_detection import CopyReport, copied_run_lengths, indexed_run_lengths
from ...core.text.corpus import Corpus, read_corpora
from ...core.text.files import is_stream
from ...core.text.formats import AuthorError, ReadOptions
from ...core.text.items import ItemSet
from .reading_flags import ReadingFlags, ask_for_encoding

Values = dict[str, object]
"""Results by name, ready for JSON."""


def evaluate_on_text(model: Model, path: Path, flags: ReadingFlags, style: object = "off") -> Values:
    """Score ``model`` on the text at ``path``, or on its held-out part if the model was trained on that text.

    The text is read under ``style``, a value of that setting.

    "unseen" in the result is the number of distinct characters that the model does not know.
    """
    corpus = read_as_trained(model, [str(path)], flags)
    is_own_text = is_training_text(corpus, model)
    score = model.score([part.text for part in corpus.test] if is_own_text else corpus.text[:], style=style)
    part = f"the held-out {corpus.describe_test()}" if is_own_text else "all of it"
    unknown = len(model.tokenizer.unknown_characters("".join(corpus.counts)))
    return {"model": model.name, "text": corpus.name, "part": part, "unseen": unknown, **score_values(score)}


def measure_novelty(
    name: str, texts: Sequence[str], length: int, temperature: float | None, rng: int, flags: ReadingFlags
) -> Values:
    """Generate ``length`` characters and measure how much of them is copied from ``texts``.

    Without ``texts``, the model's index of its training text is used, which misses some copied runs. Of a list, the
    share of whole items is measured too. ``temperature`` None is the one in the model card. Raise TextError if there
    are neither texts nor an index.
    """
    model = load(name)
    corpus = read_as_trained(model, texts, flags) if texts else None
    count_copies = _compare_with_corpus(model, corpus) if corpus else _compare_with_index(model)
    chosen = model.settings.temperature if temperature is None else temperature
    generated = model.generate("\n", length=length, temperature=chosen, rng=rng, stop=(), finish="off")
    shown = chosen if isinstance(chosen, float) else str(chosen)
    copies = count_copies(generated)
    if contains := _find_items(model, corpus):
        copies["copied_items"] = round(measure_copied_items(model, contains, chosen, rng), 4)
    unseen = model.file.card.unseen_in_runs_of_16
    known = {} if unseen is None else {"unseen_in_runs_of_16": unseen}
    return {"model": model.name, "characters": length, "temperature": shown, **copies, **known}


def _find_items(model: Model, corpus: Corpus | None) -> Callable[[str], bool] | None:
    """Return a function that knows the items of ``corpus``, or those that a model of a list was trained on.

    None if the model is not one of a list, or its index has no items.
    """
    end = model.file.card.item_end
    if end and corpus:
        return ItemSet(corpus.text, end).__contains__
    return model.copies.contains_item if model.copies.knows_items else None


def _compare_with_corpus(model: Model, corpus: Corpus) -> Callable[[str], Values]:
    """Return a function that reports what a generated text copies from ``corpus``, measured exactly."""
    is_own_text = is_training_text(corpus, model)

    def count_copies(generated: str) -> Values:
        runs = copied_run_lengths(generated, corpus.train_text if is_own_text else corpus.text)
        against = f"{corpus.name}, {'the part it was trained on' if is_own_text else 'all of it'}"
        return {"against": against, **CopyReport.from_runs(runs).to_dict()}

    return count_copies


def _compare_with_index(model: Model) -> Callable[[str], Values]:
    """Return a function that reports what a generated text copies, as far as the model file's index finds it.

    Raise TextError if the file has no index.
    """
    if not model.copies.indexes:
        raise TextError(
            f"{model.name} has no index of its training text; name the text: afterglow novelty {model.name} TEXT"
        )

    def count_copies(generated: str) -> Values:
        runs = indexed_run_lengths(generated, *model.copies.indexes)
        source = {"against": "the index in the model file", **_noticed_shares(model)}
        return {**source, **CopyReport.from_runs(runs).to_dict(), "copied_is_minimum": True}

    return count_copies


def _noticed_shares(model: Model) -> Values:
    """Return the share of the copied text that the index notices, and of copied runs of 32, as far as they are known.

    The second is the least that it can be, since longer runs are noticed more often.
    """
    noticed = model.file.card.noticed_by_index
    coverages = [index.coverage(32) or noticed for index in model.copies.indexes]
    known = [coverage for coverage in coverages if coverage is not None]
    shares: Values = {"of_copied_runs_of_32_it_notices": min(known)} if len(known) == len(coverages) else {}
    return shares if noticed is None else {**shares, "noticed_by_index": noticed}


def read_as_trained(model: Model, texts: Sequence[str], flags: ReadingFlags) -> Corpus:
    """Read texts with the options that the model's training text was read with, and the flags that were given.

    Of a mixture, a member's training text is read as that member's. Prints notes on what was changed to standard error.
    Raises TextError.
    """
    card = model.file.card
    options = _reading_options(card, flags)
    options = replace(options, encoding=ask_for_encoding(texts, options))
    corpus = _read_texts(texts, options, flags)
    own = next((own for own in _cards(model) if own.corpus_sha256 == corpus.sha256), None)
    if own and not any(map(is_stream, texts)):
        if own is not card:
            options = _reading_options(own, flags)
            corpus = _read_texts(texts, options, flags)
        if len(corpus.text) != own.characters and not any(flags):
            corpus = _read_as_first_release(texts, options, own) or corpus
    for note in corpus.notes:
        echo_notice(note)
    return corpus


def is_training_text(corpus: Corpus, model: Model) -> bool:
    """Return True if the model, or a member of the mixture, was trained on this text."""
    return any(corpus.sha256 == card.corpus_sha256 for card in _cards(model))


def _cards(model: Model) -> list[Card]:
    file = model.file
    return [member.card for member in file.members] if isinstance(file, Mixture) else [file.card]


def _reading_options(card: Card, flags: ReadingFlags) -> ReadOptions:
    reading = card.encoding, card.boilerplate_kept, card.field, card.column, card.lines, card.split
    more = {name: getattr(card, name) for name in ("items", "reader", "author", "label_column", "lower")}
    return flags.apply(ReadOptions(*reading, **more))


def _read_texts(texts: Sequence[str], options: ReadOptions, flags: ReadingFlags) -> Corpus:
    """Read texts. The author that the model was trained on is only looked for where there is one."""
    try:
        return read_corpora(texts, options)
    except AuthorError:
        if flags.author:
            raise
        return read_corpora(texts, replace(options, author=""))


def _read_as_first_release(texts: Sequence[str], options: ReadOptions, card: Card) -> Corpus | None:
    """Return a text as the release read it that knew no chats and no .json, if the model with ``card`` learned that."""
    with contextlib.suppress(TextError):
        corpus = read_corpora(texts, replace(options, reader="plain"))
        return corpus if len(corpus.text) == card.characters else None
    return None


def describe_model(name: str) -> Values:
    """Return a model's name, path, size and styles, and what its card says. Of a mixture, its members."""
    if split_mixture(name):
        return _describe_mixture(*open_mixture(name))
    entry = find_model(name)
    file = open_model_file(entry.path)
    shape = {**asdict(file.architecture), "parameters": file.architecture.parameters, "tokens": file.tokenizer.kind}
    styles = {"styles": list(file.styles.names)} if file.styles else {}
    return {"model": entry.name, "path": str(entry.path), **shape, **styles, **_card_values(file.card)}


def _describe_mixture(name: str, mixture: Mixture) -> Values:
    shares = ", ".join(f"{weight:.1%}" for weight in mixture.weights)
    parameters = sum(member.architecture.parameters for member in mixture.members)
    shape = {"vocabulary": mixture.tokenizer.size, "parameters": parameters, "tokens": mixture.tokenizer.kind}
    known = {key: value for key, value in _card_values(mixture.card).items() if value != getattr(Card(), key)}
    return {"model": name, "shares": shares, **shape, **known}


def _card_values(card: Card) -> Values:
    return {key: value for key, value in asdict(card).items() if value not in ("", None, {})}


def score_values(score: Score) -> Values:
    """Return both losses in nats and bits, both perplexities, and the best temperature, by name."""
    names = [
        f"{unit}_{kind}" for kind in ("cold", "stateful") for unit in ("nats_per_char", "bits_per_char", "perplexity")
    ]
    names += ["best_temperature", "nats_gained"]
    return {"characters": score.characters, **{name: getattr(score, name) for name in names}}
