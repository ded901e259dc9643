"""Figures and tables of encoders: they draw what was planted, say what was run, and follow the runs in words."""

import numpy as np
import pytest

from nearlinear import show
from nearlinear.results.training_views import Difference
from nearlinear.show.encoder_words import direction
from tests.show import encoders_made as made
from tests.show.test_learning import line, panels
from tests.show.test_learning_tables import rows as cells
from tests.show.test_signal import texts

TRAINED, FINETUNED, SCREEN, TRIED = made.encoders(), made.finetunings(), made.screen(), made.tried()

MASKED = {"curves": show.encoder_curves, "ends": show.encoder_ends}
TASKS = {"accuracy": show.finetuned_accuracy, "curves": show.finetuning_curves}


@pytest.mark.parametrize("name", MASKED)
def test_a_figure_of_masked_training_says_what_was_run(name):
    shown = MASKED[name](TRAINED)
    for said in (texts(shown), shown.alt, shown.caption):
        for part in ("6 blocks", "d = 64", "2,000 steps", "25 % hidden", "wikipedia-sample (bpe-1024)", "3 seeds"):
            assert part in said, part
        assert "recorded 2026-11-22" in said
    small = MASKED[name](made.encoders(seeds=1, d=16, command="papermill"))
    assert "1 seed ·" in small.alt
    assert "computed for this page" in small.alt


def test_curves_are_drawn_against_steps_and_against_minutes():
    left, right = panels(show.encoder_curves(made.encoders(seconds={"sas": 0.03})))
    steps, _ = line(left, "SAS")
    minutes, values = line(right, "SAS")
    assert steps[-1] == 2000
    assert minutes == pytest.approx(np.array(steps) * 0.03 / 60)
    assert values[-1] == pytest.approx(4.01)
    assert line(right, "Pre-LN")[0][-1] == pytest.approx(2000 * 0.05 / 60)
    upright = [each.get_xdata()[0] for each in right.get_lines() if len(set(each.get_xdata())) == 1]
    assert upright == pytest.approx([1.0])


def test_frequencies_are_a_line_across_and_a_sentence():
    shown = show.encoder_curves(TRAINED, 5.992)
    for ax in panels(shown):
        assert set(line(ax, "frequencies alone")[1]) == {5.992}
    assert "Frequencies alone 5.992." in shown.alt
    assert show.encoder_waiting_said(TRAINED, 5.992).plain.startswith(
        "Who knows frequencies alone has a loss of 5.992."
    )
    assert "frequencies" not in show.encoder_curves(TRAINED).alt.lower()


def test_ends_are_paired_by_seed_at_equal_steps_and_in_equal_time():
    shown = show.encoder_ends(made.encoders(seconds={"sas": 0.04}))
    _, right = panels(shown)
    assert right.get_xticklabels()[0].get_text() == "parallel"
    seeds = [np.asarray(each.get_ydata()) for each in right.get_lines() if len(each.get_ydata()) == 3]
    marks, crosses = seeds[0::2], seeds[1::2]
    assert marks[2] == pytest.approx([-0.8] * 3)
    assert (crosses[2] < marks[2]).all()  # Pre-LN is caught on its way down
    assert "SAS minus Pre-LN: −0.800, seeds −0.800 to −0.800, interval over articles" in shown.alt
    assert "in equal time" in shown.alt
    assert "held-out articles" in texts(shown)


def test_the_table_of_encoders():
    found = cells(show.encoder_table(made.encoders(seconds={"sas": 0.04})))
    assert found["Pre-LN"][3:] == ["4.810 (4.800 to 4.820)", "", "", ""]
    assert found["SAS"][2] == "40 ms (40 to 40)"
    assert found["SAS"][4].startswith("−0.800, seeds −0.800 to −0.800, interval over articles")
    assert found["SAS"][6].endswith(" steps")
    assert found["V-SkipInit"][6] == "never"
    late = [run for run in TRAINED if (run.spec.architecture.block, run.spec.seed) != ("sas", 2)]
    found = cells(show.encoder_table([*late, made.masked("sas", 2, end=4.9)]))
    assert found["SAS"][6].endswith("; never with 1 of 3 seeds")


def test_the_tables_of_rates():
    found = cells(show.encoder_rates(made.screen({"sas": 6e-3}), TRAINED))
    assert found["SAS"][2:] == ["5.000", "highest", "0.003"]
    assert found["Pre-LN"][3:] == ["no", "0.003"]
    found = cells(show.finetune_rates(made.tried(broken=[("sas", 3e-3)]), FINETUNED))
    assert found["SAS"] == ["64.0 %", "70.0 %", "broke off", "no", "0.001"]
    assert found["from scratch"][1] == "70.0 %"


