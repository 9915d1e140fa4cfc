"""Queues requests and sends their texts, each at once or by edits, with buttons under it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from ..core.commands.actions import SWEEP_TEMPERATURES
from . import formatting
from .button_state import ButtonState, changed_sampling_settings, model_key
from .buttons import stop_view, text_view
from .replies import CONNECTION_ERRORS, Reply
from .scheduling import BusyError, EditThrottle, Ticket, TicketQueue
from .writer import TextJob, TextRequest, TextService

EDIT_INTERVAL = 1.25
"""Seconds between two edits in a channel. Discord was observed to allow five in five seconds, and may change that."""

SWEEP_LENGTH = 300
"""Characters at each temperature of a sweep, so that all fit into one message or two."""

STOPPED = "stopped before the text began"


@dataclass(eq=False)
class DeliveryJob:
    """A reply in progress: its texts, its place in the queue, and ``owner``, the user who may stop it."""

    id: str
    owner: int
    text_jobs: list[TextJob]
    ticket: Ticket

    def stop(self) -> None:
        """Stop the texts after the current token. If they are still in the queue, they are never begun."""
        for text_job in self.text_jobs:
            text_job.stop()
        if not self.ticket.started.done():
            self.ticket.started.cancel()


class Delivery:
    """Writes texts and sends them.

    ``placeholder_delay``: seconds without a text after which a placeholder is sent. ``edit_interval``: seconds between
    two edits in a channel.
    """

    def __init__(
        self, service: TextService, queue: TicketQueue, placeholder_delay: float, edit_interval: float
    ) -> None:
        self.service = service
        self.queue = queue
        self.jobs = dict[str, DeliveryJob]()
        self._placeholder_delay = placeholder_delay
        self._edit_interval = edit_interval
        self._throttle = EditThrottle(edit_interval)
        self._stopping = False

    def stop(self) -> None:
        """Stop all jobs and accept no more. What they have written is still sent."""
        self._stopping = True
        self._throttle.stop()
        for job in list(self.jobs.values()):
            job.stop()

    async def write_text(
        self, reply: Reply, request: TextRequest, owner: int, change_note: str = "", watched: bool = False
    ) -> None:
        """Write one text with buttons under it.

        ``change_note`` says what a button changed. If ``watched``, the text is shown while it is written.
        """
        text_job = TextJob(request)
        with self._track_job(owner, [text_job], exclusive=request.memory) as job:
            if watched:
                await self._typewrite(reply, job, text_job, change_note)
            elif await self._write_all(reply, job):
                await self._finish(reply, text_job, change_note)

    async def sweep(self, reply: Reply, request: TextRequest, owner: int) -> None:
        """Write the same seed with the same rng at several temperatures."""
        length = min(request.settings.length, SWEEP_LENGTH)
        text_jobs = []
        for temperature in SWEEP_TEMPERATURES:
            settings = request.settings.changed(temperature=temperature, length=length)
            text_jobs.append(TextJob(request._replace(settings=settings, memory=False, in_sweep=True)))
        with self._track_job(owner, text_jobs) as job:
            if await self._write_all(reply, job):
                mask = self.service.blocklist.mask
                blocks = [(text_job.summary(), mask(text_job.text)) for text_job in text_jobs]
                first, *others = formatting.paginate_sweep(blocks, mask(request.seed))
                await reply.update(first)
                for page in others:
                    await reply.append(page)

    @contextlib.contextmanager
    def _track_job(self, owner: int, text_jobs: list[TextJob], exclusive: bool = False) -> Iterator[DeliveryJob]:
        """Enter the queue, and leave it after the block. Raises BusyError if the queue is full."""
        if self._stopping:
            raise BusyError("I'm restarting; please ask again in a minute")
        ticket = self.queue.enter(text_jobs[0].request.channel, exclusive)
        job = DeliveryJob(secrets.token_hex(4), owner, text_jobs, ticket)
        self.jobs[job.id] = job
        try:
            yield job
        finally:
            del self.jobs[job.id]
            self.queue.leave(ticket)

    async def _write_all(self, reply: Reply, job: DeliveryJob) -> bool:
        """Write all texts of a job before anything is shown. Return False if it was stopped before it began."""

        async def work() -> None:
            async with self.queue.hold_slot(job.ticket):
                await asyncio.gather(*map(self.service.finish, job.text_jobs))

        return await self._wait_with_placeholder(reply, job, work())

    async def _wait_with_placeholder(self, reply: Reply, job: DeliveryJob, work: Coroutine[Any, Any, None]) -> bool:
        """Wait for ``work``. After ``placeholder_delay`` show the position in the queue with a Stop button.

        Return False if the job was stopped before it began.
        """
        task = asyncio.create_task(work)
        task.add_done_callback(_retrieve_exception)
        try:
            await asyncio.wait({task}, timeout=self._placeholder_delay)
            if not task.done():
                await reply.update(self._placeholder(job), stop_view(job.owner, job.id))
            await asyncio.wait({task})
            if task.cancelled():
                await reply.update(STOPPED)
                return False
            task.result()
            return True
        finally:
            task.cancel()

    def _placeholder(self, job: DeliveryJob) -> str:
        """Return the message for a job without a text: its position in the queue, or that its text is being written."""
        position = self.queue.position(job.ticket)
        return f"-# number {position} in the queue …" if position else "-# writing …"

    async def _typewrite(self, reply: Reply, job: DeliveryJob, text_job: TextJob, change_note: str) -> None:
        """Show a text while it is written, by edits. The last edit holds the whole text and the buttons."""

        async def wait_for_slot() -> None:
            await job.ticket.started

        if await self._wait_with_placeholder(reply, job, wait_for_slot()):
            page_count = await self._stream_edits(reply, job, text_job)
            await self._finish(reply, text_job, change_note, page_count)

    async def _stream_edits(self, reply: Reply, job: DeliveryJob, text_job: TextJob) -> int:
        """Write a text at the speed that is set and show it growing. Return the number of messages sent."""
        loop = asyncio.get_running_loop()
        speed = text_job.request.settings.speed
        began = loop.time()
        view = stop_view(job.owner, job.id)
        page_count = await self._update_messages(reply, self._growing_pages(text_job), 0, view)
        async with contextlib.aclosing(self.service.write(text_job, watched=True)) as growing:
            async for _ in growing:
                # An edit is due when the text is as long as the speed wants it to be at the end of the next interval.
                if len(text_job.text) < (loop.time() - began + self._edit_interval) * speed or text_job.stopped:
                    continue
                await self._throttle.wait(reply.channel)
                if not text_job.stopped:
                    # The next edit makes up for one that fails.
                    with contextlib.suppress(*CONNECTION_ERRORS):
                        pages = self._growing_pages(text_job)
                        page_count = await self._update_messages(reply, pages, page_count, view)
        return page_count

    async def _update_messages(self, reply: Reply, pages: list[str], sent: int, view: discord.ui.View) -> int:
        """Edit the last of the ``sent`` messages, and send further pages. Return the number of messages."""
        for index in range(max(0, sent - 1), len(pages)):
            page_view = view if index == len(pages) - 1 else None
            if index < sent or not index:
                await reply.update(pages[index], page_view)
            else:
                await reply.append(pages[index], page_view)
        return len(pages)

    async def _finish(self, reply: Reply, text_job: TextJob, change_note: str, sent: int = 1) -> None:
        """Show the whole text with the buttons under its last page. ``sent`` pages are there already."""
        if text_job.stopped and not text_job.text:
            await reply.update(STOPPED)
            return
        state = self._button_state(text_job)
        pages = self._pages(text_job, text_job.text, self._footer_lines(text_job, change_note))
        if reply.first_message_id:
            await self._throttle.wait(reply.channel)
        for index in range(sent - 1, len(pages)):
            view = None
            if index == len(pages) - 1:
                source = state.source_message or (reply.first_message_id if index else 0)
                view = text_view(state._replace(source_message=source))
            await (reply.update if index < sent else reply.append)(pages[index], view)

    def _growing_pages(self, text_job: TextJob) -> list[str]:
        """Return the pages of an unfinished text up to its last whole word: the rest could become a blocked word."""
        text = text_job.text
        return self._pages(text_job, text[: max(text.rfind(" "), text.rfind("\n")) + 1], growing=True)

    def _pages(self, text_job: TextJob, text: str, footer: Sequence[str] = (), growing: bool = False) -> list[str]:
        """Return the messages for a text, with blocked words masked. A seed with its own message is left out."""
        request = text_job.request
        # Masked together: a blocked word can begin in the seed and end in the text. Masking keeps the length.
        masked = self.service.blocklist.mask(request.seed + text)
        seed, text = masked[: len(request.seed)], masked[len(request.seed) :]
        return formatting.paginate("" if request.source_message else seed, text, footer, growing)

    def _footer_lines(self, text_job: TextJob, change_note: str) -> list[str]:
        """Return the small lines under a text. The model is named if it is not the default."""
        model = text_job.request.model
        parts = [change_note, "" if model == self.service.default_model.name else model, text_job.summary()]
        parts.append("stopped" if text_job.stopped else "")
        return [" · ".join(filter(None, parts)), *text_job.notices]

    def _button_state(self, text_job: TextJob) -> ButtonState:
        request = text_job.request
        seed = formatting.truncate_seed(self.service.blocklist.mask(request.seed))
        return ButtonState(
            source_message=request.source_message,
            seed_length=None if request.source_message else len(seed.text),
            seed_cut=seed.cut and not request.source_message,
            rng=request.rng,
            temperature=request.settings.temperature,
            length=request.settings.length,
            model=model_key(request.model),
            settings=changed_sampling_settings(request.settings, self.service.loaded_model(request.model).settings),
        )


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Mark a task's exception as retrieved. Otherwise asyncio logs it, with its text, if the waiter was cancelled."""
    if not task.cancelled():
        task.exception()
