"""The verdict on depth follows the rule that stands above it; sentences follow the runs; tables hold the numbers."""

import pytest
from bs4 import BeautifulSoup

from nearlinear import show
from nearlinear.results.depth_views import deepened
from nearlinear.results.training_views import Difference
from nearlinear.show.depth_tables import time_said
from nearlinear.show.depth_words import clear, direction
from tests.show import depth_made as made
from tests.show.test_learning_tables import rows as cells

RUNS = made.depth()
DEEPEST = {"depths": (18, 72)}


def row(change=None, *, best=None, screen=None, shallow_screen=(), **options) -> show.Ours:
    (found,) = show.depth_rows(screen or made.screen(best), made.depth(change, **options), shallow_screen)
    return found


def test_a_difference_is_clear_where_it_is_larger_than_its_range():
    assert clear(Difference((-0.1, -0.08, -0.06), -0.1, -0.05))
    assert not clear(Difference((-0.1, -0.02, -0.01), -0.1, -0.01))  # wider than large
    assert not clear(Difference((-0.1, -0.08, 0.06), -0.1, -0.05))
    assert not clear(Difference((-0.1, -0.08, -0.06), -0.1, 0.05))
    assert direction(Difference((0.1, 0.11), 0.05, 0.2)) == "worse"
    assert direction(Difference((0.1, float("nan")), float("nan"), float("nan"))) == "broke off"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, "reproduced"),
        ({"v-skipinit": -0.06}, "partly"),  # it gains as well
        ({"sas": 0.0}, "partly"),  # one of the two, and V-SkipInit does not
        ({"sas": 0.0, "v-skipinit": -0.06}, "not at this size"),  # neither half
        ({"sas": 0.0, "sas-p": 0.0}, "not at this size"),  # V-SkipInit alone behaves
        ({"sas": 0.05, "sas-p": 0.05, "v-skipinit": -0.06}, "contradicted"),
        ({"sas": 0.05, "sas-p": -0.05, "v-skipinit": -0.06}, "not at this size"),
        ({"pre-ln": 0.2}, "reproduced"),  # of Pre-LN nothing is claimed
    ],
)
def test_the_verdict_turns_with_the_changes(change, wanted):
    assert row(change, **DEEPEST).verdict == wanted
    less_deep = "partly" if wanted == "reproduced" else wanted
    assert row(change).verdict == less_deep  # 24 blocks are not the paper's 72


def test_what_fails_at_the_papers_width_and_depth_is_contradicted():
    none = {"sas": 0.0, "sas-p": 0.0}
    assert row(none, d=768, **DEEPEST).verdict == "contradicted"
    assert row(none, d=768).verdict == "not at this size"


def test_a_change_within_its_own_range_does_not_count():
    assert row({"sas": -0.01, "sas-p": -0.01}, spread=-0.02, **DEEPEST).verdict == "not at this size"
    assert row(seeds=1, **DEEPEST).verdict == "reproduced"


def test_short_runs_say_nothing():
    assert row(steps=900, screen=made.screen(), **DEEPEST).verdict == "not at this size"


def test_rates_that_were_not_the_best_make_it_partly():
    found = row(best={"sas": 1 / 6}, **DEEPEST)
    assert found.verdict == "partly"
    assert "best rate of the deep models at the edge of those tried: SAS (lowest)" in found.controls
    assert "deep models not trained with the best rate tried: SAS" in found.controls
    shallow = made.screen({"sas": 2}, L=6, at=(1 / 6, 1 / 3, 1, 2))
    found = row(shallow_screen=shallow, **DEEPEST)
    assert found.verdict == "partly"
    assert "shallow models not trained with the best rate tried: Pre-LN, V-SkipInit, SAS, SAS-P" in found.controls
    tuned = made.screen(dict.fromkeys(made.SHALLOW, 1), L=6, at=(1 / 6, 1 / 3, 1, 2))
    found = row(shallow_screen=tuned, **DEEPEST)
    assert found.verdict == "reproduced"
    assert "not tried at their own depth" not in found.controls


