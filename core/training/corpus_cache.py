"""Texts as training reads them, kept on disk under the hash of what they were made of, so that they are made once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import StorageError
from ..paths import cache_dir, write_atomically, writing_atomically
from ..text.corpus import Corpus, cleaned, distinct, named
from ..text.files import found
from ..text.formats import Reading, require_use
from ..text.split import Split
from ..text.tokenizer import Tokenizer
from .disk_store import StoredText, StoredTokens

FORMAT = 1
"""Raised where something is cleaned, cut or written in another way than before."""

MOST_BYTES, MOST_DAYS = 8 << 30, 30
"""What was used last stays; of the rest what is older, or more, is made again should it be wanted."""

PRIVATE = 0o600


def corpus_on_disk(paths: Sequence[str], how: Reading) -> Corpus:
    """What ``read_corpora`` reads, its text on disk. Raises TextError, or StorageError where there is no space."""
    split, left_out = Split.of(how.split), list[str]()
    sources = distinct(found(paths), left_out)
    require_use(sources, how)
    name, sha256 = named(sources)
    key = _key("text", sha256, [source.name for source in sources], asdict(how))
    path, about = cache_dir() / f"{key}.txt", cache_dir() / f"{key}.json"
    facts = _facts(about, path)
    if facts is None:
        notes: list[str] = []
        with _room(), writing_atomically(path, PRIVATE) as file:
            starts, characters = StoredText.write(file, cleaned(sources, how, notes))
        facts = {"starts": starts, "characters": characters, "bytes": path.stat().st_size, "notes": notes}
        with _room():
            write_atomically(about, json.dumps(facts).encode(), PRIVATE)
    _used(about, path)
    text = StoredText(path, facts["starts"], facts["characters"])
    return Corpus(name, sha256, text, how.keep_boilerplate, (*left_out, *facts["notes"]), split)


def tokens_on_disk(
    corpus: Corpus, tokenizer: Tokenizer, told: Callable[[float], object] = lambda _: None
) -> StoredTokens:
    """The tokens of what is trained on; ``told`` hears the share done. Raises StorageError where there is no space."""
    assert isinstance(corpus.text, StoredText)
    path = cache_dir() / f"{_key('tokens', corpus.text.path.name, tokenizer.header())}.tokens"
    if not path.exists():
        with _room(), writing_atomically(path, PRIVATE) as file:
            for share in StoredTokens.write(file, corpus.trained, tokenizer):
                told(share)
    _used(path)
    return StoredTokens(path, tokenizer.size)


def tidy() -> None:
    """Remove what was not used for long, the oldest of what is too much, and what a crash left half written."""
    left, now = MOST_BYTES, time.time()
    with contextlib.suppress(OSError):
        ages = {path: now - path.stat().st_mtime for path in cache_dir().iterdir()}
        for path in sorted(ages, key=ages.__getitem__):
            left -= path.stat().st_size
            days = ages[path] / 86_400
            if days > (1 if path.name.startswith(".") else MOST_DAYS) or (left < 0 and days > 1 / 24):
                path.unlink(missing_ok=True)


def _facts(about: Path, path: Path) -> dict[str, Any] | None:
    """What a stored text was kept with; None where it is not there whole."""
    try:
        facts = json.loads(about.read_bytes())
        whole = path.stat().st_size == facts["bytes"]
        return {**facts, "starts": list(facts["starts"])} if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(*what: Any) -> str:
    return hashlib.sha256(json.dumps([FORMAT, *what]).encode()).hexdigest()[:32]


def _used(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.touch()


@contextlib.contextmanager
def _room() -> Any:
    """A full disk in one line that tells what the space is for."""
    try:
        yield
    except StorageError as error:
        raise StorageError(
            f"{error}; training keeps the text there, and again in tokens: make room, or name another"
            " folder in AFTERGLOW_HOME"
        ) from error
