"""Making the tokenizer that a text is learned with."""

from __future__ import annotations

import json

from ..errors import MissingExtraError
from ..text.chunks import TextLike, iter_chunks, subsample
from ..text.subwords import MAX_TOKEN_BYTES, BpeTokenizer, WordTokenizer, pretokenize
from ..text.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer

VOCABULARY_BOUNDS = {"bpe": (512, 4096, 200), "word": (1024, 16384, 100)}
"""The smallest and the largest vocabulary if none is asked for, and for how many characters it has a token."""

MAX_TRAIN_CHARS = 20_000_000
"""Characters that a vocabulary of word parts or words is learned from: more find the same, and take memory."""


def build_tokenizer(text: TextLike, kind: str, vocabulary: int | None = None, min_count: int = 1) -> Tokenizer:
    """The tokenizer of a kind for ``text``; raises MissingExtraError where BPE's trainer is not installed."""
    if kind == "byte":
        return ByteTokenizer()
    if kind == "char":
        return CharTokenizer.from_text(text, min_count)
    smallest, largest, characters = VOCABULARY_BOUNDS[kind]
    size = vocabulary or min(largest, max(smallest, len(text) // characters))
    some = subsample(text, MAX_TRAIN_CHARS)
    return train_bpe(some, size) if kind == "bpe" else WordTokenizer.from_text(some, size)


def train_bpe(text: TextLike, size: int) -> BpeTokenizer:
    """A BPE vocabulary of at most ``size`` tokens, learned by Hugging Face's tokenizers.

    Bytes are shown to it as the characters U+0000 to U+00FF, and our pieces as its words.
    """
    try:
        from tokenizers import Tokenizer as Trained
        from tokenizers.models import BPE
        from tokenizers.trainers import BpeTrainer
    except ImportError as error:
        raise MissingExtraError("BPE tokens need tokenizers: pip install 'afterglow-lm[train]'") from error
    learner = Trained(BPE())
    alphabet = [chr(value) for value in range(256)]
    trainer = BpeTrainer(
        vocab_size=size,
        initial_alphabet=alphabet,
        min_frequency=2,
        max_token_length=MAX_TOKEN_BYTES,
        show_progress=False,
    )
    found = (piece for stretch in iter_chunks(text) for piece in pretokenize(stretch))
    learner.train_from_iterator((piece.encode().decode("latin-1") for piece in found), trainer)
    ids = {character: number for number, character in enumerate(alphabet)}
    merges = []
    for left, right in json.loads(learner.to_str())["model"]["merges"]:
        merges.append((ids[left], ids[right]))
        ids.setdefault(left + right, len(ids))
    return BpeTokenizer(merges)