def test_the_row_says_what_it_rests_on():
    found = row()
    assert found.number == "Pre-LN −0.050, V-SkipInit +0.030, SAS −0.080, SAS-P −0.100"
    assert "24 blocks minus that with 6" in found.what
    for part in (
        "SAS −0.080, seeds −0.080 to −0.080, interval over files [−0.080, −0.080]",
        "minus Pre-LN's change: V-SkipInit +0.080",
        "caught in mid-schedule: Pre-LN +1.",
        "rates, shallow and deep (Pre-LN 0.005 and 0.0017",
        "those of the shallow models not tried at their own depth",
        "the paper's deep models have 72",
        "d = 64, 1,500 steps",
    ):
        assert part in found.controls, part
    assert "--only train-laptop-deep-screen" in found.command
    assert "--only train-laptop-depth" in found.command


def test_sentences_follow_the_runs():
    said = show.depth_change_said(RUNS).plain
    assert said.startswith(
        "Clearly lower with 24 blocks than with 6: Pre-LN, SAS, SAS-P. Clearly higher with 24 blocks"
    )
    other = show.depth_change_said(made.depth({"sas": 0.0, "v-skipinit": -0.02})).plain
    assert other.startswith("Clearly lower with 24 blocks than with 6: Pre-LN, V-SkipInit, SAS-P. Not clear: SAS. Deep")
    broken = [*made.depth(seeds=1)[:-1], made.run("sas-p", 24, stopped_at=300)]
    assert "No answer, because a training broke off: SAS-P." in show.depth_change_said(broken).plain
    assert "SAS-P no answer" in show.depth_change_said(broken).plain


def test_sentences_on_depth_beside_another_block():
    said = show.depth_beside_said(RUNS).plain
    assert said.startswith("Depth does clearly more for its loss than for that of Pre-LN: SAS, SAS-P. Clearly less: V-")
    less = show.depth_beside_said(made.depth({"sas": -0.05, "sas-p": 0.0})).plain
    assert less.startswith("Depth does clearly less for its loss than for that of Pre-LN: V-SkipInit, SAS-P. Not to be")


def test_sentences_on_rates():
    turned = made.screen(dict.fromkeys(made.SHALLOW, 1 / 3), harm={"pre-ln": 0.0, "sas": 2.0, "sas-p": 1.0})
    said = show.depth_rates_said(turned, RUNS).plain
    assert "At the rates of the shallow models: Pre-LN, V-SkipInit, SAS-P, SAS." in said
    assert "Each at its best: Pre-LN, SAS, SAS-P, V-SkipInit. The rate alone changes the order." in said
    assert "Best rate beside that of the shallow models: Pre-LN × 0.17, V-SkipInit × 0.33" in said
    same = show.depth_rates_said(made.screen(), RUNS).plain
    assert "The order is the same." in same
    round_ = made.screen(harm={"pre-ln": 4.0, "sas": 3.0, "sas-p": 2.0, "v-skipinit": 0.1})
    assert "The rate alone turns the order round." in show.depth_rates_said(round_, RUNS).plain


def test_sentences_on_equal_rates():
    assert "were not tried at these rates" in show.depth_equal_rates_said([], made.screen(), RUNS).plain
    shallow = made.screen(dict.fromkeys(made.SHALLOW, 2), L=6, at=(1 / 6, 1 / 3, 1, 2))
    said = show.depth_equal_rates_said(shallow, made.screen(), RUNS).plain
    assert "trained with: Pre-LN × 2, V-SkipInit × 2, SAS × 2, SAS-P × 2." in said
    assert "at one rate for both: Pre-LN" in said
    assert "SAS −0.179 at 0.0015, −0.179 at 0.003, +0.041 at 0.009." in said
    worse = made.screen(harm=dict.fromkeys(made.SHALLOW, 9.0), best={"sas": 1})
    assert show.depth_equal_rates_said(shallow, worse, RUNS).plain.endswith(
        "Each depth at its best: Pre-LN +0.000, V-SkipInit +0.000, SAS +0.000, SAS-P +0.000."
    )
    assert show.depth_equal_rates_said(shallow, made.screen(L=24, at=(1 / 6, 1)), RUNS).plain.endswith(
        "Each depth at its best: Pre-LN +0.069, V-SkipInit +0.069, SAS +0.069, SAS-P +0.069."
    )


