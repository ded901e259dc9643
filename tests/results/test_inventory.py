"""What is recorded, in studies: nothing is lost, nothing counted twice, and what no plan names stands by itself."""

from types import SimpleNamespace

import pytest

from nearlinear.results.inventory import Recording, begin_alike, benchmarks, studies
from nearlinear.results.provenance import CorpusSource, ModelSource, Provenance


def made(seed=0, seconds=10.0, commit="abc"):
    return Provenance(
        model=ModelSource(id="m", sha256="0", architecture="A", n_parameters=1, L=1, d=1),
        corpus=CorpusSource(id="t", sha256="0", n_documents=1),
        n_tokens=1, n_windows=1, seed=seed, device="cpu", dtype="float32", precision="exact", versions={},
        seconds=seconds, commit=commit, clean=True, command="do", library_sha256="0", spec_sha256="0",
        created="2026-11-22T00:00:00+00:00",
    )  # fmt: skip


def recording(name, current=True, **of):
    return Recording(name, f"A {name}.", current, made(**of))


FOUND = [
    recording("alone", seconds=5.0),
    recording("alone", seconds=5.0),
    recording("long-sas-0"),
    recording("long-sas-1", seed=1, commit="def"),
    recording("other-0", current=False),
]


@pytest.fixture
def found():
    return studies(FOUND, {"Long ones.": ["long-sas-0", "long-sas-1", "long-sas-2"], "None.": ["nothing"]})


def test_every_recording_is_in_one_study(found):
    assert [r for study in found for r in study.recordings] == FOUND
    assert [study.name for study in found] == ["alone", "long-sas", "other-0"]
    assert [study.what for study in found] == ["A alone. · A alone.", "Long ones.", "A other-0."]


def test_two_files_of_one_run_are_one_run_and_one_time(found):
    alone, long, _ = found
    assert (alone.n_runs, alone.seconds) == (1, 5.0)
    assert (long.n_runs, long.seconds) == (2, 20.0)


def test_what_differs_within_a_study_is_listed_once(found):
    _, long, other = found
    assert long.each("seed") == [0, 1]
    assert long.each("commit") == ["abc", "def"]
    assert long.each("device") == ["cpu"]
    assert long.current
    assert not other.current


def test_of_two_plans_the_first_has_the_run():
    (study,) = studies([recording("a-0")], {"First.": ["a-0"], "Second.": ["a-0"]})
    assert study.what == "First."


def test_names_that_begin_alike_are_cut_at_whole_words():
    assert begin_alike(["train-core-sas-0", "train-core-sas-p-0"]) == "train-core-sas"
    assert begin_alike(["train-10", "train-11"]) == "train"
    assert begin_alike(["one"]) == "one"
    assert begin_alike(["one-0", "other-0"]) == ""
    assert studies([recording("one-0"), recording("other-0")], {"Both.": ["one-0", "other-0"]})[0].name == "one-0"


def test_a_benchmark_tells_its_machine():
    for benchmark in benchmarks():
        assert benchmark.question
        assert benchmark.machine.startswith(("cpu", "cuda"))
        assert benchmark.seconds > 0


def test_a_refused_kind_is_left_out(monkeypatch):
    from nearlinear.results import inventory

    file = SimpleNamespace(name="x.unknown.json", read_text=lambda **_: "{}")
    monkeypatch.setattr(inventory, "recorded_files", lambda: [file])
    assert inventory.recordings([]) == []
