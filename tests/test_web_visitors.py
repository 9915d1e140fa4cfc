"""What visitors of ``afterglow web`` may send, take and see, with real processes behind real connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("textual_serve", reason="textual-serve is not installed: pip install 'afterglow-lm[web]'")
from afterglow.core.model import Model
from afterglow.core.paths import log_file, models_dir, presets_file
from afterglow.core.session.passage_db import search_passages
from afterglow.repl.web.driver import MEMORY_BYTES
from afterglow.repl.web.visitor import (
    INPUT_BURST,
    INPUT_RATE,
    MAX_HEIGHT,
    MAX_WIDTH,
    InputBudget,
    SessionEndedError,
    terminal_size,
)
from afterglow.repl.web.visitor_home import HOME_PREFIX
from aiohttp import ClientSession

from .web_helpers import children_of, eventually, is_alive, served, site, until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the tests look at processes as POSIX has them")


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the folders of visitors are made, here and in processes."""
    folder = tmp_path / "visitors"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


# What may be sent ---------------------------------------------------------------------------------------------------

WRONG_MESSAGES = [
    "",
    "{",
    "[" * 50_000,
    "null",
    "[]",
    '["stdin"]',
    '["stdin", 1]',
    '["unknown", ""]',
    '["resize", {"width": 80}]',
    *(json.dumps(["resize", {"width": size, "height": 24}]) for size in ("80", None, -1, 0, 1.5, True, [80])),
    '["resize", {"width": 1' + "0" * 5000 + ', "height": 24}]',
]


@pytest.mark.parametrize("message", WRONG_MESSAGES, ids=lambda message: message[:50])
async def test_a_wrong_message_ends_its_session_with_one_line(message: str, capfd: pytest.CaptureFixture[str]) -> None:
    async with site() as here, here.tab(ready=False) as tab:
        await tab.socket.send_str(message)
        assert "was sent" in await tab.end()
    assert capfd.readouterr().err.count("\n") == 1


async def test_bytes_end_a_session_and_others_go_on(capfd: pytest.CaptureFixture[str]) -> None:
    async with site() as here, here.tab() as other:
        async with here.tab(ready=False) as tab:
            await tab.socket.send_bytes(b"x")
            assert "not text" in await tab.end()
        for keys in ("", "\x1b[97:65;2;65u", "\x1b[48;0;0;0;0t", "\ud800"):
            await other.send("stdin", keys)
        await other.type("The lamp")
        await other.shows("rng 7")
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("query", ["?width=-1&height=24", "?width=80&height=x", "?width=&height=1", "?width=1e9"])
async def test_a_wrong_size_in_the_address_starts_nothing(query: str) -> None:
    async with site() as here, here.tab(query, ready=False) as tab:
        assert await tab.end() == "a size was sent that is no size"
        assert here.processes() == []


async def test_a_giant_window_is_drawn_on_a_part_of_it() -> None:
    giant = 999_999_999_999
    assert terminal_size(giant, giant) == (MAX_WIDTH, MAX_HEIGHT)
    async with site() as here, here.tab(f"?width={giant}&height={giant}") as tab:
        tab.drawn = ""
        await tab.send("resize", {"width": giant, "height": giant})
        await tab.type("The lamp")
        await tab.shows("rng 7")
        assert max(int(row) for row in re.findall(r"\x1b\[(\d+);\d+H", tab.drawn)) <= MAX_HEIGHT


def test_input_is_bounded_at_once_and_over_time() -> None:
    time = 0.0
    budget = InputBudget(lambda: time)
    budget.spend(INPUT_BURST)
    with pytest.raises(SessionEndedError):
        budget.spend(1)
    time += 2
    budget.spend(INPUT_RATE)
    with pytest.raises(SessionEndedError):
        budget.spend(INPUT_RATE)
    time += 1e9
    with pytest.raises(SessionEndedError):
        budget.spend(INPUT_BURST + 1)


