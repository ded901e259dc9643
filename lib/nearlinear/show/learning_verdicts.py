"""What the trainings say about S3, S7, S8, S9, S10 and S24: rules, never by hand.

Of two blocks with the same seeds, one is *worse* when its held-out loss is higher with every seed and the 95 % interval
over files lies above zero too. From there:

- *slower* (S3) is reproduced where the block is worse, contradicted where it is better, else not seen at this size;
- *no loss* (S7, S9) is reproduced where it is not worse. Where it is worse by no more than NEAR, that is partly; by
  more, it is contradicted for models as wide as the paper's, and not seen at this size for narrower ones;
- *little loss* (S10) is reproduced where no seed is worse than Pre-LN by more than LITTLE.

What would be reproduced is partly where a best rate lies at the edge of those tried, or was not the one used, because
the claims are about tuned rates. Runs of fewer than ENOUGH steps say nothing.
"""

from collections.abc import Mapping

import numpy as np

from nearlinear.results.claims import Verdict
from nearlinear.results.training import Block
from nearlinear.results.training_views import Difference, Screened, by_block, difference, losses, screened

from .counting import NAMES
from .learning_tables import reached, wider_gaps
from .learning_times import Seconds, step_seconds
from .learning_words import BASE, Runs, gap_said, gap_told, rates_used
from .tables import Ours
from .words import number

NEAR = 0.02
"""The share of the loss up to which we call two blocks nearly equal."""

LITTLE = 1.245 / 1.155 - 1
"""By which share the loss of SAS-P without norm is above that of Pre-LN in the README of the authors' code, after 40K
steps: what the paper calls a small loss. A ratio does not depend on how the text is cut into tokens."""

WIDTH = 768
"""d of the paper's models. How much values and projections matter may depend on it."""

ENOUGH = 1000
"""Steps below which a curve says nothing about the end."""


COMMAND = "nearlinear results --only train-laptop"
"""Makes the screen and the long runs again."""


class Trained:
    """The screen and the long runs of one size, as the rules need them."""

    def __init__(self, screen: Runs, runs: Runs, seconds: Seconds | None = None, wider: Runs = ()):
        self.screened: Mapping[Block, Screened] = screened(screen)
        self.blocks = by_block(runs)
        self.used = rates_used(runs)
        self.seconds = step_seconds(runs[0]) if seconds is None else seconds
        self.wider = wider_gaps(wider, self.blocks[BASE]) if wider else {}
        self.d, self.steps = runs[0].spec.architecture.d, runs[0].spec.recipe.steps

    def gap(self, block: Block, base: Block = BASE) -> Difference:
        return difference(self.blocks[block], self.blocks[base])

    def share(self, block: Block, base: Block = BASE) -> np.ndarray:
        """By which share the loss is above the base block's, (seeds,)."""
        return losses(self.blocks[block]) / losses(self.blocks[base]) - 1

    def untuned(self, *blocks: Block) -> str:
        """What is wrong with the rates of these blocks, in words; empty where nothing is."""
        at_edge = [f"{NAMES[b]} ({self.screened[b].edge})" for b in blocks if self.screened[b].edge]
        other = [NAMES[b] for b in blocks if self.screened[b].rate != self.used[b]]
        told = [f"best rate at the edge of those tried: {', '.join(at_edge)}"] if at_edge else []
        told += [f"not trained with the best rate of the screen: {', '.join(other)}"] if other else []
        return "; ".join(told)

    def slower(self, block: Block, base: Block = BASE) -> Verdict:
        gap = self.gap(block, base)
        if gap.better:
            return self.judged("contradicted")
        return self.judged("reproduced" if gap.worse else "not at this size", block, base)

    def no_loss(self, block: Block, base: Block = BASE) -> Verdict:
        if np.isnan(self.share(block, base)).any():
            return self.judged(self.failed)
        if not self.gap(block, base).worse:
            return self.judged("reproduced", block, base)
        return self.judged("partly" if self.share(block, base).mean() <= NEAR else self.failed)

    def little_loss(self, block: Block) -> Verdict:
        holds = bool((self.share(block) <= LITTLE).all())  # NaN, where training broke off, is not
        return self.judged("reproduced" if holds else self.failed, block, BASE)

    @property
    def failed(self) -> Verdict:
        """Of a claim that does not hold: for models as wide as the paper's, or for narrower ones."""
        return "contradicted" if self.d >= WIDTH else "not at this size"

    def judged(self, verdict: Verdict, *tuned: Block) -> Verdict:
        """The verdict, if there were steps enough; only partly reproduced where the rates of `tuned` are in doubt."""
        if self.steps < ENOUGH:
            return "not at this size"
        return "partly" if verdict == "reproduced" and self.untuned(*tuned) else verdict

    def controls(self, *blocks: Block) -> str:
        rates = ", ".join(f"{NAMES[b]} {self.used[b]:g}" for b in blocks)
        told = [f"rates chosen on other files ({rates})", self.untuned(*blocks)]
        return "; ".join(
            [*filter(None, told), f"d = {self.d}, {self.steps:,} steps, whole files held out, copies dropped"]
        )


