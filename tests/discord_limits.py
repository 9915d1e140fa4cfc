"""The stand-in's errors, and its rate limits by bucket, counted as Discord does."""

from __future__ import annotations

import re
import time
from typing import Any


class RefusedError(Exception):
    """An error that Discord answers a request with."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.message = text

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"code": self.code, "message": self.message}


class LimitedError(RefusedError):
    """Status 429: too many requests. ``wait`` is the number of seconds until the next is allowed."""

    def __init__(self, wait: float, scope: str = "user") -> None:
        super().__init__(429, 0, "You are being rate limited.")
        self.wait = wait
        self.scope = scope

    def body(self) -> dict[str, Any]:
        """Return the body of the answer, with the time to wait."""
        return super().body() | {"retry_after": round(self.wait, 3), "global": False}


class Buckets:
    """Rate limits: ``limit`` requests in ``window`` seconds for each route and channel, or each interaction."""

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._used: dict[str, tuple[float, int]] = {}

    def take(self, key: str, now: float) -> dict[str, str]:
        """Count a request, and return the rate-limit headers. Raise LimitedError if it is one too many."""
        began, used = self._used.get(key, (now, 0))
        if now >= began + self._window:
            began, used = now, 0
        if used >= self._limit:
            raise LimitedError(began + self._window - now)
        self._used[key] = began, used + 1
        after = began + self._window - now
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(self._limit - used - 1),
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Reset": f"{time.time() + after:.3f}",
            "X-RateLimit-Bucket": re.sub(r"\d{4,}|interaction-\w+", "", key) or "all",
        }


def refusal_headers(error: RefusedError, headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of an error."""
    if not isinstance(error, LimitedError):
        return headers
    more = {"Retry-After": f"{error.wait:.3f}", "X-RateLimit-Scope": error.scope, "Via": "1.1 google"}
    return headers | more


def bucket_of(method: str, path: str) -> str:
    """Return the key of a request's bucket: the route, with the channel or interaction if it has separate limits."""
    parts = path.strip("/").split("/")
    if parts[0] == "webhooks":
        return f"webhook {parts[2]}"
    if parts[0] == "channels":
        return f"{method} {' '.join(parts[1:3])} {'one' if len(parts) > 3 else ''}"
    return f"{method} {path}"
