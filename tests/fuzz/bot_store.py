"""The bot's data file."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from afterglow.bot import health
from afterglow.bot.store import Store
from afterglow.bot.writer import TextJob, TextService
from afterglow.core.errors import StorageError
from afterglow.core.paths import data_dir
from afterglow.core.setting_types import Ramp

from .databases import pack_tables, read_tables
from .mutation import Edit, Sample
from .target import TinyTarget

CHANNEL, GUILD = 4000, 3000
NOW = 1_800_000_000.0
"""Unix time of the record in the sample."""


class StoreTarget(TinyTarget):
    """The bot's data file: read by the bot and by its status, used for a text, and written."""

    name = "store"
    promises = (StorageError,)

    @property
    def path(self) -> Path:
        """Path of the data file."""
        return data_dir() / "bot.sqlite"

    def make_sample(self) -> Sample:
        """Return the rows of a channel with settings, a memory and a record of the bot's process."""
        self.path.unlink(missing_ok=True)
        with contextlib.closing(Store(self.path)) as store:
            chosen = {"temperature": Ramp(0.2, 1.6), "memory": True, "length": 20, "stop": ("zzz",), "top_p": 0.9}
            for name, value in {**chosen, "model": self.model.name, "age_restricted": True, "locked": True}.items():
                store.save_setting(CHANNEL, GUILD, name, value)
            store.save_state(CHANNEL, GUILD, self.model.dump_state(self.model.read("The lamp").snapshot))
            record = health.Health(store, "all", lambda: NOW)
            record.record_error(ValueError())
            record.heartbeat(3)
        self.schema, tables = read_tables(self.path)
        return Sample({"user_version": 2, "tables": tables})

    def pack(self, sample: Sample) -> bytes:
        """Return the database."""
        return pack_tables(sample.tree, self.schema, {})

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Report the status, write a text with the channel's settings and memory, and forget everything."""
        self.put(self.path, data)
        with contextlib.closing(Store(self.path)) as store:
            list(health.report(store, lambda: NOW))
            store.guild_settings(GUILD)
            asyncio.run(self._write(store))
            store.save_setting(CHANNEL, GUILD, "temperature", 0.5)
            for guild in store.guild_ids():
                store.channel_ids(guild)
            store.get_meta("application")
            store.forget_guild(GUILD)
            store.forget_channel(CHANNEL)

    async def _write(self, store: Store) -> None:
        with contextlib.closing(TextService(self.model, store)) as service:
            request = await service.build_request(CHANNEL, GUILD, "The")
            job = await service.finish(TextJob(request))
            assert all(notice.isprintable() and len(notice) < 300 for notice in job.notices), job.notices
