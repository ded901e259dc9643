"""What the two depths say about S13, by a rule that was written before any of their long runs was made.

A block's loss *clearly falls* with depth when the deep model's held-out loss is lower with every seed, the 95 %
interval over files of the mean difference lies below zero, and that mean is larger than its range over seeds; it
clearly rises the other way round. The claim has two halves:

- *the simplified blocks keep improving*: the losses of SAS and of SAS-P clearly fall;
- *V-SkipInit does not*: its loss does not fall with every seed and over files.

Both: reproduced. The first alone: partly, and so where one of SAS and SAS-P clearly improves and V-SkipInit does not.
Else it is contradicted for models as wide and as deep as the paper's, and not seen at this size for others; but
contradicted at any size where the losses of SAS and SAS-P clearly rise while that of V-SkipInit clearly falls.

What would be reproduced is partly where the deep models have fewer blocks than the paper's, and where one was not
trained with the best rate of its screen, or with one at the edge of it. Runs of fewer than ENOUGH steps say nothing.
"""

from collections.abc import Mapping

from nearlinear.results.claims import Verdict
from nearlinear.results.depth_views import deepened, equal_operations
from nearlinear.results.training import Block
from nearlinear.results.training_views import Screened, screened

from .counting import NAMES
from .depth_words import SIMPLE, SKIPLESS, clear, direction, shallow_rates, sized
from .learning_verdicts import ENOUGH, WIDTH
from .learning_words import BASE, Runs, gap_told
from .signal_tables import DEEP
from .tables import Ours

COMMAND = "nearlinear results --only train-laptop-deep-screen && nearlinear results --only train-laptop-depth"
"""Makes the screen and the long runs again."""


class Judge:
    """The screen of the deep models and the long runs at both depths, as the rule needs them."""

    def __init__(self, screen: Runs, runs: Runs, shallow_screen: Runs = ()):
        self.pair = deepened(runs)
        self.screened = screened(screen)
        self.shallow_screened = screened(shallow_screen) if shallow_screen else {}
        self.changes = {block: self.pair.change(block) for block in self.pair.deep}
        self.rates = {block: each[0].spec.recipe.lr for block, each in self.pair.deep.items()}
        spec = runs[0].spec
        self.d, self.steps = spec.architecture.d, spec.recipe.steps
        self.depths = self.pair.depths

    @property
    def improving(self) -> list[Block]:
        """Of the simplified blocks those whose loss clearly falls with depth."""
        return [block for block in SIMPLE if self.changes[block].better and clear(self.changes[block])]

    @property
    def opposite(self) -> bool:
        """Whether depth clearly hurts both simplified blocks and clearly helps V-SkipInit."""
        hurt = all(direction(self.changes[block]) == "worse" for block in SIMPLE)
        return hurt and direction(self.changes[SKIPLESS]) == "better"

    @property
    def untuned(self) -> str:
        """What is wrong with the rates of both depths, so far as they were tried, in words; empty where nothing is."""
        deep = _untuned("deep", self.rates, self.screened)
        return "; ".join([*deep, *_untuned("shallow", shallow_rates(self.pair), self.shallow_screened)])

    def _tried(self) -> str:
        return "" if self.shallow_screened else "those of the shallow models not tried at their own depth"

    @property
    def verdict(self) -> Verdict:
        if self.steps < ENOUGH:
            return "not at this size"
        if self.opposite:
            return "contradicted"
        keep = len(self.improving) == len(SIMPLE)
        stops = not self.changes[SKIPLESS].better and direction(self.changes[SKIPLESS]) != "broke off"
        if keep and stops:
            return "reproduced" if self.depths[1] >= DEEP and not self.untuned else "partly"
        if keep or (self.improving and stops):
            return "partly"
        return "contradicted" if self.d >= WIDTH and self.depths[1] >= DEEP else "not at this size"

    def controls(self) -> str:
        shallow, deep = self.depths
        beside = {b: self.pair.beside(b, BASE) for b in self.changes if b != BASE}
        told = [f"{NAMES[b]} {gap_told(each)}" for b, each in self.changes.items()]
        told += [f"minus {NAMES[BASE]}'s change: {'; '.join(f'{NAMES[b]} {gap_told(g)}' for b, g in beside.items())}"]
        caught = {block: float(found.mean()) for block, (_, found) in equal_operations(self.pair).items()}
        told += [f"in as many operations, the deep model caught in mid-schedule: {sized(caught)}"]
        rates = ", ".join(f"{NAMES[b]} {shallow_rates(self.pair)[b]:.2g} and {r:.2g}" for b, r in self.rates.items())
        told += [f"rates, shallow and deep ({rates}), chosen on other files", self.untuned or self._tried()]
        told += [f"{shallow} and {deep} blocks, the paper's deep models have {DEEP}" if deep < DEEP else ""]
        told += [f"d = {self.d}, {self.steps:,} steps, whole files held out, copies dropped"]
        return "; ".join(filter(None, told))


def _untuned(which: str, used: Mapping[Block, float], tried: Mapping[Block, Screened]) -> list[str]:
    known = [block for block in used if block in tried]
    at_edge = [f"{NAMES[b]} ({tried[b].edge})" for b in known if tried[b].edge]
    other = [NAMES[b] for b in known if tried[b].rate != used[b]]
    told = [f"best rate of the {which} models at the edge of those tried: {', '.join(at_edge)}"] if at_edge else []
    return told + ([f"{which} models not trained with the best rate tried: {', '.join(other)}"] if other else [])


def depth_rows(screen: Runs, runs: Runs, shallow_screen: Runs = ()) -> list[Ours]:
    """S13. `screen`, `shallow_screen`: rates tried at each depth; `runs`: the long ones at both depths."""
    t = Judge(screen, runs, shallow_screen)
    shallow, deep = t.depths
    return [
        Ours(
            claim="S13",
            what=f"held-out loss with {deep} blocks minus that with {shallow}, the same steps, mean over seeds",
            number=sized({block: change.mean for block, change in t.changes.items()}),
            controls=t.controls(),
            verdict=t.verdict,
            command=COMMAND,
        )
    ]
