"""The page of verdicts asks the chapters on terms and on probes for what they themselves show."""

import pytest

from nearlinear import show, verdict
from nearlinear.results.drift import DriftRun
from nearlinear.results.drift_specs import regularised, regularised_sas
from nearlinear.verdict_chapters import CHAPTERS, WAITING
from tests.show import regularised_made as made

EVERY = CHAPTERS | WAITING
READ = (0.6,) * 9


def run_of(spec) -> DriftRun:
    """A made-up run that was asked for by this specification."""
    setting = (spec.regulariser.kind, spec.strength) if spec.regulariser else ("none", 0.0)
    return made.run(setting, spec.seed, family=spec.architecture.family, read=READ, update=0.6 - 0.1 * spec.strength)


def load(spec, kind, *, mode, device) -> DriftRun:
    assert kind is DriftRun
    assert mode == "recorded"
    return run_of(spec)


@pytest.fixture(scope="module")
def said() -> dict:
    names = ("17_less_linear_on_purpose", "18_probes")
    chapters = verdict.read_chapters(verdict.Asked(), load, of={name: EVERY[name] for name in names})
    return {chapter.name: chapter for chapter in chapters}


def test_the_chapter_on_terms_says_what_it_shows(said):
    chapter = said["17_less_linear_on_purpose"]
    runs, sas = ([run_of(spec) for spec in of("laptop").values()] for of in (regularised, regularised_sas))
    assert chapter.said == (*show.regularised_rows(runs), *show.regularised_answers(runs, sas))
    assert [getattr(each, "claim", "B4") for each in chapter.said] == ["L9", "L10", "L11", "L13", "B4"]
    assert len(chapter.results) == len(runs) + len(sas)


def test_the_chapter_on_probes_says_what_it_shows(said):
    chapter = said["18_probes"]
    runs = [run_of(spec) for spec in regularised("laptop").values()]
    assert chapter.said == tuple(show.probes_rows(runs))
    assert [row.claim for row in chapter.said] == ["L12"]
