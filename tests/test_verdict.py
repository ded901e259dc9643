"""The page of verdicts asks every chapter for what the chapter itself shows, and goes on where one has nothing."""

import re

import nbformat
import pytest

from nearlinear import show, verdict
from nearlinear.blocks.apart import ladder
from nearlinear.blocks.counting import counted
from nearlinear.errors import InputError
from nearlinear.recorded import result, results
from nearlinear.results.pruning_specs import pruning_specs
from nearlinear.results.signal import collapse_spec
from nearlinear.results.sizes import DECODER, ENCODER, PAPER_MODELS
from nearlinear.results.store import NotRecorded
from nearlinear.results.training_specs import core, screen
from nearlinear.show.meeting_answers import Answer
from nearlinear.show.verdict_topics import TOPICS
from nearlinear.show.verdict_words import standings
from tools.profiles import NOTEBOOKS, inspect

NOTEBOOK = NOTEBOOKS / "20_verdict.ipynb"
TINY = verdict.Asked(model="tiny-llama", encoder="tiny-bert", n_fit=8, n_test=6, size="quick")
NEEDS_TRAINING = {
    "11_values_and_projections",
    "12_deeper",
}
"""Chapters whose quick results are not all recorded."""


@pytest.fixture(scope="module")
def quick() -> dict:
    """Chapter → what it says, from the recorded results of the smallest size; the first three are computed.

    It takes some seconds, because every chapter is asked.
    """
    return {chapter.name: chapter for chapter in verdict.read_chapters(TINY)}


def test_every_chapter_is_asked_in_order(quick):
    pages = sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb") if path != NOTEBOOK)
    assert list(quick) == list(verdict.CHAPTERS) == pages


def test_what_a_chapter_says_is_what_its_page_shows(quick):
    specs = pruning_specs("tiny-llama", size="quick")
    ends, more, _ = results(specs.orders)
    trained = results(specs.distil)
    expected = {
        "04_remove_replace_distil": [*show.pruning_rows(ends, more), *show.distillation_rows(*trained)],
        "05_does_it_still_answer": show.answer_rows(result(specs.answers), *trained),
        "06_which_order": show.foresight_rows(ends),
        "07_rank_collapse": show.signal_rows(result(collapse_spec("quick"))),
        "08_taking_the_block_apart": show.ladder_rows(ladder(d=768, h=12, L=18, seed=0)),
        "09_counting": show.counting_rows(DECODER, ENCODER, counted(PAPER_MODELS)),
        "10_does_it_learn_as_fast": show.learning_rows(*(results(of("quick").values()) for of in (screen, core))),
    }
    assert {name: list(quick[name].said) for name in expected} == expected


def test_the_results_behind_the_words_are_kept(quick):
    assert [r.provenance.model.id for r in quick["01_linearity_by_layer"].results] == ["tiny-llama", "tiny-bert"]
    assert [r.provenance.model.id for r in quick["02_without_the_residual"].results] == [
        "tiny-llama", "tiny-llama#random-0",
    ]  # fmt: skip
    assert len(quick["10_does_it_learn_as_fast"].results) == len(screen("quick")) + len(core("quick"))
    assert quick["09_counting"].results == ()
    said = quick["14_where_the_papers_meet"].said
    assert [each.question for each in said if isinstance(each, Answer)] == ["B1", "B2", "B3"]


def test_a_chapter_without_results_says_nothing_and_why(quick):
    for name, chapter in quick.items():
        assert bool(chapter.said) != bool(chapter.missing), name
    assert {name for name, chapter in quick.items() if chapter.missing} <= NEEDS_TRAINING


def test_a_broken_chapter_is_not_taken_for_a_missing_one():
    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        verdict.read_chapters(TINY, of={"01_a": broken})


def test_cheap_runs_and_long_studies_have_modes_of_their_own():
    def load(spec, kind, *, mode, device):
        return mode, device

    reader = verdict.Reader(verdict.Asked(mode="recompute", studies_mode="recorded", device="cpu"), load)
    (spec, *_) = core("quick").values()
    assert reader.profile("tiny-llama") == ("recompute", "cpu")
    assert reader.study(spec) == ("recorded", "cpu")
    assert reader.if_there([spec]) == [[("recorded", "cpu")]]


def test_a_missing_one_of_many_leaves_no_trace():
    first, second, *_ = core("quick").values()

    def load(spec, kind, *, mode, device):
        if spec == second:
            raise NotRecorded("not recorded")
        return "result"

    reader = verdict.Reader(verdict.Asked(), load)
    assert reader.if_there([first], [second]) == [[], []]
    assert reader.read == []


def test_another_size_is_refused():
    with pytest.raises(InputError, match="no size 'huge': choose one of quick, laptop, gpu"):
        verdict.Asked(size="huge")


def test_the_notebook_asks_with_its_own_parameters():
    """The names are those of `Asked` and the defaults are the same; the page says what the verdicts are."""
    defaults = {p.name: p.default.strip("'\"") for p in inspect(NOTEBOOK)}
    assert defaults == {name: str(value) for name, value in vars(verdict.Asked()).items()}
    words = "\n".join(cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells)
    for sign, each in (("●", "reproduced"), ("◐", "partly"), ("○", "not at this size"), ("✕", "contradicted")):
        assert f"| {sign}\N{NO-BREAK SPACE}{each} |" in words
    assert not re.search(r"\b[LS]\d+\b is (reproduced|contradicted)", words)


def test_no_sentence_of_a_topic_has_been_left_behind():
    """Held against two chapters that are quickly read."""
    few = {name: verdict.CHAPTERS[name] for name in ("07_rank_collapse", "09_counting")}
    found = standings(verdict.read_chapters(verdict.Asked(), of=few))
    (speed,) = (topic for topic in TOPICS if topic.about == "parameters and speed")
    assert {id: found[id] for id in ("S11", "S12")} == {id: speed.needs[id] for id in ("S11", "S12")}
