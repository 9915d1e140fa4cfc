"""The routes for those who run the server: whether it answers, and its figures."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from .service import SERVICE


async def show_health(request: web.Request) -> web.Response:
    """Answer with 200, or with 503 while the server stops, so that a load balancer takes another."""
    if request.app[SERVICE].places.is_closed:
        return web.json_response({"status": "stopping"}, status=503)
    return web.json_response({"status": "ok"})


async def show_metrics(request: web.Request) -> web.Response:
    """Answer with the figures for Prometheus."""
    return web.Response(body=request.app[SERVICE].metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


OPERATION_ROUTES = (web.get("/health", show_health), web.get("/metrics", show_metrics))
