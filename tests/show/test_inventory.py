"""Tables of what is recorded: a row a study, its runs under it, times that a person reads."""

import re

from bs4 import BeautifulSoup

from nearlinear.results.inventory import Benchmark, Study
from nearlinear.show.inventory import benchmarks_table, inventory_table, numbers, took
from tests.results.test_inventory import recording

STUDY = Study(
    "long", "Long <ones>.", (recording("long-0"), recording("long-1", seed=1, seconds=5000.0, commit="f" * 40))
)
OLD = Study("old", "Old.", (recording("old", current=False),))


def rows(html):
    table = BeautifulSoup(html.html, "html.parser")
    return [[cell.get_text(" ") for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]


def test_a_study_is_one_row_and_its_runs_are_folded():
    table = inventory_table([STUDY, OLD])
    long, old = rows(table)
    assert long[1:5] == ["2", "0, 1", "cpu, float32", "84 min"]
    assert long[5] == "2026-11-22"
    assert long[6] == "abc " + "f" * 10
    assert "Long <ones>." in long[0]
    assert "each of 2 files" in long[0]
    assert "long-1" in long[0]
    assert "each of" not in old[0]
    assert old[6].endswith("earlier library")
    assert "3 files of 3 runs, which took 84 min together" in table.html


def test_a_benchmark_is_one_row():
    (row,) = rows(benchmarks_table([Benchmark("b", "How fast?", "cpu, X", 30.0, "a" * 40, "2026-01-02T", "do it")]))
    assert re.sub(r"\s+", " ", row[0]).startswith("b How fast? command do it")
    assert row[1:] == ["cpu, X", "30 s", "2026-01-02", "a" * 10]


def test_seeds_are_ranges():
    assert numbers([0, 1, 2, 100]) == "0 to 2, 100"
    assert numbers([0, 1]) == "0, 1"
    assert numbers([]) == ""


def test_times_are_in_the_unit_that_suits_them():
    assert [took(s) for s in (0.4, 99, 100, 5999, 7200)] == ["0 s", "99 s", "2 min", "100 min", "2.0 h"]
