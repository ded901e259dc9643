"""Figures of depth: they draw what was planted at both depths, and say what was run."""

import numpy as np
import pytest

from nearlinear import show
from nearlinear.results.depth_views import deepened, total_operations
from nearlinear.results.training_studies import DEEP
from nearlinear.show.counting import NAMES
from tests.show import depth_made as made
from tests.show.test_learning import line, panels
from tests.show.test_signal import texts

RUNS = made.depth(spread=0.003)

FIGURES = {
    "curves": show.depth_curves,
    "changes": show.depth_changes,
    "signal": show.depth_signal,
    "gains": show.depth_gains,
}


def two(**options):
    """One block at both depths."""
    return [made.run("sas", L, **options) for L in made.DEPTHS]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_was_run_and_how(name):
    shown = FIGURES[name](RUNS)
    for said in (texts(shown), shown.alt, shown.caption):
        flat = " ".join(said.replace("\N{NO-BREAK SPACE}", " ").split())
        for part in ("6 and 24 blocks", "d = 64", "MLP 128 wide", "1,500 steps", "(bytes)", "3 seeds"):
            assert part in flat, part
        assert "recorded 2026-11-22" in flat
    small = FIGURES[name](made.depth(seeds=1, depths=(1, 24), d=16, d_ff=None, command="papermill"))
    for said in (texts(small), small.alt, small.caption):
        flat = " ".join(said.replace("\N{NO-BREAK SPACE}", " ").split())
        for part in ("1 and 24 blocks, d = 16", "MLP 64 wide", "1 seed", "computed for this page"):
            assert part in flat, part
        assert "1 seeds" not in flat
        assert "1 blocks" not in flat


def test_the_curves_are_of_both_depths_and_against_operations():
    shown = show.depth_curves(RUNS)
    axes = panels(shown)
    assert [ax.get_title("left") for ax in axes[:4]] == [NAMES[block] for block in DEEP]
    for block, above, below in zip(DEEP, axes[:4], axes[4:], strict=True):
        ends = [np.asarray(each.get_ydata())[-1] for each in above.get_lines()]
        assert ends == pytest.approx([made.SHALLOW[block] + 0.002, made.SHALLOW[block] + made.CHANGE[block] + 0.005])
        last = [np.asarray(each.get_xdata())[-1] for each in below.get_lines()]
        assert last == pytest.approx([total_operations(made.run(block, L)) / 1e12 for L in made.DEPTHS])
    assert "SAS: 6 blocks 1.532 (1.530 to 1.534), 24 blocks 1.455 (1.450 to 1.460)." in shown.alt


def test_changes_are_drawn_seed_by_seed():
    shown = show.depth_changes(RUNS)
    left, middle, right = panels(shown)
    dots = [np.asarray(each.get_ydata()) for each in middle.get_lines() if len(each.get_ydata()) == 3]
    assert np.array(dots) == pytest.approx(np.array([[c, c + 0.003, c + 0.006] for c in made.CHANGE.values()]))
    beside = [np.asarray(each.get_ydata()) for each in right.get_lines() if len(each.get_ydata()) == 3]
    assert np.array(beside) == pytest.approx(np.array([[0.08] * 3, [-0.03] * 3, [-0.05] * 3]))
    assert len([each for each in left.get_lines() if len(each.get_ydata()) == 3]) == 8
    assert "SAS, that minus Pre-LN's: −0.030, seeds −0.030 to −0.030" in shown.alt
    assert "interval over the 4 held-out files" in texts(shown)


def test_the_signal_is_drawn_before_and_after_at_both_depths():
    shown = show.depth_signal(made.depth(last=0.4))
    axes = panels(shown)
    assert [ax.get_title("left") for ax in axes] == [
        f"{when} training, {L} blocks" for when in ("before", "after") for L in made.DEPTHS
    ]
    assert line(axes[1], "Pre-LN")[0].tolist() == [*range(25)]
    assert line(axes[1], "Pre-LN")[1][[0, -1]] == pytest.approx([0.9, 0.3])
    assert line(axes[2], "SAS")[1][-1] == pytest.approx(0.4)
    assert "After training, 24 blocks, after the last: Pre-LN 0.400." in shown.alt


