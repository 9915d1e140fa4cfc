"""From an order to messages: a place in line with a way out, the text at once or letter by letter, and buttons."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import discord

from ..core.commands.actions import SWEEP
from . import formatting
from .button_state import Recipe, differing, model_key
from .buttons import stop_view, text_view
from .replies import UNREACHED, Answer
from .scheduling import BusyError, Pace, Ticket, Turns
from .writer import Order, Writer, Writing

T = TypeVar("T")

EDIT_EVERY = 1.25
"""Seconds between two edits in a channel: Discord was seen to allow five in five seconds, and may change that."""

SWEEP_LENGTH = 300
"""Characters at each temperature of a sweep: all of them fit into one message or two."""

STOPPED = "stopped before it began"


@dataclass(eq=False)
class Job:
    """An answer that is on its way, and who may stop it."""

    id: str
    owner: int
    writings: list[Writing] = field(default_factory=list)
    ticket: Ticket | None = None

    def stop(self) -> None:
        """End it where it is; one that has not begun never will."""
        for writing in self.writings:
            writing.stop()
        if self.ticket and not self.ticket.begun.done():
            self.ticket.begun.cancel()


class Delivery:
    """Sends what orders ask for. ``patience``: how many seconds a text may take before there is a placeholder."""

    def __init__(self, writer: Writer, turns: Turns, patience: float, edit_every: float = EDIT_EVERY) -> None:
        self.writer, self.turns, self.jobs = writer, turns, dict[str, Job]()
        self._patience, self._edit_every, self._pace = patience, edit_every, Pace(edit_every)
        self._stopping = False

    def stop(self) -> None:
        """End all that is on its way; what is written will still be shown."""
        self._stopping = True
        self._pace.end()
        for job in list(self.jobs.values()):
            job.stop()

    async def text(self, answer: Answer, order: Order, owner: int, what: str = "", watched: bool = False) -> None:
        """Write one text, with buttons below. ``what`` tells what changed where a button asked for it."""
        writing = Writing(order)
        with self._job(owner, [writing]) as job:
            ticket = job.ticket = self.turns.enter(order.channel, alone=order.memory)
            if watched:
                await self._typed(answer, job, writing, what)
            elif await self._whole(answer, job, ticket, [writing]):
                await self._close(answer, writing, what)

    async def sweep(self, answer: Answer, order: Order, owner: int) -> None:
        """Write the same seed with the same dice at several temperatures."""
        length = min(order.settings.length, SWEEP_LENGTH)
        orders = [
            order._replace(settings=order.settings.changed(temperature=t, length=length), memory=False, compared=True)
            for t in SWEEP
        ]
        writings = [Writing(each) for each in orders]
        with self._job(owner, writings) as job:
            ticket = job.ticket = self.turns.enter(order.channel)
            if await self._whole(answer, job, ticket, writings):
                masked = self.writer.blocklist.masked
                first, *more = formatting.small(((w.summary(), masked(w.text)) for w in writings), masked(order.seed))
                await answer.show(first)
                for page in more:
                    await answer.add(page)

    @contextlib.contextmanager
    def _job(self, owner: int, writings: list[Writing]) -> Iterator[Job]:
        if self._stopping:
            raise BusyError("I am about to start anew; ask again in a minute")
        job = Job(secrets.token_hex(4), owner, writings)
        self.jobs[job.id] = job
        try:
            yield job
        finally:
            del self.jobs[job.id]
            if job.ticket:
                self.turns.leave(job.ticket)

    async def _whole(self, answer: Answer, job: Job, ticket: Ticket, writings: list[Writing]) -> bool:
        """Write all of it before anything is shown; False where it was stopped before it began."""

        async def work() -> None:
            async with self.turns.turn(ticket):
                await asyncio.gather(*map(self.writer.finish, writings))

        return await self._patiently(answer, job, ticket, work())

    async def _patiently(self, answer: Answer, job: Job, ticket: Ticket, work: Coroutine[Any, Any, None]) -> bool:
        """Wait for ``work``; where that takes long, tell the place in line meanwhile, with a button that ends it."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard of, even if nobody waits
        try:
            await asyncio.wait({task}, timeout=self._patience)
            if not task.done():
                place = self.turns.place(ticket)
                await answer.show(f"-# {place} in line …" if place else "-# writing …", stop_view(job.owner, job.id))
            await asyncio.wait({task})
            if task.cancelled():
                await answer.show(STOPPED)
                return False
            task.result()
            return True
        finally:
            task.cancel()

    async def _typed(self, answer: Answer, job: Job, writing: Writing, what: str) -> None:
        """Show it growing, by edits; the last one holds all of it and the buttons."""
        ticket = job.ticket
        assert ticket is not None

        async def turn() -> None:
            await ticket.begun

        if not await self._patiently(answer, job, ticket, turn()):
            return
        shown = await self._growing(answer, job, writing)
        await self._close(answer, writing, what, shown)

    async def _growing(self, answer: Answer, job: Job, writing: Writing) -> int:
        """Draw no more than what is due, and show it; how many pages were begun."""
        loop, speed = asyncio.get_running_loop(), writing.order.settings.speed
        began, view = loop.time(), stop_view(job.owner, job.id)
        pages = await self._progress(answer, self._laid_out(writing, growing=True), 0, view)
        async with contextlib.aclosing(self.writer.write(writing, watched=True)) as growing:
            async for _ in growing:
                if len(writing.text) < (loop.time() - began + self._edit_every) * speed or writing.stopped:
                    continue
                await self._pace.wait(answer.channel)
                if not writing.stopped:
                    # What does not get through now comes with the next edit, or with the last.
                    with contextlib.suppress(*UNREACHED):
                        pages = await self._progress(answer, self._laid_out(writing, growing=True), pages, view)
        return pages

    async def _progress(self, answer: Answer, laid_out: list[str], shown: int, view: discord.ui.View) -> int:
        """Bring the messages up to ``laid_out``, of which so many were begun; how many that is."""
        for number in range(max(0, shown - 1), len(laid_out)):
            below = view if number == len(laid_out) - 1 else None
            if number < shown or not number:
                await answer.show(laid_out[number], below)
            else:
                await answer.add(laid_out[number], below)
        return len(laid_out)

    async def _close(self, answer: Answer, writing: Writing, what: str, shown: int = 1) -> None:
        """The whole text with its buttons under the last page; so many pages were begun."""
        if writing.stopped and not writing.text:
            await answer.show(STOPPED)
            return
        recipe, laid_out = self._recipe(writing), self._laid_out(writing, self._lines(writing, what))
        if answer.first:
            await self._pace.wait(answer.channel)
        for number in range(shown - 1, len(laid_out)):
            below = None
            if number == len(laid_out) - 1:
                source = recipe.source or (answer.first if number else 0)
                below = text_view(recipe._replace(source=source))
            await (answer.show if number < shown else answer.add)(laid_out[number], below)

    def _laid_out(self, writing: Writing, lines: Iterable[str] = (), growing: bool = False) -> list[str]:
        text, order = writing.text, writing.order
        if growing:
            # A word that is not whole yet could become a blocked one.
            text = text[: max(text.rfind(" "), text.rfind("\n")) + 1]
        masked, border = self.writer.blocklist.masked(order.seed + text), len(order.seed)
        return formatting.pages("" if order.source else masked[:border], masked[border:], list(lines), growing)

    def _lines(self, writing: Writing, what: str) -> list[str]:
        """The small lines under a text."""
        other = [] if writing.order.model == self.writer.default.name else [writing.order.model]
        told = " · ".join([*filter(None, [what]), *other, writing.summary()])
        return [told + (" · stopped" if writing.stopped else ""), *writing.notices]

    def _recipe(self, writing: Writing) -> Recipe:
        order = writing.order
        seen = formatting.shown(self.writer.blocklist.masked(order.seed))
        return Recipe(
            order.source,
            None if order.source else len(seen.text),
            seen.cut and not order.source,
            order.rng,
            order.settings.temperature,
            order.settings.length,
            model_key(order.model),
            differing(order.settings, self.writer.loaded(order.model).settings),
        )
