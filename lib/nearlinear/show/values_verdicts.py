"""What the settings of values and projections say about their claims, a row each: by the rules of `values_judged`."""

import numpy as np

from .learning_words import Runs, gap_said, gap_told
from .tables import Ours
from .values_judged import GONE, HELD, MARK, Judge
from .values_words import CHANGES, LETTERS, NAMES, PAIRS, PARTS, TIED, Change, listed
from .words import number

COMMAND = "nearlinear results --only train-laptop-values"
"""Makes the screen and the long runs again."""

LITTLE = ("S19", "S22", "S23")
"""Claims of a small difference."""


def values_rows(screen: Runs, runs: Runs) -> list[Ours]:
    """S4, S5, S6, the first half of S8, S18 to S23, S25 and S27."""
    t = Judge(screen, runs)
    change = {c.name: c for c in CHANGES}
    return [
        _restored(t),
        _starts(t),
        _ratios(t),
        _no_skip(t, change["sas-no-mlp-skip"]),
        _changed(t, change["sas-beta-ff-100"], f"from 0.03: {gap_told(t.gap('sas-beta-ff-3', 'sas'))}"),
        _changed(t, change["value-skip"]),
        _dual(t),
        _stay(t),
        _changed(t, change["pre-ln-identity"]),
        _changed(t, change["sas-no-first-value"]),
        _changed(t, change["sas-cosine"]),
        _tied(t),
    ]


def _what(name: str, base: str) -> str:
    return f"held-out loss, {NAMES[name]} minus {NAMES[base]}, mean over seeds"


def _row(t: Judge, claim: str, what: str, said: str, verdict: str, more: str, *names: str) -> Ours:
    controls = "; ".join(filter(None, (more, t.controls(*names))))
    return Ours(claim=claim, what=what, number=said, controls=controls, verdict=verdict, command=COMMAND)


def _at_rates(t: Judge, name: str, base: str) -> str:
    """The same difference at one rate for both: whether it hangs on the choice of rates."""
    told = (f"{gap_said(value)} at {rate:g}" for rate, value in t.at_rates(name, base).items())
    return f"in the screen, at one rate for both: {', '.join(told)}"


def _changed(t: Judge, change: Change, more: str = "") -> Ours:
    name, base = change.name, change.base
    verdict = (t.little_worse if change.claim in LITTLE else t.worse)(name, base)
    size = f"{number(100 * t.share(name, base))} % of the loss" if change.claim in LITTLE else ""
    told = "; ".join(filter(None, (size, more, _at_rates(t, name, base))))
    return _row(t, change.claim, _what(name, base), gap_told(t.gap(name, base)), verdict, told, name, base)


def _no_skip(t: Judge, change: Change) -> Ours:
    """S8 has two halves; that of the parallel block is judged where that block is trained."""
    row = _changed(t, change, "half of the claim: the skip of the MLP, in blocks in sequence")
    verdict = "partly" if row.verdict == "reproduced" else row.verdict
    return Ours(**{**vars(row), "verdict": verdict})


def _restored(t: Judge) -> Ours:
    told = [f"{NAMES[a]} minus {NAMES[b]}: {gap_told(t.gap(a, b))}" for a, b in HELD.items()]
    told += [_at_rates(t, "identity-0", "pre-ln")]
    back = gap_told(t.gap("identity-0", "pre-ln"))
    return _row(
        t, "S4", _what("identity-0", "pre-ln"), back, t.restored(), "; ".join(told), *HELD, *HELD.values(), "pre-ln"
    )


def _starts(t: Judge) -> Ours:
    gaps = t.starts()
    told = [f"at β = {b:g}: {gap_told(g)}" for b, g in gaps.items() if b]
    more = "; ".join([*told, _at_rates(t, "orthogonal-0", "identity-0")])
    said = gap_told(gaps[0.0])
    return _row(
        t, "S5", _what("orthogonal-0", "identity-0"), said, t.start_matters(), more, "orthogonal-0", "identity-0"
    )


def _ratios(t: Judge) -> Ours:
    last = t.ratios()
    below = int(sum((values <= MARK).sum() for values in last.values()))
    total = sum(len(values) for values in last.values())
    said = "; ".join(f"{PARTS[matrix]} {listed(values)}" for matrix, values in last.items())
    free = t.gap("identity-gains", "identity-0")
    kept = np.concatenate([*t.ratios("pre-ln-gains").values()])
    with_skip = f"with the attention skip kept, {number(kept.min())} to {number(kept.max())}"
    cost = f"loss minus that of identity, β = 0: {gap_told(free)}"
    more = f"|β/α| at the end by block, mean over seeds: {said}; {with_skip}; {cost}"
    return _row(
        t, "S6", f"matrices whose |β/α| ends at {MARK:g} or below, started at 0.2", f"{below} of {total}", t.to_zero(),
        more, "identity-gains",
    )  # fmt: skip


def _dual(t: Judge) -> Ours:
    pairs = {beta: t.gap(beta, rate) for beta, rate in PAIRS.items()}
    said = "; ".join(f"{NAMES[beta]}: {gap_told(g)}" for beta, g in pairs.items())
    does = "; ".join(f"{NAMES[beta]} minus β = 1: {gap_said(t.gap(beta, 'orthogonal-100').mean)}" for beta in PAIRS)
    noise = f"range over seeds: up to {number(t.seed_range(*PAIRS, *PAIRS.values()))}"
    tried = "; ".join(f"{NAMES[beta]}, {_at_rates(t, beta, rate)}" for beta, rate in PAIRS.items())
    more = f"{does}; {noise}; {tried}; the rate of a group multiplies its weight decay too, β does not"
    what = "held-out loss with a gain β minus that with the rate times β, AdamW, mean over seeds"
    return _row(t, "S20", what, said, t.dual(), more, *PAIRS, *PAIRS.values())


def _stay(t: Judge) -> Ours:
    left = t.kept()
    lowest = min(float(values.min()) for values in left.values())
    said = "; ".join(f"{LETTERS[gain]} {values.min():.2f} to {values.max():.2f}" for gain, values in left.items())
    more = f"SAS, over blocks and seeds: {said}; gone would be {GONE:g} or less; α, β, γ are means over heads"
    return _row(t, "S21", "the least that is left of any gain, as a share of its start", f"{lowest:.2f}", t.stay(),
                more, "sas")  # fmt: skip


def _tied(t: Judge) -> Ours:
    said = "; ".join(f"{NAMES[name]}: {gap_told(t.gap(name, 'orthogonal-0'))}" for name in TIED)
    open_ = gap_told(t.gap("identity-0", "orthogonal-0"))
    more = f"identity minus untied rotations: {open_}; {_shares(t)}"
    return _row(t, "S27", "held-out loss, tied minus untied rotations, β = 0, mean over seeds", said, t.tied(), more,
                *TIED, "orthogonal-0", "identity-0")  # fmt: skip


def _shares(t: Judge) -> str:
    if not t.open:
        return "no such gap to close"
    told = (f"{NAMES[name]} {number(100 * t.closed(name))} %" for name in TIED)
    return f"share of that gap closed: {', '.join(told)}"
