"""A server for the tests of ``afterglow serve``, in this process, and a client for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from afterglow.core.inference.library import find_model, list_models
from afterglow.repl.serve.routes import make_app
from afterglow.repl.serve.service import CompletionService
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[TestClient[Request, Application]]:
    """A client of a server whose default model is the file at ``path``."""
    service = CompletionService(find_model(str(path)), list_models())
    async with TestClient(TestServer(make_app(service))) as client:
        yield client


def events_of(body: str) -> list[str]:
    """The data of server-sent events."""
    assert body.endswith("\n\n")
    return [block.removeprefix("data: ") for block in body.removesuffix("\n\n").split("\n\n")]


def objects_of(body: str) -> list[dict[str, object]]:
    """The objects of a stream of OpenAI's, which ends with [DONE]."""
    *events, last = events_of(body)
    assert last == "[DONE]"
    return [json.loads(event) for event in events]
