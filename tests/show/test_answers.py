"""Figures of answers: every accuracy is the share of right answers, and every difference is of the same questions."""

import math
import re
import types
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import pytest
from ipywidgets import embed

from nearlinear.results.answers import (
    Answered,
    AnswersStudy,
    ChangedAnswers,
    QuestionSource,
    Reworded,
    questions_sha256,
)
from nearlinear.show.answer_findings import above_guessing, answer_findings, answer_rows, replacing, training
from nearlinear.show.answer_wordings import answers_by_wording, spread, wordings_table
from nearlinear.show.answers import (
    answer_controls,
    answers_by_k,
    answers_table,
    by_guessing,
    distilled_answers,
    gained,
    right,
    share,
)
from nearlinear.show.picker import BUDGET, weight
from nearlinear.show.question_picker import given_answers, question_frame, question_picker
from tests.show import synthetic

N = 200
KS = (1, 4, 12)
ACCURACY = {"remove": (0.6, 0.4, 0.25), "replace": (0.65, 0.55, 0.3)}
QUESTIONS = tuple(
    SimpleNamespace(context=f'Question: Which word means "<{i}>"?\nAnswer:', answers=("a", "b", "c", "d"), right=i % 4)
    for i in range(N)
)


def answered(acc: float, acc_norm: float = 0.4, n: int = N) -> Answered:
    """The first questions right, the others wrong."""
    one, other = (tuple(i < round(n * part) for i in range(n)) for part in (acc, acc_norm))
    return Answered(acc=acc, acc_norm=acc_norm, right=one, right_norm=other)


def choices(acc: float) -> tuple[int, ...]:
    return tuple((i % 4 if i < round(N * acc) else (i + 1) % 4) for i in range(N))


def study(
    orders=("score", "bi"), accuracy=ACCURACY, name="WordNet questions", reworded=types.MappingProxyType({"bare": -0.1})
) -> AnswersStudy:
    """`reworded`: how much more is answered in a wording."""
    return AnswersStudy(
        L=30,
        n_fit=32_768,
        questions=QuestionSource(id=name, sha256=questions_sha256(QUESTIONS), n=N),
        chance=0.25,
        dense=answered(0.7, 0.5),
        unread=answered(0.28),
        random_twin=answered(0.24),
        chosen=choices(0.7),
        longest=(0.2, 0.6),
        changed=tuple(
            ChangedAnswers(
                order=order, how=how, k=k, layers=tuple(range(k)), answered=answered(acc), chosen=choices(acc)
            )
            for order in orders
            for how, each in accuracy.items()
            for k, acc in zip(KS, each, strict=True)
        ),
        reworded=tuple(
            Reworded(wording=wording, how=how, k=k, layers=tuple(range(k)), answered=answered(acc))
            for wording, more in reworded.items()
            for how, k, acc in [
                (None, 0, 0.7 + more),
                *((how, k, acc + more) for how, each in accuracy.items() for k, acc in zip(KS, each, strict=True)),
            ]
        ),
        provenance=synthetic.provenance(),
    )


def curves(shown, panel: int) -> dict[str, np.ndarray]:
    """(points, 2): place and accuracy, by the name in the legend."""
    ax = shown.figure.subfigs[1].axes[panel]
    return {bars.get_label(): bars.lines[0].get_xydata() for bars in ax.containers}


def test_every_accuracy_is_drawn_as_it_was_measured():
    shown = answers_by_k(study())
    for panel in (0, 1):
        drawn = curves(shown, panel)
        assert np.allclose(drawn["removed"][:, 1], (0.7, *ACCURACY["remove"]))
        assert np.allclose(drawn["replaced by a line"][:, 1], (0.7, *ACCURACY["replace"]))
        assert np.allclose(drawn["removed"][:, 0].round(), (0, *KS))
    assert np.allclose(curves(shown, 2)["removed"][:, 1], (0.5, 0.4, 0.4, 0.4))
    assert "removed: 0.700 at 0, 0.600 at 1, 0.400 at 4, 0.250 at 12." in shown.alt
    assert "smollm2-135m: 200 WordNet questions, maps fitted on 32,768 tokens" in shown.caption
    assert "ARC" not in shown.alt + shown.caption


def test_one_order_has_a_figure_too():
    assert len(answers_by_k(study(("bi",))).figure.subfigs[1].axes) == 2


def run(acc, k=4, seed=0, n=N):
    changed = SimpleNamespace(layers=tuple(range(k)))
    return SimpleNamespace(k=k, seed=seed, changed=changed, answered=None if acc is None else answered(acc, n=n))


def distillation(*runs, order="score", way="linear", sha256=None):
    asked = QuestionSource(id="WordNet questions", sha256=sha256 or questions_sha256(QUESTIONS), n=N)
    return SimpleNamespace(order=order, way=way, questions=asked, main=runs)