def test_sentences_on_operations():
    said = show.depth_operations_said(RUNS, made.screen()).plain
    assert said.startswith(
        "1,500 shallow steps are as many operations as 395 to 407 deep ones. Deep minus shallow there:"
    )
    assert "schedule ends after 1.23 to 1.26 times these operations (the screen, one seed): Pre-LN +0.498" in said
    assert "schedule ends" not in show.depth_operations_said(RUNS).plain


def test_tables_hold_the_ends_and_the_costs():
    table = cells(show.depth_table(RUNS))
    assert table["SAS"] == [
        "1.532 (1.530 to 1.534)", "1.452 (1.450 to 1.454)",
        "−0.080, seeds −0.080 to −0.080, interval over files [−0.080, −0.080]",
        "−0.030, seeds −0.030 to −0.030, interval over files [−0.030, −0.030]",
    ]  # fmt: skip
    assert table["Pre-LN"][-1] == ""
    readings = cells(show.depth_readings(RUNS, made.screen()))
    assert readings["SAS"][:3] == ["200,000 and 740,000", "3.68 ×", "−0.080"]
    assert readings["SAS"][3].endswith(" after 407 steps")
    assert readings["SAS"][4] == "+0.498 with 1.23 × the operations"
    assert cells(show.depth_readings(RUNS))["SAS"][4] == "not tried"


def test_the_table_of_rates_says_how_alike_the_tokens_are():
    html = show.depth_rates_table(made.screen(last=0.25, broken=[("sas", 1)]), RUNS).html
    assert "broke" not in html
    assert html.count("<b>") == 4
    assert html.count(">0.250<") == 12
    assert "6 blocks" not in html
    assert "no answer" in html
    shallow = made.screen(dict.fromkeys(made.SHALLOW, 1), L=6, at=(1 / 6, 1 / 3, 1, 2))
    rows = [[cell.get_text() for cell in row] for row in BeautifulSoup(html, "html.parser").tbody.find_all("tr")]
    assert [(rate, used) for block, rate, *_, used in rows if block == "SAS"] == [
        ("0.0015", ""), ("0.003", "deep"), ("0.009", "shallow"),
    ]  # fmt: skip
    both = show.depth_rates_table(made.screen(), RUNS, shallow).html
    assert "loss, 6 blocks" in both
    assert "not tried" not in both
    assert show.depth_rates_table(made.screen(), RUNS, shallow[:1]).html.count(">not tried<") == 11


def test_times_are_told_where_both_depths_were_timed():
    pair = deepened(RUNS)
    assert time_said(pair, {"details": {}}) == "Equal time: no step of these depths has been timed."
    shapes = {L: made.run("sas", L).spec.architecture.model_dump(mode="json") for L in made.DEPTHS}
    timed = {
        str(L): {
            "architecture": {k: v for k, v in shape.items() if k not in ("block", "variant", "options")},
            "batch": 16,
            "median": dict.fromkeys(made.SHALLOW, L / 100),
        }
        for L, shape in shapes.items()
    }
    assert "Time of a step, deep over shallow: Pre-LN 4.00 ×, V-SkipInit 4.00 ×" in time_said(pair, {"details": timed})
    del timed["24"]["median"]["sas"]
    assert "no step of these depths" in time_said(pair, {"details": timed})


def test_findings_are_the_numbers_of_the_page():
    found = {finding.name: finding.value for finding in show.depth_findings(made.screen(), RUNS)}
    assert found["shallow-sas"] == pytest.approx(1.532)
    assert found["deep-sas"] == pytest.approx(1.452)
    assert found["change-v-skipinit"] == pytest.approx(0.03)
    assert found["beside-sas-p"] == pytest.approx(-0.05)
    assert found["rate-sas"] == pytest.approx(1 / 3)
    assert 3 < found["cost"] < 4
    assert found["caught-after"] == pytest.approx(1500 / found["cost"])
    assert found["equal-sas"] > 0
