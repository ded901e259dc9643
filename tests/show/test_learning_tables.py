"""Tables of training, the times of a step and the findings: the numbers that were planted."""

import json
import re
from html import unescape

import numpy as np
import pytest

from nearlinear import show
from nearlinear.results.training_specs import SIX
from nearlinear.show import learning_times
from nearlinear.show.learning_times import step_seconds
from tests.show import trainings
from tests.show.test_learning import SECONDS


def rows(shown) -> dict[str, list[str]]:
    """First cell → the others, as text."""
    found = re.findall(r"<tr><th scope='row'[^>]*>(.*?)</th>(.*?)</tr>", shown.html)
    return {
        unescape(first): [unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", rest)]
        for first, rest in found
    }


def test_the_table_of_rates():
    tried = trainings.screen({"sas": 9e-3}, broken=[("v-skipinit", 9e-3)])
    shown = show.rates_table(tried, trainings.core(rates={"sas": 3e-3}))
    table = rows(shown)
    assert list(table) == ["Pre-LN", "parallel", "V-SkipInit", "SAS", "SAS-P", "SAS-P, no norm"]
    assert table["SAS"] == ["4.197", "3.099", "2.000", "0.009, the highest tried", "0.003", "0.001"]
    assert table["V-SkipInit"] == ["3.099", "2.000", "broke off", "0.003", "0.003", "0.0003"]
    assert "<b>2.000</b>" in shown.html
    assert "<b>3.099</b>" not in shown.html


def test_no_column_for_rates_that_the_paper_does_not_print():
    table = rows(show.rates_table(trainings.screen(), papers={}))
    assert table["SAS"] == [*rows(show.rates_table(trainings.screen()))["SAS"][:-1]]


def test_rates_that_only_some_blocks_have_leave_cells_empty():
    more = trainings.run("sas", 100, 2.7e-2, 1.9)
    table = rows(show.rates_table([*trainings.screen(), more]))
    assert table["SAS"][3:5] == ["1.900", "0.027, the highest tried"]
    assert table["Pre-LN"][3:5] == ["", "0.003"]


def test_the_table_of_ends():
    table = rows(show.endings_table(trainings.core()))
    assert table["Pre-LN"] == ["500,000", "0.003", "1.502 (1.500 to 1.504)", "", ""]
    assert table["SAS"][3] == "+0.030, seeds +0.030 to +0.030, interval over files [+0.030, +0.030]"
    assert table["parallel"][4] == "not reached"
    steps = float(table["SAS"][4].split()[0])
    assert table["SAS"][4] == f"{steps:.0f} steps of 1,000"
    assert trainings.loss_at(steps, 1.5, 1000) == pytest.approx(1.53, abs=0.01)


def test_the_table_of_readings():
    runs = trainings.core(parameters=400_000)
    table = rows(show.readings_table(runs, SECONDS))
    assert table["Pre-LN"][:2] == ["0", "60.0 ms"]
    assert table["parallel"][:3] == ["−0.020", "50.0 ms", table["parallel"][2]]
    assert table["parallel"][2].endswith("after 1,000 steps")
    assert table["SAS"][2].endswith("after 758 steps")
    assert rows(show.readings_table(runs, {}))["SAS"][1:3] == ["not timed", ""]
    assert "not run" in show.readings_table(runs, {}).html


def test_wider_models_have_a_line_of_their_own():
    runs = trainings.core(parameters=400_000)
    wider = [trainings.run("sas", k, end=1.51 + 0.002 * k, d_ff=320, parameters=404_000) for k in range(3)]
    shown = show.readings_table(runs, SECONDS, wider)
    gap = "+0.010, seeds +0.010 to +0.010, interval over files [+0.010, +0.010]"
    assert rows(shown)["SAS, its MLP 320 wide"] == [gap, "not timed", "", "404,000 (+1.0 %)"]
    assert "not run" not in shown.html


def test_findings_are_the_runs():
    wider = [trainings.run("sas", k, end=1.49 + 0.002 * k, d_ff=320) for k in range(3)]
    findings = show.learning_findings(trainings.screen({"sas": 9e-3}), trainings.core(), wider)
    found = {f.name: f.value for f in findings}
    assert found["equal-sas"] == pytest.approx(-0.01)
    assert "equal-sas" not in {f.name for f in show.learning_findings(trainings.screen(), trainings.core())}
    assert found["rate-sas"] == 9e-3
    assert found["loss-sas"] == pytest.approx(1.532)
    assert found["gap-sas-p-no-norm"] == pytest.approx(0.1)
    assert found["loss-range"] == pytest.approx(0.004)
    assert found["epochs"] == pytest.approx(0.1)
    assert "reached-parallel" not in found  # Pre-LN never gets as low
    assert 500 < found["reached-sas"] < 1000


RECORD = {
    "details": {
        name: {
            "seconds_a_step": {b: [s * k for k in (1.0, 1.1, 1.3)] for b, s in SECONDS.items()},
            "median": {b: 1.1 * s for b, s in SECONDS.items()},
            "architecture": {"L": 10, "d": d, "h": 4, "T": 64, "d_ff": None, "std": None},
            "batch": 16,
        }
        for name, d in (("laptop", 64), ("d256", 256))
    },
    "provenance": {"created": "2026-11-22T06:00:00", "machine": {"processor": "a quiet CPU", "threads": 1}},
}


def test_seconds_of_a_step_are_those_of_the_runs_size():
    assert step_seconds(trainings.run(), RECORD) == pytest.approx({b: 1.1 * s for b, s in SECONDS.items()})
    assert step_seconds(trainings.run(d=32), RECORD) == {}
    assert step_seconds(trainings.run(L=6), RECORD) == {}


def test_times_are_of_every_width_that_was_timed():
    shown = show.step_times(RECORD)
    assert rows(shown)["Pre-LN"] == ["66.0 ms", "66.0 ms"]
    assert rows(shown)["SAS"] == ["72.6 ms · 0.91 (0.91 to 0.91)"] * 2
    assert "L = 10, d = 256" in shown.html
    assert "a quiet CPU, 1 thread, 2026-11-22" in shown.html


def test_without_a_record_nothing_is_timed_and_with_one_it_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(learning_times, "data_root", lambda kind: tmp_path / kind)
    assert step_seconds(trainings.run()) == {}
    assert "No step of this size has been timed" in show.step_times().html
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/train_steps.json").write_text(json.dumps(RECORD))
    assert set(step_seconds(trainings.run())) == set(SIX)
    assert np.isclose(step_seconds(trainings.run())["sas"], 1.1 * 0.066)
