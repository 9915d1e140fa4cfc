"""What the server is made of to keep within bounds: places with a queue, keys, permitted names and pages."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client")

from afterglow.core.errors import EngineError, ModelError, UsageError
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.inference.library import ModelEntry
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.settings import Settings
from afterglow.repl.serve.api_keys import ApiKeys, keys_from_environment
from afterglow.repl.serve.model_shelf import ModelShelf, ServedModel
from afterglow.repl.serve.origins import Origins, cors_headers, permitted_origins
from afterglow.repl.serve.places import NoPlaceError, Places, StoppingError

# Places -------------------------------------------------------------------------------------------------------------


class Client:
    """Takes places, and keeps them until it is told to go."""

    def __init__(self, places: Places, number: int = 1) -> None:
        self.served, self.leaves = asyncio.Event(), asyncio.Event()
        self.told_to_end = 0
        self._places, self._number = places, number
        self.task = asyncio.create_task(self._come())

    async def _come(self) -> None:
        async with self._places.take(self._number) as holder:
            holder.end = self._count
            self.served.set()
            await self.leaves.wait()

    def _count(self) -> None:
        self.told_to_end += 1

    async def go(self) -> None:
        self.leaves.set()
        await self.task


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(5):
        await asyncio.sleep(0)


async def clients(places: Places, *numbers: int) -> list[Client]:
    came = []
    for number in numbers:
        came.append(Client(places, number))
        await settle()
    return came


@pytest.fixture
async def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the event loop: it passes if the test says so."""
    time = [1000.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time[0])
    return time


def served(came: list[Client]) -> list[bool]:
    return [client.served.is_set() for client in came]


async def test_who_comes_first_is_served_first() -> None:
    places = Places(2, 10, 600)
    came = await clients(places, 1, 1, 1, 1)
    assert (served(came), places.taken, places.waiting) == ([True, True, False, False], 2, 2)
    await came[1].go()
    await settle()
    assert served(came) == [True, True, True, False]
    for client in (came[0], came[2], came[3]):
        await client.go()
    assert (places.taken, places.waiting) == (0, 0)


async def test_a_small_request_does_not_pass_a_large_one_that_waits() -> None:
    places = Places(4, 10, 600)
    came = await clients(places, 3, 4, 1)
    assert served(came) == [True, False, False]
    await came[0].go()
    await settle()
    assert served(came) == [True, True, False]
    await came[1].go()
    await came[2].go()


async def test_a_request_that_finds_the_queue_full_is_refused_with_a_time(now: list[float]) -> None:
    places = Places(2, 1, 1e6)
    came = await clients(places, 1, 1, 1)
    with pytest.raises(NoPlaceError) as refused:
        await Client(places).task
    assert refused.value.retry_after == 1
    now[0] += 1000  # texts take long here
    for client in came:
        await client.go()
    came = await clients(places, 2, 1)
    with pytest.raises(NoPlaceError) as refused:
        await Client(places).task
    assert refused.value.retry_after == 60
    for client in came:
        await client.go()


async def test_a_text_is_told_to_end_after_its_time_and_loses_its_place_a_second_later(now: list[float]) -> None:
    places = Places(1, 1, 600)
    first, second = await clients(places, 1, 1)
    now[0] += 599
    await settle()
    assert (served([first, second]), first.told_to_end) == ([True, False], 0)
    now[0] += 1
    await settle()
    assert (served([first, second]), first.told_to_end) == ([True, False], 1)
    now[0] += 1
    with pytest.raises(TimeoutError):
        await first.task
    await settle()
    assert served([first, second]) == [True, True]
    await second.go()


async def test_places_that_close_let_texts_end_and_refuse_those_who_wait(now: list[float]) -> None:
    places = Places(2, 10, 600)
    quick, slow, waiting, leaving = await clients(places, 1, 1, 1, 1)
    places.close(5)
    leaving.task.cancel()
    for refused in (waiting, Client(places)):
        with pytest.raises(StoppingError):
            await refused.task
    now[0] += 4
    await quick.go()
    await settle()
    assert (quick.told_to_end, slow.told_to_end) == (0, 0)
    now[0] += 1
    await settle()
    assert (quick.told_to_end, slow.told_to_end) == (0, 1)
    await slow.go()
    assert (places.taken, places.waiting, places.is_closed) == (0, 0, True)


