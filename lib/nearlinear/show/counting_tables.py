"""Tables of what the blocks are made of and what they cost, all from the closed formulas."""

from collections.abc import Mapping, Sequence

from nearlinear.results.counting import (
    BIG,
    MADE,
    Term,
    cache_bytes,
    ceiling,
    forward,
    parameter_terms,
    parameters,
    share_of_ceiling,
    training,
)
from nearlinear.results.sizes import Sizes, letters

from .counting import NAMES, TABLE_1, TABLE_1_T, Models, all_described, described, less
from .shown import Html
from .style import FAINT
from .tables import table


def speeds_table(name: str, sizes: Sizes) -> Html:
    """The paper's speeds beside what arithmetic allows: how much of the possible gain was made."""
    rows = []
    for block, speed in TABLE_1.items():
        top = ceiling(block, sizes, TABLE_1_T)
        share = f"{100 * share_of_ceiling(speed, top):.0f} %" if top != 1 else "arithmetic is the same"
        rows.append([NAMES[block], f"{speed:.2f}", f"{ceiling(block, sizes):.2f}", f"{top:.2f}", share])
    head = (
        "block",
        "the paper's Table 1",
        "ceiling, weights alone",
        f"ceiling, {TABLE_1_T} tokens",
        "part of the possible gain",
    )
    return table(f"Speed beside Pre-LN: {described(name, sizes)}", head, rows)


def counts_table(models: Models, counted: Mapping[str, Mapping[str, int]]) -> Html:
    """Every block of every model: by formula, and counted on the modules (`counted`: model → block → parameters)."""
    rows = [
        [
            f"{NAMES[block]}<br><span style='font-size:12px;color:{FAINT}'>{name}</span>",
            f"{parameters(block, sizes, BIG):,}",
            less(block, sizes),
            f"{parameters(block, sizes, ('small',)):,}",
            f"{parameters(block, sizes):,}",
            f"<b>{counted[name][block]:,}</b>",
        ]
        for name, sizes in models.items()
        for block in MADE
    ]
    head = ("block", "before norms and gains", "beside Pre-LN", "norms and gains", "by formula", "counted on modules")
    return table(f"Parameters: {all_described(models)}", head, rows)


def formula_table(block: str, name: str, sizes: Sizes) -> Html:
    """A model of one block, part by part: the product, and what it comes to."""
    known = letters(sizes)
    rows = [
        [term.name, f"<i>{_product(term)}</i>", f"{term.of(known):,}"]
        for term in parameter_terms(block)
        if term.of(known)
    ]
    rows.append(["together", "", f"<b>{parameters(block, sizes):,}</b>"])
    title = f"Parameters of a model of {NAMES[block]} blocks: {described(name, sizes)}"
    return table(title, ("part", "formula", "parameters"), rows)


def _product(term: Term) -> str:
    """2 "Ldd" → "2 L d²"."""
    powers = {letter: term.letters.count(letter) for letter in dict.fromkeys(term.letters)}
    factors = [letter + {1: "", 2: "²"}[power] for letter, power in powers.items()]
    return " ".join([*([f"{term.factor}"] if term.factor != 1 else []), *factors])


def costs_table(name: str, sizes: Sizes, contexts: Sequence[int], width: int = 2) -> Html:
    """Operations a token and bytes of the cache by context, of Pre-LN and SAS. `width`: bytes a number in the cache."""
    rows = []
    for T in contexts:
        row = [f"{T:,}"]
        for count in (forward, training):
            row += [f"{count(block, sizes, T) / 1e6:,.0f}" for block in ("pre-ln", "sas")]
        row.append(f"{ceiling('sas', sizes, T):.3f}")
        if sizes.causal:
            sizes_of_cache = [cache_bytes("sas", sizes, T, half=half, width=width) for half in (False, True)]
            row += [f"{n / 1e6:,.1f}" for n in sizes_of_cache]
        rows.append(row)
    cache = ("cache, all blocks", "half cache, SAS") if sizes.causal else ()
    head = ("tokens", "forward, Pre-LN", "forward, SAS", "training, Pre-LN", "training, SAS", "ratio at most", *cache)
    told = f"; cache in MB at {width} bytes a number" if sizes.causal else ""
    return table(f"Millions of operations a token{told}: {described(name, sizes)}", head, rows)
