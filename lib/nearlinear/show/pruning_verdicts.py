"""What the pruning studies say about the paper's claims, and the numbers of their chapters: rules, never by hand.

A claim that fails on a model smaller than any the paper pruned is *not at this size*, not contradicted: small models
have less to spare.
"""

from collections.abc import Sequence

import numpy as np

from nearlinear.results.distillation import DistilStudy
from nearlinear.results.pruning import Changed, How, PruningCurve, PruningStudy

from .distillation import perplexity_of
from .findings import Finding
from .foresight import DONE, Foresight, foresight
from .pruning import NAMES, curves_of, perplexities
from .tables import Ours
from .verdicts import verdict
from .words import number

SMALLEST_PRUNED = 1_300_000_000
"""Parameters of the smallest model whose pruning the paper shows (OPT-1.3B, Figures 7 and 8)."""

FEW = 0.1
"""Share of the blocks that we take "a few" to be."""

BARELY = 0.1
"""Nats a token that we take to be "barely": perplexity up by about a tenth."""

LONG = 8
"""Up to so many changed blocks replacement is compared with removal: beyond, both models are ruined."""


def sized(published: bool, controlled: bool, study: PruningStudy | DistilStudy) -> str:
    """The verdict, lenient where the model is smaller than any that the paper pruned."""
    said = verdict(published, controlled)
    small = study.provenance.model.n_parameters < SMALLEST_PRUNED
    return "not at this size" if said == "contradicted" and small else said


def command_of(study: PruningStudy | DistilStudy, order: str, how: How, count: int) -> str:
    """The command that prunes so and prints the perplexity before and after."""
    made = study.provenance
    return (
        f"nearlinear prune --model {made.model.id} --order {order} --count {count} --how {how} "
        f"--text {made.corpus.id} --seed {made.seed} --out pruned"
    )


def _at(curve: PruningCurve, k: int) -> Changed:
    return curve.steps[min(k, len(curve.steps)) - 1]


def _curve(studies: Sequence[PruningStudy], order: str, how: How) -> PruningCurve:
    return next(curve for curve in curves_of(studies, how) if curve.order == order)


def few(study: PruningStudy) -> int:
    """How many blocks a few are."""
    return max(1, round(FEW * study.L))


def pruning_rows(*studies: PruningStudy) -> list[Ours]:
    """L14 and L15."""
    return [_barely_hurts(studies), _less_than_removal(studies)]


def _barely_hurts(studies: Sequence[PruningStudy]) -> Ours:
    study, k = studies[0], few(studies[0])
    ours = _at(_curve(studies, "score", "remove"), k)
    rivals = [_at(curve, k).difference for curve in curves_of(studies, "remove") if curve.order.startswith("random")]
    better_than_chance = not rivals or ours.difference < min(rivals)
    chance = f"random orders, lowest of {len(rivals)} seeds: {number(min(rivals))}" if rivals else "no random order"
    return Ours(
        claim="L14",
        what=f"log-loss (nats a token) added by removing the {k} blocks of highest score, of {study.L}",
        number=ours.difference,
        interval=ours.interval,
        controls=f"{chance}; barely means below {BARELY}; text of {study.n_documents} documents used for nothing else",
        verdict=sized(ours.difference < BARELY, better_than_chance, study),
        command=command_of(study, "score", "remove", k),
    )


def wins(studies: Sequence[PruningStudy], order: str | None = None) -> tuple[int, int]:
    """At how many steps, up to LONG blocks, replacement costs less than removal; and of how many steps.

    Only orders that change the same blocks both ways are counted: the greedy one chooses its own for each.
    """
    pairs = [
        (a.difference, b.difference)
        for removed in curves_of(studies, "remove")
        if order in (None, removed.order)
        for a, b in zip(removed.steps[:LONG], _curve(studies, removed.order, "replace").steps[:LONG], strict=True)
        if a.layers == b.layers
    ]
    return sum(b < a for a, b in pairs), len(pairs)


def _less_than_removal(studies: Sequence[PruningStudy]) -> Ours:
    study, k = studies[0], few(studies[0])
    removed, replaced = (_at(_curve(studies, "score", how), k) for how in ("remove", "replace"))
    (won, of), (all_won, all_of) = wins(studies, "score"), wins(studies)
    alone = sum(
        b.difference < a.difference for a, b in zip(*(study.single[h] for h in ("remove", "replace")), strict=True)
    )
    return Ours(
        claim="L15",
        what=f"perplexity with the {k} blocks of highest score removed, and replaced by affine maps",
        number=f"{number(removed.perplexity)}; {number(replaced.perplexity)}",
        controls=f"maps fitted on other documents; replacement is better at {all_won} of {all_of} steps of all orders "
        f"(up to {LONG} blocks), and for {alone} of {study.L} single blocks",
        verdict=sized(won == of, all_won == all_of, study),
        command=command_of(study, "score", "replace", k),
    )


