"""Addresses of servers and pages: which only this machine reaches, and which are free."""

from __future__ import annotations

import ipaddress
import socket

from yarl import URL

from ..core.errors import UsageError, error_text

WILDCARD_HOSTS = ("0.0.0.0", "::")  # noqa: S104
"""Hosts that stand for every address of this machine."""


def read_origin(address: str) -> str:
    """Return scheme, host and port as browsers write them: lower case, without a default port. "" if not a URL."""
    try:
        return str(URL(address).origin())
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Return True if ``host`` is this machine, as only its own programs reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_free(host: str, port: int) -> None:
    """Raise UsageError if the address is taken. Otherwise a server would print its URL before it fails."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = error_text(error).partition(" (")[0]  # Python repeats the address in parentheses
        raise UsageError(f"cannot listen on {host}, port {port}: {why}; try another --host or --port") from None
