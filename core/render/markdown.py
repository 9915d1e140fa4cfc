"""Text for a Markdown file: no sign in it is taken for markup or HTML."""

from __future__ import annotations

import re

_ANYWHERE = {
    **{sign: f"\\{sign}" for sign in "\\`*_["},
    **{sign: f"&#{ord(sign)};" for sign in "<&~|"},
}
"""Replacement of each sign that is markup anywhere. Not every renderer takes a backslash before the last four."""

_AT_START = re.compile(r"( {0,3})(?:(=)|([#>+-])|(\d+)([.)]))")
"""Beginnings of underlined headings, of headings, quotations and lists, and of numbered lists."""


def escape_markdown(line: str) -> str:
    """Return a line without line ends as Markdown that is rendered as this line."""
    start = _AT_START.match(line)
    escaped = "".join(_ANYWHERE.get(sign, sign) for sign in line)
    if start and start[2]:
        return escaped.replace("=", "&#61;", 1)
    if start:
        end = start.end() - 1
        return f"{escaped[:end]}\\{escaped[end:]}"
    indented = line.startswith(("    ", "\t"))  # would be a block of code
    return f"&#{ord(line[0])};{escaped[1:]}" if indented else escaped
