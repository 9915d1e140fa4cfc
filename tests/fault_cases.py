"""Everything that afterglow saves while people play, as cases for fault_injection.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from afterglow.core import presets
from afterglow.core.events import Token
from afterglow.core.inference.model_file import ModelFile, open_model_file
from afterglow.core.model import Model
from afterglow.core.paths import data_dir, models_dir
from afterglow.core.session import passage_db, passage_json
from afterglow.core.session.node import Node
from afterglow.core.session.passage import Passage
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.passage_tables import open_database
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.user_files import write_user_file
from afterglow.repl.autosave import Autosave
from afterglow.repl.prompt_history import append_history, read_history

if TYPE_CHECKING:
    from afterglow.bot.store import Store


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
            presets.save("second", Settings(temperature=temperature), replace=True)
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
            passage_json.save(make_passage("After", 5), name, replace=True)
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


class History:
    """Two lines are typed. Failures are not reported, so nothing is acknowledged."""

    def prepare(self) -> None:
        append_history("before")

    def save(self) -> Iterator[str]:
        for text in ("first line", "second line"):
            append_history(text)
        yield from ()

    def check(self, done: list[str]) -> None:
        assert not done
        lines = read_history()
        assert lines[0] == "before"
        assert set(lines[1:]) <= {"first line", "second line"}


class Export:
    """A file of the user's is replaced through a link, and another one is made in a new folder."""

    def __init__(self) -> None:
        self.link, self.new = data_dir() / "link.md", data_dir() / "new" / "a.md"

    def prepare(self) -> None:
        data_dir().mkdir(exist_ok=True)
        target = self.link.with_name("target.md")
        target.write_text("before")
        target.chmod(0o640)
        self.link.symlink_to("target.md")

    def save(self) -> Iterator[str]:
        for path in (self.link, self.new):
            write_user_file(path, b"after")
            yield path.name

    def check(self, done: list[str]) -> None:
        assert self.link.is_symlink()
        assert self.link.stat().st_mode & 0o777 == 0o640
        assert self.link.read_text() in ({"after"} if "link.md" in done else {"before", "after"})
        assert self.new.exists() or "a.md" not in done
        assert not self.new.exists() or self.new.read_text() == "after"


@cache
def tiny_file() -> ModelFile:
    return open_model_file(Path(__file__).parent / "data" / "tiny-char.safetensors")


class SavedModel:
    """A model of the library is replaced."""

    def __init__(self) -> None:
        self.path = models_dir() / "mine.safetensors"

    def prepare(self) -> None:
        tiny_file().save(self.path)

    def save(self) -> Iterator[str]:
        replace(tiny_file(), card=replace(tiny_file().card, corpus="another.txt")).save(self.path)
        yield "another.txt"

    def check(self, done: list[str]) -> None:
        file = open_model_file(self.path)
        assert file.sha256 == tiny_file().sha256
        require_last(file.card.corpus, [tiny_file().card.corpus, "another.txt"], done)


class AutosavedSession:
    """A session goes on with a passage from the archive, in two texts and an undo, and is autosaved after each."""

    def __init__(self) -> None:
        self.session = Session(Model("tiny", tiny_file()), Settings(rng=7, length=20))
        self.autosave = Autosave(self.session, lambda _: None, lambda _: None, lambda _: None)

    def prepare(self) -> None:
        self.run(self.session.write_from("The lamp"))
        self.autosave.save_now()

    def run(self, events: Iterable[object] | None) -> None:
        for _ in events or ():
            pass

    def save(self) -> Iterator[str]:
        self.session.load_passage(passage_db.load(1))
        for change in (self.session.retry, self.session.continue_, self.session.passage.undo):
            self.run(change())
            self.autosave.save_now()
            yield self.session.passage.text().replace("\n", " ")

    def check(self, done: list[str]) -> None:
        loaded = [passage_db.load(entry.number) for entry in passage_db.search_passages()]
        texts = {stored.passage.text().replace("\n", " ") for stored in loaded}
        assert texts
        assert all(text.startswith("The lamp") for text in texts)
        assert not done or done[-1] in texts or any(len(text) >= len(done[-1]) for text in texts)
        for stored in loaded:
            again = Session(Model("tiny", tiny_file()), Settings(rng=7, length=3))
            again.load_passage(stored)
            self.run(again.continue_())


def open_store() -> Store:
    from afterglow.bot.store import Store  # imports discord.py, which is not installed everywhere

    return Store(data_dir() / "bot.sqlite3")


class BotStore:
    """Settings and a state are changed, then a channel is forgotten."""

    def prepare(self) -> None:
        with closing(open_store()) as store:
            for channel in (1, 2):
                store.save_setting(channel, 10, "length", 300)
                store.save_state(channel, 10, b"before")

    def save(self) -> Iterator[str]:
        with closing(open_store()) as store:
            store.save_setting(1, 10, "length", 500)
            yield "setting"
            store.save_state(1, 10, b"after")
            yield "state"
            store.set_meta("application", "5")
            yield "meta"

    def check(self, done: list[str]) -> None:
        with closing(open_store()) as store:
            assert (store.settings(2), store.load_state(2)) == ({"length": 300}, b"before")
            assert store.settings(1)["length"] in ({500} if "setting" in done else {300, 500})
            assert store.load_state(1) in ({b"after"} if "state" in done else {b"before", b"after"})
            assert store.get_meta("application") in ({"5"} if "meta" in done else {"", "5"})


class FirstBotStore(BotStore):
    """The bot's file is made by the save."""

    def prepare(self) -> None:
        data_dir().mkdir(exist_ok=True)

    def check(self, done: list[str]) -> None:
        with closing(open_store()) as store:
            assert store.settings(1) in ([{"length": 500}] if "setting" in done else [{}, {"length": 500}])
            assert store.load_state(1) in ({b"after"} if "state" in done else {None, b"after"})


CASES = {
    "presets": Presets,
    "named passage": NamedPassage,
    "archive": Archive,
    "first archive": FirstArchive,
    "history": History,
    "export": Export,
    "model": SavedModel,
    "autosaved session": AutosavedSession,
    "bot store": BotStore,
    "first bot store": FirstBotStore,
}
