"""Clients of every kind at once, cuts and floods. Nothing hangs, nothing is left, and a text is always the same."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("prometheus_client")

from afterglow.repl.serve.limits import Limits

from .serve_clients import Crowd, running


async def test_random_clients_leave_nothing_and_get_the_texts_that_they_get_alone() -> None:
    async with running(Limits(texts=8, waiting=8)) as server, asyncio.timeout(60):
        crowd = Crowd(server.address, server.session, number=1)
        await crowd.learn_texts()

        async def visit_often() -> None:
            for _ in range(12):
                await crowd.visit()

        await asyncio.gather(crowd.flood(), *(visit_often() for _ in range(6)))
        while server.service.places.taken:
            await asyncio.sleep(0.001)
        assert crowd.counts["no place"] > 0
        assert len(crowd.counts) > 8
        assert server.service.places.waiting == 0
