"""Depth in numbers: what it costs and changes, and the findings of the page."""

from collections.abc import Mapping

from nearlinear.results.depth_views import (
    Deepened,
    deepened,
    equal_operations,
    short_and_deep,
    step_operations,
    total_operations,
)
from nearlinear.results.training import Block
from nearlinear.results.training_views import losses, screened

from .counting import NAMES
from .depth_words import blocks_said, depth_heading, shallow_rates
from .findings import Finding
from .learning_times import step_seconds
from .learning_words import BASE, Runs, gap_said, gap_told, ranged, unit
from .shown import Html
from .tables import at_least, table


def depth_table(runs: Runs, base: Block = BASE) -> Html:
    """Where each block ends at both depths, what depth changes, and what it changes beside the base block."""
    pair = deepened(runs)
    shallow, deep = map(blocks_said, pair.depths)
    rows = [
        [
            NAMES[block],
            ranged(losses(pair.shallow[block])),
            ranged(losses(each)),
            at_least(12, gap_told(pair.change(block))),
            "" if block == base else at_least(12, gap_told(pair.beside(block, base))),
        ]
        for block, each in pair.deep.items()
    ]
    title = (
        f"Held-out loss at the end ({unit(runs[0])}), mean over seeds and range; differences with their range over "
        f"seeds and 95 % interval over files. {depth_heading(pair)}"
    )
    return table(title, ("block", shallow, deep, "deep minus shallow", f"that, minus {NAMES[base]}'s"), rows)


def depth_readings(runs: Runs, screen: Runs = ()) -> Html:
    """Deep beside shallow in three ways: in as many steps, in as many operations, and in parameters.

    `screen`: of deep models; its runs at the rate of the long ones are deep, and short enough to cost about as much.
    """
    pair = deepened(runs)
    equal, short = equal_operations(pair), short_and_deep(screen, pair)
    rows = []
    for block, each in pair.deep.items():
        own = pair.shallow[block]
        steps, caught = equal[block]
        cost = step_operations(each[0]) / step_operations(own[0])
        rows.append(
            [
                NAMES[block],
                f"{own[0].n_parameters:,} and {each[0].n_parameters:,}",
                f"{cost:.2f} ×",
                gap_said(float((losses(each) - losses(own)).mean())),
                f"{gap_said(float(caught.mean()))} after {steps:,.0f} steps",
                _short(short.get(block)),
            ]
        )
    head = (
        "block", "parameters", "operations of a step", "equal steps", "equal operations, schedule not ended",
        "short deep runs, schedule ended (1 seed)",
    )  # fmt: skip
    title = (
        f"Held-out loss, deep minus shallow ({unit(runs[0])}), mean over seeds. Equal parameters: not run. "
        f"{time_said(pair)} {depth_heading(pair)}"
    )
    return table(title, head, rows)


def time_said(pair: Deepened, record: Mapping | None = None) -> str:
    """How much longer a deep step takes, where the benchmark timed both depths. `record`: as for `step_seconds`."""
    shallow, deep = (step_seconds(next(iter(blocks.values()))[0], record) for blocks in (pair.shallow, pair.deep))
    if not set(pair.deep) <= set(shallow) & set(deep):
        return "Equal time: no step of these depths has been timed."
    each = ", ".join(f"{NAMES[block]} {deep[block] / shallow[block]:.2f} ×" for block in pair.deep)
    return f"Time of a step, deep over shallow: {each}."


def _short(found: tuple[float, float] | None) -> str:
    if found is None:
        return "not tried"
    share, change = found
    return f"{gap_said(change)} with {share:.2f} × the operations"


def depth_findings(screen: Runs, runs: Runs, base: Block = BASE) -> list[Finding]:
    """Chapter 12: the ends, what depth changes, what it costs, and the rates that deep models want."""
    pair = deepened(runs)
    shallow, deep = map(blocks_said, pair.depths)
    equal, best, rates = equal_operations(pair), screened(screen), shallow_rates(pair)
    changes = {block: pair.change(block) for block in pair.deep}
    cost = total_operations(pair.deep[base][0]) / total_operations(pair.shallow[base][0])
    return [
        *(Finding(f"shallow-{b}", float(losses(each).mean()), f"{NAMES[b]}, {shallow}: held-out loss, mean over seeds")
          for b, each in pair.shallow.items()),
        *(Finding(f"deep-{b}", float(losses(each).mean()), f"{NAMES[b]}, {deep}: held-out loss, mean over seeds")
          for b, each in pair.deep.items()),
        *(Finding(f"change-{b}", each.mean, f"{NAMES[b]}: {deep} minus {shallow}") for b, each in changes.items()),
        *(Finding(f"beside-{b}", pair.beside(b, base).mean, f"{NAMES[b]}: that minus the same of {NAMES[base]}")
          for b in changes if b != base),
        *(Finding(f"equal-{b}", float(v.mean()), f"{NAMES[b]}: deep minus shallow in as many operations")
          for b, (_, v) in equal.items()),
        Finding("cost", cost, f"{NAMES[base]}: operations of a step, {deep} over {shallow}"),
        Finding("caught-after", equal[base][0], f"{NAMES[base]}: steps of {deep} in the operations of {shallow}"),
        *(Finding(f"rate-{b}", one.rate / rates[b], f"{NAMES[b]}: best rate of {deep} over the rate of {shallow}")
          for b, one in best.items()),
    ]  # fmt: skip