async def test_who_leaves_the_queue_lets_the_next_one_through() -> None:
    places = Places(2, 10, 600)
    came = await clients(places, 1, 2, 1)
    assert served(came) == [True, False, False]
    came[1].task.cancel()
    await settle()
    assert (served(came), places.waiting) == ([True, False, True], 0)
    came[0].leaves.set()  # a place is free, and who should have it leaves in the same moment
    waiting = await clients(places, 2)
    came[2].leaves.set()
    waiting[0].task.cancel()
    await settle()
    assert (places.taken, places.waiting) == (0, 0)


async def test_a_turn_that_comes_while_its_task_is_cancelled_is_not_lost() -> None:
    places = Places(1, 10, 600)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(places.take(1))
        leaving, staying = await clients(places, 1, 1)
        await stack.aclose()  # gives the place to the first in the queue
        leaving.task.cancel()  # before it has noticed
        await settle()
    assert served([leaving, staying]) == [False, True]
    await staying.go()
    assert places.taken == 0


# Keys ---------------------------------------------------------------------------------------------------------------

KEY, OTHER = "a-key-of-24-characters--", "another-of-24-characters"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFTERGLOW_KEYS", raising=False)
    monkeypatch.delenv("AFTERGLOW_KEYS_FILE", raising=False)


def test_keys_come_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not keys_from_environment()
    file = tmp_path / "keys"
    file.write_text(f"{KEY}\n{OTHER}\n", "utf-8")
    monkeypatch.setenv("AFTERGLOW_KEYS_FILE", str(file))
    keys = keys_from_environment()
    assert [keys.permit(f"Bearer {key}") for key in (KEY, OTHER, "neither")] == [True, True, False]
    monkeypatch.setenv("AFTERGLOW_KEYS", KEY)
    keys = keys_from_environment()
    assert [keys.permit(f"Bearer {key}") for key in (KEY, OTHER)] == [True, False]


@pytest.mark.parametrize(
    "header", ["", KEY, f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", "Bearer", "Bearer \udcff"]
)
def test_only_the_whole_key_is_permitted(header: str) -> None:
    assert not ApiKeys([KEY]).permit(header)
    assert ApiKeys().permit(header)


def test_a_key_is_compared_with_all_keys_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(len(a)) or compare(a, b))
    for header in (f"Bearer {KEY}", f"Bearer {OTHER}", "Bearer x", ""):
        ApiKeys([KEY, OTHER]).permit(header)
    assert compared == [32] * 8  # hashes, so that no length shows either


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer  {KEY} "])
def test_the_word_before_a_key_can_be_of_any_case(header: str) -> None:
    assert ApiKeys([OTHER, KEY]).permit(header)


def test_a_key_that_can_be_guessed_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for keys in ("hunter2", f"{KEY} ключ-который-не-подходит", f"{KEY} with\x1bcontrol-characters"):
        monkeypatch.setenv("AFTERGLOW_KEYS", keys)
        with pytest.raises(UsageError, match="must be 16 or more") as refused:
            keys_from_environment()
        assert not any(key in str(refused.value) for key in keys.split())
    monkeypatch.delenv("AFTERGLOW_KEYS")
    monkeypatch.setenv("AFTERGLOW_KEYS_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="named by AFTERGLOW_KEYS_FILE: no such file"):
        keys_from_environment()


# Names and pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1:9", "[::1]:8080", "LOCALHOST", "10.0.0.7", "glow.example:8080"]
)
def test_a_server_is_called_by_an_address_or_a_name_of_its_own(host: str) -> None:
    assert Origins(hosts=frozenset({"glow.example"})).permit_host(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8080", "a@localhost.b", "", ":", "[", "\udcff"],
)
def test_a_name_of_another_site_that_leads_here_is_refused(host: str) -> None:
    assert not Origins().permit_host(host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:5173", "127.0.0.1:8080"),
        ("http://127.0.0.1:8000", "localhost:8080"),
        ("http://[::1]", "127.0.0.1:8080"),
        ("https://glow.example", "glow.example"),  # its own page, with TLS by a proxy
        ("http://10.0.0.7:8080", "10.0.0.7:8080"),
        ("https://lite.koboldai.net", "127.0.0.1:8080"),  # named
    ],
)
def test_pages_of_this_machine_of_the_server_and_those_named_may_call_it(origin: str, host: str) -> None:
    assert Origins(origins=frozenset({"https://lite.koboldai.net"})).permit_origin(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "https://lite.koboldai.net.evil.example",
        "",
        "*",
        "x",
    ],
)
def test_other_pages_may_not_but_if_all_may(origin: str) -> None:
    assert not Origins(origins=frozenset({"https://lite.koboldai.net"})).permit_origin(origin, "127.0.0.1:8080")
    assert Origins(origins=frozenset({"*"})).permit_origin(origin, "127.0.0.1:8080")


