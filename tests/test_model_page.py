"""The file that plays a model in a browser: what it is made of, and that nothing in it can be anything else."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from afterglow.core.errors import AfterglowError
from afterglow.core.inference.model_file import open_model_file
from afterglow.core.model import Model
from afterglow.core.render.model_page import PAGE, model_page
from afterglow.core.render.page_modules import join_modules

from .cli_helpers import RunCli
from .conftest import DATA

ROOT = Path(__file__).parent.parent
TINY = str(DATA / "tiny-char.safetensors")


@pytest.fixture(scope="module")
def html(tiny: Model) -> str:
    return model_page("tiny", tiny.file).decode("utf-8")


def part_of(html: str, pattern: str) -> str:
    found = re.search(pattern, html, re.DOTALL)
    assert found
    return found[1]


def test_the_model_in_it_is_the_model_without_its_index(copying: Model, tmp_path: Path) -> None:
    html = model_page("copying", copying.file).decode("utf-8")
    packed = part_of(html, r'id="model">([^<]+)<')
    path = tmp_path / "m.safetensors"
    path.write_bytes(gzip.decompress(base64.b64decode(packed)))
    file = open_model_file(path)
    assert file.sha256 == copying.file.with_sha256().sha256
    assert file.card == copying.file.card
    assert copying.file.index is not None
    assert file.index is None


def test_it_permits_its_own_script_and_style_and_no_request(html: str) -> None:
    policy = part_of(html, r'Content-Security-Policy" content="([^"]+)"')
    for name, pattern in (("script", r"<script>(.*?)</script>"), ("style", r"<style>(.*?)</style>")):
        digest = base64.b64encode(hashlib.sha256(part_of(html, pattern).encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy
    assert not re.search(r'(?:src|href|action)="(?!data:,)', html)


def test_the_same_model_gives_the_same_file(tiny: Model, html: str) -> None:
    assert model_page("tiny", tiny.file).decode("utf-8") == html


def test_a_name_cannot_be_markup(tiny: Model) -> None:
    html = model_page("</title><script>alert(1)</script>$style", tiny.file).decode("utf-8")
    assert "<script>alert" not in html
    assert html.count("<style>") == 1
    facts = json.loads(part_of(html, r'id="facts">(.*?)</script>'))
    assert facts["name"] == "</title><script>alert(1)</script>$style"


@pytest.mark.skipif(not (ROOT / "LICENSE").exists(), reason="the license is not here: this is no checkout")
def test_it_says_under_which_license_its_program_is(html: str) -> None:
    assert (ROOT / "LICENSE").read_text("utf-8").strip() in html


def test_every_language_has_the_words_of_all_the_others() -> None:
    words = json.loads((PAGE / "words.json").read_text("utf-8"))
    names = {language: set(table) for language, table in words.items()}
    assert len(names) > 1
    assert all(each == names["en"] for each in names.values())
    holes = {name: set(re.findall(r"\{\w+\}", text)) for name, text in words["en"].items()}
    for table in words.values():
        assert {name: set(re.findall(r"\{\w+\}", text)) for name, text in table.items()} == holes


def test_every_phrase_is_used_and_every_one_used_is_there() -> None:
    known = set(json.loads((PAGE / "words.json").read_text("utf-8"))["en"])
    source = "".join(path.read_text("utf-8") for path in [*(PAGE / "views").iterdir(), PAGE / "page.html"])
    used = {name for pair in re.findall(r'\.say\("(\w+)"|data-(?:say|label)="(\w+)"', source) for name in pair if name}
    made = {name for name in known if name.split("_")[0] in ("heat", "unit", "part", "stage")}
    assert used <= known
    assert [
        name for name in sorted(known - used - made) if f'"{name}"' not in source and f" {name}:" not in source
    ] == []


def test_the_command_line_writes_it_and_keeps_a_file_that_is_there(run: RunCli, tmp_path: Path) -> None:
    path, other = tmp_path / "page.html", tmp_path / "other.html"
    other.write_text("mine", "utf-8")
    assert run("export", TINY, "--html", str(path)).out == f"written: {path}\n"
    assert path.read_bytes().startswith(b"<!doctype html>")
    refused = run("export", TINY, "--html", str(other))
    assert refused.code != 0
    assert "other.html exists already" in refused.err
    assert other.read_text("utf-8") == "mine"
    assert run("export", TINY, "--html", str(other), "--replace").code == 0
    assert other.read_bytes() == path.read_bytes()


def test_a_mixture_cannot_be_a_page(run: RunCli, tmp_path: Path) -> None:
    result = run("export", f"{TINY}+{TINY}", "--html", str(tmp_path / "page.html"))
    assert (result.code, result.out) != (0, "")
    assert not (tmp_path / "page.html").exists()


def module_of(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        (folder / "views").mkdir(exist_ok=True)
        (folder / "views" / f"{name}.mjs").write_text(source, "utf-8")
    return folder / "views" / "main.mjs"


def test_a_module_comes_after_those_that_it_imports(tmp_path: Path) -> None:
    entry = module_of(
        tmp_path,
        main='import { a as first,\n  b } from "./one.mjs";\nimport * as two from "./two.mjs";\nfirst(b, two);\n',
        one='import { c } from "./two.mjs";\nexport function a() {}\nexport const b = c;\n',
        two="export class Two {}\nexport async function c() {}\nexport function* d() {}\n",
    )
    script = join_modules(entry)
    assert re.findall(r"^const \$(\w+)", script, re.MULTILINE) == ["views_two", "views_one", "views_main"]
    assert "const { a: first,\n  b } = $views_one;" in script
    assert "return { Two, c, d };" in script


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"main": 'import one from "./one.mjs";\n', "one": ""}, "main.mjs cannot be joined to the others"),
        ({"main": "export default 1;\n"}, "main.mjs cannot be joined"),
        ({"main": "f(import.meta.url);\n"}, "main.mjs cannot be joined"),
        ({"main": 'import { a } from "./main.mjs";\n'}, "main.mjs imports itself"),
    ],
)
def test_a_module_that_cannot_be_joined_is_refused(tmp_path: Path, sources: dict[str, str], said: str) -> None:
    with pytest.raises(AfterglowError, match=said):
        join_modules(module_of(tmp_path, **sources))


def test_the_settings_in_it_are_those_of_the_program(html: str) -> None:
    facts = json.loads(part_of(html, r'id="facts">(.*?)</script>'))
    kinds = {each["name"]: (each["kind"], each.get("low"), each.get("high")) for each in facts["settings"]}
    assert kinds["top_p"] == ("number", 0, 1)
    assert kinds["length"] == ("whole", 1, 10_000_000)
    assert kinds["style"][0] == "style"
    assert "rng" not in kinds
