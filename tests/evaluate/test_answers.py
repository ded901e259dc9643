"""An answers study of a tiny model: each answer against a direct call, and an interruption that costs nothing."""

import math
from dataclasses import replace

import pytest
from pydantic import ValidationError

from nearlinear import recorded
from nearlinear.edit.begun import begin
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.ledger import Ledger
from nearlinear.errors import InputError
from nearlinear.evaluate import answers
from nearlinear.evaluate.answers import Asking, answered, asked, chosen, in_words, longest, without_question
from nearlinear.evaluate.choices import ChoiceResult, Question, accuracy
from nearlinear.evaluate.questions import wordnet_questions
from nearlinear.inputs.load import load_model
from nearlinear.results.answers import Answered, AnswersSpec, AnswersStudy, questions_sha256, up_to
from nearlinear.results.pruning import PruningSpec
from tests.show import synthetic


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "words.txt"
    lines = [f"{i} {(i * 7919) % 104729} what {chr(97 + i % 26)}{chr(97 + i * 5 % 26)}. " for i in range(1500)]
    path.write_text("".join(lines))
    texts = {"corpus": str(path), "context": 64, "n_fit": 2048, "n_choose": 512, "n_evaluate": 512}
    study = PruningSpec(model="tiny-llama", count=2, greedy=1, **texts)
    return AnswersSpec(study=study, n_questions=12, orders=("bi", "last"), ks=(1, 2))


@pytest.fixture(scope="module")
def begun(spec, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARLINEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        return begin(spec, spec.study, AnswersStudy.made_by)


@pytest.fixture(scope="module")
def asking(spec, begun):
    return Asking(spec, wordnet_questions(12, 0), begun.work, begun.ledger)


@pytest.fixture(scope="module")
def parts(asking):
    return asking.parts()


def test_every_answer_is_the_changed_models_own(asking, parts):
    model = asking.work.loaded.model
    for each in parts["changed"]:
        assert each.layers == asking.work.plan(each.order, each.how).steps[each.k - 1]
        maps = {layer: asking.work.maps[layer] for layer in each.layers}
        with removed(model, each.layers) if each.how == "remove" else replaced(model, maps):
            direct = accuracy(asking.work.loaded, asking.questions)
        assert (each.answered, each.chosen) == (answered(direct), chosen(direct))
    assert [(each.order, each.how, each.k) for each in parts["changed"]] == [
        (order, how, k) for order in ("bi", "last") for how in ("remove", "replace") for k in (1, 2)
    ]


def test_the_unchanged_model_and_its_twin_answer_for_themselves(asking, parts):
    direct = accuracy(asking.work.loaded, asking.questions)
    assert (parts["dense"], parts["chosen"]) == (answered(direct), chosen(direct))
    assert parts["random_twin"] == answered(accuracy(load_model("tiny-llama", random_seed=0), asking.questions))
    assert parts["chance"] == 0.25


def test_without_the_question_only_the_answers_are_read(asking, parts):
    same = [Question("Answer:", question.answers, question.right) for question in asking.questions]
    assert without_question(asking.questions) == tuple(same)
    assert parts["unread"] == answered(accuracy(asking.work.loaded, same))


def test_the_same_questions_are_asked_in_other_words(asking, parts):
    question = asking.questions[0]
    text = question.context.removeprefix("Question: ").removesuffix("\nAnswer:")
    assert in_words(question, "short") == replace(question, context=f"Q: {text}\nA:")
    assert in_words(question, "bare") == replace(question, context=text)
    plans = [(None, 0), *((how, k) for how in ("remove", "replace") for k in (1, 2))]
    found = [(each.wording, each.how, each.k) for each in parts["reworded"]]
    assert found == [(wording, how, k) for wording in ("short", "bare") for how, k in plans]
    bare = [in_words(each, "bare") for each in asking.questions]
    unchanged, one, *_ = [each for each in parts["reworded"] if each.wording == "bare"]
    assert unchanged.answered == answered(accuracy(asking.work.loaded, bare))
    assert one.layers == asking.layers("bi", "remove", 1)
    with removed(asking.work.loaded.model, one.layers):
        assert one.answered == answered(accuracy(asking.work.loaded, bare))


def test_an_interrupted_study_asks_nothing_twice(asking, parts, monkeypatch):
    again = replace(asking, ledger=Ledger(asking.ledger.path))
    monkeypatch.setattr(answers, "accuracy", None)
    monkeypatch.setattr(answers, "load_model", None)
    monkeypatch.setattr(type(asking.work), "plan", None)
    assert again.parts() == parts


def test_the_result_carries_its_provenance_and_comes_back(spec, parts, tmp_path, monkeypatch):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path))
    made = recorded.result(spec, mode="recompute")
    assert {name: getattr(made, name) for name in parts} == parts
    assert made.questions.id == "WordNet questions"
    assert made.questions.sha256 == questions_sha256(wordnet_questions(12, 0))
    assert "not ARC" in made.questions.note
    assert AnswersStudy.from_json(made.to_json()) == made
    assert [each.k for each in made.by("bi", "replace")] == [1, 2]
    assert [(each.how, each.k) for each in made.worded("bare", "remove")] == [(None, 0), ("remove", 1), ("remove", 2)]
    with pytest.raises(KeyError, match="no answers of order 'score' by 'remove'"):
        made.by("score", "remove")
    with pytest.raises(KeyError, match="no answers in the wording 'long'"):
        made.worded("long", "remove")


