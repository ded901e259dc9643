"""Figures of training: they draw the means and ranges of the runs, and say what was run, and what was not."""

from functools import partial

import numpy as np
import pytest
from matplotlib.axes import Axes

from nearlinear import show
from nearlinear.results.training_specs import SIX
from nearlinear.results.training_views import by_block, held_out_curves, losses, training_curves
from nearlinear.show.counting import NAMES
from tests.show import trainings
from tests.show.test_signal import texts

CORE, SCREEN = trainings.core(), trainings.screen()
SECONDS = dict(zip(SIX, (0.060, 0.050, 0.080, 0.066, 0.064, 0.055), strict=True))

FIGURES = {
    "screen": lambda runs: show.rates_screened(runs),
    "curves": show.learning_curves,
    "ends": show.final_losses,
    "readings": show.three_readings,
    "gap": show.train_and_held_out,
    "short": show.short_training,
}


def panels(shown) -> list:
    return [ax for ax in shown.figure.findobj(Axes) if ax.get_lines()]


def line(ax, label: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [each for each in ax.get_lines() if each.get_label() == label]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_was_run_and_how(name):
    shown = FIGURES[name](CORE)
    for said in (texts(shown), shown.alt, shown.caption):
        for part in ("10 blocks", "d = 64", "1,000 steps", "1,024,000 tokens of python-stdlib (bytes)", "3 seeds"):
            assert part in said, part
        assert "recorded 2026-11-22" in said
    small = FIGURES[name](trainings.core(seeds=1, L=1, d=16, command="papermill"))
    for said in (texts(small), small.alt, small.caption):
        assert "1 block, d = 16" in said
        assert "1 seed" in said
        assert "1 seeds" not in said
        assert "computed for this page" in said


def test_the_screen_shows_every_rate_and_marks_the_best():
    best = {"sas": 9e-3, "sas-p": 1e-3}
    shown = show.rates_screened(trainings.screen(best), trainings.core(rates={"sas": 9e-3}))
    (ax,) = panels(shown)
    rates, values = line(ax, "SAS")
    assert rates == pytest.approx([1e-3, 3e-3, 9e-3])
    assert values == pytest.approx([2 + np.log(9), 2 + np.log(3), 2], abs=1e-4)
    assert "SAS: 4.197 at 0.001, 3.099 at 0.003, 2.000 at 0.009; best 0.009." in shown.alt
    for said in (texts(shown), shown.caption, shown.alt):
        assert "At the edge of the rates tried, so that a better one may lie beyond: SAS (highest), SAS-P (lowest)" in (
            " ".join(said.split())
        )
    assert "Rates of the long runs: Pre-LN 0.003, parallel 0.003, V-SkipInit 0.003, SAS 0.009" in shown.caption


def test_no_edge_is_spoken_of_where_there_is_none():
    shown = show.rates_screened(SCREEN)
    assert "edge" not in texts(shown) + shown.caption + shown.alt
    assert "Ring" not in texts(shown)


def test_a_rate_at_which_training_broke_off_has_no_point():
    shown = show.rates_screened(trainings.screen(broken=[("sas", 9e-3)]))
    assert np.isnan(line(panels(shown)[0], "SAS")[1][2])
    assert "no answer at 0.009" in shown.alt


def test_curves_are_means_over_seeds_with_their_range():
    shown = show.learning_curves(CORE)
    axes, blocks = panels(shown), by_block(CORE)
    trained = partial(training_curves, span=100)
    for panel, curves in enumerate((held_out_curves, held_out_curves, trained, trained)):
        for block in SIX:
            steps, values = curves(blocks[block])
            x, y = line(axes[panel], NAMES[block])
            assert x == pytest.approx(steps[steps > 0])
            assert y == pytest.approx(values.mean(0)[steps > 0])
    assert axes[1].get_xlim() == (500, 1000)
    assert "SAS 1.532 (1.530 to 1.534)." in shown.alt
    assert "band: from the lowest to the highest" in texts(shown)
    assert "One seed" in texts(show.learning_curves(trainings.core(seeds=1)))


def test_a_training_that_broke_off_is_drawn_up_to_there():
    ends = {"pre-ln": 1.5}
    shown = show.learning_curves([*trainings.core(ends), *(trainings.run("sas", k, stopped_at=300) for k in range(3))])
    x, _ = line(panels(shown)[0], "SAS")
    assert x.max() == 300
    assert "SAS no answer" in shown.alt


def test_ends_are_shown_seed_by_seed_and_beside_the_base_block():
    shown = show.final_losses(CORE)
    left, right = panels(shown)
    dots = [np.asarray(each.get_ydata()) for each in left.get_lines()]
    assert np.array(dots) == pytest.approx(np.array([losses(each) for each in by_block(CORE).values()]))
    gaps = [np.asarray(each.get_ydata()) for each in right.get_lines() if len(each.get_ydata()) == 3]
    assert len(gaps) == len(SIX) - 1
    assert gaps[2] == pytest.approx([0.03] * 3)
    assert "SAS minus Pre-LN: +0.030, seeds +0.030 to +0.030, interval over files [+0.030, +0.030]." in shown.alt
    assert "interval over the 4 held-out files" in texts(shown)


def test_three_readings_are_one_curve_on_three_axes():
    shown = show.three_readings(CORE, SECONDS)
    steps, minutes, parameters = panels(shown)
    x, y = line(steps, "SAS")
    at, same = line(minutes, "SAS")
    assert at == pytest.approx(x * SECONDS["sas"] / 60)
    assert same == pytest.approx(y)
    assert [ax.get_title("left") for ax in (steps, minutes, parameters)] == ["equal steps", "equal time", "parameters"]
    (until,) = [each.get_xdata()[0] for each in minutes.get_lines() if each.get_label().startswith("_child")][-1:]
    assert until == pytest.approx(1000 * min(SECONDS.values()) / 60)
    assert "says nothing of the paper's speeds" in texts(shown)
    assert "Equal parameters: not run." in shown.caption


def test_what_was_not_timed_is_left_out_and_said():
    for seconds in ({}, {"pre-ln": 0.06}):  # none, and not all
        shown = show.three_readings(CORE, seconds)
        assert [ax.get_title("left") for ax in panels(shown)] == ["equal steps", "parameters"]
        assert "Equal time: left out. No step of this size has been timed." in shown.caption
        assert "minutes" not in texts(shown)


def test_wider_models_stand_at_their_parameters():
    wider = [trainings.run("sas", k, end=1.5, d_ff=320, parameters=520_000) for k in range(3)]
    runs = trainings.core({"pre-ln": 1.5, "sas": 1.53}, parameters=430_000)
    shown = show.three_readings(runs, {}, wider)
    ends = [(each.get_xdata()[0], each.get_mfc()) for each in panels(shown)[1].get_lines()]
    assert ends[-1] == (520.0, "white")
    assert "not run" not in shown.caption
    with pytest.raises(ValueError, match="differ in size"):
        show.three_readings(runs, {}, [trainings.run("sas", d=96)])


def test_held_out_minus_training_is_what_was_planted():
    shown = show.train_and_held_out(trainings.core(ahead=0.25, every=250))
    _, right = panels(shown)
    x, y = line(right, "SAS")
    assert x.tolist() == [250, 500, 1000]  # where both are known
    assert "Of the training text 10.0 % was read, no window twice." in shown.caption
    ends = trainings.core(ahead=0.25)
    _, trained = training_curves(ends[3::6])
    assert line(panels(show.train_and_held_out(ends))[1], "SAS")[1][-1] == pytest.approx(1.532 - trained[:, -1].mean())
    assert y[-1] < 0.25  # a mean over the last steps, when the loss was higher


def test_text_that_was_read_twice_is_said():
    runs = [run.model_copy(update={"epochs": 1.6}) for run in trainings.core()]
    assert "160 % was read, some windows more than once" in show.train_and_held_out(runs).caption


def test_the_short_training_shows_every_point():
    runs = [trainings.run("pre-ln", steps=60), trainings.run("sas-p", steps=60)]
    (ax,) = panels(show.short_training(runs))
    x, y = line(ax, "SAS-P, training")
    assert tuple(x) == runs[1].steps
    assert tuple(y) == runs[1].losses
    assert tuple(line(ax, "SAS-P, held out")[1]) == runs[1].held_out[1]