def test_a_page_opened_from_a_file_has_to_be_named() -> None:
    assert Origins(origins=permitted_origins(["null"])).permit_origin("null", "127.0.0.1:8080")


def test_origins_are_read_as_browsers_write_them() -> None:
    named = permitted_origins(["HTTPS://Lite.KoboldAI.net:443/index.html", "*"])
    assert named == {"https://lite.koboldai.net", "*"}
    for wrong in ("lite.koboldai.net", "", "http://"):
        with pytest.raises(UsageError, match="is not a page's URL"):
            permitted_origins([wrong])


def test_a_page_learns_which_headers_it_may_send() -> None:
    asked = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-stainless-os",
    }
    headers = cors_headers(asked)
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert headers["Access-Control-Allow-Headers"] == "authorization,x-stainless-os"
    assert "Access-Control-Allow-Methods" not in cors_headers({"Origin": "http://localhost:5173"})


# Models -------------------------------------------------------------------------------------------------------------

DATA = Path(__file__).parent / "data"
ENTRIES = [ModelEntry(name, DATA / f"{name}.safetensors", False) for name in ("tiny-char", "tiny-byte", "gone")]


async def test_a_model_is_loaded_once_and_given_back_when_it_is_idle(now: list[float]) -> None:
    shelf = ModelShelf(ENTRIES, 600)
    async with shelf.use("tiny-char") as first, shelf.use("tiny-char") as second:
        assert (first is second, shelf.loaded_count) == (True, 1)
    now[0] += 500
    async with shelf.use("tiny-char") as third:
        now[0] += 500
        await settle()
        assert (third is first, shelf.loaded_count) == (True, 1)
    now[0] += 599
    await settle()
    assert shelf.loaded_count == 1
    now[0] += 1
    await settle()
    assert shelf.loaded_count == 0
    with pytest.raises(EngineError, match="closed"):
        first.worker.open(first.model.read("The lamp").snapshot, StreamOptions(Settings(), PositionRNG(1)))
    async with shelf.use("tiny-char") as fourth:
        assert fourth.model.name == "tiny-char"
        assert fourth is not first
    await shelf.close()
    assert shelf.loaded_count == 0


async def test_requests_that_come_while_a_model_is_loaded_wait_for_the_same_one() -> None:
    shelf = ModelShelf(ENTRIES, 600)

    async def use() -> ServedModel:
        async with shelf.use("tiny-byte") as served:
            return served

    leaving, *staying = [asyncio.create_task(use()) for _ in range(4)]
    await asyncio.sleep(0)
    leaving.cancel()  # the one that made it begin
    assert len(set(map(id, await asyncio.gather(*staying)))) == 1
    await shelf.close()


@pytest.mark.parametrize(
    "name", ["../tiny-char", str(DATA / "tiny-char.safetensors"), "", "tiny-char + tiny-byte", "x" * 9999]
)
async def test_a_request_names_no_file_and_no_mixture(name: str) -> None:
    shelf = ModelShelf(ENTRIES, 600)
    with pytest.raises(ModelError, match="there is no model") as refused:
        async with shelf.use(name):
            pass
    assert (shelf.loaded_count, str(DATA) in str(refused.value).replace(name, "")) == (0, False)


async def test_a_model_that_cannot_be_loaded_is_tried_again() -> None:
    shelf = ModelShelf(ENTRIES, 600)
    for _ in range(2):
        with pytest.raises(ModelError, match="gone"):
            async with shelf.use("gone"):
                pass
        assert shelf.loaded_count == 0
