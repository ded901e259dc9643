"""Verdicts on training follow the rules that stand above them: for each there is a case on either side."""

import pytest

from nearlinear import show
from nearlinear.show.learning_verdicts import LITTLE, NEAR
from tests.show import trainings
from tests.show.trainings import ENDS

EVEN = dict.fromkeys(ENDS, 1.5) | {"v-skipinit": 1.7}
"""Everything as the paper says."""


def rows(ends=EVEN, *, seconds=None, best=None, rates=None, **options) -> dict[str, show.Ours]:
    tried = trainings.screen({**(best or {})}, **{k: v for k, v in options.items() if k != "seeds"})
    found = show.learning_rows(tried, trainings.core(ends, rates=rates, **options), seconds or {})
    return {row.claim: row for row in found}


def verdicts(*given, **options) -> dict[str, str]:
    return {claim: row.verdict for claim, row in rows(*given, **options).items()}


def test_all_as_the_paper_says():
    assert verdicts() == {
        "S3": "reproduced",
        "S7": "reproduced",
        "S8": "partly",  # one half was not run
        "S9": "reproduced",
        "S10": "reproduced",
        "S24": "partly",  # not timed
    }


@pytest.mark.parametrize(
    ("claim", "block", "end", "wanted"),
    [
        ("S3", "v-skipinit", 1.4, "contradicted"),
        ("S3", "v-skipinit", 1.5, "not at this size"),
        ("S7", "sas", 1.4, "reproduced"),  # better is no loss either
        ("S7", "sas", 1.5 * (1 + 0.9 * NEAR), "partly"),
        ("S7", "sas", 1.5 * (1 + 1.1 * NEAR), "not at this size"),
        ("S9", "sas-p", 1.5 * (1 + 0.9 * NEAR), "partly"),
        ("S9", "sas-p", 1.5 * (1 + 1.1 * NEAR), "not at this size"),
        ("S8", "sas-p", 1.6, "not at this size"),
        ("S10", "sas-p-no-norm", 1.3, "reproduced"),
        ("S10", "sas-p-no-norm", 1.5 * (1 + 0.9 * LITTLE), "reproduced"),
        ("S10", "sas-p-no-norm", 1.5 * (1 + 1.1 * LITTLE), "not at this size"),
        ("S24", "sas-p", 1.6, "not at this size"),
    ],
)
def test_each_verdict_turns_with_its_block(claim, block, end, wanted):
    found = verdicts(EVEN | {block: end})
    assert found[claim] == wanted
    untouched = {"S3", "S7", "S10"} - {claim}
    assert {other: found[other] for other in untouched} == {other: verdicts()[other] for other in untouched}


def test_models_as_wide_as_the_papers_can_contradict():
    assert verdicts(EVEN | {"sas": 1.6}, d=768)["S7"] == "contradicted"
    assert verdicts(EVEN | {"sas-p-no-norm": 1.7}, d=768)["S10"] == "contradicted"


def test_a_rate_in_doubt_leaves_only_part():
    assert verdicts(best={"sas": 9e-3}, rates={"sas": 9e-3})["S7"] == "partly"
    at_edge = rows(best={"sas": 9e-3}, rates={"sas": 9e-3})["S7"]
    assert "best rate at the edge of those tried: SAS (highest)" in at_edge.controls
    other = rows(rates={"sas": 9e-3})
    assert other["S7"].verdict == "partly"
    assert "not trained with the best rate of the screen: SAS" in other["S7"].controls
    assert other["S3"].verdict == "reproduced"  # it is about other blocks


def test_a_few_steps_say_nothing():
    assert set(verdicts(steps=500).values()) == {"not at this size"}


def test_a_training_that_broke_off_does_not_match():
    tried, runs = trainings.screen(), trainings.core(EVEN)
    broken = [trainings.run(r.spec.architecture.block, r.spec.seed, stopped_at=300)
              if r.spec.architecture.block in ("sas", "sas-p-no-norm") else r for r in runs]  # fmt: skip
    found = {row.claim: row.verdict for row in show.learning_rows(tried, broken, {})}
    assert (found["S7"], found["S10"]) == ("not at this size", "not at this size")


def test_the_headline_needs_speed_too():
    fast, slow = {"pre-ln": 0.06, "sas-p": 0.05}, {"pre-ln": 0.05, "sas-p": 0.06}
    assert rows(seconds=fast)["S24"].verdict == "reproduced"
    assert "1.20 × as many steps in the same time" in rows(seconds=fast)["S24"].number
    assert rows(seconds=slow)["S24"].verdict == "partly"
    assert rows(EVEN | {"sas-p": 1.52}, seconds=fast)["S24"].verdict == "partly"
    assert "says nothing of the paper's" in rows()["S24"].controls


def test_equal_parameters_are_told_where_they_were_run():
    assert "equal parameters: not run" in rows()["S7"].controls
    wider = [trainings.run("sas", k, end=1.49 + 0.002 * k, d_ff=320) for k in range(3)]
    found = {row.claim: row for row in show.learning_rows(trainings.screen(), trainings.core(EVEN), {}, wider)}
    assert "with a wider MLP, as many parameters: −0.010" in found["S7"].controls
    assert "equal parameters: not run" in found["S24"].controls


def test_every_row_has_its_effect_its_spread_and_its_command():
    for claim, row in rows(ENDS).items():
        assert row.command == "nearlinear results --only train-laptop"
        assert "rates chosen on other files" in row.controls
        if claim in ("S3", "S7", "S8", "S9"):
            assert "seeds" in row.number
            assert "interval over files" in row.number
    assert "by seed 6.67, 6.66, 6.65 %" in rows(ENDS)["S10"].controls
    assert "7.8 %" in rows()["S10"].controls
