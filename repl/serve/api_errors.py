"""Errors in OpenAI's shape: one JSON object with a message, a type, the field and a code."""

from __future__ import annotations

import json
import logging
import traceback

from aiohttp import web

from ...core.errors import AfterglowError, UsageError
from .guard import Handler
from .places import NoPlaceError, StoppingError

_LOG = logging.getLogger("afterglow.serve")

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
"""OpenAI's types of error by status; of all others that are the client's it is invalid_request_error."""

_CODES = {401: "invalid_api_key"}
"""OpenAI's codes by status."""


class ApiError(UsageError):
    """A request that cannot be answered: its status, the field that is wrong and OpenAI's code, each None if none."""

    def __init__(self, message: str, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    def to_json(self) -> dict[str, object]:
        """Return the body of the answer."""
        kind = "server_error" if self.status >= 500 else _TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def to_api_error(error: Exception) -> ApiError:
    """Return the error that a client sees. One that is a fault of the server's is logged, without its message."""
    match error:
        case ApiError():
            return error
        case UsageError():
            return ApiError(str(error))
        case NoPlaceError():
            return ApiError(str(error), 503 if isinstance(error, StoppingError) else 429)
        case ConnectionError():
            return ApiError("the client is gone", 503)
        case TimeoutError():
            return ApiError("the time for this request is over", 503)
        case AfterglowError():
            return ApiError(str(error), 503)
        case web.HTTPException():
            return ApiError(error.text or error.reason, error.status, code=_CODES.get(error.status))
    frames = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("a request failed with %s:\n%s", type(error).__name__, frames)  # its message can quote a text
    return ApiError("the server failed; its log says why", 500)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request whose handler raises with the error as JSON. A stream that has begun ends with its own."""
    try:
        return await handler(request)
    except Exception as error:
        found = to_api_error(error)
        headers = _headers_of(error)
        return web.json_response(found.to_json(), status=found.status, headers=headers)


def _headers_of(error: Exception) -> dict[str, str]:
    """Return the headers that a client needs with an error, such as the time to try again."""
    if isinstance(error, NoPlaceError):
        return {"Retry-After": str(error.retry_after)}
    headers = error.headers if isinstance(error, web.HTTPException) else {}
    return {name: value for name, value in headers.items() if name.lower() in ("allow", "www-authenticate")}


dump_json = json.JSONEncoder(separators=(",", ":")).encode
"""Return JSON without white space, as short as it can be."""
