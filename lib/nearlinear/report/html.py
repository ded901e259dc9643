"""Small pieces of the page. Whatever comes from a name or a text is made harmless here, once, on its way in."""

from collections.abc import Iterable, Mapping, Sequence

from nearlinear.show.shown import Shown

from .drawings import harmless, inline_svg


def paragraph(words: str, kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f"<p{name}>{harmless(words)}</p>" if words else ""


def heading(words: str, name: str) -> str:
    return f'<h2 id="{name}">{harmless(words)}</h2>'


def listed(lines: Iterable[str], kind: str = "") -> str:
    items = "".join(f"<li>{harmless(line)}</li>" for line in lines)
    name = f' class="{kind}"' if kind else ""
    return f"<ul{name}>{items}</ul>" if items else ""


def code(words: str) -> str:
    return f"<pre><code>{harmless(words)}</code></pre>"


def figure(shown: Shown, name: str) -> str:
    """A drawing that a narrow screen scrolls, by keyboard too, with its caption."""
    caption = harmless(shown.caption.replace(r"\$", "$"))
    drawing = f'<div class="drawing" tabindex="0" role="group" aria-label="Figure">{inline_svg(shown, name)}</div>'
    return f'<figure id="figure-{name}">{drawing}<figcaption>{caption}</figcaption></figure>'


def facts(caption: str, of: Mapping[str, str]) -> str:
    """Two columns, folded away: what, and how it stands."""
    rows = "".join(
        f'<tr><th scope="row">{harmless(name)}</th><td class="text">{harmless(value)}</td></tr>'
        for name, value in of.items()
        if value
    )
    table = _scrolling(caption, f"<tbody>{rows}</tbody>", "facts")
    return f"<details><summary>{harmless(caption)}</summary>{table}</details>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table whose first cell in a row is its header."""
    heads = "".join(f'<th scope="col">{harmless(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{harmless(first)}</th>' + "".join(f"<td>{harmless(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    inside = f"<caption>{harmless(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>"
    return _scrolling(caption, inside, kind)


def _scrolling(label: str, inside: str, kind: str) -> str:
    return (
        f'<div class="scroll long" tabindex="0" role="group" aria-label="{harmless(label)}">'
        f'<table class="{kind}">{inside}</table></div>'
    )
