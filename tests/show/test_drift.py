"""Figures and tables of drifts: they say what the runs say, how much was run, and what broke off."""

import re

import numpy as np
import pytest

from nearlinear import show
from nearlinear.errors import InputError
from tests.show import drifts_made as made
from tests.show.synthetic import profile
from tests.show.test_learning_tables import rows
from tests.show.test_meeting import panels, texts

RUNS = made.drifts()
FIGURES = {
    "through": show.drift_through,
    "map": show.drift_map,
    "losses": show.drift_losses,
    "sizes": show.drift_sizes,
    "cloud": show.drift_cloud,
    "account": show.drift_account,
}
TABLES = {"table": show.drift_table, "ways": show.drift_ways, "cloud": show.cloud_table}
SAID = (
    "8 blocks, d = 64",
    "T = 128",
    "3,000 steps of wikipedia-sample",
    "1,000 steps of tales",
    "n/d = 254",
    "3 seeds",
)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_names_size_text_and_every_group(name):
    shown = FIGURES[name](RUNS)
    for said in SAID:
        assert said in texts(shown)
        assert said in shown.alt
        assert said in shown.caption
    for family in ("Llama type", "GPT-NeoX type"):
        for text in ("prose", "tales", "code"):
            assert f"{family} on {text}" in shown.alt
    assert "nan" not in shown.alt
    assert shown.svg() == FIGURES[name](RUNS).svg()


@pytest.mark.parametrize("name", FIGURES)
def test_one_family_on_one_text_and_a_run_that_broke_off_can_be_drawn(name):
    runs = [
        made.run("sas", "novels", 0, steps=40, halvings=3),
        made.run("sas", "novels", 1, steps=40, halvings=3, stopped_at=10),
    ]
    shown = FIGURES[name](runs)
    assert "SAS on novels" in shown.alt
    if name != "losses":
        assert "Broke off, and not drawn: SAS on novels, seed 1." in texts(shown).replace("\n", " ")


def test_both_readings_are_drawn_with_first_tokens_and_without():
    shown = show.drift_through([made.run(seed=seed) for seed in range(3)])
    upper, lower = panels(shown)
    full, dashed = upper.get_lines()
    assert full.get_ydata()[-1] == pytest.approx(0.6 - 0.035 + 0 - 0.002)
    assert dashed.get_ydata()[-1] == pytest.approx(0.65 - 0.035 - 0.002)
    rest = lower.get_lines()[0].get_ydata()
    assert (np.diff(rest[4:]) > 0).all()  # 1 − s rises as s falls
    assert lower.get_yscale() == "log"
    assert list(full.get_xdata()[1:]) == list(made.run().spec.looks[1:])
    assert "s_Δ, Llama type on prose, from the first look to the last: without first tokens 0.893" in shown.alt


def test_the_account_is_drawn_with_signs():
    """Blue up: less linear; orange up: smaller updates."""
    smaller = [made.run(ends={"update": (0.9, 0.8), "size": (0.4, 0.2)}, seed=seed) for seed in range(3)]
    shown = show.drift_account(smaller)
    assert re.search(r"unexplained share −0\.0\d, size of the update −0\.\d\d, log\(1 − s_Δ\) \+0\.\d\d", shown.alt)
    (panel,) = panels(shown)
    heights = [bar.get_height() for bar in panel.patches]
    assert min(heights[8:]) > 0.5
    assert max(map(abs, heights[:8])) < 0.1


def test_losses_say_how_often_a_text_is_read():
    shown = show.drift_losses(RUNS)
    assert "Read: prose 1.4 times, tales 0.47 times, code 1.4 times." in shown.caption


def test_a_short_run_is_drawn_block_by_block():
    shown = show.drift_short(made.run(steps=40, halvings=3))
    assert "block 7 0.830 to 0.530. Loss 4.000 to 2.500." in shown.alt
    assert "40 steps of wikipedia-sample" in shown.caption
    assert len(panels(shown)[0].get_lines()) == 8


@pytest.mark.parametrize("name", TABLES)
def test_a_table_names_size_and_every_group(name):
    html = TABLES[name](RUNS).html
    for said in SAID:
        assert said in html
    assert "GPT-NeoX type on code" in html


def test_the_table_holds_the_planted_change_with_its_interval():
    table = rows(show.drift_table(RUNS))
    cells = {re.sub("<[^>]+>", "", name): each for name, each in table.items()}["Llama type on prose, from 188"]
    assert cells[1] == "0.863 (0.861 to 0.865)"
    assert cells[2] == "0.563 (0.561 to 0.565)"
    assert cells[3] == "−0.300 [−0.300, −0.300]"
    assert cells[8] == "2.500 (2.500 to 2.500)"


def test_each_way_of_measuring_has_its_own_change():
    html = show.drift_ways([made.run(seed=seed) for seed in range(2)]).html
    assert html.count("−0.300 [−0.300, −0.300]") == 3
    assert html.count("−0.330 [−0.330, −0.330]") == 1
    assert "in sample, first tokens in (the paper" in html


def test_rates_say_the_best_and_what_broke_off():
    tried = made.screen({"gpt-neox": 9e-3}, broken=[("llama", 9e-3)])
    table = rows(show.drift_rates(tried, RUNS))
    assert table["Llama type"] == ["3.099", "2.000", "broke off", "0.003", "0.003"]
    assert table["GPT-NeoX type"][-2:] == ["0.009 (the highest tried)", "0.003"]
    assert rows(show.drift_rates(tried, [made.run()]))["GPT-NeoX type"][-1] == "not trained here"


def test_what_is_said_follows_the_runs():
    ends = {("gpt-neox", "tales"): {"update": (0.6, 0.9)}}
    said = show.drift_said(made.drifts(ends)).plain
    assert said.startswith("From the early look to the end s_Δ falls for Llama type on prose, GPT-NeoX type on prose, ")
    assert "it rises for GPT-NeoX type on tales." in said
    one = show.drift_said(made.drifts(seeds=1)).plain
    assert "falls" not in one
    assert "does neither for certain" in one
    smaller = [made.run(ends={"update": (0.9, 0.9), "size": (0.4, 0.2)})]
    told = show.account_said(smaller).plain
    assert re.search(r"the unexplained share of the state is −0\.\d\d, and the size of updates \+0\.\d\d", told)


def test_findings_are_the_runs():
    found = {f.name: f.value for f in show.drift_findings(RUNS)}
    assert len(found) == len(show.drift_findings(RUNS)) == 36
    assert found["drift-update-llama-prose"] == pytest.approx(-0.3)
    assert found["drift-size-gpt-neox-code"] == pytest.approx(0, abs=1e-12)
    assert found["drift-dimension-llama-tales"] == pytest.approx(6 + 0.035 + 0.002)


def test_checkpoints_of_the_hub_stand_side_by_side():
    names = "org/model@step1,step2"
    shown = show.hub_drift([profile(seed=0), profile(seed=1)], names)
    assert "step1" in shown.alt
    assert "in sample" in texts(shown)
    nothing = show.hub_drift([], "")
    assert nothing.plain.startswith("No checkpoints of the hub were asked for")
    with pytest.raises(InputError, match=r"^2 checkpoints are named and 1 were measured"):
        show.hub_drift([profile()], names)
