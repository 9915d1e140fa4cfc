"""Passages: saved under a name, in the archive, and the states of a text."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from afterglow.core.errors import SettingError, StateError, StorageError
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.paths import passage_db_file
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.session import passage_db, passage_json, saved_passages
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.passage_tables import SCHEMA_VERSION
from afterglow.core.session.session import Session
from afterglow.core.session.stored_passage import StoredPassage
from afterglow.core.settings import Settings

from .databases import pack_tables, read_tables
from .mutation import Edit, Sample
from .play import check_events, play_session
from .target import TinyTarget
from .values import to_json

STATE_MAGIC = b"afterglow state\n"


class PassageTarget(TinyTarget):
    """A passage saved under a name: opened, continued, exported, and saved again in both ways."""

    name = "passage"
    promises = (StorageError, SettingError)

    def make_sample(self) -> Sample:
        """Return a passage of four nodes."""
        return Sample(json.loads(passage_json.to_json(self.written().passage)))

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Open, play and save it."""
        self.put(passage_json.path_for("p"), data)
        session = Session(self.model, Settings(rng=7))
        session.load_passage(StoredPassage(passage_json.load("p")))
        play_session(session)
        passage_json.save(session.passage, "q")
        PassageSaver().save(session.passage)


class ArchiveTarget(TinyTarget):
    """The archive of autosaved passages, with a bad passage and a good one."""

    name = "archive"
    promises = (StorageError, SettingError)
    good = 77

    def make_sample(self) -> Sample:
        """Return the rows of one passage."""
        saver, session = PassageSaver(), self.written()
        passage_db_file().unlink(missing_ok=True)
        saver.save(session.passage)
        self.schema, tables = read_tables(passage_db_file())
        self.others = json.loads(json.dumps(tables))
        for name, rows in self.others.items():
            for row in rows:
                row["id" if name == "passages" else "passage"] = self.good
        return Sample({"user_version": SCHEMA_VERSION, "tables": tables})

    def pack(self, sample: Sample) -> bytes:
        """Return the database."""
        return pack_tables(sample.tree, self.schema, self.others)

    def use(self, data: bytes, edits: list[Edit]) -> None:
        """List the passages, open both, play, and save what was opened."""
        self.put(passage_db_file(), data)
        if all(edit[0] == "put" and edit[1][:1] == ["tables"] and len(edit[1]) > 3 for edit in edits):
            self._require_good_one()
        passage_db.search_passages("lamp")
        session = Session(self.model, Settings(rng=7))
        session.load_passage(saved_passages.load(saved_passages.find_one("#1")))
        play_session(session)
        PassageSaver().save(session.passage)

    def _require_good_one(self) -> None:
        """Raise AssertionError unless the good passage is listed and opens beside the bad one."""
        assert self.good in [each.number for each in passage_db.search_passages()], "the good passage is not listed"
        session = Session(self.model, Settings(rng=7))
        assert session.load_passage(passage_db.load(self.good)) is None
        check_events(session.continue_())


class StateTarget(TinyTarget):
    """The state of a text, signed again: continued with filters that look back."""

    name = "state"
    promises = (StateError,)

    def make_sample(self) -> Sample:
        """Return a state after some tokens, with a history and an unfinished bound."""
        session = self.written()
        snapshot = session.current_snapshot()
        header = json.loads(self.model.dump_state(snapshot)[len(STATE_MAGIC) + 32 :].partition(b"\n")[0])
        arrays: dict[str, Any] = {"logits": snapshot.logits}
        arrays |= {f"state.{number}": array for number, array in enumerate(snapshot.state)}
        return Sample(header, {**arrays, "history": np.asarray(snapshot.history.recent(100), np.int32)})

    def pack(self, sample: Sample) -> bytes:
        """Return the state with its checksum."""
        body = to_json(sample.tree).encode() + b"\n" + b"".join(array.tobytes() for array in sample.arrays.values())
        return STATE_MAGIC + hashlib.sha256(body).digest() + body

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Continue from it."""
        start = self.model.load_state(data)
        chosen = Settings(
            length=5, dry_multiplier=0.8, repeat_penalty=1.2, frequency_penalty=0.1, surprise=2.0, stop=("ab",)
        )
        engine = self.model.engine()
        check_events(engine.iter_events(engine.open(start, StreamOptions(chosen, PositionRNG(1), max_unread=1))))
        self.model.read("and", start)
        self.model.load_state(self.model.dump_state(start))