def test_the_gains_are_shares_of_their_start():
    shown = show.depth_gains(RUNS)
    axes = panels(shown)
    assert [ax.get_title("left") for ax in axes] == ["α", "β", "γ", "β_FF"]
    for ax, end in zip(axes, (0.8, 1.2, 0.7), strict=False):
        assert [each.get_ydata()[-1] for each in ax.get_lines()[:-1]] == pytest.approx([end] * 6)
    assert line(axes[3], "SAS")[1] == pytest.approx([0.2 / (0.424 / 24**0.5)] * 24)
    assert "β_FF starts at 0.173 (6 blocks) and 0.0865 (24 blocks)" in " ".join(texts(shown).split())


def test_gains_of_a_training_that_broke_off_have_no_answer():
    runs = [*made.depth(seeds=1)[:-1], made.run("sas-p", 24, stopped_at=300)]
    assert "α, SAS-P, 24 blocks: no answer." in show.depth_gains(runs).alt
    assert "no answer" in show.depth_changes(runs).alt
    assert "SAS-P: 6 blocks 1.540, 24 blocks no answer." in show.depth_curves(runs).alt


def test_the_short_training_names_its_depths():
    shown = show.short_depth(two(steps=60))
    (ax,) = panels(shown)
    for L in made.DEPTHS:
        run = made.run("sas", L, steps=60)
        assert tuple(line(ax, f"SAS, {L} blocks, training")[1]) == run.losses
        assert tuple(line(ax, f"SAS, {L} blocks, held out")[1]) == run.held_out[1]
    for said in (texts(shown), shown.alt, shown.caption):
        assert "6 and 24 blocks" in said


def test_the_rates_are_drawn_at_both_depths_and_side_by_side():
    screen = made.screen({"sas": 1 / 6}, harm={"sas": 0.5})
    shown = show.depth_rates(screen, RUNS, made.screen({"sas": 1}, L=6, at=(1 / 6, 1 / 3, 1, 2)))
    *of_blocks, both = panels(shown)
    assert [ax.get_title("left") for ax in of_blocks] == [NAMES[block] for block in DEEP]
    dashed, _, _, deep, best, ring = of_blocks[2].get_lines()
    assert dashed.get_xdata() == pytest.approx([1 / 6, 1 / 3, 1, 2])
    assert np.argmin(dashed.get_ydata()) == 2
    assert deep.get_xdata() == pytest.approx([1 / 6, 1 / 3, 1])
    assert deep.get_ydata() == pytest.approx([2.03, 2.03 + 0.5 * np.log(2), 2.03 + 0.5 * np.log(6)], abs=1e-4)
    assert best.get_xdata() == pytest.approx([1 / 6])
    assert ring.get_xdata() == pytest.approx([1 / 3])
    ends = [tuple(np.asarray(each.get_ydata()).round(3)) for each in both.get_lines()]
    assert ends[2] == (2.926, 2.03)
    assert "SAS: 2.926 at the rate of the shallow, 2.030 at its own." in shown.alt
    for said in (texts(shown), shown.caption, shown.alt):
        assert "At the edge of the rates tried, so that a better one may lie beyond: SAS (lowest)." in (
            " ".join(said.split())
        )
        assert "24 blocks, d = 64" in said
    assert "Solid: 24 blocks; dashed: 6 blocks." in texts(shown)


def test_where_shallow_models_were_not_tried_the_figure_says_so():
    assert "6 blocks: not tried at these rates." in texts(show.depth_rates(made.screen(), RUNS))


def test_one_depth_is_refused():
    with pytest.raises(ValueError, match="judged by two depths"):
        show.depth_curves([run for run in RUNS if run in deepened(RUNS).deep["sas"]])
