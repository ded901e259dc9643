"""What our own finetunings say about L7 and L8, by a rule that was written before any long run of them was read.

A lesson is one task (L7), or one set of preferences (L8), on one model. In it, over seeds,

- something is *learnt* where, at the end of every run, the 95 % interval over groups of test examples lies above what
  the commonest label gets right, a half for preferences. A lesson that is not learnt is named, and does not count;
- s_Δ *rises* where its mean over blocks, held out and with first tokens left out, is higher after than before with
  every seed, and the 95 % interval over seeds (Student's t) lies above zero; it *falls* the other way round;
- it rises *beyond* shuffled labels where the difference from the run with shuffled labels or preferences on the same
  texts, seed by seed, does so. Only some lessons have such a control.

A claim is reproduced where in every lesson s_Δ rises, both so and as the paper measures it (in sample, first tokens
in), and beyond shuffled labels wherever these were tried: what raises a score with labels that say nothing is not what
was learnt. It is partly so where s_Δ rises in at least one. Else it is contradicted where some model has as many
parameters as the smallest of Table 1 and s_Δ falls in every lesson of it; and otherwise not seen at this size. Where
nothing is learnt, after fewer than ENOUGH steps, and with a single seed, nothing is answered. Runs that broke off are
left out and counted.
"""

from collections.abc import Callable
from functools import cached_property

from nearlinear.results.claims import Verdict
from nearlinear.results.tuning import Preferences
from nearlinear.results.tuning_views import OverSeeds

from .tables import Ours
from .tuning_account import mean_parts
from .tuning_tables import beside, beyond, is_learnt, percent
from .tuning_words import (
    ADAPTERS,
    SHUFFLED,
    Group,
    Runs,
    ended,
    group_name,
    groups,
    heading,
    is_reward,
    is_task,
    lesson_name,
    listed,
    mean_rise,
    ranged,
    rise_told,
    signed,
)

ENOUGH = 100
"""Steps of finetuning below which nothing is answered."""

SMALLEST = 120_000_000
"""Parameters: the smallest models of Table 1, OPT-125M and GPT-2, have a little more."""

IN_SAMPLE = "in_sample_update_scores"


class Judge:
    """The finetunings of one kind of lesson, as the rule needs them, with every weight trained."""

    def __init__(self, runs: Runs, counts: Callable[[str], bool]):
        every = {group: each for group, each in groups(runs).items() if not group[1].endswith(ADAPTERS)}
        self.every = {group: each for group, each in every.items() if counts(group[1])}
        done = ended([run for each in every.values() for run in each])
        self.done = {group: each for group, each in done.items() if counts(group[1])}
        self.controls = {group: each for group, each in done.items() if group not in self.done}
        self.runs = runs

    @cached_property
    def learnt(self) -> dict[Group, Runs]:
        return {group: each for group, each in self.done.items() if is_learnt(each)}

    def rises(self, name: str = "update_scores", **how) -> dict[Group, OverSeeds]:
        return {group: mean_rise(each, name, **how) for group, each in self.learnt.items()}

    def shuffled(self) -> dict[Group, OverSeeds]:
        """Lesson → how much more it rises than with shuffled labels, where these were tried."""
        found = {}
        for (model, lesson), each in self.learnt.items():
            controls = self.controls.get((model, SHUFFLED.get(lesson, "")))
            over = beyond(each, controls) if controls else None
            if over is not None:
                found[model, lesson] = over
        return found

    @property
    def enough(self) -> bool:
        return all(run.spec.recipe.steps >= ENOUGH for each in self.learnt.values() for run in each)

    def verdict(self) -> Verdict:
        rises = self.rises()
        if not rises or not self.enough:
            return "not at this size"
        every = (*rises.values(), *self.rises(IN_SAMPLE).values(), *self.shuffled().values())
        if all(found.above for found in every):
            return "reproduced"
        if any(found.above for found in rises.values()):
            return "partly"
        return "contradicted" if self._opposite(rises) else "not at this size"

    def _opposite(self, rises: dict[Group, OverSeeds]) -> bool:
        """Whether s_Δ falls in every lesson of a model that is large enough."""
        large = {model for (model, _), each in self.learnt.items() if _size(each) >= SMALLEST}
        return any(all(found.below for (of, _), found in rises.items() if of == model) for model in large)

    def number(self) -> str:
        rises = self.rises().values()
        if not rises:
            return "nothing was learnt"
        up, down = sum(bool(found.above) for found in rises), sum(bool(found.below) for found in rises)
        return f"rises in {up} of {len(rises)}, falls in {down}"

    def told(self) -> str:
        """The row's controls, in words."""
        told = [f"{group_name(group)} {rise_told(found)}" for group, found in self.rises().items()]
        same = "(in the same order)"
        if told:
            told += [
                f"{way}: {', '.join(signed(float(each.mean)) for each in self.rises(name, **how).values())} {same}"
                for way, name, how in (
                    ("with first tokens", "update_scores", {"first_tokens": True}),
                    ("the paper's way, in sample and with first tokens", IN_SAMPLE, {}),
                )
            ]
            told.append(f"of the rise of −log(1 − s_Δ), less unexplained and larger updates: {self._parts()} {same}")
            told += self._beside()
        told += self._apart()
        return "; ".join([*told, f"95 % intervals over seeds; {heading(self.runs)}"])

    def _parts(self) -> str:
        pairs = (map(signed, mean_parts(each)) for each in self.learnt.values())
        return ", ".join(" and ".join(pair) for pair in pairs)

    def _beside(self) -> list[str]:
        """How much more than each control of the same model."""
        return [
            f"{group_name(group)} less {lesson_name(other[1])}: {rise_told(over)}"
            for group, each in self.learnt.items()
            for other, controls in beside(group, self.controls).items()
            if (over := beyond(each, controls)) is not None
        ]

    def _apart(self) -> list[str]:
        """What was not learnt, and what broke off."""
        not_learnt = [group for group in self.done if group not in self.learnt]
        told = [f"not learnt, so not counted: {listed(not_learnt)}"] if not_learnt else []
        right = [
            f"{group_name(group)} {ranged([run.accuracy for run in each if not run.stopped], percent)}"
            for group, each in self.done.items()
        ]
        broken = sum(bool(run.stopped) for each in self.every.values() for run in each)
        told += [f"right on the test: {', '.join(right)}"] if right else []
        return [*told, *([f"{broken} of the finetunings broke off"] if broken else [])]


def _size(runs: Runs) -> int:
    return runs[0].provenance.model.n_parameters


def tuning_rows(tuned: Runs, rewards: Runs = ()) -> list[Ours]:
    """L7 of tasks with labels; L8 of reward models, where there are some, among the first runs or the second.

    Raises ValueError where there is no finetuning.
    """
    pairs = [run for run in (*tuned, *rewards) if isinstance(run.spec.learns, Preferences)]
    others = [run for run in tuned if not isinstance(run.spec.learns, Preferences)]
    rows = [_row("L7", Judge(others, is_task), "tasks")]
    return [*rows, _row("L8", Judge(pairs, is_reward), "reward models")] if pairs else rows


def _row(claim: str, judge: Judge, what: str) -> Ours:
    return Ours(
        claim=claim,
        what=f"s_Δ after finetuning less before, {what}: mean over blocks, held out, first tokens left out, by lesson",
        number=judge.number(),
        controls=judge.told(),
        verdict=judge.verdict(),
        command=f"nearlinear results --only tuning-{_size_name(judge.runs)}",
    )


def _size_name(runs: Runs) -> str:
    return "laptop" if all(run.spec.recipe.steps >= ENOUGH for run in runs) else "quick"
