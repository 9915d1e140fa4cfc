"""The keys with which programs may use the server: from the environment or a file, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from ...core.errors import UsageError
from ...core.secret_variables import read_secret

KEYS_VARIABLE = "AFTERGLOW_KEYS"

KEYS_HELP = (
    f"write one into a file (openssl rand -hex 24 > FILE makes one) and set {KEYS_VARIABLE}_FILE to the file's path,"
    f" or {KEYS_VARIABLE} to the key"
)

MIN_KEY_LENGTH = 16
"""Fewest characters of a key."""


class ApiKeys:
    """The keys of a server. Only their hashes are kept, so that a comparison takes as long for each text."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def permit(self, authorization: str) -> bool:
        """Return True if a header "Bearer KEY" has one of the keys, or if there are no keys.

        It is compared with all of them, whichever it is.
        """
        scheme, _, key = authorization.partition(" ")
        given = _digest(key.strip() if scheme.lower() == "bearer" else "")
        return not self._digests or sum(hmac.compare_digest(given, digest) for digest in self._digests) > 0


NO_KEYS = ApiKeys()


def keys_from_environment() -> ApiKeys:
    """Return the keys in AFTERGLOW_KEYS, or in the file that AFTERGLOW_KEYS_FILE names, with white space between.

    Raises UsageError if the file cannot be read, or if a key is short or has characters that no header has.
    """
    keys = read_secret(KEYS_VARIABLE).split()
    for number, key in enumerate(keys, 1):
        if len(key) < MIN_KEY_LENGTH or not key.isascii() or not key.isprintable():
            raise UsageError(
                f"key {number} of {KEYS_VARIABLE} must be {MIN_KEY_LENGTH} or more letters, digits and signs of ASCII;"
                f" {KEYS_HELP}"
            )
    return ApiKeys(keys)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
