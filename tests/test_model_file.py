"""A model file may come from a stranger: it round-trips, and whatever is wrong with one is said in one line."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.errors import ModelError
from afterglow.core.inference.model_card import MAX_CARD_NUMBER, Card
from afterglow.core.inference.model_file import (
    Architecture,
    ModelFile,
    open_model_file,
    read_card,
)
from afterglow.core.model import load
from afterglow.core.text.copy_index import CopyIndex
from afterglow.core.text.items import ItemSet
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

TINY = Path(__file__).parent / "data" / "tiny-char.safetensors"
WHOLE = TINY.read_bytes()
START = 8 + int.from_bytes(WHOLE[:8], "little")

Header = dict[str, Any]


def refused(path: Path, data: bytes | None = None) -> str:
    """The one printable line that opening ``data`` at ``path`` ends with, without the path."""
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        open_model_file(path)
    message, shown = str(caught.value), str(path)
    assert shown in message
    assert message.isprintable()
    assert len(message) < len(shown) + 300
    return message.replace(shown, "")


def with_header(change: Callable[[Header, Header], Any], tail: bytes | None = None, whole: bytes = WHOLE) -> bytes:
    """The tiny model, or another one, with its entries and its own header changed."""
    start = 8 + int.from_bytes(whole[:8], "little")
    entries = json.loads(whole[8:start])
    own = json.loads(entries["__metadata__"]["afterglow"])
    changed = change(entries, own)
    entries["__metadata__"]["afterglow"] = json.dumps(own if changed is None else changed)
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + (whole[start:] if tail is None else tail)


def setting(*path: str | int, value: Any, inside: int = 1) -> Callable[[Header, Header], None]:
    """A change that sets one value in the entries (``inside`` 0) or in our own header (1)."""

    def change(*both: Header) -> None:
        place: Any = both[inside]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "strange.safetensors"


@pytest.mark.parametrize("tokenizer", [CharTokenizer.from_text("ab \n\u2028é𝄞"), ByteTokenizer()], ids=lambda t: t.kind)
def test_a_model_file_gives_back_what_was_saved(tokenizer: Any, path: Path) -> None:
    rng, shape = np.random.default_rng(1), Architecture(tokenizer.size, 3, 2, 5)
    tensors = {
        name: (rng.integers(-64, 65, s.shape) if s.dtype == "I8" else rng.random(s.shape)).astype(s.numpy_dtype)
        for name, s in shape.tensor_specs().items()
    }
    card = Card("a.txt", "00", 10, True, "latin-1", 1.5, 1.4, 3.0, 60.0, "train", "MIT", "today", {"top_p": 0.9})
    file = ModelFile(shape, tokenizer, card, tensors).with_sha256()
    file.save(path)
    again = open_model_file(path)
    assert (again.architecture, again.card, again.sha256) == (shape, card, file.sha256)
    assert again.tokenizer.header() == tokenizer.header()
    assert {name: array.tolist() for name, array in again.tensors.items()} == {
        n: a.tolist() for n, a in tensors.items()
    }


def test_the_identity_is_that_of_weights_and_tokenizer_not_of_the_card() -> None:
    file = open_model_file(TINY)
    assert replace(file, card=Card()).with_sha256().sha256 == file.sha256
    other = {**file.tensors, "projection.bias": file.tensors["projection.bias"] + 1}
    assert replace(file, tensors=other).with_sha256().sha256 != file.sha256
    assert replace(file, tokenizer=ByteTokenizer()).with_sha256().sha256 != file.sha256


def test_the_number_of_parameters_counts_weights_and_biases() -> None:
    assert Architecture(10, 2, 1, 3).parameters == 10 * 2 + 12 * (2 + 3) + 12 + 10 * 3 + 10


def test_an_unchanged_header_opens(path: Path) -> None:
    path.write_bytes(with_header(lambda *_: None))
    assert open_model_file(path).sha256 == open_model_file(TINY).sha256


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, START // 2, START - 1, START, START + 1, len(WHOLE) - 1])
def test_a_file_that_is_cut_short(size: int, path: Path) -> None:
    assert refused(path, WHOLE[:size])


def test_a_file_with_something_added(path: Path) -> None:
    assert "copy it again" in refused(path, WHOLE + b"\0")


def test_a_pickle_is_refused_by_name(path: Path) -> None:
    for protocol in (2, 3, 4, 5):
        assert "pickle" in refused(path, pickle.dumps({"weights": [1.0]}, protocol))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps([1]))
    assert "pickle" in refused(path)


def test_a_missing_file_a_folder_and_an_impossible_path(path: Path, tmp_path: Path) -> None:
    assert "no model file" in refused(path)
    assert "folder" in refused(tmp_path)
    for name in (
        str(tmp_path / "a\0b.safetensors"),
        str(tmp_path / f"{'a' * 300}.safetensors"),
        "~nobody0/a.safetensors",
    ):
        with pytest.raises(ModelError):
            load(name)


@pytest.mark.parametrize("length", [0, 1, (64 << 20) + 1, 10**12, 2**64 - 1])
def test_an_absurd_header_length(length: int, path: Path) -> None:
    refused(path, length.to_bytes(8, "little") + WHOLE[8:])


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b"[]",
        b"5",
        b'"text"',
        b"null",
        b"{}",
        b"\xff\xfe\xfd",
        b'{"__metadata__": 5}',
        b'{"__metadata__": {}}',
        b'{"__metadata__": {"afterglow": 5}}',
        b'{"__metadata__": {"afterglow": "5"}}',
        b'{"__metadata__": {"afterglow": "[]"}}',
        b'{"__metadata__": {"afterglow": "{}"}}',
        b'{"__metadata__": {"afterglow": "{\\"format\\": 1}"}}',
        b'{"__metadata__": {"afterglow": "%s"}}' % (b"[" * 100_000),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        WHOLE[8:START].replace(b'\\"layers\\": 2', b'\\"layers\\": ' + b"9" * 400),
    ],
    ids=lambda text: text[:50].decode("latin-1"),
)
def test_a_header_that_is_none(text: bytes, path: Path) -> None:
    refused(path, len(text).to_bytes(8, "little") + text + WHOLE[START:])


@pytest.mark.parametrize("version", [5, 10**30, "2", 1.5, None, True, []], ids=str)
def test_another_format_version(version: Any, path: Path) -> None:
    assert "upgrade" in refused(path, with_header(setting("format", value=version)))


@pytest.mark.parametrize("version", [0, -1])
def test_a_format_version_that_never_was(version: int, path: Path) -> None:
    refused(path, with_header(setting("format", value=version)))


@pytest.mark.parametrize("name", ["vocabulary", "embedding", "layers", "width"])
@pytest.mark.parametrize("value", [0, -1, 10**12, 10**299, 1.0, True, "9", None, [], {}], ids=lambda v: str(v)[:12])
def test_an_absurd_architecture(name: str, value: Any, path: Path) -> None:
    assert name in refused(path, with_header(setting("architecture", name, value=value)))


@pytest.mark.parametrize("value", [None, [], "text", {}])
def test_an_architecture_that_is_none(value: Any, path: Path) -> None:
    refused(path, with_header(setting("architecture", value=value)))


@pytest.mark.parametrize("depth", [500, 950, 985])
@pytest.mark.parametrize("place", [("architecture", "width"), ("tokenizer", "characters", 0), ("format",)], ids=str)
def test_a_header_nested_just_short_of_too_deep(place: tuple[str | int, ...], depth: int, path: Path) -> None:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    data = with_header(setting(*place, value="@@"))
    own = data[8 : -len(WHOLE[START:])].replace(b'\\"@@\\"', b"[" * depth + b"]" * depth)
    refused(path, len(own).to_bytes(8, "little") + own + WHOLE[START:])


def test_sizes_in_range_that_no_machine_could_hold_are_refused_before_they_are_allocated(path: Path) -> None:
    largest = Architecture(256, 1 << 14, 64, 1 << 14)

    def change(entries: Header, own: Header) -> None:
        own["tokenizer"] = {"kind": "byte"}
        own["architecture"] = asdict(largest)
        for name, shape in largest.tensor_specs().items():
            entries[name] = {"dtype": shape.dtype, "shape": shape.shape, "data_offsets": [0, shape.nbytes]}

    assert sum(shape.nbytes for shape in largest.tensor_specs().values()) > 10**11
    assert "size does not match" in refused(path, with_header(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda entries, _: entries.pop("projection.bias"),
        setting("extra", value={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, inside=0),
        setting("projection.bias", value=None, inside=0),
        setting("projection.bias", value=[], inside=0),
        setting("projection.bias", "dtype", value="F64", inside=0),
        setting("projection.bias", "dtype", value=["F32"], inside=0),
        setting("projection.bias", "shape", value=[1], inside=0),
        setting("projection.bias", "shape", value=[10**12], inside=0),
        setting("projection.bias", "shape", value="47", inside=0),
        setting("projection.bias", "data_offsets", value=[0, 0], inside=0),
        setting("projection.bias", "data_offsets", value=[], inside=0),
        setting("projection.bias", "data_offsets", value=["0", "188"], inside=0),
        setting("projection.bias", "data_offsets", value=[0.0, 188.0], inside=0),
    ],
)
def test_a_tensor_that_is_not_as_promised(change: Callable[[Header, Header], Any], path: Path) -> None:
    data = with_header(lambda entries, own: change(entries, own) and None)
    refused(path, data)


@pytest.mark.parametrize("shift", [-(10**6), -1, 1, 4, 10**6, 2**63, 10**30])
def test_a_tensor_that_lies_outside_of_the_file_or_on_another(shift: int, path: Path) -> None:
    def change(entries: Header, _: Header) -> None:
        begin, end = entries["projection.weight"]["data_offsets"]
        entries["projection.weight"]["data_offsets"] = [begin + shift, end + shift]

    refused(path, with_header(change))


def save_with(path: Path, name: str, value: float) -> None:
    """Save the tiny model with one value of a tensor changed."""
    file = open_model_file(TINY)
    changed = file.tensors[name].copy()
    changed.flat[-1] = value
    replace(file, tensors={**file.tensors, name: changed}).save(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38, 1.001e6, -1.001e6])
@pytest.mark.parametrize("name", ["embedding.scale", "lstm.0.bias", "projection.scale"])
def test_a_scale_or_bias_that_no_training_gives_is_refused(name: str, value: float, path: Path) -> None:
    save_with(path, name, value)
    assert name in refused(path)


@pytest.mark.parametrize("value", [65, -65, 127, -128])
@pytest.mark.parametrize("name", ["embedding.weight", "lstm.1.weight_ih", "lstm.0.weight_hh", "projection.weight"])
def test_a_weight_with_which_kernels_would_differ_is_refused(name: str, value: int, path: Path) -> None:
    save_with(path, name, value)
    assert name in refused(path)


@pytest.mark.parametrize(
    ("name", "value"), [("lstm.0.bias", 1e6), ("projection.scale", -1e6), ("projection.weight", -64)]
)
def test_the_largest_values_open(name: str, value: float, path: Path) -> None:
    save_with(path, name, value)
    assert open_model_file(path).tensors[name].flat[-1] == value


@pytest.mark.parametrize("piece", ["[],", "{},", '"a",', "[[]],"])
def test_a_header_of_too_many_values_is_refused_before_they_take_memory(piece: str, path: Path) -> None:
    many = "[" + piece * 400_000 + "0]"
    for inside in (0, 1):
        data = with_header(setting("extra", value="@@", inside=inside))[8:]
        mark, filling = (b'"@@"', many) if inside == 0 else (b'\\"@@\\"', json.dumps(many)[1:-1])
        header = data[: -len(WHOLE[START:])].replace(mark, filling.encode())
        tracemalloc.start()
        refused(path, len(header).to_bytes(8, "little") + header + WHOLE[START:])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 * len(header)


@pytest.mark.parametrize(
    "tokenizer",
    [
        None,
        {"kind": "byte"},
        {"kind": "char", "characters": ["a", "b"]},
        {"kind": "char", "characters": ["a"] * open_model_file(TINY).tokenizer.size},
        {"kind": "bpe", "merges": []},
    ],
    ids=lambda t: str(t)[:40],
)
def test_a_tokenizer_that_does_not_fit(tokenizer: Any, path: Path) -> None:
    assert "tokenizer" in refused(path, with_header(setting("tokenizer", value=tokenizer)))


@pytest.mark.parametrize("card", [None, [], "text", {"settings": []}, {"settings": "hot"}], ids=str)
def test_a_card_that_is_none(card: Any, path: Path) -> None:
    assert "card" in refused(path, with_header(setting("card", value=card)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("corpus", 5),
        ("corpus", {"a": 1}),
        ("licence", None),
        ("characters", "many"),
        ("epochs", "three"),
        ("nats_per_char_cold", "low"),
        ("nats_per_char_stateful", {}),
        ("corpus", "red \x1b[31m text"),
        ("corpus", "two\nlines"),
        ("corpus", "a lone \ud800 half"),
        ("corpus", "right \u202e to left"),
        ("characters", -1),
        ("characters", 10**299),
        ("longest_copied_run", MAX_CARD_NUMBER + 1),
        ("epochs", 1e300),
        ("seconds", float("nan")),
        ("nats_per_char_cold", float("inf")),
        ("boilerplate_kept", 1),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_card_with_a_strange_entry_opens_without_it(name: str, value: Any, path: Path) -> None:
    path.write_bytes(with_header(setting("card", name, value=value)))
    assert getattr(open_model_file(path).card, name) == getattr(Card(), name)


def test_a_card_of_a_later_release_opens(path: Path) -> None:
    path.write_bytes(with_header(setting("card", "mood", value="blue")))
    assert open_model_file(path).card == open_model_file(TINY).card


@pytest.mark.parametrize(
    "chosen",
    [{"temperature": "hot"}, {"temperature": 9}, {"mood": 1}, {"length": float("inf")}, {"top_p": {}}, {"stop": 5}],
    ids=str,
)
def test_a_card_with_settings_that_cannot_be_is_a_bad_model(chosen: Any, path: Path) -> None:
    path.write_bytes(with_header(setting("card", "settings", value=chosen)))
    assert "settings" in refused(path)
    with pytest.raises(ModelError):
        load(str(path))


def opens_or_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with contextlib.suppress(ModelError):
        assert open_model_file(path).sha256
        return
    refused(path)


@examples(400)
@given(changes=st.lists(st.tuples(st.integers(0, START - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_corruption_of_the_header_is_a_model_error(
    changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(WHOLE)
    for at, value in changes:
        data[at] = value
    opens_or_is_refused(tmp_path_factory.getbasetemp() / "corrupt.safetensors", bytes(data))


def places() -> list[tuple[int, tuple[str | int, ...]]]:
    """Every place of the header, of lists the first: in the entries (0) and in our own part (1)."""

    def walk(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
        keys: list[Any] = list(value) if isinstance(value, dict) else [0] if isinstance(value, list) else []
        for key in keys:
            yield *path, key
            yield from walk(value[key], (*path, key))

    entries = json.loads(WHOLE[8:START])
    own = json.loads(entries.pop("__metadata__")["afterglow"])
    own["card"] |= asdict(Card())
    return [(inside, path) for inside, header in enumerate((entries, own)) for path in walk(header, ())]


PLACES = places()
HOSTILE_TEXTS = [
    "\x1b]52;c;UFdO\x07",
    "\x1bc",
    "\r\nafterglow: forged",
    "\x9b31m",
    "\u202eright\u2066",
    "\ud800",
    "9" * 5000,
]
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from([*HOSTILE_TEXTS, 10**299, 10**4000, 1e308]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


def with_value(place: tuple[int, tuple[str | int, ...]], value: Any) -> bytes:
    """The tiny model with a full card and one value of its header changed."""

    def change(*both: Header) -> None:
        both[1]["card"] = asdict(Card()) | both[1]["card"]
        setting(*place[1], value=value, inside=place[0])(*both)

    return with_header(change)


@examples(500)
@given(place=st.sampled_from(PLACES), value=JSON)
def test_any_value_in_any_place_of_the_header_is_a_model_error(
    place: tuple[int, tuple[str | int, ...]], value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    opens_or_is_refused(tmp_path_factory.getbasetemp() / "valued.safetensors", with_value(place, value))


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_no_text_of_the_header_reaches_a_terminal_raw(place: tuple[int, tuple[str | int, ...]], path: Path) -> None:
    for text in HOSTILE_TEXTS:
        for value in (text, [text], {text: text}, {"top_p": text}, {"temperature": [text] * 50}):
            opens_or_is_refused(path, with_value(place, value))
            with contextlib.suppress(ModelError):
                card = open_model_file(path).card
                assert all(value.isprintable() for value in asdict(card).values() if isinstance(value, str))


@examples(100)
@given(data=st.binary(max_size=64))
def test_random_bytes_are_a_model_error(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    refused(tmp_path_factory.getbasetemp() / "random.safetensors", data)


# Bounds, each by its own message --------------------------------------------------------------------------------------


def test_the_identity_of_a_model_stays_what_passages_have_saved() -> None:
    assert open_model_file(TINY).sha256 == "64dc439b3c45e841f221d614f7ab95f350a0c8980f92faa0a821b44274e139dd"


def test_a_card_is_read_without_the_weights(path: Path) -> None:
    path.write_bytes(WHOLE[:START])
    os.truncate(path, len(WHOLE))
    assert read_card(path) == open_model_file(TINY).card
    path.write_bytes(with_header(setting("card", value=None)))
    with pytest.raises(ModelError, match=f"{path} is not a usable model: its card is not readable"):
        read_card(path)


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (0, "not a safetensors file"),
        (1, "not a safetensors file"),
        (2, "no afterglow header"),
        (len(WHOLE) - 8, "no afterglow header"),
        (len(WHOLE) - 7, "it is cut short; download"),
        (64 << 20, "it is cut short; download"),
        ((64 << 20) + 1, "not a safetensors file"),
    ],
)
def test_a_header_has_from_2_bytes_to_64_mib_all_of_them_in_the_file(length: int, message: str, path: Path) -> None:
    assert message in refused(path, length.to_bytes(8, "little") + WHOLE[8:])


def test_a_file_shorter_than_the_length_of_its_header_is_not_taken_for_one(path: Path) -> None:
    assert "not a safetensors file" in refused(path, b"\x02" + bytes(6))
    assert "cut short; download" in refused(path, b"\x02" + bytes(7))


def test_formats_1_to_4_open_and_later_ones_name_what_this_release_knows(path: Path) -> None:
    for version in (1, 2, 3, 4):
        path.write_bytes(with_header(setting("format", value=version)))
        assert open_model_file(path).sha256 == open_model_file(TINY).sha256
    for version in (0, 5):
        message = refused(path, with_header(setting("format", value=version)))
        assert f"it has format {version}, this release knows 1 to 4; upgrade afterglow" in message


@pytest.mark.parametrize(
    ("name", "largest", "beyond"),
    [
        ("vocabulary", 1_048_576, "its tokenizer has 47 tokens, its weights 1048576"),
        ("embedding", 16_384, "its tensor embedding.weight is missing or does not have the shape (47, 16384)"),
        ("layers", 64, "its tensor lstm.2.weight_ih is missing"),
        ("width", 16_384, "its tensor lstm.0.weight_ih is missing or does not have the shape (65536, 16)"),
    ],
)
def test_the_largest_sizes_are_only_compared_with_the_tensors(name: str, largest: int, beyond: str, path: Path) -> None:
    assert beyond in refused(path, with_header(setting("architecture", name, value=largest)))
    for value in (largest + 1, 0):
        message = refused(path, with_header(setting("architecture", name, value=value)))
        assert f"its {name} is {value}, not a whole number from 1 to {largest:,}" in message


def test_models_of_one_of_everything_open(path: Path) -> None:
    shape = Architecture(1, 1, 1, 1)
    tensors = {name: np.zeros(s.shape, s.numpy_dtype) for name, s in shape.tensor_specs().items()}
    ModelFile(shape, CharTokenizer(["a"]), Card(), tensors).save(path)
    assert open_model_file(path).architecture == shape


def test_a_value_of_the_header_is_shown_in_twenty_characters(path: Path) -> None:
    message = refused(path, with_header(setting("architecture", "width", value="x" * 99)))
    assert "its width is 'xxxxxxxxxxxx...xxxx, not" in message


def count_values(value: Any) -> int:
    """The number of values in JSON: each list, object and scalar, and what is not there in an empty one."""
    members = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else None
    return 1 if members is None else 1 + (sum(map(count_values, members)) or 1)


def with_values(inside: int, count: int, whole: bytes = WHOLE) -> bytes:
    """A model with this many values in its entries (``inside`` 0) or in our own header (1)."""

    def fill(*both: Header) -> None:
        both[inside]["more"] = [0] * (count - count_values(both[inside]) - 1)

    return with_header(fill, whole=whole)


def test_the_entries_have_4096_values_at_most(path: Path) -> None:
    assert "its size does not match its header" in refused(path, with_values(0, 4096))
    assert "no afterglow header" in refused(path, with_values(0, 4097))


@pytest.mark.parametrize(("embedding", "size", "tokens"), [(4, 69, 4), (7, 84, 6), (8, 89, 6)])
def test_our_own_header_has_four_values_at_most_for_each_14_bytes_of_tensors(
    embedding: int, size: int, tokens: int, path: Path
) -> None:
    shape = Architecture(1, embedding, 1, 1)
    tensors = {name: np.zeros(s.shape, s.numpy_dtype) for name, s in shape.tensor_specs().items()}
    assert sum(tensor.nbytes for tensor in tensors.values()) == size
    ModelFile(shape, CharTokenizer(["a"]), Card(), tensors).save(path)
    whole = path.read_bytes()
    path.write_bytes(with_values(1, 4 * tokens + 65_536, whole))
    assert open_model_file(path).architecture == shape
    assert "no afterglow header" in refused(path, with_values(1, 4 * tokens + 65_537, whole))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lstm.0.bias", 1_000_000.0625, "lstm.0.bias has values beyond ±1,000,000; its training failed, or"),
        ("projection.scale", -1_000_000.0625, "has values beyond ±1,000,000; its training failed, or"),
        ("projection.weight", 65, "projection.weight has values beyond ±64; its quantization differs, or"),
        ("embedding.weight", -65, "embedding.weight has values beyond ±64; its quantization differs, or"),
    ],
)
def test_a_value_just_beyond_its_bound_is_refused(name: str, value: float, message: str, path: Path) -> None:
    save_with(path, name, value)
    assert message in refused(path)
    nearest = np.nextafter(np.float32(value), np.float32(0)) if name in ("lstm.0.bias", "projection.scale") else 64
    save_with(path, name, float(nearest))
    assert open_model_file(path).tensors[name].flat[-1] == nearest


def test_tensors_are_found_in_any_order_but_neither_twice_nor_before_the_file(path: Path) -> None:
    def exchange(entries: Header, _: Header) -> None:
        one, other = entries["projection.bias"], entries["projection.scale"]
        one["data_offsets"], other["data_offsets"] = other["data_offsets"], one["data_offsets"]

    tensors = open_model_file(TINY).tensors
    path.write_bytes(with_header(exchange))
    assert open_model_file(path).tensors["projection.bias"].tolist() == tensors["projection.scale"].tolist()
    twice = json.loads(WHOLE[8:START])["projection.scale"]["data_offsets"]
    both = with_header(setting("projection.bias", "data_offsets", value=twice, inside=0))
    assert "its tensors overlap or leave gaps" in refused(path, both)
    before = with_header(setting("projection.bias", "data_offsets", value=[-188, 0], inside=0))
    assert "its tensor projection.bias is missing" in refused(path, before)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The tiny model with an index of three runs, as earlier releases wrote it."""
    path = tmp_path_factory.mktemp("indexed") / "indexed.safetensors"
    replace(open_model_file(TINY), index=CopyIndex.from_sample(3, np.array([1, 5, 2**32 - 1], np.uint32))).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("prints", [[], [1, 5, 2**32 - 1]], ids=str)
