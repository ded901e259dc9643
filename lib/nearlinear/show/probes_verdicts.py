"""What our own trainings say about L12, by a rule that was written before any long run was read.

L12: the cosine term improves linear probes in most layers. It is judged at the paper's λ = 0.5 on the Llama-type model,
against no term with the same seed and the same test examples, in the states that leave blocks (h_1 … h_L).

- A state counts as *better* where the gain, its mean over seeds, is above zero, and so is the whole 95 % interval over
  test examples; as *worse* the other way round.
- Probes must read out something at all: without a term, the best state must be right more often than the commonest
  label, by its interval over test examples. Else nothing is said.
- Reproduced where more than half of the states are better, and the mean gain over states is certain over seeds
  (Student's t, 95 %). Partly where more states are better than worse, and the mean gain is above zero with every seed.
  Contradicted where more than half are worse and the models are as wide as WIDTH; not seen at this size otherwise. Runs
  of fewer than ENOUGH steps say nothing, nor does a single seed.
"""

import numpy as np

from nearlinear.results.claims import Verdict
from nearlinear.results.drift_groups import Change
from nearlinear.results.regularised_views import NONE, PAPERS, gained, over_items, read_out

from .probes_tables import states_gained
from .probes_words import accuracies, is_read_out, majority_of, percent, probe_said
from .regularised_judge import Judge
from .regularised_words import change_told, setting_name
from .tables import Ours


def probes_rows(runs) -> list[Ours]:
    """L12, of the Llama-type model."""
    judge = Judge(runs)
    what = f"{setting_name(PAPERS)}: states that leave blocks, of which more is read out than without a term"
    if PAPERS not in judge.grid or not is_read_out(runs):
        return [_row(judge, what, "nothing was read out", judge.conditions, "not at this size")]
    mean, ends = states_gained(judge.grid, PAPERS)
    change = over_seeds(judge)
    better, worse = int((ends[:, 0] > 0).sum()), int((ends[:, 1] < 0).sum())
    others = [
        f"{setting_name(s)}: {int((e[:, 0] > 0).sum())} better and {int((e[:, 1] < 0).sum())} worse"
        for s in judge.grid
        if s not in (NONE, PAPERS)
        for e in (states_gained(judge.grid, s)[1],)
    ]
    best, found = readable(judge)
    controls = (
        f"mean gain over states, in points: {change_told(change, 1)}; best state without a term {percent(best)}, the "
        f"commonest label {percent(majority_of(runs))}; {', '.join(others) or 'no other λ'}; {probe_said(runs)}; "
        f"{judge.conditions}"
    )
    return [
        _row(judge, what, f"{better} of {len(mean)} (worse: {worse})", controls, verdict(judge, ends, change, found))
    ]


def over_seeds(judge: Judge) -> Change:
    """Mean gain over states that leave blocks, in points."""
    more = gained(read_out(judge.grid[PAPERS]), read_out(judge.grid[NONE]))
    return Change(tuple((100 * more[:, 1:].mean((1, 2))).tolist())) if len(more) else Change((float("nan"),))


def readable(judge: Judge) -> tuple[float, bool]:
    """Accuracy from the best state without a term, and whether that is more than the commonest label gets right."""
    right = read_out(judge.grid[NONE])
    if not right:
        return float("nan"), False
    means = accuracies(judge.grid[NONE]).mean(0)
    best = int(means.argmax())
    low, _ = over_items(np.array([each[best] for each in right.values()]))
    return float(means[best]), bool(low > majority_of(judge.grid[NONE]))


def verdict(judge: Judge, ends: np.ndarray, change: Change, found: bool) -> Verdict:
    """`ends` (L, 2): intervals of the gain by state; `found`: whether probes read out anything."""
    better, worse = int((ends[:, 0] > 0).sum()), int((ends[:, 1] < 0).sum())
    if not judge.says or not found or len(change.seeds) < 2:
        return "not at this size"
    if better > len(ends) / 2 and change.rises:
        return "reproduced"
    if better > worse and min(change.seeds) > 0:
        return "partly"
    return judge.against() if worse > len(ends) / 2 else "not at this size"


def _row(judge: Judge, what: str, number: str, controls: str, verdict: Verdict) -> Ours:
    return Ours(claim="L12", what=what, number=number, controls=controls, verdict=verdict, command=judge.command)
