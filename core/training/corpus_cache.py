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
from ..file_io import atomic_writer, write_atomically
from ..paths import cache_dir
from ..text.corpus import Corpus, deduplicate, name_and_hash, read_clean_text
from ..text.files import open_sources
from ..text.formats import ReadOptions, check_options_apply
from ..text.split import Split
from ..text.tokenizer import Tokenizer
from .disk_store import DiskText, DiskTokens

FORMAT = 1
"""Raised where something is cleaned, cut or written in another way than before."""

MAX_CACHE_BYTES, MAX_CACHE_DAYS = 8 << 30, 30
"""What was used last stays; of the rest what is older, or more, is made again should it be wanted."""

PRIVATE_MODE = 0o600


def load_corpus(paths: Sequence[str], options: ReadOptions) -> Corpus:
    """What ``read_corpora`` reads, its text on disk. Raises TextError, or StorageError where there is no space."""
    split, left_out = Split.parse(options.split), list[str]()
    sources = deduplicate(open_sources(paths), left_out)
    check_options_apply(sources, options)
    name, sha256 = name_and_hash(sources)
    key = _cache_key("text", sha256, [source.name for source in sources], asdict(options))
    path, about = cache_dir() / f"{key}.txt", cache_dir() / f"{key}.json"
    facts = _read_metadata(about, path)
    if facts is None:
        notes: list[str] = []
        with _explain_disk_full(), atomic_writer(path, PRIVATE_MODE) as file:
            starts, characters = DiskText.write(file, read_clean_text(sources, options, notes))
        facts = {"starts": starts, "characters": characters, "bytes": path.stat().st_size, "notes": notes}
        with _explain_disk_full():
            write_atomically(about, json.dumps(facts).encode(), PRIVATE_MODE)
    _touch(about, path)
    text = DiskText(path, facts["starts"], facts["characters"])
    return Corpus(name, sha256, text, options.keep_boilerplate, (*left_out, *facts["notes"]), split)


def load_tokens(
    corpus: Corpus, tokenizer: Tokenizer, on_progress: Callable[[float], object] = lambda _: None
) -> DiskTokens:
    """The tokens of what is trained on; ``told`` hears the share done. Raises StorageError where there is no space."""
    assert isinstance(corpus.text, DiskText)
    path = cache_dir() / f"{_cache_key('tokens', corpus.text.path.name, tokenizer.header())}.tokens"
    if not path.exists():
        with _explain_disk_full(), atomic_writer(path, PRIVATE_MODE) as file:
            for share in DiskTokens.write(file, corpus.train_text, tokenizer):
                on_progress(share)
    _touch(path)
    return DiskTokens(path, tokenizer.size)


def prune_cache() -> None:
    """Remove what was not used for long, the oldest of what is too much, and what a crash left half written."""
    left, now = MAX_CACHE_BYTES, time.time()
    with contextlib.suppress(OSError):
        ages = {path: now - path.stat().st_mtime for path in cache_dir().iterdir()}
        for path in sorted(ages, key=ages.__getitem__):
            left -= path.stat().st_size
            days = ages[path] / 86_400
            if days > (1 if path.name.startswith(".") else MAX_CACHE_DAYS) or (left < 0 and days > 1 / 24):
                path.unlink(missing_ok=True)


def _read_metadata(metadata_path: Path, path: Path) -> dict[str, Any] | None:
    """What a stored text was kept with; None where it is not there whole."""
    try:
        facts = json.loads(metadata_path.read_bytes())
        whole = path.stat().st_size == facts["bytes"]
        return {**facts, "starts": list(facts["starts"])} if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _cache_key(*values: Any) -> str:
    return hashlib.sha256(json.dumps([FORMAT, *values]).encode()).hexdigest()[:32]


def _touch(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.touch()


@contextlib.contextmanager
def _explain_disk_full() -> Any:
    """A full disk in one line that tells what the space is for."""
    try:
        yield
    except StorageError as error:
        raise StorageError(
            f"{error}; training keeps the text there, and again in tokens: make room, or name another"
            " folder in AFTERGLOW_HOME"
        ) from error
