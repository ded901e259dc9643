"""WordNet questions as they are, and ARC-Easy from a hub that is made up."""

import hashlib
import json
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from nearlinear.edit.texts import three_texts
from nearlinear.errors import InputError, NoNetwork
from nearlinear.evaluate import questions
from nearlinear.evaluate.questions import arc_easy, common_senses, wordnet_questions
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.tiny import byte_tokenizer

KNOWN = "043ecbb6b9e53367708ed5522c17afd47d9ccfe84c9741ed592c344c713845ad"


@pytest.fixture(scope="module")
def asked():
    return wordnet_questions(400, seed=0)


@pytest.fixture(scope="module")
def senses():
    return common_senses()


def digest(some):
    return hashlib.sha256(json.dumps([[q.context, q.answers, q.right] for q in some]).encode()).hexdigest()


def test_the_questions_are_the_same_everywhere(asked):
    assert digest(asked) == KNOWN


def test_another_seed_asks_other_questions(asked):
    other = wordnet_questions(400, seed=1)
    assert len({q.context for q in asked} & {q.context for q in other}) < 60


def test_how_a_question_reads(asked):
    assert asked[1].context.startswith('Question: Which word means "')
    assert asked[1].context.endswith('"?\nAnswer:')
    assert len({q.context for q in asked}) == 400


def test_the_right_answer_is_the_word_defined_and_the_others_are_not(asked, senses):
    meaning = {sense.definition: sense for sense in senses}
    for question in asked:
        sense = meaning[question.context.split('"', 1)[1].rpartition('"')[0]]
        assert question.answers[question.right] == sense.word
        assert len(set(question.answers)) == 4
        assert [a for a in question.answers if a in sense.synonyms] == [sense.word]


def test_all_four_are_of_the_same_part_of_speech(asked, senses):
    kinds = {kind: {sense.word for sense in senses if sense.kind == kind} for kind in "nvar"}
    assert all(any(set(q.answers) <= words for words in kinds.values()) for q in asked)


def test_no_answer_begins_as_a_word_of_the_definition(asked):
    for question in asked:
        words = question.context.split('"', 1)[1].lower().replace("-", " ").replace("(", " ").split()
        assert not [a for a in question.answers for word in words if word.startswith(a[:4])]


def test_places_and_words_give_nothing_away(asked):
    """Right answers stand everywhere; they are no longer, hence no likelier a priori, than wrong ones."""
    assert all(60 < count < 140 for count in Counter(q.right for q in asked).values())
    right = [len(q.answers[q.right]) for q in asked]
    wrong = [len(a) for q in asked for i, a in enumerate(q.answers) if i != q.right]
    assert abs(sum(right) / len(right) - sum(wrong) / len(wrong)) < 0.5


def test_wordnet_is_read_right(senses):
    dog = next(sense for sense in senses if sense.word == "dog" and sense.kind == "n")
    assert dog.definition.startswith("a member of the genus Canis")
    assert dog.synonyms == {"dog", "domestic_dog", "Canis_familiaris"}
    assert "certain" in next(sense for sense in senses if sense.word == "certain").synonyms  # certain(p) in the file
    assert not [sense for sense in senses if sense.word in ("vatican", "monday")]
    assert all('"' not in sense.definition for sense in senses)
    assert Counter(sense.kind for sense in senses) == {"n": 4658, "a": 2138, "v": 1859, "r": 573}


def test_more_questions_than_words(senses, monkeypatch):
    monkeypatch.setattr(questions, "common_senses", lambda: senses)
    with pytest.raises(InputError, match=r"WordNet gives \d+ questions, 100000 are asked for: ask for fewer"):
        wordnet_questions(100_000)


def test_they_are_never_called_arc():
    assert questions.WORDNET == "WordNet questions"
    assert "not ARC" in questions.WORDNET_NOTE


def test_fit_choose_and_evaluation_share_no_document_and_no_question(asked):
    documents = load_corpus("wikipedia-sample").documents
    corpus = Corpus("beginnings", tuple(text[:1000] for text in documents[:30]))
    texts = three_texts(corpus, byte_tokenizer(), context=256, n_fit=8192, n_choose=4096, n_evaluate=4096)
    parts = [{window.document for window in part} for part in (texts.fit, texts.choose, texts.evaluate)]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts))
    read = " ".join(documents)
    definitions = [q.context.split('"', 1)[1].rpartition('"')[0] for q in asked]
    assert not [definition for definition in definitions if len(definition.split()) > 5 and definition in read]


@pytest.fixture
def hub(monkeypatch):
    """A hub that holds ARC-Easy with one question, once the real one is switched off."""
    row = {
        "question": "Which is a gas?",
        "choices": {"text": ["iron", "air", "milk"], "label": ["1", "2", "3"]},
        "answerKey": "2",
    }
    seen = []

    def load_dataset(name, config, split):
        seen.append((name, config, split))
        if split == "down":
            raise ConnectionError("no answer")
        if split not in ("train", "validation", "test"):
            raise ValueError(f"Unknown split {split}")
        return [row]

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    return seen


def test_arc_easy_in_the_words_of_lm_eval(hub):
    (question,) = arc_easy()
    assert question.context == "Question: Which is a gas?\nAnswer:"
    assert question.answers[question.right] == "air"
    assert hub == [("allenai/ai2_arc", "ARC-Easy", "test")]


def test_a_split_that_arc_easy_does_not_have(hub):
    with pytest.raises(InputError, match="ARC-Easy has no split 'tests': choose train, validation or test"):
        arc_easy("tests")


def test_a_hub_that_does_not_answer(hub):
    with pytest.raises(NoNetwork, match=r"the Hugging Face hub does not answer, and 'allenai/ai2_arc' is not at hand"):
        arc_easy("down")
