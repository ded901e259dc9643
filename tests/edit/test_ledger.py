"""The ledger: measured once, kept across a kill, one sentence when the disk says no."""

import pytest

from nearlinear.edit.ledger import Ledger
from nearlinear.errors import NearlinearError


def never():
    raise AssertionError("measured again")


def test_a_number_is_measured_once_and_kept(tmp_path):
    path = tmp_path / "new" / "ledger.jsonl"
    assert Ledger(path).get("remove 3 5", lambda: [1.5, 2.25]) == [1.5, 2.25]
    again = Ledger(path)
    assert again.get("remove 3 5", never) == [1.5, 2.25]
    assert again.get("replace 3 5", lambda: (0.5,)) == [0.5]
    assert Ledger(path).get("replace 3 5", never) == [0.5]


@pytest.mark.parametrize("torn", ['["replace 1", [0.3', "nonsense", "[]", '"x"', "3"])
def test_a_line_that_a_kill_left_half_written_is_passed_over(tmp_path, torn):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).get("remove 1", lambda: [1.0])
    with path.open("a") as file:
        file.write(torn)
    torn_ledger = Ledger(path)
    assert torn_ledger.get("remove 1", never) == [1.0]
    assert torn_ledger.get("replace 1", lambda: [0.25]) == [0.25]
    assert Ledger(path).known == {"remove 1": [1.0], "replace 1": [0.25]}


def test_floats_come_back_bit_for_bit(tmp_path):
    value = 0.1 + 0.2
    Ledger(tmp_path / "l").get("a", lambda: [value])
    assert Ledger(tmp_path / "l").get("a", never) == [value]


def test_a_place_that_cannot_be_written_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NearlinearError, match="cannot be written"):
        Ledger(tmp_path / "file" / "ledger.jsonl").get("a", lambda: [1.0])
