"""The contrast of colors, as the web's guidelines for readable text compute it."""

from __future__ import annotations


def luminance(color: str) -> float:
    """The relative luminance of WCAG 2, 0 (black) to 1 (white)."""
    shares = (int(color[n : n + 2], 16) / 255 for n in (1, 3, 5))
    linear = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """The contrast of two colors by WCAG 2, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
