"""The atlas of the book holds every recorded profile, with its numbers to take away."""

import base64
import csv
import re

import pytest
from bs4 import BeautifulSoup

from nearlinear.fleet.atlas_html import fragment, script
from nearlinear.fleet.atlas_rows import Entry
from nearlinear.show.words import is_random
from tests.show import synthetic
from tools import atlas


@pytest.fixture(scope="module")
def made() -> str:
    return atlas.page()


def test_every_recorded_profile_is_a_row_or_a_twin(made):
    files = sorted(atlas.RESULTS.glob("*.profile.json"))
    assert len(files) >= 8
    numbers = re.search(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', made)[1]
    rows = list(csv.DictReader(base64.b64decode(numbers).decode().splitlines()))
    assert len(rows) + sum(int(row["twins"]) for row in rows) == len(files)
    trained = [f for f in files if not is_random(synthetic.LinearityProfile.load(f).provenance)]
    assert len(rows) >= len(trained)
    body = BeautifulSoup(made, "html.parser").tbody
    assert [row.th.get_text() for row in body.find_all("tr")] == [row["model"] for row in rows]


def test_it_is_one_piece_of_html_that_markdown_leaves_alone(made):
    lines = made.splitlines()
    assert (lines[0], lines[-1]) == ("````{raw} html", "````")
    assert not any(line.startswith("```") for line in lines[1:-1])
    soup = BeautifulSoup(made, "html.parser")
    assert [script_.string for script_ in soup.find_all("script")] == [script()]
    assert not soup.find(src=True)
    assert not soup.find(["h1", "h2"])  # those of the page are in its prose


def test_a_profile_that_cannot_be_read_stops_the_build(monkeypatch, tmp_path):
    synthetic.profile(L=2).save(tmp_path / "good.profile.json")
    (tmp_path / "bad.profile.json").write_text("{}")
    monkeypatch.setattr(atlas, "RESULTS", tmp_path)
    with pytest.raises(ValueError, match=r"bad\.profile\.json is no profile of this version: make results renews it"):
        atlas.page()


def test_the_piece_is_that_of_the_command_line(monkeypatch):
    monkeypatch.setattr("nearlinear.fleet.atlas_html.drawn", lambda entries: {})
    found = [Entry(synthetic.profile(L=2))]
    assert fragment(found) in atlas.part(found)
