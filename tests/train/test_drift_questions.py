"""Endings are those of the passages, no wrong one is of the same document, and a model that knows them says so."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.evaluate.choices import Question
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.results.answers import questions_sha256
from nearlinear.results.drift import QuestionSpec
from nearlinear.results.provenance import ModelSource
from nearlinear.train import drift_questions
from nearlinear.train.drift_questions import Quiz, asked, endings, fitting, quizzes
from nearlinear.train.families import family_model
from nearlinear.train.texts import Part

from .drift_made import drift
from .made import T, small_texts


@pytest.fixture(scope="module")
def part():
    return small_texts().evaluate


def loaded_of(family="llama", context=T) -> LoadedModel:
    model = family_model(drift(family), 256)
    source = ModelSource(id="made", sha256="0" * 64, architecture="", n_parameters=0, L=2, d=16)
    return LoadedModel(model, byte_tokenizer(), source, context=context)


def parts_of(documents: list[str], width: int = 64) -> Part:
    """One window of bytes a document."""
    rows = [list(text.encode()[:width]) for text in documents]
    ids = torch.tensor([byte_tokenizer().encode(bytes(row).decode()) for row in rows], dtype=torch.int32)
    return Part(ids, torch.arange(len(rows), dtype=torch.int32))


def planted(n_documents: int, n_windows: int = 1) -> Part:
    """Windows "a0.1 b0.1 … j0.1 ....": a letter for the place of a word, then its document and window."""
    rows = [f"{d}.{w}" for d in range(n_documents) for w in range(n_windows)]
    part = parts_of([" ".join(letter + row for letter in "abcdefghij") + " " + "." * 64 for row in rows])
    return Part(part.windows, part.documents // n_windows)


def test_wrong_endings_are_of_other_documents_and_passages_are_quarters_without_cut_words():
    found = endings(planted(5, 2), byte_tokenizer(), 99, seed=0)
    assert len(found) == 30
    for question in found:
        row, n = question.context[1:4], len(question.context.split())
        words = [letter + row for letter in "bcdefghi"]  # the window's first word may be cut, and so may its last
        assert n in (2, 4, 6)
        assert question.context == " ".join(words[:n])
        assert question.answers[question.right] == " ".join(words[n : n + 2])
        assert {answer[0] for answer in question.answers} == {words[n][0]}
        wrong = [answer for i, answer in enumerate(question.answers) if i != question.right]
        assert len(set(wrong)) == 3
        assert row[0] not in {answer[1] for answer in wrong}


def test_the_seed_decides_and_right_answers_stand_anywhere(part):
    one = endings(part, byte_tokenizer(), 30, seed=0)
    assert endings(part, byte_tokenizer(), 30, seed=0) == one != endings(part, byte_tokenizer(), 30, seed=1)
    assert {question.right for question in one} == {0, 1, 2, 3}
    assert len(endings(part, byte_tokenizer(), 10_000, seed=0)) <= 3 * len(part.windows)


def test_too_few_documents_are_refused():
    with pytest.raises(NotEnoughTokens, match=r"^the evaluated text has too few documents to take wrong endings from"):
        endings(planted(3), byte_tokenizer(), 5, seed=0)


def test_what_is_longer_than_the_model_reads_is_left_out_and_counted():
    short, long = Question("ab", ("c", "dd"), 0), Question("a" * T, ("c", "d"), 0)
    edge = Question("a" * (T - 3), ("c", "dd"), 0)  # context, space and two letters
    quiz = fitting("words", (short, long, edge), loaded_of())
    assert (quiz.questions, quiz.n_long) == ((short, edge), 1)
    with pytest.raises(InputError, match=r"^none of the questions about words fits the 32 tokens"):
        fitting("words", (long,), loaded_of())


def test_both_kinds_are_asked_for(part, monkeypatch):
    monkeypatch.setattr(drift_questions, "wordnet_questions", lambda n, seed: (Question("ab", ("c", "d"), 0),) * n)
    found = quizzes(QuestionSpec(n_words=3, n_endings=4, seed=0), loaded_of(), part)
    assert [(quiz.kind, len(quiz.questions)) for quiz in found] == [("words", 3), ("endings", 4)]
    assert quizzes(QuestionSpec(n_words=0, n_endings=0), loaded_of(), part) == ()


@pytest.mark.parametrize("family", ["llama", "gpt-neox", "sas"])
def test_the_likeliest_answer_is_counted_whatever_the_family(part, family):
    """Against the log-likelihoods of whole texts, one by one, without a cache."""
    loaded, questions = loaded_of(family), endings(part, byte_tokenizer(), 8, seed=0)
    loaded.model.train()
    found = asked(loaded, Quiz("endings", questions, 2))
    assert loaded.model.training
    assert (found.kind, found.n_long, found.questions_sha256) == ("endings", 2, questions_sha256(questions))
    slow = []
    for question in questions:
        nats = []
        for answer in question.answers:
            n, ids = len(question.context), loaded.tokenizer.encode(f"{question.context} {answer}")
            with torch.no_grad():
                odds = loaded.model.eval()(torch.tensor([ids])).logits[0].double().log_softmax(-1)
            nats.append(sum(odds[i - 1, ids[i]].item() for i in range(n, len(ids))))
        bytes_ = [len(answer) for answer in question.answers]
        slow.append((np.argmax(nats) == question.right, np.argmax(np.divide(nats, bytes_)) == question.right))
    assert [found.right, found.right_norm] == [tuple(map(bool, column)) for column in zip(*slow, strict=True)]


def test_a_model_that_knows_what_follows_is_right():
    """A head that says the letter after each letter: passages in alphabetical order are then the likeliest."""
    loaded = loaded_of()
    quiz = Quiz("endings", (Question("abc", ("defg", "zxyx"), 0), Question("klm", ("aaab", "nopq"), 1)), 0)
    with torch.no_grad():
        embedding = loaded.model.model.embed_tokens.weight
        letters = torch.randn(256, 16, generator=torch.Generator().manual_seed(0))
        embedding.copy_(torch.nn.functional.normalize(letters, dim=-1))
        for layer in loaded.model.model.layers:
            for weight in layer.parameters():
                weight.zero_()
        of = loaded.tokenizer.encode("abcdefghijklmnopqrstuvwxyz ")
        head = torch.nn.Linear(16, 256, bias=False)
        head.weight.zero_()
        for one, following in zip([*of[:26], of[26]], [*of[1:26], of[26], of[3]], strict=True):
            head.weight[following] += 4 * embedding[one]
        loaded.model.set_output_embeddings(head)
    found = asked(replace(loaded), quiz)
    assert found.accuracy == found.accuracy_norm == 1.0
