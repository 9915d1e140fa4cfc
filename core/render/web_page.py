"""A passage as an HTML page: in heat colors on light and dark screens, in shades on paper, with a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import Template

from .heat import SCALES, heat_look, legend, legend_looks, scale_of, seed_look, surprisal
from .marks import COPIED_MEANING, COPIED_SIGN, STYLE_MEANING, TEMPERATURE_MEANING, MarkedSpan, margin_sign
from .svg import xml_text


def to_page(title: str, spans: Sequence[MarkedSpan], summary: str, heat: str, candidates: Sequence[str] = ()) -> str:
    """Return the page. ``heat`` is not "off". ``candidates`` has a line for the tooltip of each token, or is empty."""
    notes = iter(candidates)
    body = "".join(_span_html(span, heat, next(notes, "") if span.token else "") for span in spans)
    return _PAGE.substitute(
        title=xml_text(title),
        style=_style(scale_of(heat)),
        body=body,
        legend=_legend_html(heat, spans),
        summary=xml_text(summary),
    )


def _span_html(span: MarkedSpan, heat: str, note: str) -> str:
    if span.seed:
        return f'<b class="{seed_look(heat)}">{xml_text(span.text)}</b>'
    if span.token is None:
        return xml_text(span.text)
    copied = " c" if span.copied and span.text.strip("\n") else ""
    sign = xml_text(margin_sign([span.temperature], [span.style]))
    change = f' data-t="{sign}"' if sign else ""
    token = span.token
    figures = (
        f"T {token.temperature:.2f}, rank {token.rank}, {surprisal(token):.1f} bits, p {2 ** -surprisal(token):.2g}"
    )
    unit = f"{heat}: {span.value:.2f}" if span.value is not None else ""
    style = f"{span.style.text} from here on" if span.style else ""
    tooltip = xml_text("\n".join(filter(None, (figures, unit, style, note))))
    look = _class(heat_look(token, heat, span.value))
    return f'<span class="{look}{copied}"{change} title="{tooltip}">{xml_text(span.text)}</span>'


def _class(look: str | None) -> str:
    """Return the class of a look, which is short, since every token has one: "h4" for "heat4"."""
    return f"h{look[-1]}" if look else ""


def _legend_html(heat: str, spans: Iterable[MarkedSpan]) -> str:
    """Return the names of the levels, and the signs that the text has."""
    title, _ = legend(heat)
    levels = " ".join(f'<span class="{_class(look)}">{xml_text(name)}</span>' for name, look in legend_looks(heat))
    first = next((span.temperature for span in spans if span.temperature is not None), None)
    style = next((span.style for span in spans if span.style), None)
    parts = [f"{xml_text(title)}: {levels}"]
    if first is not None:
        parts.append(f"<i>{first:.2f}</i> {TEMPERATURE_MEANING}")
    if style:
        parts.append(f"<i>{xml_text(style.sign)}</i> {STYLE_MEANING}")
    if any(span.copied for span in spans):
        parts.append(f"<u>{COPIED_SIGN}</u> {COPIED_MEANING}")
    return "<br>".join(parts)


def _style(scale_name: str) -> str:
    """Return the style sheet. It has the colors of a scale of heat."""
    scale = SCALES[scale_name]
    light, dark = (
        " ".join(f"--h{level}: {color};" for level, color in enumerate(colors))
        for colors in (scale.on_light, scale.on_dark)
    )
    levels = "\n".join(f".h{level} {{ color: var(--h{level}); }}" for level in range(len(scale.on_dark)))
    paper = "\n".join(
        f"  .h{level} {{ color: #000000; background: {color}; }}" for level, color in enumerate(scale.on_paper)
    )
    return _STYLE.substitute(light=f"{_LIGHT} {light}", dark=f"{_DARK} {dark}", levels=levels, paper=paper)


_LIGHT = "--back: #ffffff; --ink: #1c1c1c; --dim: #5c5f66; --seed: #0b57a4; --sign: #8a5a00; --copied: #1a7f6b;"
_DARK = "--back: #14161b; --ink: #e4e6eb; --dim: #9a9eaa; --seed: #7fb4ff; --sign: #f2cf63; --copied: #6fd3bf;"

# Signs are placed left of the line in which their token begins (T, style) or ends (the bar of copied text). A later one
# of the same line hides those before it.
_STYLE = Template("""
:root { color-scheme: light dark; $light }
@media (prefers-color-scheme: dark) { :root { $dark } }
body { background: var(--back); color: var(--ink); max-width: 80ch; margin: 2em auto; padding: 0 1em; }
body, pre { font: 1rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { position: relative; margin: 0; padding-left: 7ch; white-space: pre-wrap; overflow-wrap: anywhere; }
.seed { color: var(--seed); }
footer { margin-top: 2em; padding-left: 7ch; color: var(--dim); }
[data-t]::before { content: attr(data-t); position: absolute; left: 0; padding-right: 1ch; background: var(--back); }
[data-t]::before, i { color: var(--sign); font-style: normal; text-decoration: none; }
.c { text-decoration: underline; text-underline-offset: 0.2em; }
.c::after { content: ""; position: absolute; left: 5.5ch; width: 0.3ch; height: 1.5em; background: var(--copied); }
u { color: var(--copied); text-decoration: none; }
$levels
@media print {
  :root { color-scheme: light; $light }
  body { max-width: none; margin: 0; }
  span, .c::after { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
$paper
}
""")

_PAGE = Template("""<!doctype html>
<html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><meta name="viewport" \
content="width=device-width"><title>$title</title><style>$style</style></head>
<body><pre>$body</pre><footer><p>$legend</p><p>$summary</p></footer></body></html>
""")