def learning_rows(screen: Runs, runs: Runs, seconds: Seconds | None = None, wider: Runs = ()) -> list[Ours]:
    """S3, S7, of S8 the half that was run, S9, S10 and S24. `seconds`, `wider`: as for `three_readings`."""
    t = Trained(screen, runs, seconds, wider)
    return [
        _row(t, "S3", "v-skipinit", BASE, t.slower("v-skipinit")),
        _row(t, "S7", "sas", BASE, t.no_loss("sas"), _behind(t, "sas"), _as_many(t, "sas")),
        _no_skip(t),
        _row(t, "S9", "sas-p", "parallel", t.no_loss("sas-p", "parallel"), _fewer(t, "sas-p", "parallel")),
        _no_norm(t),
        _headline(t),
    ]


def _row(t: Trained, claim: str, block: Block, base: Block, verdict: Verdict, *more: str) -> Ours:
    return Ours(
        claim=claim,
        what=f"held-out loss of {NAMES[block]} minus that of {NAMES[base]}, the same steps, mean over seeds",
        number=gap_told(t.gap(block, base)),
        controls="; ".join(filter(None, [*more, t.controls(block, base)])),
        verdict=verdict,
        command=COMMAND,
    )


def _behind(t: Trained, block: Block) -> str:
    """How far Pre-LN had got when its loss was as low; its rate was then still high, so this flatters the block."""
    step = reached(t.blocks[block], t.blocks[BASE])
    if np.isnan(step):
        return f"{NAMES[BASE]} does not get as low with every seed"
    return f"{NAMES[BASE]} is as low after {step:,.0f} of {t.steps:,} steps"


def _as_many(t: Trained, block: Block) -> str:
    if block not in t.wider:
        return "equal parameters: not run"
    return f"with a wider MLP, as many parameters: {gap_said(t.wider[block])}"


def _fewer(t: Trained, block: Block, base: Block) -> str:
    return f"{fewer(t, block, base):.1f} % fewer parameters"


def fewer(t: Trained, block: Block, base: Block) -> float:
    return 100 * (1 - t.blocks[block][0].n_parameters / t.blocks[base][0].n_parameters)


def _no_skip(t: Trained) -> Ours:
    """S8 has two halves; only that of the parallel form is trained here."""
    half = t.no_loss("sas-p", "sas")
    return _row(
        t, "S8", "sas-p", "sas", "partly" if half in ("reproduced", "partly") else half,
        "SAS-P is SAS in parallel and without the skip of the MLP: half of the claim. The other half, taking that skip "
        "out of blocks in sequence, is not on this page",
        f"SAS-P without norm minus SAS: {gap_said(t.gap('sas-p-no-norm', 'sas').mean)}",
    )  # fmt: skip


def _no_norm(t: Trained) -> Ours:
    shares = 100 * t.share("sas-p-no-norm")
    return Ours(
        claim="S10",
        what="by how much the held-out loss of SAS-P without norm is above that of Pre-LN",
        number=f"{number(float(shares.mean()))} %",
        controls=f"by seed {', '.join(number(float(s)) for s in shares)} %; the paper's own: {100 * LITTLE:.1f} %; "
        f"above SAS-P with norms by {gap_told(t.gap('sas-p-no-norm', 'sas-p'))}; {t.controls('sas-p-no-norm', BASE)}",
        verdict=t.little_loss("sas-p-no-norm"),
        command=COMMAND,
    )


def _headline(t: Trained) -> Ours:
    """Three things at once. Speed at another width is no test of the paper's, so it never decides alone."""
    loss, faster = t.no_loss("sas-p"), _speed(t, "sas-p")
    holds = loss == "reproduced" and faster is not None and faster > 1
    said = "not timed" if faster is None else f"{faster:.2f} × as many steps in the same time"
    return Ours(
        claim="S24",
        what="SAS-P beside Pre-LN: parameters, speed, held-out loss after the same steps",
        number=f"{_fewer(t, 'sas-p', BASE)}; {said}; {gap_said(t.gap('sas-p').mean)}",
        controls=f"{gap_told(t.gap('sas-p'))}; {_as_many(t, 'sas-p')}; speed at d = {t.d} on a CPU says nothing of the "
        f"paper's; {t.controls('sas-p', BASE)}",
        verdict="partly" if loss == "reproduced" and not holds else loss,
        command=COMMAND,
    )


def _speed(t: Trained, block: Block) -> float | None:
    return t.seconds[BASE] / t.seconds[block] if {BASE, block} <= set(t.seconds) else None