def test_a_model_file_gives_back_its_index_which_is_no_part_of_its_identity(prints: list[int], path: Path) -> None:
    file = replace(open_model_file(TINY), index=CopyIndex.from_sample(3, np.array(prints, np.uint32)))
    file.save(path)
    again = open_model_file(path)
    assert again.index
    assert (again.index.modulus, again.index.prints.tolist()) == (3, prints)
    assert (again.sha256, again.tensors.keys()) == (file.sha256, file.tensors.keys())


def test_a_saved_file_names_its_format_and_the_form_of_its_index(indexed: bytes, path: Path) -> None:
    found: list[Header] = []
    with_header(lambda *both: found.extend(both), whole=indexed)
    entries, own = found
    assert (own["format"], own["index"]) == (2, {"run": 16, "every": 3})
    assert (entries["index.prints"]["dtype"], entries["index.prints"]["shape"]) == ("U32", [3])
    open_model_file(TINY).save(path)
    assert b"index." not in path.read_bytes()
    assert open_model_file(path).index is None


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The tiny model with an index of all runs of a short list, and of its items."""
    path, text = tmp_path_factory.mktemp("chosen") / "chosen.safetensors", "the first item of a list\nthe second one\n"
    replace(open_model_file(TINY), index=CopyIndex.build(text, 1 << 12, ItemSet(text, "\n"))).save(path)
    return path.read_bytes()


def test_an_index_of_chosen_runs_opens_as_it_was_saved_in_format_4(chosen: bytes, path: Path) -> None:
    found: list[Header] = []
    with_header(lambda *both: found.extend(both), whole=chosen)
    assert found[1]["format"] == 4
    assert found[1]["index"] == {"runs": [16, 24, 32, 48, 64], "all": True, "items": True}
    path.write_bytes(chosen)
    index = open_model_file(path).index
    assert index
    assert (index.is_complete, len(index.prints), index.starts[-1]) == (True, 51, 51)
    assert index.contains_item("the second one")
    assert not index.contains_item("the third one")
    open_model_file(path).save(path)
    assert path.read_bytes() == chosen


@pytest.mark.parametrize(
    ("at", "value"), [(0, 1), (256, 50), (256, 52), (100, 2**32 - 1)], ids=["first", "less", "more", "order"]
)
def test_buckets_out_of_order_are_refused(at: int, value: int, chosen: bytes, path: Path) -> None:
    found: list[Header] = []
    start = len(chosen) - sum(
        entry["data_offsets"][1] - entry["data_offsets"][0]
        for name, entry in (with_header(lambda *both: found.extend(both), whole=chosen) and found[0]).items()
        if name != "__metadata__"
    )
    begin = start + found[0]["index.starts"]["data_offsets"][0] + 4 * at
    path.write_bytes(chosen[:begin] + value.to_bytes(4, "little") + chosen[begin + 4 :])
    assert "its index of copied runs is damaged" in refused(path)


@pytest.mark.parametrize("every", [1, 2**32 - 1])
def test_any_modulus_of_32_bits_opens(every: int, indexed: bytes, path: Path) -> None:
    path.write_bytes(with_header(setting("index", "every", value=every), whole=indexed))
    index = open_model_file(path).index
    assert index
    assert index.modulus == every


@pytest.mark.parametrize(
    "value",
    [
        *({"run": 16, "every": every} for every in (0, -1, 2**32, True, 3.0, "3", None)),
        *({"run": run, "every": 3} for run in (15, 17, None)),
        *({"run": 16}, {}, [], 3, 0, False),
        *({"runs": [16, 24, 32, 48, 64], "all": value} for value in (1, None, "no")),
        *({"runs": runs, "all": True} for runs in ([16], [], 16, [16, 24, 32, 48, 96])),
    ],
    ids=str,
)
def test_an_index_of_another_form_is_refused(value: Any, indexed: bytes, path: Path) -> None:
    message = refused(path, with_header(setting("index", value=value), whole=indexed))
    assert "its index of copied runs has a form that this release cannot read" in message


@pytest.mark.parametrize("shape", [[], [3, 1], [-1], [2**32], [True], [3.0], ["3"], "3", None], ids=str)
def test_an_index_without_a_length_is_refused(shape: Any, indexed: bytes, path: Path) -> None:
    data = with_header(setting("index.prints", "shape", value=shape, inside=0), whole=indexed)
    assert "announces an index of copied runs, but there is none" in refused(path, data)


def test_an_index_of_another_length_than_its_bytes_is_refused(indexed: bytes, path: Path) -> None:
    for length in (0, 2, 4, 2**32 - 1):
        data = with_header(setting("index.prints", "shape", value=[length], inside=0), whole=indexed)
        assert f"its tensor index.prints is missing or does not have the shape ({length},)" in refused(path, data)


def test_an_index_that_is_announced_or_there_alone_is_refused(indexed: bytes, path: Path) -> None:
    assert "but there is none" in refused(path, with_header(setting("index", value={"run": 16, "every": 3})))
    unannounced = with_header(lambda _, own: own.pop("index") and None, whole=indexed)
    assert "its size does not match its header" in refused(path, unannounced)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process so")
def test_a_model_that_does_not_fit_in_memory_is_one_line(path: Path) -> None:
    """Its 52 MB of zeros do not fit, or they do and their packed copy does not."""
    shape = Architecture(256, 4096, 1, 2048)
    size = sum(spec.nbytes for spec in shape.tensor_specs().values())

    def change(entries: Header, own: Header) -> None:
        own["tokenizer"], own["architecture"], at = {"kind": "byte"}, asdict(shape), 0
        del entries["lstm.1.weight_ih"], entries["lstm.1.weight_hh"], entries["lstm.1.scale"], entries["lstm.1.bias"]
        for name, spec in shape.tensor_specs().items():
            entries[name] = {"dtype": spec.dtype, "shape": spec.shape, "data_offsets": [at, at + spec.nbytes]}
            at += spec.nbytes

    path.write_bytes(with_header(change, tail=b""))
    os.truncate(path, path.stat().st_size + size)
    script = (
        "import re, resource, sys\n"
        "from afterglow.core.errors import ModelError\n"
        "from afterglow.core.model import load\n"
        "used = int(re.search(r'VmSize:\\s+(\\d+)', open('/proc/self/status').read())[1]) << 10\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]),) * 2)\n"
        "try: load(sys.argv[1])\n"
        "except ModelError as error: print(error)\n"
    )
    for room in (size - (20 << 20), size + (20 << 20)):
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-c", script, str(path), str(room)], capture_output=True, text=True, check=False
        )
        assert (run.stdout, run.stderr) == (f"{path} does not fit in the memory that is free\n", "")


@pytest.mark.skipif(not os.access("/dev/zero", os.R_OK), reason="there is no /dev/zero here")
def test_a_device_is_no_model() -> None:
    refused(Path("/dev/zero"))
