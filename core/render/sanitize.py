"""Generated text made safe for terminals and chats: control characters are shown, not obeyed."""

from __future__ import annotations

_C0_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_C1_CONTROLS = dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}")
_BIDI_CONTROLS = dict.fromkeys(
    [0x200E, 0x200F, 0x061C, *range(0x2028, 0x202F), *range(0x2066, 0x206A)], "\N{REPLACEMENT CHARACTER}"
)
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")
_REPLACEMENTS: dict[int, int | str] = {**_C0_CONTROLS, **_C1_CONTROLS, **_BIDI_CONTROLS, **_SURROGATES}


def escape_controls(text: str) -> str:
    """Return ``text`` without control characters. Newline and tab stay.

    C0 controls become their pictures (U+2400 and so on). C1 controls, other line ends, bidirectional overrides and lone
    surrogates become U+FFFD.
    """
    return text if text.isascii() and text.isprintable() else text.translate(_REPLACEMENTS)
