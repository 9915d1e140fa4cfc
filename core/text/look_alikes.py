"""Characters that stand for each other, such as curly and straight quotation marks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_PLAIN = {
    other: plain
    for plain, others in {'"': "“”„‟«»″", "'": "‘’‚‛‹›`´′", "-": "‐‑‒–—―−", ".": "…·"}.items()
    for other in others
}
"""Quotation marks, dashes and dots by which Unicode does not know them: as a typewriter has them."""


def find_look_alikes(characters: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return, for those of the unknown ``characters`` that have one, the one of ``known`` that looks most like it.

    It is the same letter without its accent, the plain form of a mark or of a compatibility character (Unicode
    Standard Annex 15, NFKD), another character with that plain form, or the letter in the other case.
    """
    targets: dict[str, str] = {}
    for character in known:
        targets.setdefault(_to_plain(character), character)
    targets |= {character: character for character in known}
    plain = ((character, _to_plain(character)) for character in characters)
    found = ((character, targets.get(form) or targets.get(form.swapcase())) for character, form in plain)
    return {character: target for character, target in found if target}


def _to_plain(character: str) -> str:
    return _PLAIN.get(character) or unicodedata.normalize("NFKD", character)[0]
