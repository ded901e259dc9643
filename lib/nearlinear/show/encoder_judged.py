"""The rules by which encoders are judged.

- S14, *as low as Pre-LN in the same time*: at the time at which the quickest block ends, by the clock of the runs, a
  block matches where its loss is not higher than Pre-LN's with every seed, or is so by no more than NEAR of it, mean
  over seeds. SAS and SAS-P both: reproduced; one: partly.
- S15, *as often right as Pre-LN on tasks*: a task tells something where pretraining helps on it: Pre-LN or SAS-P is
  right more often than from scratch, with every seed, the interval over test items lies above zero, and the mean is
  larger than BEHIND, or else a block could match that had learnt nothing before. On such a task a block matches where
  it is not *less often right* (with every seed, and the interval below zero) and is behind by no more than BEHIND, mean
  over seeds. SAS and SAS-P on every task, of which there must be two: reproduced; some of these: partly. Where no task
  tells, it cannot be tested.
- S16, *the model without norms breaks in finetuning*: reproduced where one of its finetunings breaks at the rate that
  was chosen for it, and none of the others does; partly where this happens only at a rate of the screen at which SAS-P
  was tried too and did not break. Broken is what ends early, or answers a text with no number.

What would be reproduced is partly where a best rate lies at the edge of those tried, or was not the one used. Trainings
of fewer than ENOUGH steps, and finetunings of fewer than ENOUGH_FINETUNED, say nothing. A claim that fails is
contradicted for models as wide as the paper's, else not seen here.

The rules were written before any finetuning was read, but for one: that pretraining must help by more than BEHIND was
added when they were, and makes the verdict more cautious.
"""

from collections.abc import Mapping

import numpy as np

from nearlinear.results.claims import Verdict
from nearlinear.results.encoder_views import in_equal_time
from nearlinear.results.finetuning import Accuracy, accuracy_of, difference
from nearlinear.results.finetuning_views import Breaks, block_of, breaks, by_task, check_started, screened_rates
from nearlinear.results.training import Block
from nearlinear.results.training_views import Screened, by_block, screened

from .counting import NAMES
from .encoder_words import BASE, NO_NORM, SIMPLE, Finetuned
from .learning_verdicts import ENOUGH, NEAR, WIDTH
from .learning_words import Runs, rates_used

ENOUGH_FINETUNED = 200
"""Steps of finetuning below which nothing is said of a task."""

BEHIND = 0.02
"""The share of test examples by which a block may be behind and still match: the paper's own means of GLUE lie less
than one point apart, with spreads of up to 0.8 points over seeds."""


