"""The full screen in a browser: a real Chromium types a seed, and reads the text off the page."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from afterglow.core.model import Model

from .cli_helpers import RunCli

pytest.importorskip("textual_serve", reason="textual-serve is not installed: pip install 'afterglow-lm[web]'")
from afterglow.repl.cli import web
from aiohttp import ClientSession, WSServerHandshakeError

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

SEE_TERMINALS = """
window.terminals = [];
Object.defineProperty(Object.prototype, "_core", {
  configurable: true,
  set(core) {
    Object.defineProperty(this, "_core", {value: core, writable: true, configurable: true});
    window.terminals.push(this);
  },
});
"""
"""The page draws letters on a canvas, and its terminal is a variable of its own: this remembers it when it is made."""

SCREEN = """
const terminal = window.terminals.find(t => t.buffer && t.buffer.active.getLine);
if (!terminal) return "";
const lines = [...Array(terminal.rows).keys()].map(n => terminal.buffer.active.getLine(n));
return lines.map(line => line ? line.translateToString(true) : "").join("\\n");
"""


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    """Wait for something to become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@dataclass
class Served:
    """A server that runs, and, when it has ended, what it said and how it ended."""

    address: str
    errors: str = ""
    code: int | None = None


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    """``afterglow web`` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "afterglow.repl", "web", "-m", TINY, "--port", str(port), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603
        server = Served(f"http://127.0.0.1:{port}")
        try:
            until(lambda: answers(port))
            yield server
        finally:
            child.send_signal(signal.SIGINT)
            _, server.errors = child.communicate(timeout=20)
            server.code = child.returncode


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def browser(address: str) -> Iterator[Any]:
    """A headless Chromium that has opened the page."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium and chromedriver are needed: apt install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1000,700"):
        options.add_argument(switch)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SEE_TERMINALS})
        driver.get(address)
        yield driver
    finally:
        driver.quit()


def test_a_seed_typed_in_a_browser_is_written_on_there(tiny: Model) -> None:
    expected = visible_line(tiny.generate("The lamp", length=40, rng=7))
    with served("--length=40", "--rng=7", "--speed=max") as server, browser(server.address) as driver:
        until(lambda: "is ready" in driver.execute_script(SCREEN))
        driver.find_element("css selector", ".xterm-screen").click()
        driver.switch_to.active_element.send_keys("The lamp\ue007")
        until(lambda: "40 characters · rng 7" in driver.execute_script(SCREEN))
        screen = driver.execute_script(SCREEN)
        if picture := os.environ.get("AFTERGLOW_TEST_PICTURE"):
            driver.save_screenshot(picture)
    assert expected in screen


def visible_line(text: str) -> str:
    """The longest line of a text: it fits the screen, however the seed before it is shown."""
    return max((line.strip() for line in text.split("\n")), key=len)


def test_it_says_nothing_wrong_and_ends_on_control_c() -> None:
    with served() as server, urllib.request.urlopen(server.address) as page:  # noqa: S310
        assert b"afterglow" in page.read()
    assert (server.errors, server.code) == ("", 0)


def test_another_address_is_warned_of_first() -> None:
    with served("--host", "0.0.0.0", "--public-url", "http://Glow.example:80/") as server:  # noqa: S104
        pass
    assert server.errors.startswith("afterglow: warning: other machines can reach 0.0.0.0")


@pytest.mark.parametrize("origin", [None, "http://elsewhere.example", "http://127.0.0.1:1"])
async def test_another_site_may_not_drive_it(origin: str | None) -> None:
    with served() as server:
        async with ClientSession() as client:
            headers = {"Origin": origin} if origin else {}
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect(f"{server.address}/ws", headers=headers)
            assert refused.value.status == 403
            async with client.ws_connect(f"{server.address}/ws", headers={"Origin": server.address}) as own:
                assert await own.receive_bytes(timeout=30)


@pytest.mark.parametrize(
    ("public", "opened"),
    [
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("https://Example.org/glow", "https://example.org"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_its_own_page_is_known_as_browsers_write_it(public: str, opened: str) -> None:
    server = web.PrivateServer("true", "127.0.0.1", 8000, "afterglow", public)
    assert web._origin(opened) in server._allowed_origins()
    nowhere = web.PrivateServer("true", "127.0.0.1", 8000, "afterglow", "glow.example")
    for other in ("https://example.com", "", "null", "file://"):
        assert web._origin(other) not in server._allowed_origins() | nowhere._allowed_origins()


def test_mistakes_are_said_before_anything_is_served(run: RunCli) -> None:
    assert run("web", "-m", "nobody").err.startswith("afterglow: there is no model")
    assert run("web", "-m", TINY, "-t", "9").code == 2
    ran = run("web", "-m", TINY, "--host", "::")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--public-url http://" in ran.err
    ran = run("web", "-m", TINY, "--public-url", "glow.example")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "'glow.example' is not a URL" in ran.err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = run("web", "-m", TINY, "--port", str(taken.getsockname()[1]))
    assert ran.code == 2
    assert ran.err.endswith("address already in use; try another --host or --port\n")
