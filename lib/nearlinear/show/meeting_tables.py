"""Where the papers meet, in numbers: linearity, pruning and attention by kind of block, and the page's findings."""

import numpy as np

from nearlinear.results.meeting import MeetingStudy
from nearlinear.results.pruning import How

from .counting import NAMES
from .findings import Finding
from .foresight import spearman
from .meeting_pruning import alone, ordered
from .meeting_words import BASE, asked, heading, per_seed, ranged, scored
from .shown import Html
from .tables import table


def meeting_table(study: MeetingStudy) -> Html:
    """Scores before and after training, the size of the update, the largest coordinate, and the loss."""
    rows = [[NAMES[block], *_linearity(study, block)] for block in study.blocks]
    head = [f"{measure} {when}" for measure in ("s_Δ", "1 − s", "1 − s, alike") for when in ("before", "after")]
    head = ("block", *head, "|Δ| / |y|", "largest coordinate", "held-out loss")
    title = (
        "Medians over blocks, mean over seeds and range; held out, first tokens left out. Alike: coordinates weigh "
        f"the same. Largest coordinate: its share of the variance, in the block where it has most. {heading(study)}"
    )
    return table(title, head, rows)


def _linearity(study: MeetingStudy, block: str) -> list[str]:
    cells = []
    for name, say in (("update_scores", scored), ("scores", _rest), ("even_scores", _rest)):
        values = per_seed(study.through(block, name))
        cells += [say(values[:, 0]), say(values[:, -1])]
    return [
        *cells,
        ranged(per_seed(study.values(block, "norm_ratio"))),
        ranged(study.values(block, "top_share").max(1)),
        ranged(study.through(block, "loss")[:, -1]),
    ]


def _rest(values: np.ndarray) -> str:
    return ranged(1 - values)


def meeting_pruning_table(study: MeetingStudy, order: str = "greedy") -> Html:
    """Loss added by one block and by several, removed and replaced."""
    counts = _counts(study, order)
    head = ["block", "loss before"]
    head += [f"{k} {done}" for done in ("removed", "replaced") for k in counts]
    head += ["median of all, removed", "replaced"]
    rows = [[NAMES[block], *_pruned(study, block, order, counts)] for block in study.blocks]
    title = (
        f"Loss added, nats a token, by changing blocks in the {order} order, and by each block alone (median over "
        f"blocks); mean over seeds and range. {heading(study)}"
    )
    return table(title, head, rows)


def _counts(study: MeetingStudy, order: str) -> list[int]:
    most = len(study.runs[0].order(order, "remove").steps)
    return sorted({1, min(3, most), most})


def _pruned(study: MeetingStudy, block: str, order: str, counts: list[int]) -> list[str]:
    costs = [ordered(study, block, order, how)[:, k - 1] for how in ("remove", "replace") for k in counts]
    medians = [per_seed(alone(study, block, how)) for how in ("remove", "replace")]
    return [ranged(np.array([run.loss for run in study.of(block)])), *(ranged(each) for each in (*costs, *medians))]


def meeting_foresight_table(study: MeetingStudy) -> Html:
    """Whether the measures of linearity tell which block can go: rank correlations with the measured costs."""
    rows = []
    for block in study.blocks:
        cells = [ranged(foresight(study, block, measure, how)) for how in HOWS for measure in MEASURES]
        rows.append([NAMES[block], *cells])
    head = ["block", *(f"{measure}, {done}" for done in HOWS.values() for measure in MEASURES)]
    title = (
        f"Rank correlation over {study.L} blocks of a measure with the loss that a block alone costs, mean over seeds "
        f"and range. {heading(study)}"
    )
    return table(title, head, rows)


def meeting_orders_table(study: MeetingStudy) -> Html:
    """What the last step of every order costs: the greedy one, which was searched for, and those that were not."""
    orders = dict.fromkeys(one.order for one in study.runs[0].orders)
    k = len(study.runs[0].orders[0].steps)
    rows = [
        [NAMES[b], *(ranged(ordered(study, b, order, how)[:, -1]) for how in HOWS for order in orders)]
        for b in study.blocks
    ]
    head = ["block", *(f"{ORDERS.get(order, order)}, {done}" for done in HOWS.values() for order in orders)]
    title = f"Loss added, nats a token, by {k} blocks in each order, mean over seeds and range. {heading(study)}"
    return table(title, head, rows)


