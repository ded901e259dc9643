"""A run that is broken off goes on from what each process has kept, to the same numbers, or all begin anew."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from nearlinear.errors import BrokenFile, NearlinearError
from nearlinear.inputs.load import load_model
from nearlinear.inputs.windows import WindowSet, batches
from nearlinear.measure import many_kept, many_profile
from nearlinear.measure.many import Lost
from nearlinear.measure.many_kept import Kept
from nearlinear.measure.many_profile import profile_many
from nearlinear.measure.profile import profile

from .many_threads import answers, on_threads
from .test_many import LENGTHS, check_same, windows_of

WINDOWS = WindowSet(fit=windows_of(LENGTHS), test=windows_of([80, 101, 64, 90, 95], seed=1), group="document")
SIZE = {"batch_tokens": 250}
BATCHES = [len(list(batches(part, **SIZE))) for part in (WINDOWS.fit, WINDOWS.test)]


class Interrupted(Exception):
    """What happens in the middle of a run."""


@pytest.fixture
def ran(monkeypatch):
    """How many batches were run, all threads together; after `ran.stop` of them each is interrupted."""

    class Counted:
        n = 0
        stop = float("inf")

    real = many_profile.residual_stream

    def counted(*args, **options):
        if Counted.n >= Counted.stop:
            raise Interrupted
        Counted.n += 1
        return real(*args, **options)

    monkeypatch.setattr(many_profile, "residual_stream", counted)
    return Counted


def work(folder, seconds=0.0):
    models = [load_model("tiny-llama") for _ in range(3)]  # one after another: weights are drawn
    return lambda many: profile_many(models[many.rank], WINDOWS, many, kept=Kept(folder, many, seconds=seconds), **SIZE)


def broken_off(ran, folder, after):
    ran.stop = after
    assert any(isinstance(each, Interrupted) for each in on_threads(2, work(folder)))
    ran.n, ran.stop = 0, float("inf")


@pytest.mark.parametrize("after", [3, BATCHES[0] - 1, BATCHES[0] + 2])
def test_goes_on_to_the_same_numbers(after, ran, tmp_path):
    """Broken off in the first pass, near its end, and in the second."""
    broken_off(ran, tmp_path, after)
    expected = profile(load_model("tiny-llama"), WINDOWS, **SIZE)
    for found in answers(2, work(tmp_path)):
        check_same(found, expected)
    assert sum(BATCHES) - after <= ran.n <= sum(BATCHES) - after + 2  # a batch under way is lost
    assert ran.n < sum(BATCHES)


def test_without_a_file_of_each_all_begin_anew(ran, tmp_path):
    broken_off(ran, tmp_path, 4)
    (tmp_path / "fit-1-of-2.safetensors").unlink()
    expected = profile(load_model("tiny-llama"), WINDOWS, **SIZE)
    for found in answers(2, work(tmp_path)):
        check_same(found, expected)
    assert ran.n == sum(BATCHES)


def test_sums_that_were_begun_otherwise_are_not_mixed(ran, tmp_path):
    broken_off(ran, tmp_path, 4)
    path = tmp_path / "fit-1-of-2.safetensors"
    state = load_file(path)
    state["start 0"] += 1
    save_file(state, path)
    answers(2, work(tmp_path))
    assert ran.n == sum(BATCHES)


def test_a_file_that_is_cut_off_is_said_by_all(ran, tmp_path):
    broken_off(ran, tmp_path, 4)
    path = tmp_path / "fit-1-of-2.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    first, second = on_threads(2, work(tmp_path))
    assert isinstance(second, BrokenFile)
    assert isinstance(first, NearlinearError)
    assert "process 1 cannot go on: " in str(first)
    assert "cannot be read: remove it to begin anew" in str(second)


def test_another_number_of_processes_begins_anew(ran, tmp_path):
    broken_off(ran, tmp_path, 4)
    answers(3, work(tmp_path))
    assert ran.n == sum(BATCHES)


def test_a_short_run_leaves_nothing_and_a_finished_one_forgets(ran, tmp_path):
    folder = tmp_path / "some"
    answers(2, work(folder, seconds=60.0))
    assert not folder.exists()
    answers(2, work(folder))
    assert len(list(folder.iterdir())) == 4
    answers(2, lambda many: Kept(folder, many).forget())
    assert not folder.exists()
    answers(2, lambda many: Kept(folder, many).forget())  # nothing there, nothing said


def test_writing_takes_no_more_than_its_share(tmp_path, monkeypatch):
    """The longer it took, the longer until the next."""
    now = [0.0]
    monkeypatch.setattr(many_kept.time, "monotonic", lambda: now[0])

    class Slow:
        def state(self):
            now[0] += 30.0
            return {"start 0": torch.zeros(1)}

    (kept,) = answers(1, lambda many: Kept(tmp_path, many, seconds=100.0))
    path, written = kept.path("fit"), []
    for now[0] in (99.0, 100.0, 231.0, 729.0, 731.0):
        path.unlink(missing_ok=True)
        kept.keep("fit", 1, [Slow()])
        written.append(path.exists())
    assert written == [False, True, False, False, True]


def test_a_disk_that_is_full_is_said_by_the_process_that_has_it(tmp_path, monkeypatch):
    """The others know nothing of it but that this one is gone."""

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(many_kept, "save_file", full)
    for rank, error in enumerate(on_threads(2, lambda many: Kept(tmp_path, many, seconds=0.0).keep("fit", 1, []))):
        assert isinstance(error, Lost)
        assert str(error).startswith(f"process {rank} of 2 cannot go on: ")
        assert "cannot be written (No space left on device): free some space" in str(error)
    assert list(tmp_path.iterdir()) == []