DISTILLED = (
    distillation(run(0.66), run(0.62, seed=1), run(None), run(0.4, k=1)),
    distillation(run(0.5), way="all"),
    distillation(run(0.61, k=2), order="bi"),
    SimpleNamespace(order="score", way="linear", questions=None, main=(run(0.5),)),
)


def test_distilled_models_stand_beside_in_their_own_order():
    shown = answers_by_k(study(), *DISTILLED)
    assert np.allclose(curves(shown, 0)["replaced and distilled"], [[1.3, 0.4], [4.3, 0.66], [4.45, 0.62]])
    assert np.allclose(curves(shown, 0)["removed and distilled"], [[4.3, 0.5]])
    assert np.allclose(curves(shown, 1)["replaced and distilled"], [[2.3, 0.61]])
    assert "removed and distilled" not in curves(shown, 1)
    assert "replaced and distilled: 0.400 at 1, 0.660 at 4, 0.620 at 4." in shown.alt


def test_what_training_gives_is_paired_with_the_same_blocks():
    html = distilled_answers(study(), *DISTILLED).html
    assert html.count("<tr>") == 1 + 5
    assert "<b>0.110</b>" in html  # 0.66 against 0.55, four blocks replaced
    assert "<b>0.100</b>" in html  # 0.5 against 0.4, four blocks removed
    assert html.count("no answer") == 1  # nothing was asked with two blocks replaced
    assert training(study(), DISTILLED).mean == pytest.approx((0.11 + 0.07 - 0.25) / 3)
    assert training(study(), DISTILLED[1:]) is None
    (row,) = answer_rows(study(), *DISTILLED)
    assert "Distilling the lines adds −0.023 [" in row.controls


def test_a_model_that_was_asked_other_questions_is_not_compared():
    with pytest.raises(ValueError, match="the distilled models were asked other questions: they cannot be compared"):
        answers_by_k(study(), distillation(run(0.5), sha256="9" * 64))
    with pytest.raises(ValueError, match="one model answers 50 questions and the other 200: they cannot be compared"):
        gained(answered(0.5, n=50), answered(0.5))


def test_the_interval_of_a_share_is_that_of_its_binomial():
    found, width = share(right(answered(0.6))), 1.96 * math.sqrt(0.6 * 0.4 / N)
    assert found.mean == 0.6
    assert found.low == pytest.approx(0.6 - width, abs=0.01)
    assert found.high == pytest.approx(0.6 + width, abs=0.01)


def test_a_paired_difference_is_sharper_than_two_intervals():
    """Of 200 questions 20 are lost and none is gained: the difference varies as these 20 do."""
    found, width = gained(answered(0.6), answered(0.7)), 1.96 * math.sqrt(0.1 * 0.9 / N)
    assert found.mean == pytest.approx(-0.1)
    assert found.low == pytest.approx(-0.1 - width, abs=0.006)
    assert found.high == pytest.approx(-0.1 + width, abs=0.006)
    assert gained(answered(0.6), answered(0.6)) == (0, 0, 0)


def test_guessers_end_where_dice_do():
    low, high = by_guessing(study())
    thrown = np.random.default_rng(0).binomial(N, 0.25, 100_000) / N
    assert np.percentile(thrown, [2.5, 97.5]) == pytest.approx([low, high])


def test_the_table_tells_differences_to_the_same_model():
    html = answers_table(study()).html
    assert "Change of accuracy from 0.700" in html
    assert html.count("the paper's score") == len(KS)
    assert "<b>−0.100</b>" in html  # one block removed
    assert "<b>0.150</b>" in html  # four blocks: replaced minus removed
    assert "from 0.500" in answers_table(study(), "acc_norm").html


def test_the_controls_stand_in_a_table():
    html = answer_controls(study()).html
    for words in (
        "not told the question",
        "<b>0.280</b>",
        "random weights",
        "<b>0.240</b>",
        "guessing",
        "<b>0.250</b>",
    ):
        assert words in html


def test_findings_name_what_the_page_states():
    found = {finding.name: finding.value for finding in answer_findings(study())}
    assert found["answers-dense"] == 0.7
    assert (found["answers-removed-few"], found["answers-replaced-many"]) == (0.6, 0.3)
    assert found["answers-replaced-gain"] == pytest.approx(0.25 / 3)
    assert (found["answers-above-removed"], found["answers-above-replaced"]) == (4, 4)
    assert found["answers-rise"] == 0
    assert all(name.startswith("answers-") for name in found)


def test_accuracy_may_rise_while_blocks_go():
    up = study(accuracy={"remove": (0.4, 0.55, 0.3), "replace": (0.6, 0.5, 0.3)})
    assert {f.name: f.value for f in answer_findings(up)}["answers-rise"] == pytest.approx(0.15)


