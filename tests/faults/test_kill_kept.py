"""kill -9 while a result is put into the cache, or a chapter into the book: what is found later is whole."""

import json
import shutil

import pytest

from nearlinear.inputs.cache import is_whole
from nearlinear.results.types import LinearityProfile
from tests.faults.jobs import some, stretches
from tests.faults.work import CHAPTERS, notes


def test_a_result_in_the_cache_is_whole_and_is_not_computed_again(jobs):
    jobs.target = "tests.faults.work:keeping"
    file, out = jobs.notes / "runs", jobs.notes / "answer.json"
    first = jobs.run(str(file), str(out))
    assert first.code == 0, first.err
    assert notes(file) == ["run"]
    whole = out.read_text(encoding="utf-8")
    for at in some(first.moments, 20):
        shutil.rmtree(jobs.folder / "cache", ignore_errors=True)
        assert jobs.run(str(file), str(out), what="kill", at=at).killed
        finished = list(jobs.folder.glob("cache/results/*/*/profile.json"))
        assert [LinearityProfile.load(path).to_json() for path in finished] in ([], [whole])
        notes(file)
        assert jobs.run(str(file), str(out)).code == 0
        assert notes(file) == ([] if finished else ["run"]), at
        assert out.read_text(encoding="utf-8") == whole


def test_a_folder_in_the_cache_is_whole_or_not_there(jobs):
    jobs.target = "tests.faults.work:unpacking"
    target = jobs.folder / "cache/models/some"
    first = jobs.run(str(target))
    assert first.code == 0, first.err
    for at in some(first.moments, 20):
        shutil.rmtree(jobs.folder / "cache", ignore_errors=True)
        assert jobs.run(str(target), what="kill", at=at).killed
        assert is_whole(target) == target.exists()
    assert jobs.run(str(target)).code == 0
    assert is_whole(target)


def test_a_finished_chapter_is_not_run_again_and_an_unfinished_one_is_not_shown(jobs):
    jobs.target = "tests.faults.work:executing"
    file, executed = jobs.notes / "runs", jobs.folder / "executed"
    call = (str(file), str(executed), str(jobs.notes))
    first = jobs.run(*call)
    assert first.code == 0, first.err
    assert notes(file) == CHAPTERS
    shutil.rmtree(executed)
    done: set[str] = set()
    for at in (*stretches(first.moments, 8), 0):
        ended = jobs.run(*call, what="kill", at=at)
        assert ended.killed or ended.code == 0, ended.err
        assert not done & set(notes(file)), at
        done = {path.stem for path in executed.glob("small/*.json")}
        for name in done:
            assert json.loads((executed / f"small/{name}.ipynb").read_text())["cells"], at
    assert done == set(CHAPTERS)


def test_the_pages_of_a_book_are_the_old_or_the_new_ones(jobs):
    jobs.target = "tests.faults.work:publishing"
    shown = jobs.folder / "_build/html"
    call = (str(jobs.folder),)
    first = jobs.run(*call)
    assert first.code == 0, first.err
    for at in some(first.moments, 12):
        ended = jobs.run(*call, what="kill", at=at)
        assert ended.killed or ended.code == 0
        if shown.exists():
            assert sorted(path.name for path in shown.iterdir()) in (["1.html", "2.html"], ["3.html", "4.html"])
        assert jobs.run(*call).code == 0
        assert sorted(path.name for path in shown.iterdir()) == ["3.html", "4.html"]


@pytest.mark.parametrize("keep", [0, 1, 50, 0.5, 0.99])
def test_a_result_that_the_disk_has_spoilt_is_computed_again(jobs, keep):
    jobs.target = "tests.faults.work:keeping"
    file, out = jobs.notes / "runs", jobs.notes / "answer.json"
    assert jobs.run(str(file), str(out)).code == 0
    whole = out.read_text(encoding="utf-8")
    (stored,) = jobs.folder.glob("cache/results/*/*/profile.json")
    content = stored.read_bytes()
    stored.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep] + b"\xff")
    assert jobs.run(str(file), str(out)).code == 0
    assert notes(file) == ["run", "run"]
    assert out.read_text(encoding="utf-8") == whole
