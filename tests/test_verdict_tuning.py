"""The page of verdicts asks the chapter on finetuning for what the chapter itself shows."""

from nearlinear import show, verdict
from nearlinear.results.tuning import TuningRun
from nearlinear.results.tuning_specs import adapter_tunings, reward_tunings, tunings, tunings_here
from nearlinear.results.tuning_views import lesson_of, model_of
from nearlinear.verdict_chapters import CHAPTERS, WAITING
from tests.show import tunings_made as made

NAME = "16_what_finetuning_does"


def run_of(spec) -> TuningRun:
    """A made-up run that was asked for by this specification."""
    found = made.run(lesson_of(spec).removesuffix("-adapters"), model_of(spec), spec.seed, steps=spec.recipe.steps,
                     adapters=spec.rank is not None)  # fmt: skip
    return found


def load(spec, kind, *, mode, device) -> TuningRun:
    assert kind is TuningRun
    assert mode == "recorded"
    return run_of(spec)


def test_it_reads_the_same_runs_and_says_the_same():
    (chapter,) = verdict.read_chapters(verdict.Asked(), load, of={NAME: (CHAPTERS | WAITING)[NAME]})
    tuned = [run_of(spec) for of in (tunings, tunings_here) for spec in of("laptop").values()]
    rewards = [run_of(spec) for spec in reward_tunings("laptop").values()]
    assert chapter.said == tuple(show.tuning_rows(tuned, rewards))
    assert [row.claim for row in chapter.said] == ["L7", "L8"]
    assert len(chapter.results) == len(tuned) + len(rewards)


def test_adapters_are_no_part_of_a_verdict():
    tuned = [run_of(spec) for spec in tunings_here("laptop").values()]
    adapted = [run_of(spec) for spec in adapter_tunings("laptop").values()]
    (with_them,), (without,) = show.tuning_rows([*tuned, *adapted]), show.tuning_rows(tuned)
    assert (with_them.number, with_them.verdict) == (without.number, without.verdict)
