"""Export of a passage: plain text, Markdown, the tree as JSON, or HTML or SVG with heat colors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..events import Token
from ..sanitize import escape_controls, escape_line
from ..session.passage import Passage
from ..session.passage_json import to_json
from .heat import heat_level, surprisal
from .markdown import escape_markdown
from .svg import HEAT_COLORS, SvgPage, WrappedTokens, xml_text

LINE_WIDTH = 76
"""Characters in a line of an SVG."""

PassageSpan = tuple[str, Token | None]


class ExportedPassage(NamedTuple):
    """A passage to export, the summary to print under its text, and the setting ``heat`` for its colors."""

    passage: Passage
    summary: str
    heat: str


def as_text(export: ExportedPassage) -> str:
    """Return the text alone."""
    return export.passage.text()


def as_json(export: ExportedPassage) -> str:
    """Return the whole tree in the format of a saved passage."""
    return to_json(export.passage)


def as_markdown(export: ExportedPassage) -> str:
    """Return the text as a block quote, and the summary. Signs that are markup or HTML are escaped."""
    lines = escape_controls(export.passage.text()).split("\n")
    quoted = "\n".join(f"> {escape_markdown(line)}" for line in lines)
    return f"{quoted}\n\n{escape_markdown(escape_line(export.summary))}\n"


def as_html(export: ExportedPassage) -> str:
    """Return an HTML page with heat colors. Each token shows T, rank and surprisal in its tooltip."""
    heat = _heat_or_default(export.heat)
    return _HTML_TEMPLATE.format(
        rules="\n".join(f".h{n} {{ color: {color}; }}" for n, color in enumerate(HEAT_COLORS)),
        body="".join(_token_html(text, token, heat) for text, token in token_spans(export.passage)),
        summary=xml_text(export.summary),
    )


def as_svg(export: ExportedPassage) -> str:
    """Return an SVG with heat colors, and T at the left of each line where it has changed."""
    page = SvgPage(LINE_WIDTH + 8)
    text = WrappedTokens(LINE_WIDTH)
    for span, token in token_spans(export.passage):
        text.add(span, token)
    page.passage(text, _heat_or_default(export.heat))
    page.gap()
    page.line([(export.summary, "dim")], 7)
    return page.to_svg(f"A passage of {export.passage.model}")


def token_spans(passage: Passage) -> Iterator[PassageSpan]:
    """Yield the text up to the cursor as (text, token). The token is None for seeds and tails."""
    for node, count in passage.path():
        if node.seed is not None:
            yield node.seed, None
            continue
        yield from ((token.text, token) for token in node.tokens[:count])
        if node.tail and (count is None or count >= len(node.tokens)):
            yield node.tail, None


def _heat_or_default(heat: str) -> str:
    """Return the heat to export with: "surprise" if heat is "off", since a page without colors has no use."""
    return "surprise" if heat == "off" else heat


def _token_html(text: str, token: Token | None, heat: str) -> str:
    if token is None:
        return f"<b>{xml_text(text)}</b>"
    figures = f"T {token.temperature:.2f}, rank {token.rank}, {surprisal(token):.1f} bits"
    return f'<span class="h{heat_level(token, heat)}" title="{figures}">{xml_text(text)}</span>'


_HTML_TEMPLATE = """<!doctype html>
<html lang="und"><head><meta charset="utf-8"><title>A passage</title><style>
body {{ background: #14161b; color: #d9dbe1; max-width: 46em; margin: 2em auto; padding: 0 1em; }}
pre {{ font: 1em/1.5 ui-monospace, monospace; white-space: pre-wrap; }}
b {{ color: #7fb4ff; }} footer {{ color: #8b8f9a; }}
{rules}
</style></head><body><pre>{body}</pre><footer>{summary}</footer></body></html>
"""

EXPORTERS: dict[str, Callable[[ExportedPassage], str]] = {
    ".txt": as_text,
    ".md": as_markdown,
    ".json": as_json,
    ".html": as_html,
    ".svg": as_svg,
}
"""Functions that return the content of a file, by its suffix."""
