"""The page of verdicts asks the chapters on terms and on probes for what they themselves show."""

import pytest

from nearlinear import show, verdict
from nearlinear.results.drift import DriftRun
from nearlinear.results.drift_specs import regularised, regularised_sas
from nearlinear.results.store import NotRecorded
from nearlinear.results.stories import Stories
from nearlinear.verdict_chapters import CHAPTERS, WAITING
from tests.show import regularised_made as made

EVERY = CHAPTERS | WAITING
READ = (0.6,) * 9


def run_of(spec) -> DriftRun:
    """A made-up run that was asked for by this specification."""
    setting = (spec.regulariser.kind, spec.strength) if spec.regulariser else ("none", 0.0)
    return made.run(setting, spec.seed, family=spec.architecture.family, read=READ, update=0.6 - 0.1 * spec.strength)


def load(spec, kind, *, mode, device):
    assert mode == "recorded"
    if kind is Stories:
        return made.stories([run_of(each) for each in spec.drifts])
    assert kind is DriftRun
    return run_of(spec)


def without_stories(spec, kind, *, mode, device):
    if kind is Stories:
        raise NotRecorded("nobody has read them")
    return load(spec, kind, mode=mode, device=device)


def said(name: str, load=load):
    (chapter,) = verdict.read_chapters(verdict.Asked(), load, of={name: EVERY[name]})
    return chapter


@pytest.mark.parametrize(("load", "read"), [(load, 1), (without_stories, 0)])
def test_the_chapter_on_terms_says_what_it_shows(load, read):
    chapter = said("17_less_linear_on_purpose", load)
    runs, sas = ([run_of(spec) for spec in of("laptop").values()] for of in (regularised, regularised_sas))
    stories = [made.stories([*runs, *sas])] * read
    assert chapter.said == (*show.regularised_rows(runs, *stories), *show.regularised_answers(runs, sas))
    assert [getattr(each, "claim", "B4") for each in chapter.said] == ["L9", "L10", "L11", "L13", "B4"]
    assert len(chapter.results) == len(runs) + len(sas) + read


def test_the_chapter_on_probes_says_what_it_shows():
    chapter = said("18_probes")
    runs = [run_of(spec) for spec in regularised("laptop").values()]
    assert chapter.said == tuple(show.probes_rows(runs))
    assert [row.claim for row in chapter.said] == ["L12"]
