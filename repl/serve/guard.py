"""Looks at every request before its handler does: who calls, from which page, with which key. Counts the answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ...core.sanitize import visible_name
from .api_keys import KEYS_VARIABLE, ApiKeys
from .metrics import OTHER_ROUTE, Metrics
from .origins import Origins, cors_headers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN_PATHS = frozenset({"/", "/health"})
"""Addresses that need no key: the page, and what a load balancer asks."""

COMMON_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer that does not have its own."""


class Guard:
    """The checks of a server. ``count`` and ``check`` are middlewares, ``add_headers`` is called before each answer."""

    def __init__(self, origins: Origins, keys: ApiKeys, metrics: Metrics) -> None:
        self._origins = origins
        self._keys = keys
        self._metrics = metrics

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the answer, by route and status. The status is "closed" if the client went away before its end."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource else OTHER_ROUTE
        status = "closed"
        try:
            response = await handler(request)
            status = str(response.status)
        except web.HTTPException as error:
            status = str(error.status)
            raise
        except Exception:
            status = "500"
            raise
        finally:
            self._metrics.requests.labels(route, status).inc()
        return response

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a permitted request on. Raise HTTPForbidden or HTTPUnauthorized for another.

        Programs without a Host header pass, since a browser always sends one.
        """
        host = request.headers.get("Host")
        if host is not None and not self._origins.permit_host(host):
            name = visible_name(host.rpartition(":")[0] or host)[:64]
            raise web.HTTPForbidden(text=f"this server is not called {name!r}; start it with --allow-host NAME")
        if not self._permits_page(request):
            origin = visible_name(request.headers["Origin"])[:64]
            raise web.HTTPForbidden(
                text=f"pages of {origin!r} may not call this server; start it with --allow-origin ORIGIN"
            )
        if request.method == "OPTIONS":
            return web.Response(status=204)
        if request.path not in OPEN_PATHS and not self._keys.permit(request.headers.get("Authorization", "")):
            raise web.HTTPUnauthorized(
                text=f"this server needs a key of its owner's {KEYS_VARIABLE}, as in Authorization: Bearer KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers that every answer has, and those that let a permitted page read it."""
        for name, value in COMMON_HEADERS.items():
            response.headers.setdefault(name, value)
        if "Origin" in request.headers and self._permits_page(request):
            response.headers.update(cors_headers(request.headers))

    def _permits_page(self, request: web.Request) -> bool:
        """Return True if the request comes from no page, or from one that may call the server."""
        origin = request.headers.get("Origin")
        return origin is None or self._origins.permit_origin(origin, request.headers.get("Host", ""))
