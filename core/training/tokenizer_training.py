"""Build the tokenizer of a training text."""

from __future__ import annotations

import json

from ..errors import MissingExtraError
from ..text.chunks import TextLike, iter_chunks, subsample
from ..text.corpus import Corpus
from ..text.subwords import MAX_TOKEN_BYTES, BpeTokenizer, WordTokenizer, pretokenize
from ..text.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer

VOCABULARY_BOUNDS = {"bpe": (512, 4096, 200), "word": (1024, 16384, 100)}
"""Size of a vocabulary if none is given: minimum, maximum, and characters of text per token, by kind."""

MAX_TRAIN_CHARS = 20_000_000
"""Maximum number of characters that a bpe or word vocabulary is built from. More give the same one and take memory."""


def build_tokenizer(corpus: Corpus, kind: str, vocabulary: int | None = None, min_count: int = 1) -> Tokenizer:
    """Return a tokenizer of ``kind`` for a text. Raises MissingExtraError if BPE's trainer is not installed.

    Characters are those of all of it. Longer tokens are learned from the training text: a word that only the held-out
    text has is spelled in it.
    """
    if kind == "byte":
        return ByteTokenizer()
    if kind == "char":
        return CharTokenizer.from_text(corpus.text, min_count)
    min_size, max_size, chars_per_token = VOCABULARY_BOUNDS[kind]
    size = vocabulary or min(max_size, max(min_size, len(corpus.text) // chars_per_token))
    sample = subsample(corpus.train_text, MAX_TRAIN_CHARS)
    return train_bpe(sample, size) if kind == "bpe" else WordTokenizer.from_text(sample, size)


def train_bpe(text: TextLike, size: int) -> BpeTokenizer:
    """Return a BPE tokenizer of at most ``size`` tokens, trained by Hugging Face's tokenizers.

    Its trainer sees bytes as the characters U+0000 to U+00FF, and pretokens as words.
    """
    try:
        from tokenizers import Tokenizer as HuggingFaceTokenizer
        from tokenizers.models import BPE
        from tokenizers.trainers import BpeTrainer
    except ImportError as error:
        raise MissingExtraError("BPE tokens need tokenizers: pip install 'afterglow-lm[train]'") from error
    bpe = HuggingFaceTokenizer(BPE())
    alphabet = [chr(value) for value in range(256)]
    trainer = BpeTrainer(
        vocab_size=size,
        initial_alphabet=alphabet,
        min_frequency=2,
        max_token_length=MAX_TOKEN_BYTES,
        show_progress=False,
    )
    pretokens = (pretoken for chunk in iter_chunks(text) for pretoken in pretokenize(chunk))
    bpe.train_from_iterator((pretoken.encode().decode("latin-1") for pretoken in pretokens), trainer)
    return BpeTokenizer(_to_id_pairs(json.loads(bpe.to_str())["model"]["merges"], alphabet))


def _to_id_pairs(merges: list[tuple[str, str]], alphabet: list[str]) -> list[tuple[int, int]]:
    """Return merges of strings as pairs of ids. ``alphabet`` has the first ids, each new string the next."""
    ids = {character: token for token, character in enumerate(alphabet)}
    pairs = []
    for left, right in merges:
        pairs.append((ids[left], ids[right]))
        ids.setdefault(left + right, len(ids))
    return pairs
