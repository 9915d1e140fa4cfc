"""The command line as a shell sees it: text on standard output, one line on standard error, and exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from afterglow.core.inference.kernel import KERNEL
from afterglow.core.model import Model
from afterglow.core.text.corpus import read_corpora
from afterglow.core.text.formats import ReadOptions
from afterglow.repl.cli.launch import open_session

from .cli_helpers import RunCli

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
LAMP = Path(__file__).parent / "data" / "lamp.txt"


def process(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    """The command line as a process of its own."""
    command = [sys.executable, "-m", "afterglow.repl", *arguments]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **{**pipes, **options})  # type: ignore[call-overload,no-any-return]  # noqa: S603


def test_options_before_a_verb_are_meant_for_it(run: RunCli) -> None:
    before = run("-m", TINY, "-t", "0.5", "--rng", "7", "generate", "Good evening", "-l", "40")
    assert before == run("generate", "Good evening", "-m", TINY, "-t", "0.5", "--rng", "7", "-l", "40")
    assert run("-m", TINY, "-t", "9", "generate", "a", "-t", "0", "-l", "5").code == 0


@pytest.mark.parametrize("words", [("-t", "1", "models"), ("--plain", "generate", "a"), ("-m", TINY, "info", TINY)])
def test_an_option_that_the_verb_does_not_have_is_refused(run: RunCli, words: tuple[str, ...]) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "has no option --" in ran.err


def test_an_option_before_a_verb_is_that_of_the_verb_whatever_it_is_called_inside(run: RunCli) -> None:
    assert run("-m", TINY, "-t", "0.5", "explain", "The").out == run("explain", "The", "-m", TINY, "-t", "0.5").out


def test_generate_writes_the_continuation_only(run: RunCli, tiny: Model) -> None:
    ran = run("generate", "Good evening", "-m", TINY, "-l", "40", "--rng", "7")
    assert ran == (0, tiny.generate("Good evening", length=40, rng=7) + "\n", "")


def test_echo_adds_the_seed(run: RunCli) -> None:
    plain = run("generate", "Good", "-m", TINY, "-l", "9", "--rng", "7").out
    assert run("generate", "Good", "-m", TINY, "-l", "9", "--rng", "7", "--echo").out == "Good" + plain


def test_seed_comes_from_standard_input_without_one_final_newline(run: RunCli, tiny: Model) -> None:
    ran = run("generate", "-m", TINY, "-l", "30", "--rng", "7", stdin=b"The lamp\n\n")
    assert ran.out == tiny.generate("The lamp\n", length=30, rng=7) + "\n"


def test_several_texts_are_the_takes_of_one_rng(run: RunCli) -> None:
    one = run("generate", "Good", "-m", TINY, "-l", "30", "--rng", "7").out
    five = run("generate", "Good", "-m", TINY, "-l", "30", "--rng", "7", "-n", "5", "--json")
    texts = ["" for _ in range(5)]
    for line in five.out.splitlines():
        token = json.loads(line)
        texts[token["sample"]] += token["text"]
    assert texts[0] + "\n" == one
    assert len(set(texts)) == 5


def test_two_temperatures_give_a_text_each_from_the_same_random_numbers(run: RunCli, tiny: Model) -> None:
    words = ("generate", "Good", "-m", TINY, "-l", "30", "--rng", "7", "-t", "0.5", "-t", "2")
    texts = [tiny.generate("Good", length=30, rng=7, temperature=t) for t in (0.5, 2)]
    assert run(*words).out == f"{texts[0]}\n\n{texts[1]}\n"
    objects = [json.loads(line) for line in run(*words, "--json", "texts").out.splitlines()]
    assert [(each["sample"], each["text"], each["T"]) for each in objects] == [(0, texts[0], 0.5), (1, texts[1], 2)]


@pytest.mark.parametrize("verb", [(), ("tour",), ("novelty", TINY)])
def test_a_second_temperature_is_refused_by_a_verb_that_would_drop_the_first(
    run: RunCli, verb: tuple[str, ...]
) -> None:
    ran = run(*verb, "-t", "0.5", "-t", "1.5")
    assert (ran.code, ran.out) == (2, "")
    assert "--temperature is given 2 times" in ran.err


def test_json_has_a_line_for_every_token(run: RunCli) -> None:
    ran = run("generate", "Good", "-m", TINY, "-l", "12", "--rng", "7", "--json", "-t", "0.5")
    tokens = [json.loads(line) for line in ran.out.splitlines()]
    assert len(tokens) == 12
    assert {"text", "id", "logprob", "rank", "entropy", "T"} <= tokens[0].keys()
    assert {token["T"] for token in tokens} == {0.5}


def test_unseen_characters_are_told_once_on_standard_error(run: RunCli) -> None:
    ran = run("generate", "ééß", "-m", TINY, "-l", "9")
    assert ran.code == 0
    assert ran.err == "afterglow: tiny-char has never seen é ß: read as ' '\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["generate", "x", "-t", "-1"], 2, "temperature cannot be '-1': it must be a number from 0 to 5"),
        (["generate", "x", "-t", "nan"], 2, "temperature cannot be 'nan'"),
        (["generate", "x", "-t", "warm"], 2, "temperature cannot be 'warm'"),
        (["generate", "x", "--top-p", "1.5"], 2, "top-p cannot be '1.5': it must be a number from 0 to 1"),
        (["generate", "x", "--no-such"], 2, "No such option"),
        (["generate", "x", "-n", "0"], 2, "0 is not in the range"),
        (["explain", "--probs", ""], 2, "probabilities"),
        (["sing"], 2, "No such command 'sing'"),
        (["generate", "x", "-m", "hamlet"], 1, "there is no model 'hamlet'; there are"),
        (["generate", "x", "-m", "./none.safetensors"], 1, "there is no model file none.safetensors"),
        (["info", "hamlet"], 1, "there is no model 'hamlet'"),
        (["models", "rm", "shakespeare"], 1, "shakespeare is a bundled model and cannot be removed"),
        (["eval", TINY, "none.txt"], 1, "there is no text file none.txt"),
    ],
)
def test_bad_wishes_get_one_line(run: RunCli, arguments: list[str], code: int, says: str) -> None:
    ran = run(*arguments)
    assert ran.code == code
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == ""


def test_standard_input_that_is_not_utf8_says_where(run: RunCli) -> None:
    ran = run("generate", "-m", TINY, stdin=b"caf\xe9")
    assert ran.code == 1
    assert "standard input is not utf-8: byte 3" in ran.err


def test_eval_scores_other_texts_whole_and_its_own_held_out(run: RunCli, tmp_path: Path, tiny: Model) -> None:
    own = json.loads(run("eval", TINY, str(LAMP), "--json").out)
    assert own["part"] == "the held-out last 10 %"
    other = tmp_path / "other.txt"
    other.write_text(LAMP.read_text()[:600])
    ran = json.loads(run("eval", TINY, str(other), "--json").out)
    score = tiny.score(other.read_text())
    assert ran["part"] == "all of it"
    assert ran["nats_per_char_cold"] == score.nats_per_char_cold
    assert ran["bits_per_char_stateful"] == score.bits_per_char_stateful
    assert "nats per char cold" in run("eval", TINY, str(other)).out


def test_eval_reads_a_chat_as_the_release_did_that_knew_no_chats(run: RunCli, tmp_path: Path, tiny: Model) -> None:
    chat = tmp_path / "chat.txt"
    chat.write_text("".join(f"12/31/20, 9:05 PM - Anna: the lamp {n:03}\n" for n in range(100)))
    for reader in ("plain", ""):
        corpus = read_corpora([str(chat)], ReadOptions(reader=reader))
        size = len(corpus.text)
        card = replace(tiny.file.card, corpus_sha256=corpus.sha256, characters=size)
        replace(tiny.file, card=card).with_sha256().save(tmp_path / "mine.safetensors")
        values = json.loads(run("eval", str(tmp_path / "mine.safetensors"), str(chat), "--json").out)
        assert values["characters"] == size - round(size * 0.9)


def test_the_settings_of_file_environment_and_flags_come_in_that_order(
    run: RunCli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def temperature(*flags: str) -> float:
        ran = run("generate", "x", "-l", "1", "--json", *flags)
        return float(json.loads(ran.out)["T"])

    home.mkdir()
    (home / "config.toml").write_text(f'model = "{TINY}"\n')
    assert temperature() == 0.8
    (home / "config.toml").write_text(f'model = "{TINY}"\ntemperature = 0.6\n')
    assert temperature() == 0.6
    monkeypatch.setenv("AFTERGLOW_TEMPERATURE", "0.5")
    assert temperature() == 0.5
    assert temperature("-t", "0.4") == 0.4


def test_a_broken_settings_file_is_named(run: RunCli, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("temperature = = 1")
    ran = run("generate", "x", "-m", TINY)
    assert (ran.code, str(home / "config.toml") in ran.err) == (2, True)


def test_a_script_of_lines_is_played(run: RunCli, tiny: Model) -> None:
    ran = run("-m", TINY, "-l", "20", "--rng", "7", stdin=b"The lamp\n/temp 1.2\n/help set\n/quit\nnever read\n")
    assert ran.code == 0
    assert ran.out.startswith(tiny.generate("The lamp", length=20, rng=7) + "\n")
    assert "/set [NAME] [VALUE]" in ran.out
    assert "T 0.80 → 1.20, flatter" in ran.err


def test_the_columns_of_a_listing_are_below_each_other_in_a_pipe(run: RunCli) -> None:
    ran = run("-m", TINY, "-l", "9", "--rng", "7", stdin=b"The lamp\n/explain\n")
    rows = re.findall(r"^  (?:'.*'|\d+ others|sum) +(?=\d)", ran.out, re.MULTILINE)
    assert len(rows) > 4
    assert len({len(row) for row in rows}) == 1


def test_a_script_that_is_not_utf8_is_played_as_far_as_it_is(run: RunCli) -> None:
    whole = run("-m", TINY, "-l", "5", "--rng", "7", stdin=b"The lamp\n")
    ran = run("-m", TINY, "-l", "5", "--rng", "7", stdin=b"The lamp\r\ncaf\xe9\n")
    assert (ran.code, ran.out) == (1, whole.out)
    assert ran.err == "afterglow: line 2 of standard input is not UTF-8; convert it with iconv -f latin1\n"


@pytest.mark.skipif(os.name != "posix", reason="a shell as POSIX has it")
@pytest.mark.parametrize("line", ["<&-", "explain 'The' | cat"])
def test_no_standard_input_and_a_poor_encoding_are_no_trouble(line: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m afterglow.repl -m {shlex.quote(TINY)} {line}"
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, timeout=60, check=False)  # noqa: S603, S607
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_mistake_in_a_script_is_told_and_the_rest_is_done(run: RunCli) -> None:
    ran = run("-m", TINY, "-l", "20", stdin=b"/retry\n/top-p 7\nThe lamp\n")
    assert ran.code == 2
    assert ran.err.count("\n") == 2
    assert len(ran.out) == 21


def test_models_are_listed_and_removed(run: RunCli, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "mine.safetensors").write_bytes(Path(TINY).read_bytes())
    assert "mine" in run("models").out
    listed = {model["name"]: model["bundled"] for model in json.loads(run("models", "--json").out)}
    bundled = {"english": True, "holmes": True, "names": True, "shakespeare": True, "tolstoy": True}
    assert listed == {**bundled, "mine": False}
    assert json.loads(run("info", "mine", "--json").out)["width"] == 48
    assert run("models", "rm", "mine").code == 0
    assert "mine" not in run("models").out


def test_closed_pipe_is_quiet() -> None:
    with process("generate", "x", "-m", TINY, "-l", "100000") as ran:
        assert ran.stdout
        assert ran.stderr
        assert len(ran.stdout.read(20)) == 20
        ran.stdout.close()
        assert (ran.wait(30), ran.stderr.read()) == (0, b"")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_control_c_ends_with_130_and_keeps_what_was_written() -> None:
    with process("generate", "x", "-m", TINY, "-l", "9000000") as ran:
        assert ran.stdout
        assert ran.stderr
        assert len(ran.stdout.read(20)) == 20
        ran.send_signal(signal.SIGINT)
        ran.stdout.read()
        assert (ran.wait(30), ran.stderr.read()) == (130, b"")


def test_nothing_heavy_is_imported_to_play() -> None:
    code = (
        "import sys; sys.argv = ['afterglow', 'generate', 'x', '-l', '1', '-m', sys.argv[1]]\n"
        "from afterglow.repl.__main__ import main\n"
        "main()\n"
        "heavy = ('torch', 'textual', 'prompt_toolkit', 'discord', 'matplotlib', 'llm', 'aiohttp')\n"
        "heavy += ('afterglow.core.text.readers', 'afterglow.core.learning')\n"
        "heavy += ('afterglow.core.inference.mixture', 'afterglow.core.render')\n"
        f"heavy += {('onnx', 'onnxruntime') if KERNEL else ()}\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code, TINY], capture_output=True, check=True, text=True)  # noqa: S603
    assert ran.stdout.endswith("[]\n")


def test_help_is_there_without_numpy() -> None:
    code = "import sys; sys.argv = ['afterglow', '--help']\nfrom afterglow.repl.__main__ import main\nmain()"
    ran = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, check=True, text=True)  # noqa: S603
    assert "numpy" not in ran.stderr
    assert "--temperature" in ran.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full stands for a full disk")
def test_no_space_for_the_output_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        ran = process("generate", "The lamp", "-m", TINY, "-l", "5", stdout=full)
        _, err = ran.communicate(timeout=60)
    assert ran.returncode == 1
    assert err.decode() == "afterglow: cannot write the output: no space left on device\n"


class Terminal(io.StringIO):
    """Standard input or output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdin", "stdout", "driver", "finish"),
    [
        (Terminal, Terminal, "", "sentence"),
        (Terminal, io.StringIO, "", "off"),
        (io.StringIO, Terminal, "", "off"),
        (io.StringIO, io.StringIO, "afterglow.repl.web.driver:Driver", "sentence"),
    ],
    ids=["typed", "output to a pipe", "script", "browser"],
)
def test_texts_run_on_to_the_end_of_a_sentence_where_people_watch(
    stdin: type[io.StringIO], stdout: type[io.StringIO], driver: str, finish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin())
    monkeypatch.setattr(sys, "stdout", stdout())
    monkeypatch.setenv("TEXTUAL_DRIVER", driver)
    assert open_session("shakespeare", "int8", {"finish": None}).settings.finish == finish
    assert open_session("shakespeare", "int8", {"finish": "line"}).settings.finish == "line"
    monkeypatch.setenv("AFTERGLOW_FINISH", "off")
    assert open_session("shakespeare", "int8", {}).settings.finish == "off"


def test_a_script_says_on_standard_error_how_fast_the_model_was(run: RunCli) -> None:
    ran = run("-m", TINY, "-l", "9", "--rng", "7", "--verbose", "on", stdin=b"The lamp\n")
    assert re.fullmatch(
        r"T 0.80 · 9 characters · rng 7 · \S+ s · [\d,]+ characters/s · first token after \S+ ms\n", ran.err
    )


def test_info_prints_the_settings_of_a_model_in_words(run: RunCli) -> None:
    assert "settings                 temperature 0.8\n" in run("info", "shakespeare").out
