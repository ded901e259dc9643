"""A picker of settings: each curve beside that of what it is compared with, and its gains through training."""

import ipywidgets as widgets
import numpy as np

from nearlinear.results.ablation_views import MATRICES, by_setting, gain_curves, gain_names, has_ratios, ratio_curves
from nearlinear.results.training import TrainingRun
from nearlinear.results.training_views import held_out_curves, training_curves

from . import svg
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, side_by_side, under
from .learning_picker import seed_controls
from .learning_words import Runs, gap_said, heading, loss_said, unit
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .style import BLUE, FAINT, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from .values_words import BASES, LETTERS, NAMES, PARTS

EARLY = 0.1
"""The drawing begins after this share of the steps: before, all losses are far above the rest."""

DASHED = " stroke-dasharray='5 3'"
COLOURS = {"attn.alpha": BLUE, "attn.beta": VERMILLION, "attn.gamma": GREEN, "beta_ff": PURPLE}
OF_RATIOS = {"value": ORANGE, "project": SKY}


def values_picker(runs: Runs, name: str = "Values") -> widgets.VBox:
    """One setting at a time, with a seed of your choice. Every frame is on the page.

    Raises ValueError for seeds that do not count from 0, for a base that is missing, and for a picker that is heavier
    than BUDGET.
    """
    settings = by_setting(runs)
    seeds = range(max(len(each) for each in settings.values()))
    if any([run.spec.seed for run in each] != [*seeds] for each in settings.values()):
        raise ValueError("the picker counts seeds from 0 for every setting: give it runs with seeds 0, 1, 2 and so on")
    if missing := {BASES[which] for which in settings} - settings.keys():
        raise ValueError(f"no training of {', '.join(sorted(missing))} is here to compare with: give it too")
    slider, row = seed_controls(name, len(seeds))
    which = widgets.Dropdown(
        options=[NAMES[each] for each in settings], index=0, description=f"{name}: setting", **_wide("30rem")
    )
    stacks = [
        _chosen(slider, "value", _drawn([setting_frame(each, settings[BASES[key]][k]) for k, each in enumerate(of)]))
        for key, of in settings.items()
    ]
    picker = widgets.VBox([which, row, _chosen(which, "index", stacks)])
    _refuse_heavy(picker, name)
    return picker


def setting_frame(run: TrainingRun, base: TrainingRun) -> Frame:
    """Left the losses of one training beside its base's with the same seed, right its gains, means over blocks.

    Where a block trains none, the difference from the base instead.
    """
    steps = run.spec.recipe.steps
    x = svg.Scale(0, steps, LEFT + 6, RIGHT - 6)
    drawn, told = _gains_drawn(run, x) if gain_names(run) or has_ratios(run) else _gaps_drawn(run, base, x)
    name, other = (NAMES[_name(each)] for each in (run, base))
    gap = gap_said(run.loss - base.loss)
    alt = (
        f"{name}, seed {run.spec.seed}: held-out loss {loss_said(run.loss)} {unit(run)} after {steps:,} steps, "
        f"training loss {loss_said(run.losses[-1])}. Held out minus {other} of the same seed: {gap}. {told} "
        f"{heading([run])}."
    )
    below = (
        f"<p style='margin:6px 0 0'><b>{name}, seed {run.spec.seed}</b> · held out {loss_said(run.loss)} {unit(run)}; "
        f"minus {other}: {gap}. {told}</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>Dashed: {other}, seed {base.spec.seed}. Rates "
        f"{run.spec.recipe.lr:g} and {base.spec.recipe.lr:g}. {heading([run])}.</p>"
    )
    return Frame.of(side_by_side(_losses_drawn(run, base, x), drawn), alt, below)


def _name(run: TrainingRun) -> str:
    (name,) = by_setting([run])
    return name


def _losses_drawn(run: TrainingRun, base: TrainingRun, x: svg.Scale) -> list[str]:
    """Held-out losses thick, training losses thin; the base dashed."""
    early, curves = EARLY * run.spec.recipe.steps, []
    for one, colour, look in ((base, GREY, DASHED), (run, BLUE, "")):
        for width, (steps, (values,)) in ((0.7, training_curves([one])), (1.8, held_out_curves([one]))):
            curves.append((steps[steps >= early], values[steps >= early], colour, width, look))
    found = np.concatenate([values for _, values, *_ in curves])
    y = svg.Scale(np.nanmin(found) - 0.02, np.nanmax(found) + 0.02, FLOOR, TOP)
    lines = [_curve(x, y, steps, values, *look) for steps, values, *look in curves]
    return [svg.text(0, 12, f"loss, {unit(run)}; thin: training", colour=FAINT), *_field(x, y), *lines]


def _gains_drawn(run: TrainingRun, x: svg.Scale) -> tuple[list[str], str]:
    """What is trained beside matrices, and where it ends in words."""
    curves = {LETTERS[name]: (gain_curves([run], name)[0], COLOURS[name]) for name in gain_names(run)}
    if has_ratios(run):
        curves |= {f"{PARTS[m]} β/α": (ratio_curves([run], m)[0], OF_RATIOS[m]) for m in MATRICES}
    found = np.concatenate([values.mean(1) for values, _ in curves.values()])
    y = svg.Scale(min(0.0, float(np.nanmin(found))), 1.05 * float(np.nanmax(found)), FLOOR, TOP)
    steps = run.spec.looks
    lines = [_curve(x, y, steps, values.mean(1), colour, 1.8, "") for values, colour in curves.values()]
    key, place = [], 0.0
    for name, (_, colour) in curves.items():
        key.append(svg.text(place, 12, name, colour=colour))
        place += 12 + 7 * len(name)
    ends = ", ".join(f"{name} {values[len(run.looks) - 1].mean():.2f}" for name, (values, _) in curves.items())
    return [*key, *_field(x, y), *lines], f"Gains at the end, means over blocks: {ends}."


def _gaps_drawn(run: TrainingRun, base: TrainingRun, x: svg.Scale) -> tuple[list[str], str]:
    """How far the held-out loss is above the base's, for blocks that train no gains."""
    (steps, (own,)), (_, (others,)) = held_out_curves([run]), held_out_curves([base])
    shown = steps >= EARLY * steps[-1]
    gaps = (own - others)[shown]
    ends = min(0.0, float(np.nanmin(gaps))), max(0.0, float(np.nanmax(gaps)))
    room = 0.1 * (ends[1] - ends[0]) or 0.01
    y = svg.Scale(ends[0] - room, ends[1] + room, FLOOR, TOP)
    zero = svg.line(LEFT, y(0), RIGHT, y(0), FAINT, 1, DASHED)
    title = svg.text(0, 12, f"no gains are trained; held out minus {NAMES[_name(base)]}", colour=FAINT)
    return [title, *_field(x, y), zero, _curve(x, y, steps[shown], gaps, BLUE, 1.8, "")], "No gains are trained."


def _field(x: svg.Scale, y: svg.Scale) -> list[str]:
    """Rules with their numbers, steps below, and the name of the x-axis."""
    marks = (x.low, (x.low + x.high) / 2, x.high)
    ticks = [svg.text(x(mark), FLOOR + 15, f"{mark:,.0f}", "middle", colour=FAINT) for mark in marks]
    return [svg.ruled(y, LEFT, upright=True, until=RIGHT), *ticks, under("steps")]


def _curve(x: svg.Scale, y: svg.Scale, steps, values, colour: str, width: float, look: str) -> str:
    return svg.curve([(x(a), y(b)) for a, b in zip(steps, values, strict=True)], colour, width, look)