@pytest.mark.parametrize("piece", [100, 10_000, 10_000_000])
async def test_ten_megabytes_of_keys_end_the_session(piece: int, capfd: pytest.CaptureFixture[str]) -> None:
    async with site() as here, here.tab() as tab:
        (process,) = here.processes()
        with contextlib.suppress(ConnectionError):  # the server has had enough
            for _ in range(10_000_000 // piece):
                await tab.send("stdin", "x" * piece)
        await tab.end()
        await eventually(lambda: not is_alive(process))
    assert re.fullmatch("afterglow: a session ended: .* sent.*\n", capfd.readouterr().err)


async def test_a_long_paste_is_no_attack() -> None:
    async with site() as here, here.tab() as tab:
        await tab.send("stdin", f"\x1b[200~{'The lamp ' * 6000}\x1b[201~")
        await tab.type("")
        await tab.shows("rng 7")


async def test_a_session_ends_when_nothing_is_typed() -> None:
    async with site(idle_minutes=0.01) as here, here.tab(ready=False) as tab:
        assert await tab.end() == "nothing was typed for 0.01 minutes"
        await eventually(lambda: not here.processes())


# Whose files they are -----------------------------------------------------------------------------------------------


async def test_each_visitor_has_an_archive_that_goes_with_them(homes: Path) -> None:
    async with site() as here:
        async with here.tab() as first, here.tab() as second:
            await first.type("The lamp")
            await first.shows("rng 7")
            await first.type("/save mine")
            await first.shows("saved: ")
            await second.type("/open mine")
            await second.shows("no passage has")
            assert [oct(each.stat().st_mode)[-3:] for each in homes.glob(f"{HOME_PREFIX}*")] == ["700", "700"]
        await eventually(lambda: not here.processes())
        await eventually(lambda: not list(homes.glob(f"{HOME_PREFIX}*")))
    assert search_passages() == []


async def test_visitors_have_the_models_and_presets_of_the_host(tiny: Model) -> None:
    models_dir().mkdir(parents=True)
    tiny.file.save(models_dir() / "mine.safetensors")
    presets_file().write_text('{"hot": {"temperature": 1.7}}', "utf-8")
    async with site() as here, here.tab() as tab:
        await tab.type("/preset hot")
        await tab.shows("temperature 1.7")
        await tab.type("/model mine")
        await tab.shows("mine: type a seed")
        await tab.type("/model tiny-char")  # the one that the server was started with is at a path
        await tab.shows("tiny-char: type a seed")
        await tab.type("/preset save wild")
        await tab.shows("saved as preset wild")
    assert "wild" not in presets_file().read_text("utf-8")


async def test_what_a_visitor_writes_stays_in_their_folder(tmp_path: Path) -> None:
    async with site() as here, here.tab("?width=150") as tab:
        await tab.type("The lamp")
        await tab.shows("rng 7")
        await tab.type(f"/export {tmp_path}/x.html")
        await tab.shows("visitors have no access")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("word", ["", "w0rd"])
async def test_a_screenshot_is_downloaded_from_below_the_page(word: str) -> None:
    async with site(word) as here, here.tab() as tab:
        await tab.send("stdin", "\x10")
        await tab.shows("Search for commands")
        await tab.send("stdin", "screenshot")
        await tab.shows("Save an SVG")
        await tab.send("stdin", "\r")
        await eventually(lambda: tab.told)
        ((kind, opened),) = tab.told
        assert (kind, opened["url"].partition("/")[0]) == ("open_url", "download")
        async with here.client.get(f"{here.address}/{opened['url']}") as answer:
            assert (await answer.text()).startswith("<svg")


async def test_with_share_the_archive_is_that_of_the_host(tmp_path: Path) -> None:
    async with site(share=True) as here, here.tab("?width=150") as tab:
        await tab.type("The lamp")
        await tab.shows("rng 7")
        await tab.type(f"/export {tmp_path}/x.txt")
        await tab.shows("written: ")
    assert "The lamp" in search_passages()[0].text
    assert (tmp_path / "x.txt").read_text("utf-8").startswith("The lamp")


# Processes ----------------------------------------------------------------------------------------------------------


async def test_only_so_many_visitors_have_a_place() -> None:
    async with site(visitors=2) as here, here.tab():
        async with here.tab() as leaving:
            async with here.client.get(here.address) as page, here.tab(ready=False) as late:
                assert (page.status, page.headers["Retry-After"]) == (503, "60")
                assert await page.text() == "All 2 places are taken. Reload this page in a few minutes to try again.\n"
                assert await late.end() == "All 2 places are taken. Reload this page in a few minutes to try again."
            assert len(here.processes()) == 2
            await leaving.socket.close()
        await eventually(lambda: len(here.processes()) == 1)
        async with here.tab(), here.client.get(here.address) as page:
            assert page.status == 503


async def test_a_process_ends_with_its_tab_even_if_it_is_busy() -> None:
    async with site() as here:
        async with here.tab() as tab:
            (process,) = here.processes()
            await tab.send("stdin", "x" * 60_000)
        await eventually(lambda: not is_alive(process))


async def test_a_process_that_dies_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    async with site() as here, here.tab() as tab:
        os.kill(here.processes()[0], signal.SIGKILL)
        assert await tab.end() == "its process ended unexpectedly; the log of the server tells why"
    assert capfd.readouterr().err.count("\n") == 1


async def test_without_room_for_a_folder_a_session_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with site() as here:
        with monkeypatch.context() as patch:
            patch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
            async with here.tab(ready=False) as tab:
                assert await tab.end() == "it could not go on; the log of the server tells why"
    said = capfd.readouterr().err
    assert (said.count("\n"), str(tmp_path / "missing") in said) == (1, True)


async def test_quit_ends_the_session_without_a_word_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    async with site() as here, here.tab() as tab:
        await tab.type("/quit")
        assert await tab.end() == "you have quit"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_no_process_outlives_the_server(how: signal.Signals, homes: Path) -> None:
    with served() as server:
        headers = {"Origin": server.address}
        async with (
            ClientSession() as client,
            client.ws_connect(f"{server.address}/ws", headers=headers) as idle,
            client.ws_connect(f"{server.address}/ws", headers=headers) as busy,
        ):
            for socket in (idle, busy):
                assert await socket.receive_bytes(timeout=40)
            await busy.send_str(json.dumps(["stdin", "x" * 60_000]))
            processes = children_of(server.process.pid)
            assert len(processes) == 2
            await asyncio.to_thread(server.stop, how)
    until(lambda: not any(map(is_alive, processes)))
    assert server.code == (-signal.SIGKILL if how is signal.SIGKILL else 0)
    assert list(homes.glob(f"{HOME_PREFIX}*")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory")
def test_the_memory_of_a_process_is_bounded() -> None:
    code = (
        "from afterglow.repl.web.driver import bound_process, MEMORY_BYTES\n"
        "bound_process(); bytearray(MEMORY_BYTES // 2)\n"
        "try: bytearray(MEMORY_BYTES * 11 // 10)\n"
        "except MemoryError: print('bounded')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert (ran.stdout, MEMORY_BYTES < 1 << 30) == ("bounded\n", True)


async def test_what_a_process_says_about_a_bug_is_kept() -> None:
    async with site() as here:
        here.server._words = [sys.executable, "-c", "raise SystemError('a bug')"]
        async with here.tab(ready=False) as tab:
            assert "unexpectedly" in await tab.end()
    assert "SystemError: a bug" in log_file().read_text("utf-8")