def distillation_rows(linear: DistilStudy, everything: DistilStudy | None = None) -> list[Ours]:
    """L16: training the maps, beside training all weights after plain removal for as many steps, where it was done."""
    runs = [run for run in linear.main if run.k == linear.screen_k]
    found = [run.over["replace"] for run in runs]
    every = [run.over["replace"] for run in linear.main]
    return [
        Ours(
            claim="L16",
            what=f"log-loss (nats a token) that training the maps adds to plain replacement, {linear.screen_k} blocks, "
            f"mean of {len(runs)} seeds",
            number=number(float(np.mean([one.difference for one in found]))),
            interval=(min(one.interval[0] for one in found), max(one.interval[1] for one in found)),
            controls=f"interval: widest of the seeds' paired ones; {linear.steps} steps of {linear.tokens_per_step:,} "
            f"tokens{_beside(everything, linear.screen_k)}",
            verdict=sized(all(one.difference < 0 for one in every), all(one.interval[1] < 0 for one in every), linear),
            command=f"{command_of(linear, linear.order, 'replace', linear.screen_k)} --distill-steps {linear.steps}",
        )
    ]


def _beside(everything: DistilStudy | None, k: int) -> str:
    """What training all weights makes of the same blocks, removed; nothing where that was not done."""
    if everything is None:
        return ""
    found = [run.over["replace"].difference for run in everything.main if run.k == k]
    return f"; as many steps for all weights after removal, beside the same: {number(float(np.mean(found)))}"


def distillation_findings(linear: DistilStudy, everything: DistilStudy | None = None) -> list[Finding]:
    """What training gives at the number of blocks that has several seeds."""
    k, found = linear.screen_k, []
    named = [(linear, "linear", "lines trained"), (everything, "all", "all weights trained")]
    for study, name, what in named if everything else named[:1]:
        runs = [run for run in study.main if run.k == k]
        over = [run.over["replace"].difference for run in runs]
        seeds = f"{k} blocks, {what}, {len(runs)} seeds"
        found += [
            Finding(f"distil-{name}", perplexity_of(runs), f"perplexity, mean: {seeds}"),
            Finding(f"distil-{name}-over", float(np.mean(over)), f"log-loss beside plain replacement, mean: {seeds}"),
            Finding(f"distil-{name}-range", float(np.ptp(over)), f"range of that over seeds: {seeds}"),
        ]
    return found


def foresight_rows(study: PruningStudy) -> list[Ours]:
    """L18: by the damage of each single block."""
    found = {f.order: f for f in foresight(study) if f.how == "remove"}
    paper, rivals = found["score"], [f for f in found.values() if f.order != "score"]
    best = max(rivals, key=lambda f: f.rho)
    return [
        Ours(
            claim="L18",
            what="Spearman correlation over blocks of 1 − score with the damage of removing the block",
            number=paper.rho,
            interval=(paper.low, paper.high),
            controls=f"best of the other measures: {NAMES[best.order]} {number(best.rho)}; held-out update score "
            f"{number(found['heldout'].rho)}",
            verdict=sized(paper.low > 0, paper.rho >= best.rho, study),
            command="nearlinear results --only pruning-to-the-end",
        )
    ]


def pruning_findings(*studies: PruningStudy) -> list[Finding]:
    """The numbers of the chapter on removing and replacing."""
    study, k = studies[0], few(studies[0])
    found = [
        Finding("prune-dense", study.dense_perplexity, "perplexity of the unchanged model"),
        Finding("prune-few", k, "blocks that a few are here"),
    ]
    for how, word in (("remove", "removed"), ("replace", "replaced")):
        alone = np.array([step.difference for step in study.single[how]])
        at = _at(_curve(studies, "score", how), k)
        found += [
            Finding(f"prune-{word}", at.perplexity, f"perplexity with {k} blocks {word}, highest score first"),
            Finding(
                f"prune-{word}-doubled",
                doubled(studies, how),
                f"blocks {word} before perplexity has doubled, in the best order",
            ),
            Finding(
                f"prune-{word}-median",
                float(np.median(alone)),
                f"median log-loss added by one block {word} (nats a token)",
            ),
            Finding(f"prune-{word}-worst", int(alone.argmax()), f"the block that is missed most when {word}"),
        ]
    won, of = wins(studies)
    return [
        *found,
        Finding("prune-steps-won", won, f"steps of all orders, up to {LONG} blocks, at which replacing costs less"),
        Finding("prune-steps", of, "steps compared"),
    ]


def doubled(studies: Sequence[PruningStudy], how: How) -> int:
    """The most blocks that any order changes before perplexity is twice the dense model's."""
    limit = 2 * studies[0].dense_perplexity
    counts = []
    for curve in curves_of(studies, how):
        over = np.flatnonzero(perplexities(curve) > limit)
        counts.append(int(over[0]) if len(over) else len(curve.steps))
    return max(counts)


def foresight_findings(study: PruningStudy) -> list[Finding]:
    """The numbers of the chapter on orders: how well each measure foresees the damage of one block."""
    return [_foreseen(f) for f in foresight(study)]


def _foreseen(f: Foresight) -> Finding:
    what = f"rank correlation of {NAMES[f.order]} with the damage of {DONE[f.how]} a block"
    return Finding(f"foresight-{f.order}-{f.how}", f.rho, what)