def test_above_guessing_is_zero_where_nothing_is():
    low = study(accuracy={"remove": (0.25,) * 3, "replace": (0.3, 0.2, 0.25)})
    assert above_guessing(low, "remove") == above_guessing(low, "replace") == 0


VERDICTS = {
    "a stand-in": ({}, "partly"),
    "the paper's own questions": ({"name": "ARC-Easy"}, "reproduced"),
    "within the interval": (
        {"accuracy": {"remove": (0.6, 0.4, 0.3), "replace": (0.6, 0.4, 0.305)}},
        "not at this size",
    ),
    "no gain": ({"accuracy": {"remove": (0.6, 0.4, 0.3), "replace": (0.6, 0.3, 0.3)}}, "not at this size"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_follows_the_rule(name):
    made, expected = VERDICTS[name]
    (row,) = answer_rows(study(**made))
    assert (row.claim, row.verdict) == ("L17", expected)
    assert row.number == replacing(study(**made)).mean


def test_the_findings_go_by_the_first_order_where_the_papers_was_not_followed():
    assert {f.what for f in answer_findings(study(("bi",)))} >= {"accuracy with 1 block removed, by block influence"}


def test_every_wording_has_its_curve():
    shown = answers_by_wording(study())
    drawn = curves(shown, 0)
    assert np.allclose(drawn["“Question: … Answer:”"][:, 1], (0.7, *ACCURACY["remove"]))
    assert np.allclose(drawn["the question alone"][:, 1], np.array((0.7, *ACCURACY["remove"])) - 0.1)
    assert np.allclose(curves(shown, 1)["the question alone"][:, 1], np.array((0.7, *ACCURACY["replace"])) - 0.1)
    assert "the question alone: 0.600 at 0, 0.500 at 1" in shown.alt
    assert "WordNet questions" in shown.caption


def test_wordings_are_compared_model_by_model():
    both = study(reworded={"short": 0.05, "bare": -0.1})
    assert spread(both) == pytest.approx(0.15)
    assert wordings_table(both).html.count("<b>0.150</b>") == 3  # four blocks, in each wording
    found = {finding.name: finding.value for finding in answer_findings(both)}
    assert found["answers-dense-short"] == pytest.approx(0.75)
    assert found["answers-replaced-gain-bare"] == pytest.approx(0.25 / 3)
    assert found["answers-wordings"] == pytest.approx(0.15)


def test_without_other_wordings_one_curve_is_left():
    alone = study(reworded={})
    assert list(curves(answers_by_wording(alone), 0)) == ["“Question: … Answer:”"]
    assert "answers-wordings" not in {finding.name for finding in answer_findings(alone)}
    assert spread(alone) == 0


def html_of(picker) -> list[str]:
    return [child.value for child in picker.children[1].children]


def test_the_picker_shows_each_question_with_every_choice():
    picker = question_picker(study(), QUESTIONS, most=10)
    frames = html_of(picker)
    assert len(frames) == 10
    assert weight(picker) < BUDGET / 4
    assert "&lt;3&gt;" in frames[3]
    assert (frames[3].count("✓"), frames[3].count("✕")) == (17, 1)  # right everywhere; the key has one of each
    assert "Question 3: Which word means" in frames[3]
    labels = [re.search(r"aria-label='([^']+)'", frame)[1] for frame in frames]
    assert len(set(labels)) == 10


def test_wrong_choices_are_marked_and_named():
    frame = question_frame(study(), QUESTIONS[-1], N - 1)
    assert (frame.html.count("✓"), frame.html.count("✕")) == (1, 17)
    assert "The right one of a, b, c, d is d. The unchanged model answers a." in frame.alt


def test_the_pickers_links_travel_with_the_page():
    picker = question_picker(study(), QUESTIONS, most=3)
    (slider, box) = picker.children[0].children
    assert (slider.description, box.description) == ("Answers: question", "Answers: question number")
    assert (slider.min, slider.max, box.max) == (0, 2, 2)
    links = [s for s in embed.dependency_state([picker]).values() if s["model_name"] == "LinkModel"]
    assert len(links) == 2
    assert isinstance(picker.children[1], widgets.Stack)


def test_other_questions_are_refused():
    with pytest.raises(ValueError, match="these are not the questions that the study asked"):
        question_picker(study(), QUESTIONS[1:])


def test_a_few_answers_stand_side_by_side():
    html = given_answers(QUESTIONS[:3], {"unchanged": (0, 1, 2), "block 4 removed": (0, 2, -1)}).html
    assert "<b>3 of 3</b>" in html
    assert "<b>1 of 3</b>" in html
    assert "no answer" in html
    assert "Which word means &quot;&lt;0&gt;&quot;?" in html
