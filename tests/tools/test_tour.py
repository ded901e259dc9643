"""The tour: every number from results, every drawing in words, and nothing left open."""

import re
from xml.etree import ElementTree

import pytest
from jinja2 import UndefinedError, meta
from jinja2.environment import Environment

from nearlinear.results.profile_spec import long_specs
from nearlinear.results.store import recorded
from nearlinear.results.types import LinearityProfile
from nearlinear.show import stream_drawings
from tools import tour
from tools.profiles import ROOT


def test_every_placeholder_is_filled_and_every_number_is_used():
    asked = meta.find_undeclared_variables(Environment().parse(tour.written()))
    assert asked == tour.words().keys()
    assert "{{" not in tour.page()


def test_a_placeholder_that_nothing_fills_stops_the_build(monkeypatch):
    monkeypatch.setattr(tour, "written", lambda: "{{ nobody_knows }}")
    with pytest.raises(UndefinedError, match="nobody_knows"):
        tour.page()


def test_numbers_are_those_of_the_recorded_results():
    model = recorded(long_specs("smollm2-135m")[0], LinearityProfile)
    said = tour.words()
    middle = sorted(model.scores)[14:16]
    assert float(said["score_median"]) == pytest.approx(sum(middle) / 2, abs=5e-4)
    block = int(said["spike_block"])
    assert float(said["spike_with"]) == pytest.approx(model.scores[block], abs=5e-4)
    assert float(said["spike_without"]) == pytest.approx(model.no_first_token.scores[block], abs=5e-4)
    assert said["gap_v"].startswith("+0.")
    assert said["fewer_v"] == "as many"
    assert said["fewer_sas"].endswith(" % fewer")


def test_no_measured_number_is_typed():
    """What is left: the papers' own 0.99, scores that a question supposes, powers, parts of names and of links."""
    prose = re.sub(r"\{\{.*?\}\}|`[^`]*`|\$\$.*?\$\$|\]\([^)]*\)", "", tour.written(), flags=re.DOTALL)
    prose = re.sub(r"^:(?:width|alt):.*$|^:::.*$", "", prose, flags=re.MULTILINE)
    assert set(re.findall(r"\d+(?:\.\d+)?", prose)) <= {"0.99", "0.9", "0", "1", "2"}


def test_a_reader_gets_through_in_ten_minutes():
    words = re.findall(r"[A-Za-z’']+", re.sub(r"\$.*?\$", "", tour.page(), flags=re.DOTALL))
    assert len(words) < 10 * 180  # a slow reader of a technical text


@pytest.mark.parametrize("draw", [stream_drawings.stream, stream_drawings.sums])
def test_drawings_are_well_formed_light_and_say_what_they_show(draw):
    root = ElementTree.fromstring(draw())
    title, words, ground = list(root)[:3]
    assert title.text
    assert words.text.startswith("A drawing")
    assert ground.attrib["fill"] == stream_drawings.PANEL  # drawn on a ground of its own, a dark page changes nothing
    assert ground.attrib["width"] == root.attrib["width"]
    for each in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(each.attrib["x"]) < float(root.attrib["width"])
        assert 0 < float(each.attrib["y"]) < float(root.attrib["height"])


def test_the_scorers_page_says_the_words_of_its_drawing():
    assert stream_drawings.SUMS_WORDS in (ROOT / "book/scorer.md").read_text(encoding="utf-8")
    assert stream_drawings.STREAM_WORDS in tour.page()
