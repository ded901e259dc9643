"""Figure and tables of distillation: what is drawn is what was measured, and every difference is a paired one."""

import math

import numpy as np
import pytest

from nearlinear.results.distillation import Distilled, DistilSpec, DistilStudy, Paired, Screened
from nearlinear.results.pruning import Changed, PruningSpec
from nearlinear.show.distillation import (
    distillation_curves,
    distillation_table,
    gain,
    perplexity_of,
    plain_steps,
    screen_table,
)
from nearlinear.show.pruning_verdicts import distillation_findings, distillation_rows
from nearlinear.show.tables import Ours
from tests.show import synthetic
from tests.show.test_pruning import study as pruning_study

DENSE = 20.0
COST = {"remove": 0.2, "replace": 0.1}
RUNS = ((2, 0), (4, 0), (4, 1), (4, 2), (8, 0))


def changed(k: int, nats: float) -> Changed:
    ends = (nats - 0.1, nats + 0.2)
    return Changed(layers=tuple(range(k)), perplexity=DENSE * math.exp(nats), difference=nats, interval=ends)


def distilled(k: int, seed: int, nats: float, error="relative") -> Distilled:
    """Costs `nats` a block, a hundredth more for each seed."""
    cost = k * nats + 0.01 * seed
    over = {how: cost - k * plain for how, plain in COST.items()}
    return Distilled(
        k=k,
        seed=seed,
        error=error,
        lr=1e-4,
        losses=(3.0, 2.0, 1.0),
        changed=changed(k, cost),
        over={how: Paired(difference=d, interval=(d - 0.05, d + 0.05)) for how, d in over.items()},
        answered=None,
        seconds=60.0,
    )


def study(way="linear", nats=0.07, *, best="relative", order="score", sha="a" * 64, **more) -> DistilStudy:
    """Planted: distillation costs `nats` a block where plain replacement costs 0.1; the paper's error 0.09."""
    screen = [
        Screened(error=error, lr=lr, log_loss=3.3 + lr * 1e3 - (0.2 if (error, lr) == (best, 1e-4) else 0))
        for error in ("squared", "relative")
        for lr in (1e-5, 1e-4)
    ]
    extra = (distilled(4, 0, 0.09, "squared"),) if best == "relative" else ()
    parts = {
        "way": way,
        "order": order,
        "L": 12,
        "d": 64,
        "context": 256,
        "steps": 100,
        "tokens_per_step": 1024,
        "mixed": "bfloat16",
        "n_fit": 32_768,
        "n_distil": 409_600,
        "n_distil_documents": 75,
        "distil_sha256": "b" * 64,
        "epochs": 0.25,
        "n_choose": 4096,
        "n_evaluate": 4096,
        "n_documents": 16,
        "dense_perplexity": DENSE,
        "screen_k": 4,
        "screen_steps": 30,
        "screen_plain": 3.25,
        "screen": tuple(screen),
        "plain": {how: tuple(changed(k, cost * k) for k in (2, 4, 8)) for how, cost in COST.items()},
        "questions": None,
        "runs": (*(distilled(k, seed, nats, best) for k, seed in RUNS), *extra),
        "provenance": synthetic.provenance("smollm2-135m", 12, 64, 40_960).model_copy(update={"windows_sha256": sha}),
    }
    return DistilStudy(**parts | more)


def drawn(shown) -> dict[str, np.ndarray]:
    """(points, 2) of each curve in the legend; of points with bars, the first group."""
    ax = shown.figure.subfigs[1].axes[0]
    lines = {line.get_label(): line.get_xydata() for line in ax.get_lines()}
    return lines | {bars.get_label(): bars.lines[0].get_xydata() for bars in ax.containers}


def test_every_perplexity_is_drawn_as_it_was_measured():
    linear, everything = study(), study("all", 0.12, best="squared")
    shown = distillation_curves(linear, everything)
    curves = drawn(shown)
    np.testing.assert_allclose(curves["removed"], [(k, DENSE * math.exp(0.2 * k)) for k in (2, 4, 8)])
    np.testing.assert_allclose(curves["replaced by a line"], [(k, DENSE * math.exp(0.1 * k)) for k in (2, 4, 8)])
    points = np.concatenate([bars.lines[0].get_xydata() for bars in shown.figure.subfigs[1].axes[0].containers])
    runs = [run for one in (linear, everything) for run in one.runs]
    assert len(points) == len(runs)
    assert sorted(points[:, 1]) == pytest.approx(sorted(run.changed.perplexity for run in runs))
    assert {round(x) for x in points[:, 0]} == {2, 4, 8}
    assert len({(round(x, 6), round(y, 6)) for x, y in points}) == len(points)


def test_the_words_say_what_is_drawn():
    shown = distillation_curves(study(), study("all", 0.12))
    assert "replaced by a line: 24.4 at 2, 29.8 at 4, 44.5 at 8." in shown.alt
    assert "replaced, lines distilled: 23.0 at 2, 26.5 at 4, 26.7 at 4, 27.0 at 4, 35.0 at 8" in shown.alt
    assert "by the squared error 28.7 at 4" in shown.alt
    assert "−0.1100 with 4 blocks (interval below 0 in 3 of 3, above 0 in 0)" in shown.alt
    assert "+0.0900 with 4 blocks (interval below 0 in 0 of 3, above 0 in 3)" in shown.alt
    assert "smollm2-135m: evaluated on 4,096 tokens of 16 documents" in shown.caption
    assert "100 steps, 102,400 tokens of 75 documents, relative error, learning rate 0.0001" in shown.caption


