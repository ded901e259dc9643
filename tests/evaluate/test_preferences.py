"""Preference pairs: WordNet's, in which no word gives itself away, film sentences', and the hub's from one made up."""

import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from nearlinear.errors import InputError, NoNetwork
from nearlinear.evaluate import preferences
from nearlinear.evaluate.preferences import PARTS, RING, Pair, load_preferences, pairs_of, parted
from nearlinear.evaluate.questions import Sense
from nearlinear.inputs.tasks import load_task

KNOWN = {
    "wordnet-preferences": (4412, 632, 1260, "9c3e1fb15e4ce2509a68dccfd77bd98af7ee08ae487143b21967b6f45c160333"),
    "film-preferences": (3492, 490, 999, "f61cb82123b5f3fff2928925264e4541bbbe16975f6e28299bf66a1d6cbd4d64"),
}


@pytest.fixture(scope="module")
def loaded():
    return {name: load_preferences(name) for name in KNOWN}


@pytest.mark.parametrize("name", KNOWN)
def test_packaged_pairs_are_the_same_everywhere(loaded, name):
    found = loaded[name]
    assert (*(len(getattr(found, part)) for part in PARTS), found.source.sha256) == KNOWN[name]
    assert found.source.n_documents == sum(KNOWN[name][:3])


def words_of(pair: Pair) -> tuple[str, str, str]:
    """(definition, right word, wrong word)"""
    (question, right), (again, wrong) = (text.split("?\nAnswer: ") for text in (pair.chosen, pair.rejected))
    assert question == again
    return question, right, wrong


def test_a_word_says_nothing_of_which_is_preferred(loaded):
    """In every part each word is right once and wrong once, so who only knows words is right half the time."""
    for part in PARTS:
        _, right, wrong = zip(*map(words_of, getattr(loaded["wordnet-preferences"], part)), strict=True)
        assert Counter(right) == Counter(wrong)
        assert set(Counter(right).values()) == {1}


@pytest.mark.parametrize("name", KNOWN)
def test_no_text_is_in_two_parts_nor_any_word(loaded, name):
    for of in (lambda pair: (pair.chosen, pair.rejected), lambda pair: (pair.group,)):
        parts = [{each for pair in getattr(loaded[name], part) for each in of(pair)} for part in PARTS]
        assert sum(map(len, parts)) == len(set.union(*parts))
    words = [
        {word for pair in getattr(loaded["wordnet-preferences"], part) for word in words_of(pair)[1:]} for part in PARTS
    ]
    assert sum(map(len, words)) == len(set.union(*words))


def test_film_pairs_are_the_tasks_own_sentences_kinder_one_first(loaded):
    task = load_task("film-sentences")
    for part in PARTS:
        label = {example.text: example.label for example in getattr(task, part)}
        pairs = getattr(loaded["film-preferences"], part)
        assert {(label[pair.chosen], label[pair.rejected]) for pair in pairs} == {(1, 0)}
        assert len({pair.rejected for pair in pairs}) == len(pairs) == len(label) / 2


def test_another_seed_parts_them_otherwise(loaded):
    one, other = loaded["wordnet-preferences"], load_preferences("wordnet-preferences", seed=1)
    assert one.source.sha256 != other.source.sha256
    assert {*one.train, *one.choose, *one.test} == {*other.train, *other.choose, *other.test}


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def senses(n, **changed):
    """Words aaaa, bbbb, … that nothing joins."""
    words = [letter * 4 for letter in LETTERS[:n]]
    plain = {word: Sense(word, "n", f"thing number {k} of some", frozenset({word})) for k, word in enumerate(words)}
    return list((plain | changed).values())


def test_rings_are_whole_or_not_there():
    assert len(list(pairs_of(senses(20)))) == 20
    assert len(list(pairs_of(senses(23)))) == 20  # three are left over
    synonyms = frozenset(letter * 4 for letter in LETTERS)
    broken = Sense("hhhh", "n", "a thing of its own", synonyms)  # whatever stands beside it is a synonym
    found = list(pairs_of(senses(20, hhhh=broken)))
    assert len(found) == 20 - RING
    assert not any("hhhh" in words_of(pair)[1:] for pair in found)
    naming = Sense("hhhh", "n", " ".join(letter * 4 for letter in LETTERS if letter != "h"), frozenset({"hhhh"}))
    assert len(list(pairs_of(senses(20, hhhh=naming)))) == 20 - RING


def test_words_that_their_definition_names_are_left_out_and_so_are_second_senses():
    named = Sense("dddd", "n", "one dddd that is named", frozenset({"dddd"}))
    found = list(pairs_of(senses(9, dddd=named)))
    assert len(found) == 8
    assert not any("dddd" in words_of(pair)[1:] for pair in found)
    verbs = [Sense(letter * 4, "v", f"to do {letter} again", frozenset({letter * 4})) for letter in "abcd"]
    right = [words_of(pair)[1] for pair in pairs_of([*senses(8), *verbs])]
    assert sorted(right) == [letter * 4 for letter in LETTERS[:8]]


def test_too_few_pairs_to_part_is_one_sentence():
    with pytest.raises(InputError, match=r"^a task needs examples of two groups or more"):
        parted(lambda: tuple(pairs_of(senses(4))), 0)
    with pytest.raises(InputError, match=r"^no preference pairs 'tastes': give one of wordnet-preferences, film-pref"):
        load_preferences("tastes")


@pytest.fixture
def hub(monkeypatch):
    asked = []

    def load_dataset(name, data_dir, split):
        asked.append((name, data_dir, split))
        talk = "\n\nHuman: {0} {1}?\n\nAssistant: {2}"
        return [
            {"chosen": talk.format(split, k // 2, f"well {k}"), "rejected": talk.format(split, k // 2, f"ill {k}")}
            for k in range(40)
        ]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setattr(preferences, "check_dataset", lambda _: None)
    return asked


def test_peoples_choices_come_from_the_hub(hub):
    found = load_preferences("hf:anthropic:helpful")
    assert hub == [(preferences.HH, "helpful-base", split) for split in ("train", "test")]
    assert (len(found.train) + len(found.choose), len(found.test)) == (40, 40)
    assert {pair.group for pair in found.train}.isdisjoint(pair.group for pair in found.choose)
    assert found.test[0] == Pair(
        "Human: test 0?\n\nAssistant: well 0", "Human: test 0?\n\nAssistant: ill 0", "Human: test 0?"
    )


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [(ConnectionError, NoNetwork, "the Hugging Face hub does not answer"), (ValueError, InputError, "has no folder")],
)
def test_a_hub_that_does_not_help_is_one_sentence(monkeypatch, error, kind, says):
    def load_dataset(*args, **kw):
        raise error

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setattr(preferences, "check_dataset", lambda _: None)
    with pytest.raises(kind, match=says):
        load_preferences("hf:anthropic:helpful")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"^Anthropic/hh-rlhf needs the package datasets: pip install datasets$"):
        load_preferences("hf:anthropic:helpful")
