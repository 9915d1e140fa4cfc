"""Saved passages: they come back as they were, nobody else reads them, and a hostile file is one clear line."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from afterglow.core.errors import AfterglowError, StorageError, UsageError
from afterglow.core.paths import passages_dir
from afterglow.core.session import passage_json
from afterglow.core.session.lens import inspect_session
from afterglow.core.session.passage import Passage
from afterglow.core.session.session import Session
from afterglow.core.session.stored_passage import StoredPassage
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import Settings, settings_from_dict
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

DATA = Path(__file__).parent / "data"


def play(events: Iterable[object]) -> None:
    for _ in events:
        pass


def without_snapshots(passage: Passage) -> Passage:
    return replace(passage, nodes=[replace(node, snapshots={}) for node in passage.nodes])


def test_a_passage_comes_back_as_it_was(written: Session) -> None:
    passage_json.save(written.passage, "kept")
    assert passage_json.load("kept") == without_snapshots(written.passage)


def test_redo_leads_the_same_way_behind_opening(written: Session) -> None:
    written.passage.move_to(1)
    written.passage.undo()
    again = passage_json.from_json(passage_json.to_json(written.passage))
    for passage in (written.passage, again):
        passage.redo()
    assert again.text() == written.passage.text()


def test_any_seed_comes_back(session: Session) -> None:
    seed = '“Grüße”\n\t日本 🔥 \x00 \u2028 \\ "'
    play(session.write_from(seed))
    passage_json.save(session.passage, "odd")
    assert passage_json.load("odd").text() == session.passage.text()


def test_a_seed_that_is_no_text_can_be_saved(session: Session) -> None:
    """What a shell hands on of a byte that is not UTF-8: a lone surrogate."""
    play(session.write_from("The \udcff lamp"))
    passage_json.save(session.passage, "odd")
    assert "lamp" in passage_json.load("odd").text()


def test_a_forced_token_that_the_filters_had_cut_can_be_saved(session: Session) -> None:
    """Its shaped log-probability is minus infinity, which JSON does not know."""
    play(session.write_from("The lamp"))
    session.set("temperature", 0.0)
    unlikely = [token.id for token in session.passage.tokens() if token.rank > 1]
    likeliest = int(session.snapshot_at(1, 20).logits.argmax())
    token = next(i for i in [*unlikely, 0, 1] if i != likeliest)
    play(session.branch(20, token))
    passage_json.save(session.passage, "forced")
    again = passage_json.load("forced")
    assert again.text() == session.passage.text()
    assert [t.id for t in again.tokens()] == [t.id for t in session.passage.tokens()]


def test_an_empty_passage_can_be_saved(session: Session) -> None:
    passage_json.save(session.passage, "empty")
    assert passage_json.load("empty") == session.passage


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_saved_passage_is_its_owners_alone(written: Session) -> None:
    path = passage_json.save(written.passage, "mine")
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_are_listed_newest_first(written: Session) -> None:
    assert passage_json.list_names() == []
    for n, name in enumerate(["b", "a", "c"]):
        os.utime(passage_json.save(written.passage, name), (n, n))
    assert passage_json.list_names() == ["c", "a", "b"]


def test_an_unknown_name_lists_what_there_is(written: Session) -> None:
    with pytest.raises(StorageError, match=r"'x'; saved passages: none"):
        passage_json.load("x")
    passage_json.save(written.passage, "kept")
    with pytest.raises(StorageError, match=r"'x'; saved passages: kept"):
        passage_json.load("x")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", "/etc/passwd", "~", ".hidden", "a\nb", "a\0b", " x", "-x", "x" * 65, "a:b"],
)
def test_no_name_leads_out_of_the_folder(name: str, written: Session) -> None:
    for action in (lambda: passage_json.save(written.passage, name), lambda: passage_json.load(name)):
        with pytest.raises(UsageError, match="cannot be a passage's name"):
            action()
    assert not passages_dir().exists()


@pytest.mark.parametrize("name", ["a", "A lamp", "a.b-c_d", "été", "日本", "x" * 64, "1"])
def test_a_plain_name_stays_in_the_folder(name: str, written: Session) -> None:
    assert passage_json.save(written.passage, name).parent == passages_dir()
    assert passage_json.list_names() == [name]


@examples(200)
@given(st.one_of(st.text(max_size=40), st.sampled_from(["İstanbul", "...", "🔥", "ﬃ", "٣", "_", "\u0301"])))
def test_a_suggested_name_is_always_one_that_can_be(seed: str) -> None:
    from afterglow.core.session.node import Node

    passage = Passage("m", "", 7)
    passage.add(Node(None, seed=seed))
    assert passage_json.path_for(passage_json.suggest_name(passage)).name.endswith("-7.passage.json")


# Hostile files ------------------------------------------------------------------------------------------------------


def refused(text: str | bytes) -> None:
    path = passages_dir() / f"bad{passage_json.PASSAGE_SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(StorageError) as caught:
        passage_json.load("bad")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "5",
        "null",
        '"text"',
        "{}",
        b"\xff",
        "[" * 100_000,
        '{"format":' * 50_000,
        '{"format": 1}',
        "9" * 5000,
    ],
    ids=lambda text: str(text)[:20],
)
def test_a_file_that_is_no_passage(text: str | bytes) -> None:
    refused(text)


def at(*path: str | int) -> Callable[[Any, Any], None]:
    def change(data: Any, value: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


TOKENS = ("nodes", 2, "tokens")
HOSTILE: list[tuple[tuple[str | int, ...], Any]] = [
    *((("format",), value) for value in (2, "1", None, [])),
    *((("rng",), value) for value in ("x", None, float("inf"), float("nan"), -1, 2**32, 10**30)),
    *((("cursor",), value) for value in (99, -99, "0", 0.5, [], {})),
    *((("nodes",), value) for value in (None, 5, "ab", {}, {"a": 1}, [5], [None], [[]], [{}])),
    *((("nodes", 2, "parent"), value) for value in (2, 3, -1, 99, "0", 0.5, [], None)),
    *((("nodes", 2, "at"), value) for value in (-1, 99, "x", None, float("inf"), [])),
    *((("nodes", 2, "take"), value) for value in (-1, 2**64, 10**30, "x", None, float("inf"))),
    *((("nodes", 2, "tail"), value) for value in (None, 5, [])),
    *((("nodes", 0, "seed"), value) for value in (None, 5, [], {})),
    *((TOKENS, value) for value in (None, [], 5, {}, {"text": []})),
    *(((*TOKENS, "text"), value) for value in (None, 5, [], ["a"], "abc", [5] * 60, [None] * 60)),
    *(
        ((*TOKENS, "id"), value)
        for value in ([-1] * 60, [10**9] * 60, [10**30] * 60, ["1"] * 60, [0.5] * 60, [None] * 60)
    ),
    *(((*TOKENS, "temperature"), value) for value in (["hot"] * 60, [None] * 60, [[]] * 60)),
    *(((*TOKENS, "temperature"), [value] * 60) for value in (-1, -1e-300, 1e-300, 1e300, 0)),
    *(((*TOKENS, "logprob"), value) for value in (["low"] * 60, [None] * 60, [10**400] * 60)),
    *((("settings",), value) for value in (5, [], "x", [["top_k", 5]], {"top_k": {}}, {"temperature": "hot"}, {"": 1})),
    *((("nodes", 2, "filters"), value) for value in (5, None, "ab", {}, {"a": 1}, [5], [[0]], [[0, 5]], [[-1, {}]])),
    *((("nodes", 2, "filters"), value) for value in ([["0", {}]], [[99, {}], [0, {}]], [[0, {"top_k": -1, "x": []}]])),
    *(((*TOKENS, "rank"), value) for value in (["first"] * 60, [None] * 60)),
    *(((*TOKENS, name), [value] * 60) for name in ("entropy", "bound", "shaped") for value in (1e308, -1e308, 10**299)),
    *((("nodes", 0, "visited"), value) for value in (0, 99, -1, True, "1", [], 10**299)),
]


def inspect(session: Session, index: int | None) -> None:
    """Look at a token as the lens does: all figures are finite."""
    inspection = inspect_session(session, index)
    assert inspection
    assert all(map(isfinite, (*inspection.effective_choices, inspection.cut_share)))


@pytest.mark.parametrize(("place", "value"), HOSTILE, ids=lambda part: str(part)[:30])
def test_a_hostile_passage_is_refused_or_harmless(place: tuple[str | int, ...], value: Any, written: Session) -> None:
    """Opening it is a StorageError, or everything that is done to a passage works or is one line."""
    data = json.loads(passage_json.to_json(written.passage))
    at(*place)(data, value)
    path = passages_dir() / f"bad{passage_json.PASSAGE_SUFFIX}"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(data))
    try:
        passage = passage_json.load("bad")
    except StorageError:
        return
    written.load_passage(StoredPassage(passage))
    for action in (
        lambda: written.passage.text(),
        lambda: written.passage.summary(),
        lambda: passage_json.to_json(written.passage),
        lambda: written.current_snapshot(),
        lambda: written.go_to(2),
        lambda: inspect(written, 0),
        lambda: inspect(written, None),
        lambda: play(written.continue_()),
        lambda: play(written.retry()),
    ):
        try:
            action()
        except AfterglowError:
            continue


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@examples(200)
@given(
    place=st.sampled_from(
        [("format",), ("rng",), ("cursor",), ("nodes",), ("model",), ("nodes", 0), ("nodes", 0, "at")]
    ),
    value=VALUES,
)
def test_any_value_in_a_passage_is_a_passage_or_a_storage_error(place: tuple[str | int, ...], value: Any) -> None:
    node = {
        "parent": None,
        "at": 0,
        "seed": "a",
        "take": 0,
        "tail": "",
        "tokens": {name: [] for name in passage_json._TOKEN_COLUMNS},
    }
    data = {"format": 1, "model": "m", "model_sha256": "", "rng": 7, "cursor": 0, "nodes": [node]}
    at(*place)(data, value)
    path = passages_dir() / f"bad{passage_json.PASSAGE_SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    try:
        assert isinstance(passage_json.load("bad").text(), str)
    except StorageError as error:
        assert str(path) in str(error)  # noqa: PT017


@examples(300)
@given(data=st.data())
def test_any_value_in_any_place_of_a_passage_is_a_passage_or_a_format_error(data: st.DataObject) -> None:
    """Every place of a passage with a seed, a text and a filter, not only those that one would think of."""
    document = json.loads((DATA / "kept" / "first.passage.json").read_text())
    document["settings"] = {"top_k": 3, "stop": ["a"]}
    document["nodes"][1]["filters"] = [[0, {"top_k": 3}], [5, {}]]
    inner: Any = document
    place: list[Any] = []
    while isinstance(inner, dict | list) and inner and (not place or data.draw(st.booleans())):
        place.append(data.draw(st.sampled_from(list(inner) if isinstance(inner, dict) else range(len(inner)))))
        inner = inner[place[-1]]
    at(*place)(document, data.draw(VALUES))
    try:
        passage = passage_json.from_json(json.dumps(document))
    except passage_json.FORMAT_ERRORS:
        return
    assert isinstance(passage.text(), str)
    again = passage_json.to_json(passage)
    assert passage_json.to_json(passage_json.from_json(again)) == again


def test_a_chain_of_many_nodes_opens_in_time_that_grows_with_its_length() -> None:
    """A look at all ancestors of each of these nodes would take a minute and a half."""
    columns: dict[str, list[Any]] = {name: [] for name in passage_json._TOKEN_COLUMNS}
    node = {"at": 0, "seed": "a", "take": 0, "tail": "", "reason": "", "visited": None, "tokens": columns}
    nodes = [{**node, "parent": number - 1 if number else None} for number in range(30_000)]
    nodes[0]["visited"] = 1
    data = {"format": 1, "model": "m", "model_sha256": "", "rng": 7, "cursor": 29_999, "nodes": nodes}
    passage = passage_json.from_dict(data)
    assert len(passage.text()) == 30_000
    assert (passage.nodes[0].visited, passage.nodes[0].children) == (1, [1])


def test_a_file_of_too_many_values_is_refused_before_they_take_memory() -> None:
    tracemalloc.start()
    refused('{"format": 1, "nodes": [' + "[]," * 300_000 + "0]}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_unknown_settings_by_the_thousand_take_no_time() -> None:
    """A search for similar names takes a third of a millisecond for each of these 50,000."""
    assert settings_from_dict({f"temperatur{n}": 1 for n in range(50_000)}) == Settings()


def test_a_folder_in_a_passages_place(home: Path) -> None:
    (home / "passages" / f"bad{passage_json.PASSAGE_SUFFIX}").mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot read"):
        passage_json.load("bad")


# Settings and earlier releases --------------------------------------------------------------------------------------


def test_what_is_set_is_kept_with_a_passage_and_set_again(written: Session) -> None:
    for name, value in {
        "temperature": Ramp(0.2, 1.6),
        "top_k": 5,
        "stop": ("END", "\n"),
        "heat": "rank",
        "speed": 0,
    }.items():
        written.set(name, value)
    left = written.settings
    passage_json.save(written.passage, "kept")
    written.set_all(Settings(rng=9, autosave=False))
    written.load_passage(StoredPassage(passage_json.load("kept")))
    assert written.settings == left.changed(rng=9, autosave=False)
    assert written.passage.settings == left.changed(rng=None)


def test_settings_that_this_release_does_not_know_are_left_out(written: Session) -> None:
    written.set("top_k", 5)
    data = json.loads(passage_json.to_json(written.passage))
    data["settings"] |= {"of_tomorrow": 1, "temperature": 99, "heat": ["x"], "top_p": None, "speed": 10}
    again = passage_json.from_json(json.dumps(data))
    assert again.settings == Settings(top_k=5, speed=10, length=60)


def test_what_the_first_release_saved_still_opens(session: Session) -> None:
    path = passages_dir() / f"first{passage_json.PASSAGE_SUFFIX}"
    path.parent.mkdir(parents=True)
    path.write_bytes((DATA / "kept" / "first.passage.json").read_bytes())
    session.set("top_k", 2)
    session.load_passage(StoredPassage(passage_json.load("first")))
    assert session.settings.top_k == 2
    assert session.passage.text() == "The lamp"
    session.passage.redo()
    assert len(session.passage.tokens()) == 20
    play(session.continue_())
    assert [node.filters_at(0) is None for node in session.passage.nodes] == [True, True, True, False]
