"""What our own trainings say about L6, by a rule that was written before any of them was read.

Fig. 2 can be read in two ways: the title of its panel leaves the residual out, the text leaves it in. Each reading has
a row of its own. A group is one family on one text. In it

- a score *falls* when its mean over blocks, held out and with first tokens left out, is lower at the end than at the
  first look after EARLY steps (where the figure begins), and the 95 % interval over seeds (Student's t) lies below
  zero; it *rises* the other way round.

A reading is reproduced where the score falls in every group, both so and as the paper measures it (in sample, first
tokens in); partly where it falls in at least one. Else it is contradicted where it rises in every group and the models
are as wide as the narrowest of the figure, and not seen at this size otherwise. Runs of fewer than ENOUGH steps say
nothing, nor does a single seed.
"""

from collections.abc import Mapping

from nearlinear.results.claims import Verdict
from nearlinear.results.drift_groups import EARLY, Change, Group, account, by_group, change, early

from .drift_words import Runs, change_told, family_name, group_name, signed
from .tables import Ours

ENOUGH = 1000
"""Steps of training below which nothing is answered."""

WIDTH = 512
"""Of Pythia-70M, the narrowest model of Fig. 2."""

READINGS = {
    "update_scores": "s_Δ, the residual left out (the title of Fig. 2)",
    "scores": "s, the residual left in (the text)",
}


class Judge:
    """The long runs by group, as the rule needs them."""

    def __init__(self, runs: Runs):
        self.groups: Mapping[Group, Runs] = by_group(runs)
        self.runs, spec = runs, runs[0].spec
        self.d, self.steps = spec.architecture.d, min(run.spec.recipe.steps for run in runs)

    def changes(self, name: str, **how) -> dict[Group, Change]:
        return {group: change(each, name, **how) for group, each in self.groups.items()}

    def verdict(self, name: str) -> Verdict:
        strict, papers = self.changes(name).values(), self.changes(f"in_sample_{name}").values()
        if self.steps < ENOUGH:
            return "not at this size"
        if all(found.falls for found in (*strict, *papers)):
            return "reproduced"
        if any(found.falls for found in strict):
            return "partly"
        opposite = self.d >= WIDTH and all(found.rises for found in strict)
        return "contradicted" if opposite else "not at this size"

    def found(self, name: str) -> str:
        changes = self.changes(name)
        falls, rises = (sum(getattr(each, way) for each in changes.values()) for way in ("falls", "rises"))
        return f"falls in {falls} of {len(changes)}, rises in {rises}"

    def controls(self, name: str) -> str:
        decimals = 3 if name == "update_scores" else 4
        ways = {
            "with first tokens": self.changes(name, first_tokens=True),
            "the paper's way, in sample and with first tokens": self.changes(f"in_sample_{name}"),
            "from before training": self.changes(name, since=0),
        }
        told = [f"{group_name(group)} {change_told(each, decimals)}" for group, each in self.changes(name).items()]
        told += [
            f"{way}: {', '.join(signed(each.mean, decimals) for each in changes.values())} (in the same order)"
            for way, changes in ways.items()
        ]
        if name == "update_scores":
            told.append(f"of the change of log(1 − s_Δ), {self._account()}")
        early_steps = sorted({each[0].spec.looks[early(each)] for each in self.groups.values()})
        told.append(
            f"early look after {' or '.join(f'{step:,}' for step in early_steps)} steps (the figure begins at {EARLY})"
        )
        told.append(f"95 % intervals over seeds; d = {self.d}; rates {self._rates()}, chosen on other documents")
        broken = sum(bool(run.stopped) for run in self.runs)
        return "; ".join([*told, *([f"{broken} of the trainings broke off"] if broken else [])])

    def _account(self) -> str:
        parts = {group: account(each).mean((1, 2)) for group, each in self.groups.items()}
        pairs = (
            f"{signed(float(unexplained), 2)} and {signed(float(-size), 2)}" for unexplained, size in parts.values()
        )
        return f"the unexplained share of the state and the size of the update: {', '.join(pairs)}"

    def _rates(self) -> str:
        used = {run.spec.architecture.family: run.spec.recipe.lr for run in self.runs}
        return ", ".join(f"{family_name(family)} {rate:g}" for family, rate in used.items())

    @property
    def command(self) -> str:
        size = "laptop" if self.steps >= ENOUGH else "quick"
        return f"nearlinear results --only drift-{size}"


def drift_rows(runs: Runs) -> list[Ours]:
    """L6, a row for each reading."""
    judge = Judge(runs)
    return [
        Ours(
            claim="L6",
            what=f"{what}: mean over blocks, held out, first tokens left out, by family and text",
            number=judge.found(name),
            controls=judge.controls(name),
            verdict=judge.verdict(name),
            command=judge.command,
        )
        for name, what in READINGS.items()
    ]
