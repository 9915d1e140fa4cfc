"""The page of a model in browsers: what a person sees and does, by mouse and by keyboard, on any screen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from afterglow.core.model import Model
from afterglow.core.render.model_page import model_page

from .page_browser import BROWSERS, PageDriver, open_browser

ROOT = Path(__file__).parent.parent
AXE = ROOT / "build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
RANDOM_USE = ROOT / "tests" / "page_random_use.js"
FAST = "&rng=7&length=60&finish=off&speed=0"
WIDER = """
const wide = [...document.querySelectorAll("body *")].filter(
  (each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scroll, .text"));
return wide.map((each) => `${each.tagName} ${each.id} ${each.className} ${each.getBoundingClientRect().right}`);
"""
FIND_VIOLATIONS = """
const [done] = arguments, show = (rule) => [rule.id, rule.nodes.map((node) => node.html.slice(0, 150))];
axe.run({resultTypes: ["violations"]}).then(({violations}) => done(violations.map(show)));
"""
READ = """
document.querySelector("#read textarea").value = arguments[0];
document.querySelector("#read button").click();
"""
TABS = ("write", "columns", "read", "softmax")


@pytest.fixture(scope="module")
def html(tiny: Model) -> bytes:
    return model_page("tiny", tiny.file)


@pytest.fixture(scope="module", params=BROWSERS)
def page(request: pytest.FixtureRequest, html: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageDriver]:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_bytes(html)
    with open_browser(request.param) as browser:
        yield PageDriver(browser, file.as_uri())


@pytest.fixture(autouse=True)
def quiet(page: PageDriver) -> Iterator[None]:
    """The console says nothing: no error, and nothing that the policy has refused."""
    page.log()
    yield
    assert page.log() == []


def test_without_a_link_text_is_written_at_once(page: PageDriver) -> None:
    page.open()
    page.until("document.querySelectorAll('#text span').length > 3")
    assert page.text("toggle") == "Pause"


def test_a_link_gives_the_text_of_the_terminal(page: PageDriver, tiny: Model) -> None:
    page.open("seed=The+lamp&temperature=0.7" + FAST)
    page.until_ended()
    assert page.text() == "The lamp" + tiny.generate("The lamp", rng=7, length=60, finish="off", temperature=0.7)


def test_a_seed_is_typed_and_written_on(page: PageDriver, tiny: Model) -> None:
    page.open("seed=x" + FAST)
    page.until_ended()
    box = page.browser.find_element("id", "seed")
    box.clear()
    page.browser.find_element("id", "rng").send_keys("11")
    box.send_keys("A lamp\n")
    expected = "A lamp" + tiny.generate("A lamp", rng=11, length=60, finish="off")
    page.until("document.getElementById('text').textContent === arguments[0]", expected)


def test_temperature_acts_on_the_next_token_and_a_link_repeats_what_was_turned(page: PageDriver) -> None:
    page.open("seed=The+lamp&rng=7&length=40&finish=off&speed=1&temperature=0.5")
    page.click("toggle")
    for _ in range(3):
        page.click("step")
    page.js("const t = document.getElementById('temperature'); t.value = 1.5; t.dispatchEvent(new Event('input'))")
    page.js(
        "document.getElementById('speed').value = 7; document.getElementById('speed').dispatchEvent(new Event('input'))"
    )
    page.click("toggle")
    page.until_ended()
    link = page.link()
    changes = json.loads(parse_qs(link)["path"][0])[1][5]
    assert [values["temperature"] for _, values in changes] == [0.5, 1.5]
    assert 3 <= changes[1][0] < 40
    text = page.text()
    page.open(link)
    page.until("document.getElementById('text').textContent === arguments[0]", text)


def test_a_character_is_taken_back_for_another_by_keyboard_alone(page: PageDriver) -> None:
    page.open("seed=The+lamp" + FAST)
    page.until_ended()
    before = page.text()
    page.js("document.getElementById('text').focus()")
    page.press("\ue012", "\ue012", "\ue012", "\ue015", "\ue015")  # left, left, left, down, down
    page.until("document.querySelector('#text .at')")
    taken = page.js("return document.querySelectorAll('.chances button')[1].querySelector('.token').textContent")
    page.press("\ue007")
    page.until_ended()
    page.until("document.getElementById('text').textContent !== arguments[0]", before)
    assert page.text()[: len(before) - 3] == before[:-3]
    assert page.text()[len(before) - 3].replace(" ", "␣").replace("\n", "↵") == taken
    page.press("u")
    page.until("document.getElementById('text').textContent === arguments[0]", before)


def test_versions_go_forth_and_back(page: PageDriver) -> None:
    page.open("seed=The+lamp" + FAST)
    page.until_ended()
    first = page.text()
    page.click("retry")
    page.until("document.getElementById('version').textContent === '2 / 2'")
    page.click("version-before")
    page.until("document.getElementById('text').textContent === arguments[0]", first)
    assert page.text("version") == "1 / 2"


def test_the_bars_are_the_chances_of_the_next_token(page: PageDriver, tiny: Model) -> None:
    page.open("seed=The+lamp&temperature=0.5" + FAST)
    page.until_ended()
    chances = list(tiny.distribution(page.text()).items())[:10]
    page.until("document.querySelectorAll('.chances button').length === 10")
    names = page.js("return [...document.querySelectorAll('.chances .token')].map(each => each.textContent)")
    assert names == [text.replace(" ", "␣").replace("\n", "↵") for text, _ in chances]
    shown = page.js("return [...document.querySelectorAll('.bar.raw span')].map(each => parseFloat(each.textContent))")
    assert shown == pytest.approx([100 * p for _, p in chances], abs=0.51)
    assert "falls on" in page.js("return document.querySelector('.dice svg').getAttribute('aria-label')")


def test_the_text_takes_the_color_of_a_cell(page: PageDriver) -> None:
    page.open("seed=The+lamp&heat=cell+1.3" + FAST)
    page.until_ended()
    classes = page.js("return [...document.querySelectorAll('#text span')].map(s => s.className)")
    assert {name[0] for name in classes} == {"u"}
    page.click("cells-part")
    page.until("document.getElementById('strip').getAttribute('aria-valuetext')")
    page.js("document.getElementById('strip').focus()")
    page.press("\ue014")
    page.until("document.getElementById('heat').value === 'cell 1.4'")
    assert "Unit 1.4 reads" in page.js("return document.querySelector('.gates').getAttribute('aria-label')")


def test_columns_have_the_texts_of_their_temperatures_and_one_is_taken(page: PageDriver, tiny: Model) -> None:
    columns = json.dumps([[[0, 0.3]], [[0, 0.9]]])
    page.open(f"seed=The+lamp&view=columns&columns={columns}{FAST}")
    texts = [tiny.generate("The lamp", rng=7, length=60, finish="off", temperature=t) for t in (0.3, 0.9)]
    page.until(
        "[...document.querySelectorAll('.columns .text')].map(e => e.textContent).join('|') === arguments[0]",
        "|".join(texts),
    )
    page.js("document.querySelectorAll('.columns button')[1].click()")
    page.until("document.getElementById('text').textContent === arguments[0]", "The lamp" + texts[1])


def test_a_pasted_text_is_measured_as_in_the_terminal(page: PageDriver, tiny: Model) -> None:
    page.open("view=read" + FAST)
    page.until("!document.getElementById('read').hidden")
    page.js(READ, "The lamp was lit")
    page.until("document.querySelectorAll('#read .text span').length === 16")
    figures = page.js("return document.querySelector('#read .figures').textContent")
    bits = tiny.score("\nThe lamp was lit").bits_per_char_stateful
    assert figures.startswith(f"16 characters: {bits:.2f} bits a character")
    page.js("document.querySelector('#read .text').focus()")
    page.press("\ue014")
    page.until("/T had .*rank/.test(document.querySelector('#read [role=status]').textContent)")


def test_the_worked_example_is_that_of_the_terminal(page: PageDriver) -> None:
    page.open("view=softmax&p=[0.3,0.5,0.2]&t=0.8" + FAST)
    page.until("document.querySelectorAll('#softmax tbody tr').length === 4")
    page.until("document.querySelector('#softmax tbody td:nth-child(5)').textContent")
    rows = page.js("return [...document.querySelectorAll('#softmax tbody tr')].map(r => r.children[4].textContent)")
    assert [f"{float(row):.3f}" for row in rows] == ["0.286", "0.542", "0.172", "1.000"]


@pytest.mark.parametrize(
    "link",
    ["path=[", "path=[1]", "rng=-1", "columns=7", 'path=["a",[0,0,9999999,5,0,[]]]', "temperature=99", "heat=cell+9.9"],
)
def test_a_damaged_link_says_so_and_the_page_works(page: PageDriver, link: str) -> None:
    page.open(link)
    page.until("document.querySelectorAll('#text span').length > 1")


def test_it_is_in_german_if_the_link_says_so(page: PageDriver) -> None:
    page.open("lang=de" + FAST)
    page.until("document.getElementById('retry').textContent === 'Andere Fassung'")
    assert page.js("return document.documentElement.lang") == "de"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page: PageDriver, theme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not in build/node: make page-tools")
    page.open(f"seed=The+lamp&theme={theme}{FAST}")
    page.until_ended()
    page.js("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.js(AXE.read_text("utf-8"))
    found = []
    for tab in TABS:
        page.click(f"tab-{tab}")
        if tab == "columns":
            page.js("document.querySelector('#columns-row button').click()")
        if tab == "read":
            page.js(READ, "The lamp")
            page.until("document.querySelectorAll('#read .text span').length > 3")
        found += page.browser.execute_async_script(FIND_VIOLATIONS)
    assert found == []


@pytest.mark.parametrize(("width", "font"), [(360, 100), (360, 200), (1280, 200)])
def test_nothing_is_wider_than_the_screen(page: PageDriver, width: int, font: int) -> None:
    page.resize(width, 740)
    page.open("seed=The+lamp" + FAST)
    page.until_ended()
    page.js("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.js("document.documentElement.style.fontSize = arguments[0] + '%'", font)
    found = []
    for tab in TABS:
        page.click(f"tab-{tab}")
        found += page.js(WIDER)
    page.resize(1280, 900)
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_use_breaks_nothing_and_its_link_gives_the_same_text(page: PageDriver, seed: int) -> None:
    page.open("seed=The+lamp" + FAST)
    page.until_ended()
    page.browser.set_script_timeout(60)
    assert page.browser.execute_async_script(RANDOM_USE.read_text("utf-8"), seed, 300) == []
    link, text = page.link(), page.text()
    page.open(link)
    page.until("document.getElementById('text').textContent === arguments[0]", text)


class _Listener(BaseHTTPRequestHandler):
    def __init__(self, html: bytes, asked: list[str], *arguments: object) -> None:
        self.html, self.asked = html, asked
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.html)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_server_is_asked_for_the_page_and_for_nothing_else(page: PageDriver, html: bytes) -> None:
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Listener, html, asked))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.browser.get(f"http://127.0.0.1:{server.server_port}/#seed=The+lamp{FAST}")
        page.until_ended()
        page.js("document.getElementById('save_svg').click()")
        page.browser.execute_async_script(
            "const [at, done] = arguments; fetch(at).then(() => done('let through'), () => done('refused'))",
            f"http://127.0.0.1:{server.server_port}/elsewhere",
        )
        refused = page.log()
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["/"]
    assert not refused or "Content Security Policy" in refused[0]
