"""Cleaned texts and their tokens, cached on disk under a hash of their sources and options."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import StorageError
from ..file_io import atomic_writer, write_atomically
from ..paths import cache_dir
from ..progress import drain
from ..text.corpus import Corpus, name_and_hash, read_clean_text
from ..text.files import Source, open_sources
from ..text.formats import ReadOptions, check_options_apply
from ..text.labels import NO_RUNS, LabelRuns
from ..text.layout import Layout, LayoutRecorder
from ..text.readers.pages import missing_libraries
from ..text.source_selection import select_sources
from ..text.split import Split, parts_from_json
from ..text.tokenizer import Tokenizer
from .disk_store import DiskText, DiskTokens

FORMAT = 3
"""Version of the cache. Increased when cleaning, tokenization or the layout of the files changes."""

MAX_CACHE_BYTES = 8 << 30
"""Size above which the least recently used files are deleted, 8 GiB. They are rebuilt when needed."""

MAX_CACHE_DAYS = 30
"""Days after which an unused file is deleted."""


def load_corpus(paths: Sequence[str], options: ReadOptions) -> Corpus:
    """Return the corpus of ``paths`` with its text on disk. Raises TextError, or StorageError if the disk is full."""
    split = Split.parse(options.split)
    sources, skipped = _find_selection(open_sources(paths), options)
    check_options_apply(sources, options)
    name, sha256 = name_and_hash(sources)
    key = _cache_key("text", sha256, [_label_and_name(source, options) for source in sources], asdict(options))
    path, metadata_path = cache_dir() / f"{key}.txt", cache_dir() / f"{key}.json"
    metadata = _read_metadata(metadata_path, path) or _write_text(metadata_path, path, sources, options)
    _touch(metadata_path, path, path.with_suffix(".labels"))
    text = DiskText(path, metadata["starts"], metadata["characters"])
    notes = (*skipped, *metadata["notes"])
    return Corpus(name, sha256, text, options.keep_boilerplate, notes, split, _read_layout(metadata, path))


def _find_selection(sources: Sequence[Source], options: ReadOptions) -> tuple[list[Source], list[str]]:
    """Return (the sources to read, notes on those left out), as ``select_sources`` found them for the same files."""
    if len(sources) < 2:
        return list(sources), []
    files = [(source.name, source.find_sha256()) for source in sources]
    path = cache_dir() / f"{_cache_key('selection', files, asdict(options), *missing_libraries())}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, IndexError):
        found = json.loads(path.read_bytes())
        return [sources[index] for index in found["kept"]], list(found["notes"])
    notes = list[str]()
    kept = select_sources(sources, options, notes)
    with _explain_disk_full():
        identities = set(map(id, kept))
        indices = [index for index, source in enumerate(sources) if id(source) in identities]
        write_atomically(path, json.dumps({"kept": indices, "notes": notes}).encode())
    return kept, notes


def _label_and_name(source: Source, options: ReadOptions) -> str:
    """Return a file's name, after the folder's if that is its label: a folder can be renamed."""
    return f"{source.folder}/{source.name}" if options.label == "folder" else source.name


def load_tokens(
    corpus: Corpus, tokenizer: Tokenizer, on_progress: Callable[[float], object] = lambda _: None
) -> DiskTokens:
    """Return the tokens of the training text of a corpus from ``load_corpus``.

    ``on_progress`` is called with the share done, 0 to 1. Raises StorageError if the disk is full.
    """
    assert isinstance(corpus.text, DiskText)
    path = cache_dir() / f"{_cache_key('tokens', corpus.text.path.name, tokenizer.header())}.tokens"
    if not path.exists() or not _has_labels(path, corpus.label_names):
        with _explain_disk_full(), atomic_writer(path) as file:
            labels = drain(DiskTokens.write(file, corpus.train_text, tokenizer, corpus.train_labels), on_progress)
            _write_labels(path, labels)
    _touch(path, path.with_suffix(".labels"))
    return DiskTokens(path, tokenizer.size, _read_labels(path))


def prune_cache() -> None:
    """Delete files unused for ``MAX_CACHE_DAYS``, partial files older than a day, and the oldest above the size limit.

    Files used within the last hour stay, since a run may need them.
    """
    bytes_left, now = MAX_CACHE_BYTES, time.time()
    with contextlib.suppress(OSError):
        ages = {path: now - path.stat().st_mtime for path in cache_dir().iterdir()}
        for path in sorted(ages, key=ages.__getitem__):
            bytes_left -= path.stat().st_size
            days = ages[path] / 86_400
            if days > (1 if path.name.startswith(".") else MAX_CACHE_DAYS) or (bytes_left < 0 and days > 1 / 24):
                path.unlink(missing_ok=True)


def _read_metadata(metadata_path: Path, path: Path) -> dict[str, Any] | None:
    """Return the metadata of a cached text; None if either file is missing or damaged."""
    try:
        metadata = json.loads(metadata_path.read_bytes())
        is_complete = path.stat().st_size == metadata["bytes"] and _has_labels(path, metadata["labels"])
        return {**metadata, "starts": list(metadata["starts"])} if is_complete else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_text(metadata_path: Path, path: Path, sources: Sequence[Source], options: ReadOptions) -> dict[str, Any]:
    """Write the clean text and its metadata to the cache, and return the metadata."""
    recorder = LayoutRecorder()
    with _explain_disk_full(), atomic_writer(path) as file:
        starts, characters = DiskText.write(file, read_clean_text(sources, options, recorder))
        size = file.tell()
    layout = recorder.finish()
    metadata = {
        "starts": starts,
        "characters": characters,
        "bytes": size,
        "notes": recorder.notes,
        "labels": layout.label_names,
        "files": layout.file_ends,
        "parts": layout.item_parts and layout.item_parts._asdict(),
    }
    with _explain_disk_full():
        _write_labels(path, layout.labels)
        write_atomically(metadata_path, json.dumps(metadata).encode())
    return metadata


def _read_layout(metadata: dict[str, Any], path: Path) -> Layout:
    parts = metadata["parts"] and parts_from_json(metadata["parts"])
    return Layout(tuple(metadata["labels"]), _read_labels(path), tuple(metadata["files"]), parts)


def _write_labels(path: Path, labels: LabelRuns) -> None:
    """Write the labels of a cached text or of its tokens beside it. Without labels there is no file."""
    if len(labels):
        write_atomically(path.with_suffix(".labels"), labels.to_bytes())


def _has_labels(path: Path, names: Sequence[str]) -> bool:
    """Return True if the labels of a cached text or of its tokens are there, or if it has none."""
    return not names or path.with_suffix(".labels").exists()


def _read_labels(path: Path) -> LabelRuns:
    try:
        return LabelRuns.from_bytes(path.with_suffix(".labels").read_bytes())
    except FileNotFoundError:
        return NO_RUNS
    except (OSError, ValueError) as error:
        raise StorageError(f"cannot read {path.with_suffix('.labels')}: {error}; delete it and start again") from None


def _cache_key(*values: object) -> str:
    return hashlib.sha256(json.dumps([FORMAT, *values]).encode()).hexdigest()[:32]


def _touch(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.utime(path)


@contextlib.contextmanager
def _explain_disk_full() -> Iterator[None]:
    """Extend the message of a StorageError: what needs the space, and how to get more."""
    try:
        yield
    except StorageError as error:
        raise StorageError(
            f"{error}; training stores the text and its tokens there: make room, or set AFTERGLOW_HOME to another"
            " folder"
        ) from error
