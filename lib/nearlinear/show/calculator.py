"""A calculator for a page without a kernel or network: give sizes, read what every block is made of and costs.

The formulas travel with it as data, the same terms that count in Python; the script only adds them up. Without script
the table of the first model stays.
"""

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from html import escape
from importlib.resources import files

from nearlinear.results.counting import (
    MADE,
    Term,
    cache_bytes,
    cache_terms,
    ceiling,
    forward,
    forward_terms,
    parameter_terms,
    parameters,
    training,
)
from nearlinear.results.sizes import Sizes

from .counting import NAMES
from .shown import Html
from .style import FAINT, GRID, INK, PANEL, WARNING
from .svg import FONTS

COLUMNS = {
    "parameters": "parameters",
    "beside": "beside Pre-LN",
    "forward": "operations a token, forward (millions)",
    "training": "the same, training",
    "ceiling": "times Pre-LN's speed, at most",
    "cache": "cache of the window, MB",
    "half": "half cache, MB",
}

NUMBERS = {
    "L": "blocks (L)",
    "d": "width (d)",
    "h": "heads (h)",
    "f": "width of the MLP (f)",
    "V": "vocabulary (V)",
    "P": "positions (P)",
    "T": "tokens in a window (T)",
    "share": "tokens with logits, %",
}

CHOICES = {
    "mlp": ("MLP", {"plain": "plain", "gated": "gated, which halves f"}),
    "norm": ("norm", {"rms": "RMSNorm", "layer": "LayerNorm", "none": "none"}),
    "positions": ("positions", {name: name for name in ("learned", "sinusoidal", "rope", "alibi", "none")}),
    "head": ("head", {"tied": "the embedding", "own": "its own"}),
    "sees": ("a token sees", {"past": "the past (decoder)", "all": "all (encoder)"}),
}

_NONE = "–"


def calculator(models: Mapping[str, Sizes], *, T: int = 128, name: str = "calculator") -> Html:
    """Sizes to give, or those of a model to start from; a row a block. `name`: its own on the page.

    Raises InputError for a window without tokens.
    """
    first = next(iter(models.values()))
    data = {"terms": {block: _terms(block) for block in MADE}, "models": {n: fields(s, T) for n, s in models.items()}}
    look = (
        f"background:{PANEL};color:{INK};color-scheme:light;font:14px/1.5 {FONTS};padding:10px 12px;border-radius:6px"
    )
    script = f"({_script().strip()})(document.getElementById({json.dumps(name)}))"
    return Html(
        f"<form id='{escape(name)}' class='nl-calculator' style='{look}' onsubmit='return false'>"
        f"{_form(models, fields(first, T))}"
        f"<p role='status' style='margin:6px 0;min-height:1.5em;color:{WARNING}'></p>{_table(rows(first, T))}"
        f"<script type='application/json'>{_json(data)}</script></form>"
        f"<script>{script}</script>",
        "a calculator of parameters, operations and cache",
    )


@cache
def _script() -> str:
    text = files("nearlinear.show").joinpath("calculator.js").read_text(encoding="utf-8")
    return text.partition("\n")[2]  # without the comment, which would end the call


def _json(data: object) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _terms(block: str) -> dict[str, list]:
    """Every formula of a block as [factor, letters]."""

    def pairs(terms: tuple[Term, ...]) -> list:
        return [[term.factor, term.letters] for term in terms]

    half = {"half": pairs(cache_terms(block, half=True))} if MADE[block].half else {}
    return {
        "parameters": pairs(parameter_terms(block)),
        "forward": pairs(forward_terms(block)),
        "cache": pairs(cache_terms(block)),
        **half,
    }


def fields(sizes: Sizes, T: int) -> dict[str, int | str]:
    """What the form holds for a model."""
    return {
        **{letter: getattr(sizes, letter) for letter in ("L", "d", "h", "f", "V", "P")},
        "T": T,
        "share": f"{100 * sizes.share:g}",
        "mlp": sizes.mlp,
        "norm": sizes.norm,
        "positions": sizes.positions,
        "head": "tied" if sizes.tied else "own",
        "sees": "past" if sizes.causal else "all",
    }


def rows(sizes: Sizes, T: int) -> dict[str, dict[str, str]]:
    """Block → column → what is shown there: the twin of the script, and the table of a page without one."""
    return {block: _row(block, sizes, T) for block in MADE}


def _row(block: str, sizes: Sizes, T: int) -> dict[str, str]:
    n, dense = parameters(block, sizes), parameters("pre-ln", sizes)

    def kept(there: bool, half: bool) -> str:
        return said(cache_bytes(block, sizes, T, half=half) / 1e6, 2) if there and sizes.causal else _NONE

    return {
        "parameters": said(n, 0),
        "beside": f"{said(100 * (n / dense - 1), 1)} %",
        "forward": said(forward(block, sizes, T) / 1e6, 2),
        "training": said(training(block, sizes, T) / 1e6, 2),
        "ceiling": said(ceiling(block, sizes, T), 3),
        "cache": kept(True, False),
        "half": kept(MADE[block].half and sizes.positions != "rope", True),
    }


def said(value: float, digits: int) -> str:
    """A number rounded as browsers do it, halves away from zero: 1,234.50; never −0.0."""
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{exact:z,}".replace("-", "−")


def _form(models: Mapping[str, Sizes], start: Mapping[str, object]) -> str:
    options = "".join(f"<option value='{escape(name)}'>{escape(name)}</option>" for name in models)
    parts = [
        _label("start from", f"<select name='model'>{options}<option value=''>sizes of your own</option></select>")
    ]
    for name, label in NUMBERS.items():
        limits = "min='0' max='100' step='any'" if name == "share" else "min='1' step='1'"
        box = f"<input name='{name}' type='number' {limits} value='{start[name]}' style='width:7em'>"
        parts.append(_label(label, box))
    for name, (label, choices) in CHOICES.items():
        inside = "".join(
            f"<option value='{value}'{' selected' * (value == start[name])}>{words}</option>"
            for value, words in choices.items()
        )
        parts.append(_label(label, f"<select name='{name}'>{inside}</select>"))
    return (
        "<fieldset disabled style='border:0;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:8px 14px'>"
        f"<legend style='font-weight:bold;padding:0'>Sizes of a model</legend>{''.join(parts)}</fieldset>"
    )


def _label(words: str, control: str) -> str:
    return f"<label style='display:flex;flex-direction:column;font-size:13px;max-width:100%'>{words} {control}</label>"


def _table(found: Mapping[str, Mapping[str, str]]) -> str:
    cell = f"text-align:right;padding:4px 0 4px 10px;border-bottom:1px solid {GRID}"
    heads = "".join(f"<th scope='col' style='{cell};border-color:{FAINT}'>{head}</th>" for head in COLUMNS.values())
    lines = "".join(
        f"<tr data-block='{block}'><th scope='row' style='{cell};text-align:left;padding-left:0;font-weight:normal;"
        f"white-space:nowrap'>{NAMES[block]}</th>"
        + "".join(
            f"<td data-column='{column}' style='{cell};white-space:nowrap'>{row[column]}</td>" for column in COLUMNS
        )
        + "</tr>"
        for block, row in found.items()
    )
    look = "border-collapse:collapse;width:100%;min-width:46em;margin:0;font-size:13px;display:table"
    left = f"<th scope='col' style='{cell};border-color:{FAINT};text-align:left;padding-left:0'>block</th>"
    return (
        "<div tabindex='0' role='group' aria-label='counts by block' style='overflow-x:auto'>"
        f"<table style='{look}'><thead><tr>{left}{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )
