"""Settings of values and projections in numbers: the rates, the ends, and what each claim rests on."""

from collections.abc import Iterator, Sequence

import numpy as np

from nearlinear.results.ablation_views import by_setting, screened_settings
from nearlinear.results.training_views import Screened

from .findings import Finding
from .learning_words import Runs, gap_told, heading, loss_said, ranged, unit
from .shown import Html
from .tables import at_least, table
from .values_judged import HELD, Judge
from .values_words import BASES, CHANGES, LETTERS, NAMES, PAIRS, TIED, ends, gap


def values_rates(screen: Runs, long: Runs) -> Html:
    """What each rate gave each setting on the text for choices, the best in bold, and the rate of the long runs."""
    found = screened_settings(screen)
    used = {name: each[0].spec.recipe.lr for name, each in by_setting(long).items()}
    rates = sorted({rate for one in found.values() for rate in one.rates})
    rows = [
        [NAMES[name], *_tried(one, rates), f"{used[name]:g}" if name in used else ""] for name, one in found.items()
    ]
    head = ("setting", *(f"{rate:g}" for rate in rates), "long runs")
    return table(f"Loss ({unit(screen[0])}) on the text for choices, by rate. {heading(screen)}", head, rows)


def _tried(one: Screened, rates: Sequence[float]) -> Iterator[str]:
    known = dict(zip(one.rates, one.losses, strict=True))
    for rate in rates:
        said = "" if rate not in known else "broke off" if np.isnan(known[rate]) else loss_said(known[rate])
        yield f"<b>{said}</b>" if rate == one.rate else said


def values_table(runs: Runs) -> Html:
    """Where each setting ends, and how far that is from what it is compared with: over seeds, and over files."""
    settings = by_setting(runs)
    rows = []
    for name, each in settings.items():
        base = BASES[name]
        beside = gap_told(gap(settings, name, base)) if base in settings else "not trained"
        parameters = f"{each[0].n_parameters:,}"
        rows.append([NAMES[name], parameters, ranged(ends(settings, name)), at_least(15, f"{beside} ({NAMES[base]})")])
    title = (
        f"Held-out loss at the end ({unit(runs[0])}), mean over seeds and range; difference with its range over seeds "
        f"and 95 % interval over files. {heading(runs)}"
    )
    return table(title, ("setting", "parameters", "held-out loss", "minus (which)"), rows)


def values_findings(screen: Runs, runs: Runs) -> list[Finding]:
    """Chapter 11: what each claim rests on. Where every setting ends is in `values_table`."""
    t = Judge(screen, runs)
    ratios, left = t.ratios(), t.kept()
    return [
        Finding("restored", t.gap("identity-0", "pre-ln").mean, f"{NAMES['identity-0']} minus {NAMES['pre-ln']}"),
        Finding("sas-behind", t.gap("sas", "pre-ln").mean, f"{NAMES['sas']} minus {NAMES['pre-ln']}"),
        *(Finding(f"held-{a}", t.gap(a, b).mean, f"{NAMES[a]} minus {NAMES[b]}") for a, b in HELD.items()),
        *(Finding(f"start-{100 * b:g}", g.mean, f"orthogonal minus identity at β = {b:g}")
          for b, g in t.starts().items()),
        *(Finding(f"closed-{n}", t.closed(n), f"{NAMES[n]}: share of the gap to the identity that is closed")
          for n in TIED if t.open),
        *(Finding(f"tied-{n}", t.gap(n, "orthogonal-0").mean, f"{NAMES[n]} minus {NAMES['orthogonal-0']}")
          for n in TIED),
        *(Finding(f"dual-{a}", t.gap(a, b).mean, f"{NAMES[a]} minus {NAMES[b]}") for a, b in PAIRS.items()),
        *(Finding(f"effect-{a}", t.gap(a, "orthogonal-100").mean, f"{NAMES[a]} minus β = 1") for a in PAIRS),
        Finding("dual-range", t.seed_range(*PAIRS, *PAIRS.values()), "widest range over seeds of these four"),
        Finding("ratio-first", float(ratios["value"][0]), "identity, trained gains: |β/α| of the first W_V at the end"),
        Finding("ratio-highest", float(max(ratios["value"][1:].max(initial=0), ratios["project"].max())),
                "the highest |β/α| of the others"),
        Finding("gains-cost", t.gap("identity-gains", "identity-0").mean, "trained gains minus β = 0, identity"),
        *(Finding(f"left-{gain}", float(values.min()), f"SAS: the least that is left of {LETTERS[gain]}, of its start")
          for gain, values in left.items()),
        Finding("blank", t.blank, "how far apart two draws of one model end, with the seed where that is most"),
        *(Finding(f"change-{c.name}", t.gap(c.name, c.base).mean, f"{NAMES[c.base]}: {c.what}, minus without")
          for c in CHANGES),
    ]  # fmt: skip
