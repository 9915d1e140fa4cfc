"""Everything that afterglow saves while people play, as cases for fault_injection.py."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from afterglow.core import presets
from afterglow.core.events import Token
from afterglow.core.model import Model, load
from afterglow.core.paths import data_dir, passage_db_file
from afterglow.core.session import passage_db, passage_json
from afterglow.core.session.passage import Node, Passage
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.passage_tables import open_database
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.autosave import Autosave

TINY = Path(__file__).parent / "data" / "tiny-char.safetensors"


def grow(passage: Passage, length: int) -> None:
    """Write on until the text has ``length`` tokens."""
    tokens = passage.nodes[-1].tokens
    tokens += [Token("x", 1, -1.0, -1.0, 1, 1.0, 1.0) for _ in range(length - len(tokens))]


def make_passage(seed: str, length: int) -> Passage:
    made = Passage("m", "", 7)
    made.add(Node(None, seed=seed))
    made.add(Node(0))
    grow(made, length)
    return made


def require_last(saved: object, versions: list[str], done: list[str]) -> None:
    """Fail unless ``saved`` is the version that was acknowledged last, or a later one. The first one is from before."""
    assert str(saved) in versions[versions.index(done[-1]) if done else 0 :]


class Presets:
    """A preset is added to another one, then changed."""

    def prepare(self) -> None:
        presets.save("first", Settings(temperature=0.5))

    def save(self) -> Iterator[str]:
        for temperature in (0.25, 1.25):
            presets.save("second", Settings(temperature=temperature))
            yield str(temperature)

    def check(self, done: list[str]) -> None:
        known = presets.load_all()
        assert known["first"]["temperature"] == 0.5
        require_last(known.get("second", {}).get("temperature"), ["None", "0.25", "1.25"], done)


class NamedPassage:
    """A passage is saved under a new name, then under one that another has."""

    def prepare(self) -> None:
        for name in ("kept", "changed"):
            passage_json.save(make_passage("Before", 3), name)

    def save(self) -> Iterator[str]:
        for name in ("new", "changed"):
            passage_json.save(make_passage("After", 5), name)
            yield name

    def check(self, done: list[str]) -> None:
        texts = {name: passage_json.load(name).text() for name in passage_json.list_names()}
        assert texts["kept"] == "Beforexxx"
        assert texts["changed"] in {"Beforexxx", "Afterxxxxx"}
        assert {texts[name] for name in done} <= {"Afterxxxxx"}


class Archive:
    """A passage is autosaved while it grows, beside one from before."""

    def __init__(self) -> None:
        self.saver = PassageSaver()
        self.passage = make_passage("New", 0)

    def prepare(self) -> None:
        PassageSaver().save(make_passage("Before", 4))

    def save(self) -> Iterator[str]:
        for length in (2, 5):
            grow(self.passage, length)
            self.saver.save(self.passage)
            yield str(length)

    def check(self, done: list[str]) -> None:
        with open_database() as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = passage_db.search_passages()
        texts = [passage_db.load(entry.number).passage.text() for entry in found]
        assert texts[-1] == "Beforexxxx"
        assert {text.rstrip("x") for text in texts[:-1]} <= {"New"}
        require_last(max((text.count("x") for text in texts[:-1]), default=0), ["0", "2", "5"], done)


class FirstArchive(Archive):
    """The archive is made by the save."""

    def prepare(self) -> None:
        data_dir().mkdir(exist_ok=True)

    def check(self, done: list[str]) -> None:
        texts = [passage_db.load(entry.number).passage.text() for entry in passage_db.search_passages()]
        require_last(max((text.count("x") for text in texts), default=0), ["0", "2", "5"], done)


@cache
def tiny() -> Model:
    return load(str(TINY))


class AutosavedSession:
    """A session goes on with a passage from the archive, in two texts and an undo, and is autosaved each time."""

    def __init__(self) -> None:
        self.session = Session(tiny(), Settings(rng=7, length=20))
        self.refused = ""
        self.saver = Autosave(self.session, lambda _: None, self.refuse, self.report)
        if passage_db_file().exists():
            self.session.load_passage(passage_db.load(1))
            self.session.passage.cursor = 1

    def refuse(self, message: str) -> None:
        assert "\n" not in message
        self.refused = message

    def report(self, error: Exception) -> None:
        raise error

    def prepare(self) -> None:
        self.write("before")
        self.saver.save()

    def write(self, what: str) -> None:
        for _ in self.session.write_from("The lamp") if what == "before" else self.session.retry():
            pass

    def save(self) -> Iterator[str]:
        for change in (self.session.retry, self.session.continue_, self.session.passage.undo):
            for _ in change() or ():
                pass
            self.saver.save()
            yield passage_json.to_json(self.session.passage)


CASES = {
    "presets": Presets,
    "named passage": NamedPassage,
    "archive": Archive,
    "first archive": FirstArchive,
}
