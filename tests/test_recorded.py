"""What is recorded is found, and what is not is left out where a page can do without it."""

import pytest

from nearlinear.recorded import result, results, results_if_there
from nearlinear.results.store import NotRecorded
from nearlinear.results.training_specs import core


def test_what_is_not_recorded_is_left_out_as_a_whole():
    there = list(core("quick").values())
    missing = there[0].model_copy(update={"seed": 12345})
    assert results_if_there(there) == results(there) == [result(spec) for spec in there]
    assert results_if_there([*there, missing]) == []
    with pytest.raises(NotRecorded):
        results([*there, missing])


def test_another_mistake_is_not_swallowed():
    with pytest.raises(ValueError, match="no mode 'guess'"):
        results_if_there(core("quick").values(), mode="guess")
