"""The names by which the server may be called, and the pages whose scripts may call it (CORS)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from yarl import URL

from ...core.errors import UsageError
from ..addresses import is_loopback, read_origin

PREFLIGHT_SECONDS = 600
"""Seconds for which a browser remembers that a page may call the server."""

ANY_ORIGIN = "*"
"""The word for pages of every origin."""

FILE_ORIGIN = "null"
"""The origin of a page that was opened from a file."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The hosts and origins that are permitted besides this machine's own.

    A page of another site can call a server on this machine through a name of its own that leads here (DNS rebinding),
    so a request has to call the server by an address, by localhost, or by one of ``hosts``. A page on this machine, or
    of the server itself, may call it; others have to be among ``origins``, of ``permitted_origins``.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def permit_host(self, host: str) -> bool:
        """Return True if a request may call the server by this Host header. Its port can be any: it is forwarded."""
        name = _host_name(host)
        return name == "localhost" or _is_address(name) or name in self.hosts

    def permit_origin(self, origin: str, host: str) -> bool:
        """Return True if a page of ``origin`` may call the server as ``host``."""
        if ANY_ORIGIN in self.origins:
            return True
        read = _read(origin)
        return bool(read) and (read in self.origins or _is_this_machine(read) or _called_host(read) == host.lower())


OWN_PAGES = Origins()
"""Pages on this machine and those of the server itself, and no names but localhost."""


def cors_headers(request: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer to a permitted page, from those of its request."""
    headers = {"Access-Control-Allow-Origin": request["Origin"], "Vary": "Origin"}
    if "Access-Control-Request-Method" in request:
        headers |= {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": request.get("Access-Control-Request-Headers", ""),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
    return headers | {"Access-Control-Expose-Headers": "Retry-After"}


def permitted_origins(texts: Iterable[str]) -> frozenset[str]:
    """Return the origins of URLs that people name, "null" and "*". Raises UsageError for anything else."""
    for text in texts:
        if not _read(text):
            raise UsageError(f"{text!r} is not a page's URL; write it as browsers do: https://glow.example, null or *")
    return frozenset(map(_read, texts))


def _read(text: str) -> str:
    """Return the origin of a URL, "null" or "*" as they are, "" for another text."""
    return text if text in (ANY_ORIGIN, FILE_ORIGIN) else read_origin(text)


def _is_this_machine(origin: str) -> bool:
    return origin != FILE_ORIGIN and is_loopback(URL(origin).host or "")


def _called_host(origin: str) -> str | None:
    """Return host and port of an origin, as the Host header has them; None for "null" or "*"."""
    return origin.partition("://")[2] or None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(host: str) -> str:
    """Return the name or the address in a Host header, in lower case; "" if it has none."""
    try:
        return URL(f"http://{host}").host or ""
    except ValueError:
        return ""