class Judge:
    """Screens, trainings and finetunings of one size, as the rules need them.

    Raises ValueError where a finetuning began with other weights than these trainings ended with.
    """

    def __init__(self, screen: Runs, trained: Runs, tried: Finetuned, finetuned: Finetuned):
        check_started(trained, [*tried, *finetuned])
        self.screened: Mapping[Block, Screened] = screened(screen)
        self.blocks, self.used = by_block(trained), rates_used(trained)
        self.tried, self.rates = tried, screened_rates(tried)
        self.tasks = by_task(finetuned)
        self.first = trained[0].spec
        self.finetuning = finetuned[0].spec

    @property
    def failed(self) -> Verdict:
        return "contradicted" if self.first.architecture.d >= WIDTH else "not at this size"

    def judged(self, verdict: Verdict, doubts: str = "", *, finetuned: bool) -> Verdict:
        """The verdict, if there were steps enough; only partly reproduced where rates are in doubt."""
        few = self.first.recipe.steps < ENOUGH or (finetuned and self.finetuning.recipe.steps < ENOUGH_FINETUNED)
        if few:
            return "not at this size"
        return "partly" if verdict == "reproduced" and doubts else verdict

    def behind_in_time(self, block: Block) -> np.ndarray:
        """Loss minus that of the base block in equal time, (seeds,)."""
        times = in_equal_time(self.blocks)
        return times[block][1] - times[BASE][1]

    def matches_in_time(self, block: Block) -> bool:
        gaps, base = self.behind_in_time(block), in_equal_time(self.blocks)[BASE][1]
        if np.isnan(gaps).any():
            return False
        return bool(gaps.min() <= 0 or (gaps / base).mean() <= NEAR)

    def in_time(self) -> Verdict:
        held = [self.matches_in_time(block) for block in SIMPLE]
        verdict: Verdict = "reproduced" if all(held) else "partly" if any(held) else self.failed
        return self.judged(verdict, self.untuned(BASE, *SIMPLE), finetuned=False)

    def untuned(self, *blocks: Block) -> str:
        """What is wrong with the rates of pretraining of these blocks, in words; empty where nothing is."""
        return _doubts({b: self.screened[b] for b in blocks}, {b: self.used[b] for b in blocks})

    def untuned_tasks(self, *blocks: Block) -> str:
        """The same of finetuning."""
        used = {block_of(run): run.spec.recipe.lr for task in self.tasks.values() for each in
                task["pretrained"].values() for run in each}  # fmt: skip
        return _doubts({b: self.rates[b] for b in blocks}, {b: used[b] for b in blocks})

    def lift(self, task: str, block: Block) -> Accuracy:
        """How much more often a block is right after pretraining than from scratch."""
        hows = self.tasks[task]
        return difference(hows["pretrained"][block], hows["scratch"][block])

    def lifts(self, task: str) -> dict[Block, Accuracy]:
        return {block: self.lift(task, block) for block in self.tasks[task].get("scratch", {})}

    def telling(self) -> list[str]:
        """The tasks on which pretraining helps."""
        return [task for task in self.tasks if any(self._more(task, b, lift) for b, lift in self.lifts(task).items())]

    def _more(self, task: str, block: Block, lift: Accuracy) -> bool:
        hows = self.tasks[task]
        each = _paired(hows["pretrained"][block], hows["scratch"][block])
        return bool(len(each) and min(each) > 0 and lift.interval[0] > 0 and lift.mean > BEHIND)

    def beside(self, task: str, block: Block) -> Accuracy:
        """How much more often a block is right than the base block, both after pretraining."""
        blocks = self.tasks[task]["pretrained"]
        return difference(blocks[block], blocks[BASE])

    def matches(self, task: str, block: Block) -> bool:
        found, blocks = self.beside(task, block), self.tasks[task]["pretrained"]
        if not found.n_runs or found.n_broken:
            return False
        less = max(_paired(blocks[block], blocks[BASE])) < 0 and found.interval[1] < 0
        return not less and found.mean >= -BEHIND

    def on_tasks(self) -> Verdict:
        tasks = self.telling()
        if not tasks:
            return self.judged("untestable here", finetuned=True)
        held = [self.matches(task, block) for task in tasks for block in SIMPLE]
        whole: Verdict = "reproduced" if len(tasks) > 1 else "partly"
        verdict: Verdict = whole if all(held) else "partly" if any(held) else self.failed
        return self.judged(verdict, self.untuned_tasks(BASE, *SIMPLE), finetuned=True)

    def broke(self, block: Block) -> Breaks:
        """What broke of a block's finetunings at the rate that was chosen for it, on every task."""
        return breaks([run for hows in self.tasks.values() for run in hows["pretrained"].get(block, ())])

    def broke_at(self, block: Block) -> dict[float, Breaks]:
        """Rate → what broke of a block in the screen, after pretraining."""
        runs = [run for run in self.tried if block_of(run) == block and run.spec.start == "pretrained"]
        rates = sorted({run.spec.recipe.lr for run in runs})
        return {rate: breaks([run for run in runs if run.spec.recipe.lr == rate]) for rate in rates}

    def unstable(self) -> Verdict:
        others = [block for block in self.blocks if block != NO_NORM]
        if self.broke(NO_NORM).any:
            verdict: Verdict = self.failed if any(self.broke(block).any for block in others) else "reproduced"
            return self.judged(verdict, finetuned=True)
        beside = self.broke_at("sas-p")
        alone = [rate for rate, each in self.broke_at(NO_NORM).items() if each.any and rate in beside
                 and not beside[rate].any]  # fmt: skip
        return self.judged("partly" if alone else self.failed, finetuned=True)


def accuracies(hows: Mapping) -> dict[tuple[Block, str], Accuracy]:
    """(block, how it began) → how often it is right, on one task."""
    return {(block, how): accuracy_of(each) for how, blocks in hows.items() for block, each in blocks.items()}


def _paired(runs: Finetuned, others: Finetuned) -> list[float]:
    """Differences of accuracies, seed by seed; pairs in which one broke off are left out."""
    each = [a.accuracy - b.accuracy for a, b in zip(runs, others, strict=True)]
    return [gap for gap in each if not np.isnan(gap)]


def _doubts(found: Mapping[Block, Screened], used: Mapping[Block, float]) -> str:
    at_edge = [f"{NAMES[b]} ({one.edge})" for b, one in found.items() if one.edge]
    other = [NAMES[b] for b, one in found.items() if one.rate != used[b]]
    told = [f"best rate at the edge of those tried: {', '.join(at_edge)}"] if at_edge else []
    told += [f"not trained with the best rate of the screen: {', '.join(other)}"] if other else []
    return "; ".join(told)
