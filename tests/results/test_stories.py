"""Texts on their way to a judge and back, and what a larger model makes of them."""

import json
import math

import pytest

from nearlinear.errors import InputError
from nearlinear.results.drift_specs import regularised, regularised_sas
from nearlinear.results.stories import Likely, Stories, judged, stories_specs, to_judge
from tests.show import regularised_made as made

RUNS = made.grid(settings=made.SETTINGS[:3], seeds=2)


def rows(**options) -> list[dict]:
    return [json.loads(line) for line in to_judge(RUNS, **options).splitlines()]


def test_a_judge_sees_texts_and_nothing_of_their_models():
    found = rows()
    assert len({row["id"] for row in found}) == len(found) == len(RUNS) * 2
    assert all(set(row) == {"id", "prompt", "text"} for row in found)
    assert {row["text"] for row in found} == set(RUNS[0].samples[0].drawn)
    assert "cosine" not in to_judge(RUNS)
    assert [row["id"] for row in rows(seed=1)] != [row["id"] for row in found]
    assert rows() == found


def test_marks_come_back_to_their_models():
    marks = {row["id"]: 7.0 if row["text"] == made.HOSTILE else 2.0 for row in rows()}
    assert judged(RUNS, marks) == {run.weights_sha256: 4.5 for run in RUNS}
    first = next(iter(marks))
    for broken in (marks | {first: math.nan}, {id: mark for id, mark in marks.items() if id != first}):
        with pytest.raises(InputError, match=rf"^the text {first} has no mark: judge every text"):
            judged(RUNS, broken)


def test_perplexity_and_nats_a_byte_are_sums_over_all_texts():
    found = Likely(nats=(2.0, 4.0), tokens=(1, 3), n_bytes=(6, 6))
    assert found.perplexity == pytest.approx(math.exp(6 / 4))
    assert found.nats_a_byte == 0.5
    nothing = Likely(nats=(0.0,), tokens=(0,), n_bytes=(0,))
    assert math.isnan(nothing.perplexity)
    assert math.isnan(nothing.nats_a_byte)
    with pytest.raises(ValueError, match="one entry for each text"):
        Likely(nats=(1.0,), tokens=(1, 2), n_bytes=(3,))


def test_a_training_that_nobody_has_read_is_named():
    read = made.stories(RUNS[:2])
    assert read.of(RUNS[1]).weights_sha256 == RUNS[1].weights_sha256
    assert Stories.from_json(read.to_json()) == read
    with pytest.raises(KeyError, match="the texts of llama, seed 0, have not been read"):
        read.of(RUNS[2])


def test_the_specification_holds_every_training_that_writes():
    (spec,) = stories_specs("quick").values()
    assert list(spec.drifts) == [*regularised("quick").values(), *regularised_sas("quick").values()]
    assert all(drift.samples for drift in spec.drifts)
