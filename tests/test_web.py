"""The full screen in a browser: the page and its addresses. A real Chromium types a seed, and reads the text off it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from afterglow.core.model import Model

from .cli_helpers import RunCli

pytest.importorskip("textual_serve", reason="textual-serve is not installed: pip install 'afterglow-lm[web]'")
from afterglow.repl.addresses import read_origin
from afterglow.repl.web.server import STATIC_FILES, WebOptions
from aiohttp import ClientSession, WSServerHandshakeError
from yarl import URL

from .web_helpers import TINY, served, site, until

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


@contextmanager
def browser(address: str) -> Iterator[Any]:
    """A headless Chromium that has opened the page."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium and chromedriver are needed: apt install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
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
    with served("--length=40", "--finish=off", "--rng=7", "--speed=max") as server, browser(server.address) as driver:
        until(lambda: "is ready" in driver.execute_script(SCREEN))
        driver.find_element("css selector", ".xterm-screen").click()
        driver.switch_to.active_element.send_keys("The lamp\ue007")
        until(lambda: "40 characters · rng 7" in driver.execute_script(SCREEN))
        screen = driver.execute_script(SCREEN)
        if picture := os.environ.get("AFTERGLOW_TEST_PICTURE"):
            driver.save_screenshot(picture)
        said = [entry["message"] for entry in driver.get_log("browser")]
    assert expected in screen
    assert said  # about WebGL, among others
    assert [line for line in said if "Content Security Policy" in line] == []


def visible_line(text: str) -> str:
    """The longest line of a text: it fits the screen, however the seed before it is shown."""
    return max((line.strip() for line in text.split("\n")), key=len)


def test_it_says_nothing_wrong_and_ends_on_control_c() -> None:
    with served() as server, urllib.request.urlopen(server.address) as page:  # noqa: S310
        assert b"afterglow" in page.read()
    assert (server.errors, server.code) == ("", 0)


def test_with_share_other_machines_are_warned_of_first() -> None:
    public = ["--host", "0.0.0.0", "--public-url", "http://Glow.example:80/"]  # noqa: S104
    with served(*public) as server:
        pass
    assert server.errors == ""
    with served(*public, "--share") as server:
        pass
    assert server.errors.startswith("afterglow: warning: with --share everyone who knows the address")


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
async def test_its_own_page_is_known_as_browsers_write_it(public: str, opened: str) -> None:
    async with site(public_url=public) as here:
        assert read_origin(opened) in here.server._allowed_origins()
    async with site(public_url="glow.example") as here:
        for other in ("https://example.com", "", "null", "file://"):
            assert read_origin(other) not in here.server._allowed_origins()


# Addresses and headers ----------------------------------------------------------------------------------------------

PLACES = ["", "/ws", "/download/x", "/elsewhere", *(f"/static/{name}" for name in STATIC_FILES)]


@pytest.mark.parametrize("word", ["", "w0rd"])
async def test_every_answer_forbids_frames_and_other_hosts(word: str) -> None:
    async with site(word) as here:
        for place in PLACES:
            async with here.client.get(f"{here.address}{place}") as answer:
                rules = answer.headers["Content-Security-Policy"].split(";")
                policy = dict(rule.strip().split(" ", 1) for rule in rules)
                assert policy["default-src"] == policy["frame-ancestors"] == "'none'", place
                assert policy["script-src"] == policy["font-src"] == policy["connect-src"] == "'self'", place
                assert not any("." in sources for sources in policy.values()), place
                assert answer.headers["X-Frame-Options"] == "DENY", place
                assert answer.headers["X-Content-Type-Options"] == "nosniff", place
                assert answer.headers["Referrer-Policy"] == "no-referrer", place


async def test_all_that_the_page_loads_is_here() -> None:
    async with site() as here:
        loaded = []
        for page in ("/", "/static/page.css"):
            async with here.client.get(f"{here.address}{page}") as answer:
                text = await answer.text()
            assert "//" not in text, page
            loaded += re.findall(r"""(?:src|href)="static/(.+?)"|url\("(.+?)"\)""", text)
        assert {a or b for a, b in loaded} == set(STATIC_FILES)
        for name in STATIC_FILES:
            async with here.client.get(f"{here.address}/static/{name}") as answer:
                assert (answer.status, len(await answer.read()) > 100) == (200, True)


@pytest.mark.parametrize(
    "place", ["", "/", "/js", "/js/textual.js", "/..%2fserver.py", "/%2e%2e/%2e%2e/server.py", "/."]
)
async def test_no_folder_is_listed_and_nothing_else_is_sent(place: str) -> None:
    async with site() as here, here.client.get(URL(f"{here.address}/static{place}", encoded=True)) as answer:
        assert answer.status == 404
        assert len(await answer.text()) < 100


@pytest.mark.parametrize("wrong", ["", "/", "/w0r", "/w0rd1", "/W0RD", "/%ff", "/w0rd%00"])
async def test_off_this_machine_only_the_whole_address_is_answered(wrong: str) -> None:
    async with site("w0rd") as here:
        root = here.address.removesuffix("/w0rd")
        for place in ("", "/", "/ws", "/static/page.js"):
            async with here.client.get(URL(f"{root}{wrong}{place}", encoded=True), headers={"Origin": root}) as answer:
                assert (answer.status, "not complete" in await answer.text()) == (404, True)
        async with here.client.get(here.address) as answer:  # without a slash at its end
            assert (answer.status, answer.url.path) == (200, "/w0rd/")
        assert here.processes() == []


@pytest.mark.parametrize(
    ("host", "public", "local"),
    [
        ("127.0.0.1", None, True),
        ("localhost", None, True),
        ("::1", None, True),
        ("127.0.0.1", "http://localhost:8000", True),
        ("127.0.0.1", "https://glow.example", False),
        ("192.168.1.5", None, False),
        ("0.0.0.0", "http://127.0.0.1:8000", False),  # noqa: S104
    ],
)
def test_what_only_this_machine_can_reach(host: str, public: str | None, local: bool) -> None:
    assert WebOptions(host, 8000, public).is_local == local


async def test_the_printed_address_has_a_word_that_opens_the_page() -> None:
    with served("--public-url", "http://localhost.example") as server:
        word = server.address.removeprefix("http://localhost.example/")
        assert len(word) > 20
        root = f"http://127.0.0.1:{server.port}/"
        async with (
            ClientSession() as client,
            client.get(f"{root}{word}/") as page,
            client.get(root) as nothing,
        ):
            assert (page.status, nothing.status) == (200, 404)
    with served() as server:
        assert server.address.count("/") == 2
    assert server.errors == ""


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
