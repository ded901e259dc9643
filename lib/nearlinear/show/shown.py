"""A figure that carries its own words: alt text and caption are made from the data, so they cannot disagree with it.

Displayed as HTML, an `<img alt>` inside a `<figure>`: the same in Jupyter, Colab and the static book, and independent
of matplotlib's notebook backend. Glued, it is the bare image, for the page's own numbered `glue:figure`.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from io import BytesIO

from matplotlib import rc_context
from matplotlib.figure import Figure

from .download import as_csv, links
from .style import FAINT, PANEL

_HEAVY = 160_000
"""Bytes of SVG above which a picture of 128 colours is the lighter way."""


@dataclass(frozen=True)
class Html:
    """A piece of HTML that displays as itself; `plain` is what it says where no HTML is shown."""

    html: str
    plain: str = ""

    def __str__(self) -> str:
        return self.html

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.plain}


@dataclass(frozen=True)
class _Words:
    """A glued sentence: `glue` of a plain string would show its quotes."""

    text: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": self.text}


@dataclass(frozen=True, eq=False)
class Shown:
    """A drawn figure, its alternative text and its caption. A cell that ends in one shows all three."""

    figure: Figure
    alt: str
    caption: str

    def svg(self) -> bytes:
        """The drawing as SVG, the same bytes every time."""
        with rc_context({"svg.hashsalt": "nearlinear", "svg.fonttype": "path"}):
            drawing = self._saved("svg", metadata={"Date": None, "Creator": None})
        # Clip paths are named after sizes whose last bit the layout solver leaves to chance.
        for i, name in enumerate(re.findall(rb'clipPath id="(\w+)"', drawing)):
            drawing = drawing.replace(name, b"clip%d" % i)
        return drawing

    def png(self, dpi: int = 150, colours: int = 128) -> bytes:
        """The drawing as a PNG with few colours, a third of the weight of a full one."""
        from PIL import Image

        image = Image.open(BytesIO(self._saved("png", dpi=dpi))).convert("RGB").quantize(colours)
        out = BytesIO()
        image.save(out, "png", optimize=True)
        return out.getvalue()

    def _saved(self, kind: str, **options) -> bytes:
        out = BytesIO()
        self.figure.savefig(out, format=kind, **options)
        return out.getvalue()

    def csv(self) -> str:
        """The numbers that are drawn, a row each; "" where a drawing has none, or is no figure of matplotlib."""
        return as_csv(self.figure) if isinstance(self.figure, Figure) else ""

    def image(self, svg: bytes | None = None) -> str:
        """`<img alt>` with the drawing inside. A narrow screen scrolls it sideways and keeps the letters readable."""
        svg = svg or self.svg()
        kind, data = ("svg+xml", svg) if len(svg) < _HEAVY else ("png", self.png())
        source = f"data:image/{kind};base64,{b64encode(data).decode()}"
        style = "display:block;width:100%;min-width:540px;max-width:780px;height:auto;margin:0 auto;padding:0"
        # dark-light: the book's theme must not dim it on dark pages, it has a light panel of its own
        picture = f'<img class="dark-light" alt="{escape(self.alt)}" src="{source}" style="{style}">'
        return f'<div tabindex="0" role="group" aria-label="Figure" style="overflow-x:auto">{picture}</div>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        words = f"color:{FAINT};font-size:13px;font-weight:normal;line-height:1.5;text-align:left;margin-top:6px"
        caption = f'<figcaption style="{words}">{escape(self.caption)}</figcaption>'
        panel = f"margin:0;padding:10px;border-radius:6px;background:{PANEL}"
        svg = self.svg()
        figure = f'<figure style="{panel}">{self.image(svg)}{caption}</figure>'
        return {"text/html": figure + links(svg, self.csv()), "text/plain": self.alt}

    def glue(self, name: str) -> "Shown":
        """Keep the image as `name` and its caption as `name-caption` for the pages of the book (see `markdown`)."""
        try:
            from myst_nb import glue
        except ImportError:  # on Colab there is no book to glue for
            return self
        glue(name, Html(self.image(), self.alt), display=False)
        glue(f"{name}-caption", _Words(self.caption), display=False)
        return self

    @staticmethod
    def markdown(name: str) -> str:
        """What a page writes to show a glued figure, numbered; image, alt text and caption come from the data."""
        return f":::{{glue:figure}} {name}\n:name: fig-{name}\n\n{{glue:text}}`{name}-caption`\n:::\n"
