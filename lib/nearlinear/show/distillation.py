"""Figure and tables of distillation: what training gives back, beside removal and replacement of the same blocks."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nearlinear.results.distillation import Distilled, DistilStudy, Paired, Screened, Way
from nearlinear.results.pruning import Changed, How, PruningStudy

from .pruning import NAMES, band
from .shown import Html, Shown
from .style import BLUE, FAINT, ORANGE, PURPLE, VERMILLION, canvas, legend_above, log_y, plain_log, use
from .tables import table
from .words import NO_ANSWER, caveats, notes, number, sentences, subtitle

PLAIN: dict[How, str] = {"remove": "removed", "replace": "replaced by a line"}
TRAINED: dict[Way, str] = {"linear": "replaced, lines distilled", "all": "removed, all weights distilled"}

_PLAIN_LOOKS = {"remove": (VERMILLION, "s"), "replace": (BLUE, "o")}
_TRAINED_LOOKS = {"linear": (PURPLE, "D"), "all": (ORANGE, "^")}
_APART = 0.1
"""Blocks between the points of two seeds, which would lie on each other."""


@use()
def distillation_curves(*studies: DistilStudy, pruning: PruningStudy | None = None) -> Shown:
    """Fig. 7: perplexity against the number of changed blocks: removed, replaced, and each distilled.

    `pruning`: the plain edits at every number of blocks, where the studies have only their own. Raises ValueError
    where these are not of one model, one order and the same texts.
    """
    check_together(studies, pruning)
    figure, (ax,) = canvas(
        "What distillation gives back",
        subtitle(studies[:1]),
        [
            "Shaded, and bars: 95 % bootstrap interval over documents, paired with the unchanged model.",
            "One point a seed; hollow: by the squared error, where another one was better.",
            *notes(studies[:1]),
        ],
        height=3.6,
    )
    words = [_plain(ax, plain_steps(how, studies, pruning), how) for how in ("remove", "replace")]
    words += [_distilled(ax, study) for study in studies]
    ax.axhline(studies[0].dense_perplexity, color=FAINT, lw=1, ls=":", label="unchanged model")
    log_y(ax)
    plain_log(ax.yaxis)
    ax.set_ylabel("perplexity (log)")
    ax.set_xlabel(f"blocks changed, in the order of {NAMES.get(studies[0].order, studies[0].order)}")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(ax)
    return Shown(
        figure,
        sentences(
            "A line chart of perplexity, on a logarithmic axis, against the number of changed blocks.",
            *words,
            f"{subtitle(studies[:1])}.",
            caveats(studies[:1]),
        ),
        sentences(
            "Perplexity on text used for nothing else, with blocks removed, replaced by their affine maps, and after",
            f"distillation: {'; '.join(map(_training, studies))}. {subtitle(studies[:1])}.",
        ),
    )


def check_together(studies: Sequence[DistilStudy], pruning: PruningStudy | None = None) -> None:
    """Raise ValueError where the studies cannot stand in one figure or table."""
    if not studies:
        raise ValueError("there is no distillation to show: give one study or more")
    made = [study.provenance for study in (*studies, *([pruning] if pruning else []))]
    if len({(each.windows_sha256, each.model.sha256) for each in made}) > 1:
        raise ValueError("these studies are of different models or texts: they cannot be compared")
    if len({study.order for study in studies}) > 1:
        raise ValueError("these studies change blocks in different orders: show one order at a time")


def plain_steps(how: How, studies: Sequence[DistilStudy], pruning: PruningStudy | None) -> tuple[Changed, ...]:
    """The plain edits up to the most blocks that are distilled; of the pruning study, or else the studies' own."""
    most = max(run.k for study in studies for run in study.runs)
    if pruning:
        return pruning.curve(studies[0].order, how).steps[:most]
    found = {changed.layers: changed for study in studies for changed in study.plain[how]}
    return tuple(sorted(found.values(), key=lambda changed: len(changed.layers)))


def _plain(ax: Axes, steps: Sequence[Changed], how: How) -> str:
    colour, marker = _PLAIN_LOOKS[how]
    x, y = [len(step.layers) for step in steps], [step.perplexity for step in steps]
    ax.fill_between(x, *band(steps), color=colour, alpha=0.15, lw=0)
    ax.plot(x, y, color=colour, marker=marker, label=PLAIN[how])
    return f"{PLAIN[how]}: {_at(zip(x, y, strict=True))}."


def _distilled(ax: Axes, study: DistilStudy) -> str:
    """Draw the runs of one study, a line through the mean of the seeds; returns them in words."""
    colour, marker = _TRAINED_LOOKS[study.way]
    means = [(k, perplexity_of(runs)) for k, runs in by_k(study.main)]
    ax.plot(*np.array(means).T, color=colour, ls="--", lw=1.2)
    _points(ax, study.main, color=colour, fmt=marker, label=TRAINED[study.way])
    others = [run for run in study.runs if run not in study.main]
    _points(ax, others, color=colour, fmt=marker, mfc="white", shift=-1)
    words = f"{TRAINED[study.way]}: {_at((run.k, run.changed.perplexity) for run in study.main)}"
    squared = f"; by the squared error {_at((run.k, run.changed.perplexity) for run in others)}" if others else ""
    return f"{words}{squared}. {gain(study)}"


