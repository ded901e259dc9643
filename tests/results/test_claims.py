"""The claims are complete, and chart readings have not crept in."""

import pytest

from nearlinear.errors import InputError
from nearlinear.results.claims import claim, claims, questions


def test_every_claim_and_question_is_there_in_order():
    assert [c.id for c in claims()] == [f"L{i}" for i in range(1, 23)] + [f"S{i}" for i in range(1, 28)]
    assert [q.id for q in questions()] == ["B1", "B2", "B3", "B4"]


def test_each_claim_belongs_to_its_paper_and_says_where_it_stands():
    for c in claims():
        assert c.paper == {"L": "2405.12250", "S": "2311.01906"}[c.id[0]]
        assert c.claim
        assert c.where
        assert c.paper_value is None or c.paper_value.strip("— ")


def test_claims_that_stand_in_a_chart_alone_have_no_number():
    """No table and no text prints numbers for these figures of the first paper."""
    charts = [c for c in claims() if c.id[0] == "L" and "Table" not in c.where and "abstract" not in c.where]
    assert len(charts) == 15
    assert all(c.paper_value is None for c in charts)


def test_controls_are_spelt_out():
    assert all(c.controls not in ("same", "—") for c in claims())
    assert claim("L3").controls == claim("L1").controls
    assert claim("L8").controls == claim("L7").controls
    assert all(c.controls for c in claims() if c.id[0] == "L")


def test_known_values():
    assert claim("L1").paper_value == "≈ 0.99"
    assert claim("L10").paper_value == "43.33 → 46.06 (650M), 41.10 → 42.78 (150M)"
    assert claim("S11").where == "§4.2, Table 1"


def test_an_unknown_claim_is_refused():
    with pytest.raises(InputError, match="there is no claim 'L23': claims are L1 to L22 and S1 to S27"):
        claim("L23")
