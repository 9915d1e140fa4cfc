"""What is set and asked in a channel: /settings, /model, /sweep, /explain, /memory, /help, /forget, and who may."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from afterglow.core.errors import StorageError
from afterglow.core.model import Model, load
from afterglow.core.paths import models_dir
from afterglow.core.settings import FILTERS

pytest.importorskip("discord")

from afterglow.bot.commands import MAX_CHOICES
from afterglow.bot.config import Options
from afterglow.bot.formatting import parse_own_message
from afterglow.bot.setting_specs import SETTINGS
from afterglow.bot.store import Store
from afterglow.bot.writer import TextJob, TextService

from .bot_helpers import labels, mention_bot, run_command, running_bot
from .conftest import DATA
from .discord_shapes import BASIC_PERMISSIONS, BERT, BOT, CHANNEL, DM, OTHER_CHANNEL
from .discord_standin import TIMEOUT, Discord
from .scripted_model import Scripted

FIXED = {"rng": 7, "length": 60}
AT = f"<@{BOT['id']}>"


async def test_settings_are_shown_changed_kept_and_used(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        assert await run_command(there, "settings", name="top-p", value="0.5") == "top-p 1 → 0.5"
        assert await mention_bot(there, "/top-k 9") == "top-k 0 → 9"
        assert await mention_bot(there, "/set min-p 0.01") == "min-p 0 → 0.01"
        assert await mention_bot(there, "/settings stop none") == "stop none → none"
    async with running_bot(there, tiny):
        assert (await run_command(there, "settings", name="top_p")).startswith("top-p 0.5: draw from")
        assert "top-p 0.5, min-p 0.01" in await run_command(there, "settings")
        answer = await run_command(there, "say", seed="The lamp", **FIXED)
        assert await run_command(there, "settings", name="top-p", value="reset") == "top-p 0.5 → 1"
    assert tiny.generate("The lamp", top_p=0.5, top_k=9, min_p=0.01, **FIXED) in answer


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("top-p", "7", "top-p cannot be '7': it must be a number from 0 to 1"),
        ("length", "9000", "length cannot be '9000': it must be a whole number from 1 to 6,000"),
        ("top-q", "1", "there is no setting 'top-q' here; did you mean top-p"),
        ("heat", "rank", "there is no setting 'heat' here"),
    ],
)
async def test_what_cannot_be_is_one_quiet_line(there: Discord, tiny: Model, name: str, value: str, line: str) -> None:
    async with running_bot(there, tiny) as bot:
        answer = await there.command("settings", name=name, value=value)
        assert bot.store.settings(int(CHANNEL)) == {}
    assert (answer.content or "").startswith(line)
    assert answer.ephemeral


async def test_a_channel_bans_letters_and_lets_texts_run_on(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        for name, value in (("ban", "e E"), ("bias", "' '=1.5"), ("finish", "line")):
            assert (await there.command("settings", name=name, value=value)).content.startswith(f"{name} ")
        stored = bot.store.settings(int(CHANNEL))
        assert stored == {"ban": ("e", "E"), "bias": ((" ", 1.5),), "finish": "line"}
        refused = await there.command("settings", name="bias", value=f"{'x' * 101}=1")
        assert "at most 16 texts of 100 characters" in (refused.content or "")
        answer = await there.command("say", seed="The lamp")
    text = parse_own_message(answer.content or "").removeprefix("The lamp")
    assert len(text) > 100
    assert "e" not in text


async def test_settings_and_their_values_are_suggested_from_the_declaration(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        everything = await there.suggestions("settings", "name", "")
        assert len(everything) == MAX_CHOICES
        assert {spec.label for name, spec in SETTINGS.items() if name not in FILTERS} < set(everything)
        for spec in SETTINGS.values():
            assert (await there.suggestions("settings", "name", spec.label))[0] == spec.label
        assert everything[:3] == ["typewriter", "locked", "age-restricted"]
        assert (await there.suggestions("settings", "name", "temp"))[0] == "temperature"
        assert await there.suggestions("settings", "value", "", name="typewriter") == ["off", "on", "reset"]
        values = await there.suggestions("settings", "value", "", name="temperature")
        assert values[0] == "0.80"
        assert "5" not in values
        assert await there.suggestions("settings", "value", "", name="nonsense") == []


async def test_locked_keeps_it_to_those_who_may_manage_the_channel(there: Discord, tiny: Model) -> None:
    little = {"who": BERT, "permissions": BASIC_PERMISSIONS}
    async with running_bot(there, tiny) as bot:
        assert await run_command(there, "temp", value=1.2, **little) == "T 0.80 → 1.20"
        assert "lock the settings" in await run_command(there, "settings", name="locked", value="on", **little)
        assert await run_command(there, "settings", name="locked", value="on") == "locked off → on"
        for name, options in (("temp", {"value": 0.3}), ("model", {"name": "tiny-char"}), ("memory", {"state": "on"})):
            assert "are locked" in await run_command(there, name, **options, **little)
        assert "are locked" in await mention_bot(there, "/temp 0.3", author=BERT)
        assert await run_command(there, "temp", value=0.9) == "T 1.20 → 0.90"
        assert (await run_command(there, "say", seed="a", **FIXED, **little)).startswith("**a**")
        assert bot.store.settings(int(CHANNEL)) == {"temperature": 0.9, "locked": True}


async def test_another_model_plays_in_the_channel(there: Discord, tiny: Model, tiny_bytes: Model) -> None:
    models_dir().mkdir(parents=True)
    shutil.copy(DATA / "tiny-byte.safetensors", models_dir() / "mine.safetensors")
    async with running_bot(there, tiny):
        assert (
            await run_command(there, "model")
            == "models: english, holmes, mine, names, shakespeare, tiny-char (current), tolstoy"
        )
        assert await there.suggestions("model", "name", "mi") == ["mine"]
        assert await run_command(there, "model", name="mine") == "model tiny-char → mine"
        assert "there is no model 'nobody'" in await run_command(there, "model", name="nobody")
    async with running_bot(there, tiny):
        answer = await there.command("say", seed="The lamp", **FIXED)
        assert tiny_bytes.generate("The lamp", **FIXED) in (answer.content or "")
        assert "-# mine · T" in (answer.content or "")
        elsewhere = await run_command(there, "say", seed="The lamp", channel=OTHER_CHANNEL, **FIXED)
        assert tiny.generate("The lamp", **FIXED) in elsewhere
        (models_dir() / "mine.safetensors").unlink()
        gone = await there.press(answer.original, "Retry")
        assert gone.content == "that model is no longer available; use /say instead"
        assert tiny.generate("The lamp", **FIXED) in await run_command(there, "say", seed="The lamp", **FIXED)


async def test_sweep_is_one_seed_at_four_temperatures(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        await run_command(there, "settings", name="rng", value="7")
        swept = await run_command(there, "sweep", seed="The lamp")
        assert await mention_bot(there, "/sweep The lamp") == swept
    for temperature in (0.2, 0.5, 1.0, 1.2):
        text = tiny.generate("The lamp", temperature=temperature, rng=7, length=300)
        assert f"-# T {temperature:.2f} · 300 characters · rng 7\n{text[:200]}" in swept


async def test_a_temperature_that_is_set_meanwhile_leaves_a_sweep_as_it_is(there: Discord) -> None:
    gate = threading.Event()
    model = Scripted("x", gate, after=3)
    async with running_bot(there, model, placeholder_delay=0.0):
        sweep = await there.command("sweep", seed="a")
        assert await asyncio.to_thread(model.script.waiting.wait, TIMEOUT)
        await run_command(there, "temp", value=1.9)
        gate.set()
        await there.until(lambda: "T 1.20 ·" in (sweep.content or ""))
    assert "1.90" not in (sweep.content or "")


async def test_explain_names_no_choice_of_word_parts(there: Discord) -> None:
    async with running_bot(there, load("holmes")):
        await run_command(there, "say", seed="The", length=30, rng=7)
        explained = await run_command(there, "explain")
    assert explained.startswith("candidates for the next token:\n")
    assert "effective choices" in explained


async def test_explain_shows_how_the_last_choice_was_reshaped(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        assert "no recent text of mine" in await run_command(there, "explain")
        answer = await there.command("say", seed="The lamp", temperature=0.5, **FIXED)
        explained = await run_command(there, "explain")
        assert await mention_bot(there, "/explain") == explained
    text = "The lamp" + tiny.generate("The lamp", temperature=0.5, **FIXED)
    chance = tiny.distribution(text[:-1])[text[-1]]
    assert parse_own_message(answer.content or "") == text
    assert explained.startswith(f"the last choice was {text[-1]!r}, {chance:.3f} → ")
    assert "T 0.5, sharper: entropy" in explained
    assert "effective choices" in explained


async def test_memory_lets_texts_go_on_from_each_other_over_a_restart_and_keeps_no_text(
    there: Discord, tiny: Model
) -> None:
    async with running_bot(there, tiny):
        assert await run_command(there, "memory", state="on") == "memory off → on"
        await run_command(there, "say", seed="The lamp", **FIXED)
        assert await run_command(there, "memory", state="on") == "memory on → on"
    with closing(sqlite3.connect(Options().data_path)) as file:
        state = file.execute("SELECT state FROM states").fetchone()[0]
    ids = tiny.tokenizer.encode("The lamp")
    assert ids.astype("int32").tobytes() not in state
    assert len(state) < 10_000
    async with running_bot(there, tiny):
        second = await run_command(there, "say", seed=" and", **FIXED)
        reading = tiny.read(" and", tiny.load_state(state))
        assert second.startswith((" **and**", "\u200b **and**"))
        assert reading.snapshot.position > 64
        fresh = tiny.generate(" and", **FIXED)
        assert fresh not in second
        elsewhere = await run_command(there, "say", seed=" and", channel=OTHER_CHANNEL, **FIXED)
        assert fresh in elsewhere
        assert await run_command(there, "memory", state="off") == "memory on → off"
        assert fresh in await run_command(there, "say", seed=" and", **FIXED)


@pytest.mark.parametrize("later", [{"style": "bob..ann"}, {"style": "ann"}, {"style": "eve", "style_strength": 3}])
async def test_a_memory_is_kept_when_the_style_changes(styled: Model, tmp_path: Path, later: dict[str, object]) -> None:
    async def write_again(first: str) -> str:
        with closing(Store(tmp_path / first)) as store, closing(TextService(styled, store)) as service:
            for seed, changed in (first, {"memory": True}), ("he", later), ("he", {}):
                for name, value in {**FIXED, **changed}.items():
                    store.save_setting(1, 2, name, value)
                text_job = await service.finish(TextJob(await service.build_request(1, 2, seed)))
        return text_job.text

    assert await write_again("The lamp was lit") != await write_again("She was no one. ")


async def test_what_is_forgotten_while_a_text_is_written_stays_forgotten(there: Discord) -> None:
    gate = threading.Event()
    model = Scripted("x", gate, after=3)
    async with running_bot(there, model, placeholder_delay=0.0) as bot:
        await run_command(there, "memory", state="on")
        answer = await there.command("say", seed="a", length=60)
        assert await asyncio.to_thread(model.script.waiting.wait, TIMEOUT)
        await run_command(there, "forget")
        gate.set()
        await there.until(lambda: "Retry" in labels(there.rest.messages[answer.original]))
        assert bot.store.load_state(int(CHANNEL)) is None


async def test_a_memory_of_another_model_begins_anew_and_says_so(
    there: Discord, tiny: Model, tiny_bytes: Model
) -> None:
    async with running_bot(there, tiny):
        await run_command(there, "memory", state="on")
        await run_command(there, "say", seed="The lamp", **FIXED)
    async with running_bot(there, tiny_bytes):
        answer = await run_command(there, "say", seed="The lamp", **FIXED)
    assert "the memory was reset: this saved state belongs to another model" in answer
    assert tiny_bytes.generate("The lamp", **FIXED) in answer


async def test_a_full_disk_loses_no_text_and_is_told(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        await run_command(there, "memory", state="on")
        pages = bot.store._db.execute("PRAGMA page_count").fetchone()[0]
        bot.store._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError):  # noqa: PT012
            for number in itertools.count(10):
                bot.store.save_state(number, None, bytes(300))
        answer = await run_command(there, "say", seed="The lamp", **FIXED)
        much = " ".join(f"{number:0100}" for number in range(16))
        for channel in (CHANNEL, OTHER_CHANNEL):
            for name in ("stop", "dry-sequence-breakers"):
                refused = await run_command(there, "settings", channel=channel, name=name, value=much)
    assert tiny.generate("The lamp", **FIXED) in answer
    assert "the memory could not be saved: cannot use" in answer
    assert "database or disk is full" in refused


async def test_help_is_three_lines_and_only_for_who_asks(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny):
        answer = await there.command("help")
        assert await mention_bot(there, "/help") == answer.content
    lines = (answer.content or "").splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("Stored: ")
    assert lines[2].startswith("To delete it: ")
    assert answer.ephemeral


async def test_forget_removes_what_is_kept_of_a_channel(there: Discord, tiny: Model) -> None:
    async with running_bot(there, tiny) as bot:
        await run_command(there, "memory", state="on")
        await run_command(there, "say", seed="The lamp", **FIXED)
        assert "Manage Channel permission" in await run_command(there, "forget", permissions=BASIC_PERMISSIONS)
        assert await run_command(there, "forget") == "deleted the settings and the memory of this channel"
        assert bot.store.settings(int(CHANNEL)) == {}
        assert bot.store.load_state(int(CHANNEL)) is None
        assert await mention_bot(there, "/forget", channel=DM) == "deleted the settings and the memory of this channel"


async def test_a_channel_writes_in_a_style_of_its_model(there: Discord, styled: Model, tiny: Model) -> None:
    models_dir().mkdir(parents=True)
    shutil.copy(DATA / "tiny-char.safetensors", models_dir() / "plain.safetensors")
    async with running_bot(there, styled):
        assert await run_command(there, "settings", name="style", value="zoe") == (
            "styled has no style 'zoe'; it has ann, bob, eve"
        )
        assert await run_command(there, "settings", name="style", value="ann..eve:2") == "style off → ann..eve:2"
        assert await run_command(there, "settings", name="style-strength", value="2") == "style-strength 1 → 2"
        assert "; styled has ann, bob, eve: " in await run_command(there, "settings", name="style")
        answer = await run_command(there, "say", seed="The lamp", **FIXED)
        assert styled.generate("The lamp", style="ann..eve:2", style_strength=2, **FIXED) in answer
        assert "T 0.80 · style ann..eve:2 ×2 · 60 characters · rng 7" in answer
        assert await run_command(there, "model", name="plain") == "model styled → plain"
        assert tiny.generate("The lamp", **FIXED) in await run_command(there, "say", seed="The lamp", **FIXED)
