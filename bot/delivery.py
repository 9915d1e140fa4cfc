"""From an order to messages: a place in line with a way out, the text at once or letter by letter, and buttons."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import discord

from ..core.commands.actions import SWEEP_TEMPERATURES
from . import formatting
from .button_state import ButtonState, changed_numbers, model_key
from .buttons import stop_view, text_view
from .replies import CONNECTION_ERRORS, Reply
from .scheduling import BusyError, EditThrottle, Ticket, TicketQueue
from .writer import TextJob, TextRequest, TextService

T = TypeVar("T")

EDIT_INTERVAL = 1.25
"""Seconds between two edits in a channel: Discord was seen to allow five in five seconds, and may change that."""

SWEEP_LENGTH = 300
"""Characters at each temperature of a sweep: all of them fit into one message or two."""

STOPPED = "stopped before it began"


@dataclass(eq=False)
class DeliveryJob:
    """An answer that is on its way, and who may stop it."""

    id: str
    owner: int
    text_jobs: list[TextJob] = field(default_factory=list)
    ticket: Ticket | None = None

    def stop(self) -> None:
        """End it where it is; one that has not begun never will."""
        for writing in self.text_jobs:
            writing.stop()
        if self.ticket and not self.ticket.started.done():
            self.ticket.started.cancel()


class Delivery:
    """Sends what orders ask for. ``patience``: how many seconds a text may take before there is a placeholder."""

    def __init__(
        self, service: TextService, queue: TicketQueue, placeholder_delay: float, edit_interval: float = EDIT_INTERVAL
    ) -> None:
        self.service, self.queue, self.jobs = service, queue, dict[str, DeliveryJob]()
        self._placeholder_delay, self._edit_interval, self._throttle = (
            placeholder_delay,
            edit_interval,
            EditThrottle(edit_interval),
        )
        self._stopping = False

    def stop(self) -> None:
        """End all that is on its way; what is written will still be shown."""
        self._stopping = True
        self._throttle.stop()
        for job in list(self.jobs.values()):
            job.stop()

    async def write_text(
        self, reply: Reply, request: TextRequest, owner: int, change_note: str = "", watched: bool = False
    ) -> None:
        """Write one text, with buttons below. ``what`` tells what changed where a button asked for it."""
        writing = TextJob(request)
        with self._track_job(owner, [writing]) as job:
            ticket = job.ticket = self.queue.enter(request.channel, exclusive=request.memory)
            if watched:
                await self._typewrite(reply, job, writing, change_note)
            elif await self._write_all(reply, job, ticket, [writing]):
                await self._finish(reply, writing, change_note)

    async def sweep(self, reply: Reply, request: TextRequest, owner: int) -> None:
        """Write the same seed with the same dice at several temperatures."""
        length = min(request.settings.length, SWEEP_LENGTH)
        orders = [
            request._replace(
                settings=request.settings.changed(temperature=t, length=length), memory=False, in_sweep=True
            )
            for t in SWEEP_TEMPERATURES
        ]
        writings = [TextJob(each) for each in orders]
        with self._track_job(owner, writings) as job:
            ticket = job.ticket = self.queue.enter(request.channel)
            if await self._write_all(reply, job, ticket, writings):
                masked = self.service.blocklist.mask
                first, *more = formatting.paginate_sweep(
                    ((w.summary(), masked(w.text)) for w in writings), masked(request.seed)
                )
                await reply.update(first)
                for page in more:
                    await reply.append(page)

    @contextlib.contextmanager
    def _track_job(self, owner: int, text_jobs: list[TextJob]) -> Iterator[DeliveryJob]:
        if self._stopping:
            raise BusyError("I am about to start anew; ask again in a minute")
        job = DeliveryJob(secrets.token_hex(4), owner, text_jobs)
        self.jobs[job.id] = job
        try:
            yield job
        finally:
            del self.jobs[job.id]
            if job.ticket:
                self.queue.leave(job.ticket)

    async def _write_all(self, reply: Reply, job: DeliveryJob, ticket: Ticket, text_jobs: list[TextJob]) -> bool:
        """Write all of it before anything is shown; False where it was stopped before it began."""

        async def work() -> None:
            async with self.queue.hold_slot(ticket):
                await asyncio.gather(*map(self.service.finish, text_jobs))

        return await self._wait_with_placeholder(reply, job, ticket, work())

    async def _wait_with_placeholder(
        self, reply: Reply, job: DeliveryJob, ticket: Ticket, work: Coroutine[Any, Any, None]
    ) -> bool:
        """Wait for ``work``; where that takes long, tell the place in line meanwhile, with a button that ends it."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard of, even if nobody waits
        try:
            await asyncio.wait({task}, timeout=self._placeholder_delay)
            if not task.done():
                place = self.queue.position(ticket)
                await reply.update(f"-# {place} in line …" if place else "-# writing …", stop_view(job.owner, job.id))
            await asyncio.wait({task})
            if task.cancelled():
                await reply.update(STOPPED)
                return False
            task.result()
            return True
        finally:
            task.cancel()

    async def _typewrite(self, reply: Reply, job: DeliveryJob, text_job: TextJob, change_note: str) -> None:
        """Show it growing, by edits; the last one holds all of it and the buttons."""
        ticket = job.ticket
        assert ticket is not None

        async def turn() -> None:
            await ticket.started

        if not await self._wait_with_placeholder(reply, job, ticket, turn()):
            return
        shown = await self._stream_edits(reply, job, text_job)
        await self._finish(reply, text_job, change_note, shown)

    async def _stream_edits(self, reply: Reply, job: DeliveryJob, text_job: TextJob) -> int:
        """Draw no more than what is due, and show it; how many pages were begun."""
        loop, speed = asyncio.get_running_loop(), text_job.request.settings.speed
        began, view = loop.time(), stop_view(job.owner, job.id)
        pages = await self._update_messages(reply, self._paginate(text_job, growing=True), 0, view)
        async with contextlib.aclosing(self.service.write(text_job, watched=True)) as growing:
            async for _ in growing:
                if len(text_job.text) < (loop.time() - began + self._edit_interval) * speed or text_job.stopped:
                    continue
                await self._throttle.wait(reply.channel)
                if not text_job.stopped:
                    # What does not get through now comes with the next edit, or with the last.
                    with contextlib.suppress(*CONNECTION_ERRORS):
                        pages = await self._update_messages(reply, self._paginate(text_job, growing=True), pages, view)
        return pages

    async def _update_messages(self, reply: Reply, pages: list[str], shown: int, view: discord.ui.View) -> int:
        """Bring the messages up to ``laid_out``, of which so many were begun; how many that is."""
        for number in range(max(0, shown - 1), len(pages)):
            below = view if number == len(pages) - 1 else None
            if number < shown or not number:
                await reply.update(pages[number], below)
            else:
                await reply.append(pages[number], below)
        return len(pages)

    async def _finish(self, reply: Reply, text_job: TextJob, change_note: str, shown: int = 1) -> None:
        """The whole text with its buttons under the last page; so many pages were begun."""
        if text_job.stopped and not text_job.text:
            await reply.update(STOPPED)
            return
        recipe, laid_out = (
            self._button_state(text_job),
            self._paginate(text_job, self._footer_lines(text_job, change_note)),
        )
        if reply.first_message_id:
            await self._throttle.wait(reply.channel)
        for number in range(shown - 1, len(laid_out)):
            below = None
            if number == len(laid_out) - 1:
                source = recipe.source_message or (reply.first_message_id if number else 0)
                below = text_view(recipe._replace(source_message=source))
            await (reply.update if number < shown else reply.append)(laid_out[number], below)

    def _paginate(self, text_job: TextJob, lines: Iterable[str] = (), growing: bool = False) -> list[str]:
        text, order = text_job.text, text_job.request
        if growing:
            # A word that is not whole yet could become a blocked one.
            text = text[: max(text.rfind(" "), text.rfind("\n")) + 1]
        masked, border = self.service.blocklist.mask(order.seed + text), len(order.seed)
        return formatting.paginate(
            "" if order.source_message else masked[:border], masked[border:], list(lines), growing
        )

    def _footer_lines(self, text_job: TextJob, change_note: str) -> list[str]:
        """The small lines under a text."""
        other = [] if text_job.request.model == self.service.default_model.name else [text_job.request.model]
        told = " · ".join([*filter(None, [change_note]), *other, text_job.summary()])
        return [told + (" · stopped" if text_job.stopped else ""), *text_job.notices]

    def _button_state(self, text_job: TextJob) -> ButtonState:
        order = text_job.request
        seen = formatting.truncate_seed(self.service.blocklist.mask(order.seed))
        return ButtonState(
            order.source_message,
            None if order.source_message else len(seen.text),
            seen.cut and not order.source_message,
            order.rng,
            order.settings.temperature,
            order.settings.length,
            model_key(order.model),
            changed_numbers(order.settings, self.service.loaded_model(order.model).settings),
        )