def test_a_right_answer_is_one_digit_in_json():
    one = Answered(acc=2 / 3, acc_norm=1 / 3, right=(True, False, True), right_norm=(False, False, True))
    assert '"right": "101"' in one.to_json()
    assert Answered.from_json(one.to_json()) == one


def result(*log_likelihoods, lengths=(4, 2), right=0):
    n = len(log_likelihoods)
    return ChoiceResult(log_likelihoods=log_likelihoods, n_bytes=(lengths,) * n, right=(right,) * n)


def test_what_is_chosen_and_how_often_it_is_the_longest():
    some = result((-4.0, -3.0), (-1.0, -9.0), (math.nan, -1.0))
    assert chosen(some) == (1, 0, -1)
    assert answered(some).right == (False, True, False)
    assert longest(some) == (1 / 3, 2 / 3)  # by the byte the first answer wins twice: -1 against -1.5
    assert longest(result((-4.0, -3.0), lengths=(2, 2))) == (1.0, 1.0)


def test_arc_is_drawn_by_the_seed_and_called_arc(spec, monkeypatch):
    every = tuple(Question(f"Question: {i}?\nAnswer:", ("yes", "no", "so"), i % 3) for i in range(9))
    monkeypatch.setattr(answers, "arc_easy", lambda: every)
    found, source = asked(spec.model_copy(update={"questions": "arc-easy", "n_questions": 5}))
    assert source.id == "ARC-Easy"
    assert len(set(found)) == source.n == 5
    assert asked(spec.model_copy(update={"questions": "arc-easy", "n_questions": 5}))[0] == found
    assert asked(spec.model_copy(update={"questions": "arc-easy", "n_questions": 5, "seed": 1}))[0] != found
    with pytest.raises(InputError, match="there are 9 questions, 12 are asked for: ask for fewer"):
        asked(spec.model_copy(update={"questions": "arc-easy"}))


def test_a_model_cannot_lose_all_of_its_blocks(spec, begun, monkeypatch):
    monkeypatch.setattr(answers, "begin", lambda *_, **__: begun)
    study = spec.study.model_copy(update={"count": 5})
    with pytest.raises(InputError, match="3 of 3 blocks cannot be changed: leave at least one of them"):
        answers.run(spec.model_copy(update={"study": study, "ks": (1, 3)}))


def test_an_unknown_order_is_refused(asking):
    with pytest.raises(InputError, match="no order 'luck'"):
        asking.layers("luck", "remove", 1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ks": (2, 1)}, r"ks must rise, and are \(2, 1\)"),
        ({"ks": (1, 3)}, "the study follows bi for 2 blocks, and ks asks for 3"),
        ({"orders": ("greedy",)}, "the study follows greedy for 1 blocks, and ks asks for 2"),
        ({"orders": ()}, "at least 1 item"),
        ({"questions": "arc"}, "wordnet"),
    ],
)
def test_a_specification_that_cannot_be_followed_is_refused(spec, changes, told):
    with pytest.raises(ValidationError, match=told):
        AnswersSpec(**{**dict(spec), **changes})


def test_an_order_to_the_end_may_be_followed_further(spec):
    study = spec.study.model_copy(update={"to_the_end": ("bi",)})
    assert AnswersSpec(study=study, orders=("bi",), ks=(1, 7)).ks == (1, 7)


@pytest.mark.parametrize(("most", "ks"), [(1, (1,)), (2, (1, 2)), (12, (1, 2, 4, 8, 12)), (16, (1, 2, 4, 8, 16))])
def test_numbers_of_blocks_double(most, ks):
    assert up_to(most) == ks


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"chosen": (0,)}, "there are 12 questions, and some model answers 1"),
        ({"unread": Answered(acc=1, acc_norm=1, right=(True,), right_norm=(True,))}, "some model answers 1"),
    ],
)
def test_all_models_answer_the_same_questions(parts, changes, told):
    source = {"id": "WordNet questions", "sha256": "0" * 64, "n": 12}
    with pytest.raises(ValidationError, match=told):
        AnswersStudy(**{**parts, **changes}, questions=source, provenance=synthetic.provenance())


def test_as_many_blocks_are_changed_as_said(parts):
    with pytest.raises(ValidationError, match="2 blocks of bi are said to be changed, and 1 are"):
        type(parts["changed"][0])(**{**dict(parts["changed"][0]), "k": 2})


def test_right_and_right_norm_are_of_the_same_questions():
    with pytest.raises(ValidationError, match="1 questions by acc, 2 by acc_norm"):
        Answered(acc=1, acc_norm=0, right=(True,), right_norm=(False, False))
