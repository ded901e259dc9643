"""The table of costs: a row a size, and measured hours only where the runs are all those of that size."""

from bs4 import BeautifulSoup

from nearlinear import show
from nearlinear.results.costs import cost, costs
from nearlinear.results.training_specs import core
from nearlinear.show.costs import duration
from tests.show import trainings


def cells(shown) -> list[list[str]]:
    rows = BeautifulSoup(shown.html, "html.parser").tbody.find_all("tr")
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in rows]


def test_hours_are_measured_for_the_size_that_is_shown():
    runs = trainings.core({"pre-ln": 1.5, "sas": 1.6})
    known = {"quick": costs(core)["quick"], "laptop": cost(run.spec for run in runs)}
    quick, laptop = cells(show.what_it_costs(known, runs))
    assert quick[0] == "quick, for tests"
    assert quick[-2:] == ["", ""]
    assert laptop[1] == "6"
    assert laptop[-1] == f"{duration(sum(run.seconds[-1] for run in runs) / 3600)} on cpu"
    assert cells(show.what_it_costs(known, runs[1:]))[1][-1] == ""


def test_durations_have_their_unit():
    assert duration(2.5) == "2.50 hours"
    assert duration(0.5) == "30.0 minutes"
    assert duration(0.001) == "3.60 seconds"