def test_an_undecided_difference_is_not_called_better():
    assert "(interval below 0 in 0 of 1, above 0 in 0)" in gain(study(nats=0.098))


def test_a_pruning_study_gives_every_step_up_to_the_last_that_is_distilled():
    plain = pruning_study(k=10, sha="a" * 64)
    assert [len(step.layers) for step in plain_steps("remove", [study()], plain)] == list(range(1, 9))
    curves = drawn(distillation_curves(study(), pruning=plain))
    assert len(curves["removed"]) == len(curves["replaced by a line"]) == 8
    own = plain_steps("remove", [study(), study("all")], None)
    assert [len(step.layers) for step in own] == [2, 4, 8]


@pytest.mark.parametrize(
    ("studies", "pruning", "message"),
    [
        ([], None, "there is no distillation to show"),
        ([study(), study("all", sha="c" * 64)], None, "of different models or texts: they cannot be compared"),
        ([study()], pruning_study(sha="c" * 64), "of different models or texts: they cannot be compared"),
        ([study(), study("all", order="bi")], None, "in different orders: show one order at a time"),
    ],
)
def test_what_cannot_be_compared_is_refused(studies, pruning, message):
    with pytest.raises(ValueError, match=message):
        distillation_curves(*studies, pruning=pruning)


def test_seeds_are_averaged_in_log_loss():
    assert perplexity_of([distilled(4, seed, 0.07) for seed in (0, 2)]) == pytest.approx(DENSE * math.exp(0.29))


def test_the_table_has_every_run_and_the_spread_over_seeds():
    html = distillation_table(study(), study("all", 0.12, best="squared")).html
    assert html.count("<tr>") == 1 + (5 + 1 + 1) + (5 + 1)
    assert "<b>−0.0600</b> [−0.1100, −0.0100]" in html  # 2 blocks, against replacement
    assert "mean <b>−0.1100</b>, −0.1200 to −0.1000" in html  # 4 blocks, three seeds
    assert html.count("3 seeds") == 2
    assert html.count("replaced, lines distilled, squared error") == 1


def test_the_screen_says_what_was_chosen_and_what_diverged():
    one = study()
    html = screen_table(one).html
    assert "<b>−0.0500 (chosen)</b>" in html
    assert html.count("(chosen)") == 1
    assert "+0.0600" in html
    screen = (*one.screen[:1], Screened(error="squared", lr=1e-4, log_loss=math.nan), *one.screen[2:])
    assert "diverged" in screen_table(one.model_copy(update={"screen": screen})).html
    assert "after 30 steps with 4 blocks, on the 4,096 tokens that choices are made on" in html


def test_what_does_not_belong_together_is_no_study():
    whole = study()
    with pytest.raises(ValueError, match="no plain edit by remove of blocks"):
        study(plain={"replace": whole.plain["replace"]})
    with pytest.raises(ValueError, match="no plain edit by replace of blocks 0, 1"):
        study(plain=whole.plain | {"replace": whole.plain["replace"][1:]})
    with pytest.raises(ValueError, match="do not go from few blocks to many"):
        study(plain=whole.plain | {"remove": whole.plain["remove"][::-1]})
    run = whole.runs[0]
    with pytest.raises(ValueError, match="a run of 3 blocks changes 2"):
        Distilled(**dict(run) | {"k": 3})
    with pytest.raises(ValueError, match="a training curve has 101 numbers: keep 100 at most"):
        Distilled(**dict(run) | {"losses": (0.0,) * 101})


def test_a_study_travels_as_json():
    one = study()
    assert DistilStudy.from_json(one.to_json()) == one
    spec = DistilSpec(study=PruningSpec(model="smollm2-135m"), way="all", rates=(1e-5, 1e-4))
    assert DistilSpec.from_json(spec.to_json()) == spec
    assert (spec.ks, spec.seed) == ((2, 4, 8), 0)


def verdict_of(linear, everything=None) -> Ours:
    (row,) = distillation_rows(linear, everything)
    return row


def test_a_gain_clear_of_zero_in_every_run_is_reproduced():
    row = verdict_of(study(nats=0.05), study("all", 0.06))
    assert row.verdict == "reproduced"
    assert row.said.startswith("−0.190 [")  # 4 blocks, 0.05 below 0.1 each, and a hundredth more for each later seed
    assert "100 steps of 1,024 tokens" in row.controls
    assert "after removal, beside the same: −0.150" in row.controls
    assert "after removal" not in verdict_of(study(nats=0.05)).controls


@pytest.mark.parametrize(
    ("nats", "verdict"), [(0.09, "partly"), (0.11, "not at this size")], ids=["within its interval", "no gain"]
)
def test_a_gain_that_is_not_clear_or_none_is_less(nats, verdict):
    assert verdict_of(study(nats=nats)).verdict == verdict


def test_the_numbers_of_the_page_are_means_over_seeds():
    found = {f.name: f.value for f in distillation_findings(study(nats=0.05))}
    assert found["distil-linear-over"] == pytest.approx(4 * 0.05 + 0.01 - 0.4)
    assert found["distil-linear-range"] == pytest.approx(0.02)
    assert found["distil-linear"] == pytest.approx(DENSE * math.exp(0.2 + 0.01))  # of the mean log-loss
    assert "distil-all" not in found
    assert "distil-all" in {f.name for f in distillation_findings(study(), study("all", 0.06))}
