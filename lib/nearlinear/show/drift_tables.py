"""Drifts in numbers: the rates tried, the two readings of Fig. 2 by family and text, and the page's findings."""

from html import escape

import numpy as np

from nearlinear.results.drift_groups import Change, account, by_group, change, early, over_blocks
from nearlinear.results.drift_views import screened

from .drift_words import Runs, change_told, family_name, group_name, heading, ranged, signed, text_name
from .findings import Finding
from .learning_words import loss_said
from .shown import Html
from .tables import at_least, table
from .words import number

BROKE_OFF = "broke off"

READINGS = {"update_scores": "s_Δ", "scores": "s"}


def drift_rates(screen: Runs, runs: Runs) -> Html:
    """Loss at the end of each short training, by family and rate, and the rate of the long ones."""
    found = screened(screen)
    rates = sorted({rate for each in found.values() for rate in each.rates})
    used = {run.spec.architecture.family: run.spec.recipe.lr for run in runs}
    rows = []
    for family, each in found.items():
        losses = dict(zip(each.rates, each.losses, strict=True))
        cells = [_tried(losses, rate) for rate in rates]
        rows.append([family_name(family), *cells, f"{each.rate:g}{_edge(each.edge)}", _used(used, family)])
    head = ("family", *(f"{rate:g}" for rate in rates), "best", "rate of the long runs")
    spec = screen[0].spec
    title = (
        f"Loss after {spec.recipe.steps:,} steps of {text_name(spec.reading.corpus)}, on documents that are used for "
        f"choices alone, by learning rate; one seed, which is used for nothing else. {heading(runs)}"
    )
    return table(title, head, rows)


def _tried(losses: dict[float, float], rate: float) -> str:
    if rate not in losses:
        return ""
    return BROKE_OFF if np.isnan(losses[rate]) else loss_said(losses[rate])


def _edge(edge: str) -> str:
    return f" (the {edge} tried)" if edge else ""


def _used(used: dict[str, float], family: str) -> str:
    return f"{used[family]:g}" if family in used else "not trained here"


def drift_table(runs: Runs) -> Html:
    """Both readings before training, at the early look and at the end, and their change with an interval over seeds."""
    rows = []
    for group, each in by_group(runs).items():
        cells = [at_least(7, f"{escape(group_name(group))}, from {each[0].spec.looks[early(each)]:,}")]
        for name in READINGS:
            steps, values = over_blocks(each, name)
            cells += [ranged(values[:, k]) for k in (0, early(each), len(steps) - 1)]
            cells.append(at_least(8, change_told(change(each, name), _decimals(name))))
        cells.append(ranged(over_blocks(each, "loss")[1][:, -1], loss_said))
        rows.append(cells)
    parts = [f"{said} {when}" for said in READINGS.values() for when in ("untrained", "early", "at the end", "change")]
    title = (
        "Means over blocks, held out, first tokens left out; mean over seeds and range. Change: from the early look, "
        f"whose step stands beside the text, to the end, with a 95 % interval over seeds. {heading(runs)}"
    )
    return table(title, ("trained", *parts, "held-out loss"), rows)


def _decimals(name: str) -> int:
    return 3 if name == "update_scores" else 4


def drift_ways(runs: Runs) -> Html:
    """The change of both readings under each control, from the strictest to the paper's own, and from no training."""
    ways = {
        "held out, first tokens out": lambda each, name: change(each, name),
        "held out, first tokens in": lambda each, name: change(each, name, first_tokens=True),
        "in sample, first tokens in (the paper's way)": lambda each, name: change(each, f"in_sample_{name}"),
        "held out, first tokens out, from before training": lambda each, name: change(each, name, since=0),
    }
    rows = []
    for group, each in by_group(runs).items():
        for name, said in READINGS.items():
            told = [change_told(way(each, name), _decimals(name)) for way in ways.values()]
            rows.append([at_least(7, escape(group_name(group))), said, *told])
    title = f"Change of the mean over blocks, with a 95 % interval over seeds, by the way of measuring. {heading(runs)}"
    return table(title, ("trained", "score", *ways), rows)


def drift_findings(runs: Runs) -> list[Finding]:
    """By family and text: how both readings change, what the change of s_Δ is made of, and the cloud at the end."""
    found = []
    for group, each in by_group(runs).items():
        key, said = "-".join((group[0], text_name(group[1]))), group_name(group)
        unexplained, size = account(each).mean((1, 2))
        found += [
            Finding(f"drift-update-{key}", change(each, "update_scores").mean, f"{said}: change of mean s_Δ"),
            Finding(f"drift-score-{key}", change(each, "scores").mean, f"{said}: change of mean s"),
            Finding(f"drift-unexplained-{key}", float(unexplained), f"{said}: change of log(‖E‖² / ‖Y‖²), mean"),
            Finding(f"drift-size-{key}", float(size), f"{said}: change of log(‖Δ‖² / ‖Y‖²), mean"),
            Finding(f"drift-anisotropy-{key}", _last(each, "anisotropy"), f"{said}: anisotropy at the end, mean"),
            Finding(f"drift-dimension-{key}", _last(each, "two_nn"), f"{said}: dimension (TwoNN) at the end, mean"),
        ]
    return found


def _last(runs: Runs, name: str) -> float:
    return float(over_blocks(runs, name)[1][:, -1].mean())


def drift_said(runs: Runs) -> Html:
    """What the two readings do, in a sentence each: in which groups they fall, rise, or neither for certain."""
    told = []
    for name, said in READINGS.items():
        ways: dict[str, list[str]] = {"falls": [], "rises": [], "does neither for certain": []}
        for group, each in by_group(runs).items():
            ways[_way(change(each, name))].append(group_name(group))
        parts = [f"{way} for {', '.join(groups)}" for way, groups in ways.items() if groups]
        told.append(f"From the early look to the end {said} {'; it '.join(parts)}.")
    words = f"{' '.join(told)} The intervals are over seeds."
    return Html(f"<p>{escape(words)}</p>", words)


def _way(found: Change) -> str:
    return "falls" if found.falls else "rises" if found.rises else "does neither for certain"


def account_said(runs: Runs) -> Html:
    """Whether blocks have become less linear or their updates smaller, by family and text, in a sentence each."""
    told = []
    for group, each in by_group(runs).items():
        unexplained, size = (float(value) for value in account(each).mean((1, 2)))
        told.append(
            f"{group_name(group)}: log(1 − s_Δ) changes by {signed(unexplained - size, 2)}. Of that, the unexplained "
            f"share of the state is {signed(unexplained, 2)}, and the size of updates {signed(-size, 2)}."
        )
    return Html("".join(f"<p style='margin:2px 0'>{escape(line)}</p>" for line in told), " ".join(told))


def cloud_table(runs: Runs) -> Html:
    """The cloud of states at the end, state by state."""
    rows = []
    for group, each in by_group(runs).items():
        for name, said in (("anisotropy", "anisotropy"), ("two_nn", "TwoNN"), ("mle", "MLE")):
            values = np.array([getattr(run.looks[-1].shape, name) for run in each if not run.stopped])
            cells = [number(float(value)) for value in values.mean(0)] if len(values) else []
            rows.append([at_least(7, escape(group_name(group))), said, *cells])
    states = [f"h_{k}" for k in range(runs[0].spec.architecture.L + 1)]
    return table(
        f"The cloud of each state at the end, means over seeds. {heading(runs)}", ("trained", "of", *states), rows
    )