ORDERS = {"greedy": "greedy", "score": "highest score first", "last": "deepest first"}
"""What a reader calls an order."""

HOWS: dict[How, str] = {"remove": "removed", "replace": "replaced"}
MEASURES = {
    "1 − s": lambda run: 1 - np.array(run.stages[-1].scores),
    "1 − s, alike": lambda run: 1 - np.array(run.stages[-1].even_scores),
    "1 − s_Δ": lambda run: 1 - np.array(run.stages[-1].update_scores),
    "1 − cos": lambda run: 1 - np.array(run.final.cosine),
}
"""What a block should cost little by, if it has little of it."""


def foresight(study: MeetingStudy, block: str, measure: str, how: How) -> np.ndarray:
    """Spearman's correlation of a measure with what each block costs alone, (seeds,)."""
    return np.array(
        [
            spearman(MEASURES[measure](run), np.array([cost.difference for cost in run.alone[how]]))
            for run in study.of(block)
        ]
    )


def meeting_attention_table(study: MeetingStudy) -> Html:
    """The block with most weight on the first token and on any token, and with the largest coordinate."""
    head = (
        "block",
        "A on the first token, by one head",
        "A on the token that gets most",
        f"its place, 0 to {study.T // 2 - 1}",
        "M on itself, median",
        "largest coordinate",
        "how often the first token's",
        "massive tokens",
    )
    title = (
        "The block with most of each, mean over seeds and range. Even attention puts "
        f"{study.even_mass:.4f} on the first token. Lengths in units of the window's median. {heading(study)}"
    )
    return table(title, head, [[NAMES[block], *_attention(study, block)] for block in study.blocks])


def _attention(study: MeetingStudy, block: str) -> list[str]:
    def at_most(of: str, told: str) -> np.ndarray:
        """A measure, (seeds,), of the block that has most of another."""
        return study.values(block, told)[:, study.values(block, of).mean(0).argmax()]

    massive = np.array([sum(run.final.massive_tokens) for run in study.of(block)])
    return [
        ranged(study.values(block, "top_first_mass").max(1)),
        ranged(at_most("sink_mass", "sink_mass")),
        f"{at_most('sink_mass', 'sink_place').mean():.1f}",
        ranged(per_seed(study.values(block, "own_share"))),
        ranged(at_most("peak", "peak")),
        f"{100 * at_most('peak', 'peak_first').mean():.0f} %",
        f"{massive.mean():,.0f}",
    ]


def meeting_findings(study: MeetingStudy) -> list[Finding]:
    """Chapter 14, of Pre-LN, SAS and SAS-P: scores, what they were before, costs of pruning, and the first token."""
    found = [Finding("meeting-n-over-d", study.n_over_d, "tokens a dimension behind the held-out numbers (n/d)")]
    for block in (BASE, *asked(study)):
        names = ("update_scores", "scores", "even_scores")
        update, rest, even = (per_seed(study.through(block, measure)) for measure in names)
        name = NAMES[block]
        found += [
            Finding(f"update-{block}", float(update[:, -1].mean()), f"{name}: median held-out s_Δ at the end"),
            Finding(f"update-start-{block}", float(update[:, 0].mean()), f"{name}: the same before training"),
            Finding(f"unexplained-{block}", float(1 - rest[:, -1].mean()), f"{name}: median 1 − s at the end"),
            Finding(f"even-{block}", float(1 - even[:, -1].mean()), f"{name}: the same with every coordinate alike"),
            Finding(
                f"top-share-{block}",
                float(study.values(block, "top_share").max(1).mean()),
                f"{name}: most of the variance of a state that one coordinate has",
            ),
            *_costs(study, block),
            Finding(
                f"first-mass-{block}",
                float(study.values(block, "top_first_mass").max(1).mean()),
                f"{name}: most weight that a head puts on the first token",
            ),
        ]
    return found


def _costs(study: MeetingStudy, block: str) -> list[Finding]:
    k = len(study.runs[0].order("greedy", "replace").steps)
    words = {"remove": "removed", "replace": "replaced by lines"}
    return [
        Finding(
            f"{how}-{block}",
            float(ordered(study, block, "greedy", how)[:, -1].mean()),
            f"{NAMES[block]}: loss added by {k} blocks {done}, greedy order, nats a token",
        )
        for how, done in words.items()
    ]