def _points(ax: Axes, runs: Sequence[Distilled], *, shift: int = 1, **look) -> None:
    for k, same in by_k(runs):
        x = k + shift * _APART * (1 + np.arange(len(same)))
        y = np.array([run.changed.perplexity for run in same])
        low, high = band([run.changed for run in same])
        ax.errorbar(x, y, [y - low, high - y], elinewidth=1.1, ms=4.5, **({"ls": ""} | look))
        look.pop("label", None)  # one entry in the legend


def by_k(runs: Sequence[Distilled]) -> Iterator[tuple[int, list[Distilled]]]:
    """Runs of as many blocks together, from few to many, by seed."""
    ordered = sorted(runs, key=lambda run: (run.k, run.seed))
    return ((k, list(same)) for k, same in groupby(ordered, key=lambda run: run.k))


def perplexity_of(runs: Sequence[Distilled]) -> float:
    """Of several seeds: exp of their mean log-loss."""
    return float(np.exp(np.mean(np.log([run.changed.perplexity for run in runs]))))


def gain(study: DistilStudy) -> str:
    """How much better than a plain line the distilled models are, in a sentence: paired, in nats a token."""
    told = [
        f"{nats(np.mean([run.over['replace'].difference for run in runs]))} with {k} blocks ({_count(runs)})"
        for k, runs in by_k(study.main)
    ]
    return f"Their log-loss less that of plain replacement: {', '.join(told)}."


def _count(runs: Sequence[Distilled]) -> str:
    better = sum(run.over["replace"].interval[1] < 0 for run in runs)
    worse = sum(run.over["replace"].interval[0] > 0 for run in runs)
    return f"interval below 0 in {better} of {len(runs)}, above 0 in {worse}"


def _at(points) -> str:
    return ", ".join(f"{number(y)} at {k}" for k, y in points)


def _training(study: DistilStudy) -> str:
    recipe, tokens = study.best, study.steps * study.tokens_per_step
    return (
        f"{TRAINED[study.way]}: {study.steps} steps, {tokens:,} tokens of {study.n_distil_documents} documents, "
        f"{recipe.error} error, learning rate {recipe.lr:g}"
    )


def nats(value: float) -> str:
    """A difference in nats a token, with its sign."""
    return NO_ANSWER if np.isnan(value) else f"{value:+.4f}".replace("-", "−")


def paired(difference: Paired | Changed) -> str:
    """A difference with its interval, as a cell."""
    low, high = difference.interval
    ends = "" if np.isnan(low) or np.isnan(high) else f" [{nats(low)}, {nats(high)}]"
    return f"<b>{nats(difference.difference)}</b>{ends}"


def distillation_table(*studies: DistilStudy) -> Html:
    """Every run beside the unchanged model and both plain edits of the same blocks, and the spread over seeds.

    Raises ValueError as `distillation_curves` does.
    """
    check_together(studies)
    head = ("trained", "blocks", "seed", "perplexity", "minus unchanged", "minus replaced", "minus removed")
    rows = [row for study in studies for runs in _alike(study) for row in _rows(study, runs)]
    return table("Log-loss after distillation, in nats a token, with 95 % intervals over documents", head, rows)


def _alike(study: DistilStudy) -> Iterator[list[Distilled]]:
    """Runs that differ in their seed alone, those by the best recipe first."""
    others = [run for run in study.runs if run not in study.main]
    return (same for runs in (study.main, others) for _, same in by_k(runs))


def _rows(study: DistilStudy, runs: Sequence[Distilled]) -> Iterator[list[str]]:
    name = f"{TRAINED[study.way]}, {runs[0].error} error"
    for run in runs:
        cells = [paired(run.changed), paired(run.over["replace"]), paired(run.over["remove"])]
        yield [name, str(run.k), str(run.seed), number(run.changed.perplexity), *cells]
    if len(runs) > 1:
        cells = [[run.changed.difference for run in runs]]
        cells += [[run.over[how].difference for run in runs] for how in ("replace", "remove")]
        yield [name, str(runs[0].k), f"{len(runs)} seeds", number(perplexity_of(runs)), *map(_spread, cells)]


def _spread(values: Sequence[float]) -> str:
    return f"mean <b>{nats(np.mean(values))}</b>, {nats(min(values))} to {nats(max(values))}"


def screen_table(study: DistilStudy) -> Html:
    """The recipes tried on the text for choices: by how much each changed the log-loss of the plain edit."""
    rates, errors = ([*dict.fromkeys(getattr(s, name) for s in study.screen)] for name in ("lr", "error"))
    found = {(s.error, s.lr): s for s in study.screen}
    rows = [[error, *(_tried(study, found.get((error, lr))) for lr in rates)] for error in errors]
    title = (
        f"{TRAINED[study.way].capitalize()}: change of log-loss (nats a token) after {study.screen_steps} steps with "
        f"{study.screen_k} blocks, on the {study.n_choose:,} tokens that choices are made on"
    )
    return table(title, ("error", *(f"learning rate {lr:g}" for lr in rates)), rows)


def _tried(study: DistilStudy, screened: Screened | None) -> str:
    if screened is None or np.isnan(screened.log_loss):
        return NO_ANSWER if screened is None else "diverged"
    change = nats(screened.log_loss - study.screen_plain)
    return f"<b>{change} (chosen)</b>" if screened == study.best else change