def test_where_encoders_wait_and_who_is_first():
    said = show.encoder_waiting_said(TRAINED).plain
    assert said.startswith("After 200 steps the blocks stand between")
    assert "(SAS) and" in said
    assert "Not as low with every seed: V-SkipInit." in said
    assert "As low as Pre-LN ends after 2,000 steps, mean over seeds: parallel after" in said
    assert "Not as low" not in show.encoder_waiting_said(made.encoders({"v-skipinit": 4.7})).plain
    last = show.encoder_waiting_said(made.encoders(dict.fromkeys(made.ENDS, 5.0) | {"pre-ln": 4.0})).plain
    assert "Not as low with every seed: parallel, V-SkipInit, SAS, SAS-P and SAS-P, no norm." in last
    assert "As low as" not in last


def test_ends_in_words_follow_the_runs():
    said = show.encoder_ends_said(TRAINED).plain
    assert "Clearly lower than Pre-LN after equal steps: parallel, SAS, SAS-P, SAS-P, no norm." in said
    assert "Clearly higher than Pre-LN: V-SkipInit." in said
    assert "Minus Pre-LN, mean over seeds: parallel −0.300" in said
    level = show.encoder_ends_said(made.encoders({"sas": 4.8})).plain
    assert "Not to be told from Pre-LN: SAS." in level
    broke = [run for run in TRAINED if run.spec.architecture.block != "sas"]
    broke += [made.masked("sas", k, stopped_at=400) for k in range(3)]
    assert "No answer, because a training broke off: SAS." in show.encoder_ends_said(broke).plain


@pytest.mark.parametrize(
    ("seeds", "low", "high", "wanted"),
    [
        ((-0.3, -0.2), -0.4, -0.1, "better"),
        ((0.3, 0.2), 0.1, 0.4, "worse"),
        ((-0.3, 0.1), -0.4, -0.1, "unclear"),  # not with every seed
        ((-0.3, -0.2), -0.4, 0.1, "unclear"),  # not over articles
        ((-0.3, -0.01), -0.4, -0.1, "unclear"),  # its range over seeds is larger
        ((float("nan"), -0.2), float("nan"), float("nan"), "broke off"),
    ],
)
def test_a_direction_is_clear_or_not(seeds, low, high, wanted):
    assert direction(Difference(seeds, low, high)) == wanted


def test_longer_trainings_say_how_much_of_the_difference_is_left():
    ends = {"pre-ln": 4.2, "sas": 3.8}
    longer = [made.masked(b, k, end=end, steps=6000) for k in range(3) for b, end in ends.items()]
    shown = show.encoder_longer(TRAINED, longer)
    left, right = panels(shown)
    assert line(left, "SAS")[0][-1] == 6000
    marks = [np.asarray(each.get_ydata()) for each in right.get_lines() if len(each.get_ydata()) == 3]
    assert np.array(marks) == pytest.approx(np.array([[-0.8] * 3, [-0.4] * 3]))
    assert [each.get_text() for each in right.get_xticklabels()] == ["SAS, 2,000 steps", "SAS, 6,000 steps"]
    said = show.encoder_longer_said(TRAINED, longer).plain
    assert said.startswith("SAS minus Pre-LN: −0.800 at the usual length, and after 3 times the steps −0.400, seeds")
    assert said.endswith("; 50.0 % of it is left.")
    assert said in shown.alt
    rows = show.encoder_rows(SCREEN, TRAINED, TRIED, FINETUNED, longer)
    assert "50.0 % of it is left; steps by then" in rows[0].controls
    assert {row.verdict for row in rows} == {
        row.verdict for row in show.encoder_rows(SCREEN, TRAINED, TRIED, FINETUNED)
    }
    turned = [made.masked(b, k, end=end, steps=6000) for k in range(3) for b, end in (("pre-ln", 3.8), ("sas", 3.9))]
    assert show.encoder_longer_said(TRAINED, turned).plain.endswith("; its sign has changed.")
    broke = [*longer[:-1], made.masked("sas", 2, steps=6000, stopped_at=500)]
    assert "no answer, because a training broke off" in show.encoder_longer_said(TRAINED, broke).plain


def test_without_longer_trainings_a_sentence_says_so():
    assert show.encoder_longer(TRAINED, []).plain == "Longer trainings of this size are not recorded."
    assert show.encoder_longer_said(TRAINED, []).plain == ""
