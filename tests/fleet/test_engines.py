"""Where cells run: here one by one, or as jobs of submitit; either way each has one outcome."""

import sys
from types import SimpleNamespace

import pytest

from nearlinear.errors import InputError
from nearlinear.fleet import engines
from nearlinear.fleet.cell import Pins, result_path, run_cell, stands
from nearlinear.fleet.engines import as_jobs, listed, locally, run_sweep
from nearlinear.fleet.spec import Sweep
from nearlinear.results.types import LinearityProfile
from tests.fleet.made import Measuring

SWEEP = Sweep(models=("tiny-llama", "nosuch", "tiny-gpt2"), twins=False)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def measuring(monkeypatch):
    """No model runs, and "nosuch" is none."""
    run = Measuring({"nosuch": InputError("no model 'nosuch'")})
    monkeypatch.setattr("nearlinear.fleet.cell._study_run", lambda spec, device: run(spec))
    return run


def test_one_failure_does_not_stop_the_others(folder, measuring):
    outcomes = list(locally(SWEEP.cells(), folder))
    assert [o.state for o in outcomes] == ["done", "failed", "done"]
    assert [o.why for o in outcomes] == ["", "no model 'nosuch'", ""]


def test_a_second_run_tries_what_failed_and_nothing_else(folder, measuring):
    list(run_sweep(SWEEP, folder))
    measuring.asked.clear()
    assert [o.state for o in run_sweep(SWEEP, folder)] == ["kept", "failed", "kept"]
    assert [spec.model for spec in measuring.asked] == ["nosuch"]
    measuring.fails.clear()
    assert [o.state for o in run_sweep(SWEEP, folder)] == ["kept", "done", "kept"]


def test_a_list_computes_nothing(folder, measuring):
    run_cell(SWEEP.cells()[0], folder, run=measuring)
    measuring.asked.clear()
    assert [there for _, there in listed(SWEEP, folder)] == [True, False, False]
    assert measuring.asked == []


def test_jobs_of_submitit_leave_the_same_files(folder, tmp_path, monkeypatch):
    """Real jobs, in processes of their own; what they ask for lies in the cache, so that none has to load torch."""
    monkeypatch.setattr(engines, "POLL_SECONDS", 0.05)
    first, second = (Sweep(models=(name,), twins=False).cells()[0] for name in ("tiny-llama", "tiny-gpt2"))
    for cell in (first, second):
        run_cell(cell, folder, run=Measuring())
    before = result_path(second, folder).read_text()
    result_path(second, folder).unlink()
    (odd,) = Sweep(models=(str(tmp_path),), twins=False).cells()
    outcomes = {o.cell: o for o in as_jobs([first, second, odd], folder, options={}, cluster="local")}
    assert (outcomes[first].state, outcomes[second].state) == ("kept", "done")
    assert result_path(second, folder).read_text() == before
    assert outcomes[odd].state == "failed"
    assert outcomes[odd].why == f"{tmp_path} is no model: it has no config.json"


def job(*, error=None, result=None, state="FAILED"):
    paths = SimpleNamespace(stderr="jobs/7_0_log.err")
    return SimpleNamespace(
        done=lambda: True, exception=lambda: error, result=lambda: result, state=state, job_id="7_0", paths=paths
    )


def test_a_job_that_was_killed_says_where_to_look(folder):
    cell = SWEEP.cells()[0]
    (outcome,) = engines._as_they_end([(job(error=RuntimeError("x"), state="TIMEOUT"), cell)], folder)
    assert (outcome.cell, outcome.state) == (cell, "failed")
    assert outcome.why == f"its job 7_0 ended (timeout) without an answer: see {folder}/.jobs/7_0_log.err"


def test_what_stands_needs_no_cluster(folder):
    for cell in SWEEP.cells():
        run_cell(cell, folder, run=Measuring())
    assert [o.state for o in as_jobs(SWEEP.cells(), folder, options={}, cluster="slurm")] == ["kept"] * 3


def test_without_a_cluster_it_says_so(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="there is no srun here: say engine: local"):
        list(as_jobs(SWEEP.cells(), folder, options={}))


def test_without_submitit_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(InputError, match=r"pip install 'nearlinear\[cluster\]'"):
        list(as_jobs(SWEEP.cells(), folder, options={}, cluster="local"))


@pytest.mark.parametrize("options", [{"slurm_nosuch": 1}, {"gpu": 1}, {"timeout_min": "long"}])
def test_an_option_that_no_cluster_has_is_one_sentence(options, folder):
    with pytest.raises(InputError) as raised:
        list(as_jobs(SWEEP.cells(), folder, options=options, cluster="local"))
    assert str(raised.value).startswith("slurm cannot be asked so: ")
    assert "\n" not in str(raised.value)


def test_words_of_slurm_need_no_prefix():
    asked = {"timeout_min": 5, "partition": "gpu", "slurm_qos": "high"}
    wanted = {"timeout_min": 5, "slurm_partition": "gpu", "slurm_qos": "high"}
    assert engines.in_words_of_submitit(asked) == wanted


SBATCH = """#!/bin/sh
cp "$1" "$(dirname "$0")/submitted.sh"
echo "Submitted batch job 7"
"""


def test_slurm_is_asked_for_an_array_with_what_the_file_says(folder, tmp_path, monkeypatch):
    """A stand-in for sbatch keeps the script that it is given."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("srun", "sbatch"):
        (programs / name).write_text(SBATCH)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(engines, "_as_they_end", lambda pairs, _: [cell for _, cell in pairs])
    options = {"timeout_min": 90, "gpus_per_node": 1, "partition": "large"}
    assert list(as_jobs(SWEEP.cells(), folder, options=options)) == SWEEP.cells()
    script = (programs / "submitted.sh").read_text()
    for line in (
        "--array=0-2%3",
        "--time=90",
        "--gpus-per-node=1",
        "--partition=large",
        "--job-name=nearlinear-sweep",
    ):
        assert f"#SBATCH {line}\n" in script


def test_an_interruption_says_that_jobs_go_on(folder, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(engines, "_as_they_end", interrupted)
    executor = SimpleNamespace(map_array=lambda run, cells: [job() for _ in cells])
    monkeypatch.setattr(engines, "_executor", lambda *_: executor)
    with pytest.raises(KeyboardInterrupt):
        list(as_jobs(SWEEP.cells(), folder, options={}))
    assert "the jobs that were submitted go on" in capsys.readouterr().err


def test_a_cell_is_what_score_measures(folder, text):
    """No stand-in: the scores of a sweep are those of the study."""
    from nearlinear import study

    sweep = Sweep(models=("tiny-llama",), corpora=(str(text),), tokens=1500, twins=False)
    (outcome,) = run_sweep(sweep, folder, device="cpu")
    assert outcome.state == "done"
    (cell,) = sweep.cells()
    kept, wanted = LinearityProfile.load(result_path(cell, folder)), study.run(cell.spec, device="cpu")[0]
    assert kept.scores == pytest.approx(wanted.scores, abs=1e-12)
    assert kept.provenance.model.id == "tiny-llama"
    assert stands(cell, folder, Pins())
