"""How the stand-in says no: errors, and rate limits by bucket as Discord counts them."""

from __future__ import annotations

import re
import time
from typing import Any


class RefusedError(Exception):
    """Discord says no."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.message = status, code, text

    def body(self) -> dict[str, Any]:
        """The answer."""
        return {"code": self.code, "message": self.message}


class LimitedError(RefusedError):
    """Too many requests, after ``wait`` seconds it will do."""

    def __init__(self, wait: float, scope: str = "user") -> None:
        super().__init__(429, 0, "You are being rate limited.")
        self.wait, self.scope = wait, scope

    def body(self) -> dict[str, Any]:
        """The answer, with the time to wait."""
        return super().body() | {"retry_after": round(self.wait, 3), "global": False}


class Buckets:
    """So many requests in a window for each route and channel, or each interaction, counted as Discord counts them."""

    def __init__(self, limit: int, window: float) -> None:
        self._limit, self._window = limit, window
        self._used: dict[str, tuple[float, int]] = {}

    def take(self, key: str, now: float) -> dict[str, str]:
        """Count a request; the headers that tell how many are left. Raises LimitedError."""
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


def refusal_headers(no: RefusedError, headers: dict[str, str]) -> dict[str, str]:
    """The headers of a refusal."""
    if not isinstance(no, LimitedError):
        return headers
    more = {"Retry-After": f"{no.wait:.3f}", "X-RateLimit-Scope": no.scope, "Via": "1.1 google"}
    return headers | more


def bucket_of(method: str, path: str) -> str:
    """The route with the parameters that have limits of their own: the channel, or the interaction."""
    parts = path.strip("/").split("/")
    if parts[0] == "webhooks":
        return f"webhook {parts[2]}"
    if parts[0] == "channels":
        return f"{method} {' '.join(parts[1:3])} {'one' if len(parts) > 3 else ''}"
    return f"{method} {path}"
