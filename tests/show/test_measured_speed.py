"""The table of measured speeds: what it says is what the records hold."""

import pytest

from nearlinear import show

RECORD = {
    "settings": {"size": "18x256", "precision": "float32"},
    "provenance": {"machine": {"processor": "A chip", "threads": 2}, "created": "2026-11-22T00:00:00"},
    "details": {
        "128": {
            "seconds": {"pre-ln": [4.0, 6.0, 5.0], "sas": [4.0, 4.0, 4.0], "sas, half cache": [8.0, 12.0, 10.0]},
            "ceiling": {"pre-ln": 1.0, "sas": 1.2, "sas, half cache": 1.5},
        }
    },
}


def test_planted_ratios():
    said = show.measured_speeds("decode", [RECORD]).html
    assert "<b>1.25</b> (1.00 to 1.50)" in said
    assert "at most 1.20" in said
    assert "<b>0.50</b> (0.50 to 0.50)" in said
    assert "SAS, half cache" in said
    assert "18×256, 128 tokens" in said
    assert "A chip, 2 threads, float32, 2026-11-22" in said


@pytest.mark.parametrize("question", ["train", "decode"])
def test_the_records_that_travel_are_shown(question):
    said = show.measured_speeds(question).html
    assert "SAS-P, no norm" in said
    assert "18×768" in said
    assert "at most" in said


def test_rounds_that_do_not_fit_are_refused():
    broken = {**RECORD, "details": {"128": {**RECORD["details"]["128"], "seconds": {"pre-ln": [1.0], "sas": [1, 2]}}}}
    with pytest.raises(ValueError, match=r"shorter|longer"):
        show.measured_speeds("train", [broken])
