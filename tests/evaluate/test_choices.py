"""Answers' likelihoods against one forward for each answer, and lm-eval's rules for what their tokens are."""

import math

import numpy as np
import pytest
import torch
from tokenizers.processors import TemplateProcessing

from nearlinear.edit.edits import removed
from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.evaluate.choices import ChoiceResult, Question, accuracy
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.tiny import FAMILIES, byte_tokenizer

DECODERS = [family for family in FAMILIES if family != "bert"]
QUESTIONS = (
    Question("What is it?", ("red", "green apples", "blue", "x"), 1),
    Question("What is he? ", ("tall", "a"), 0),
    Question("Two lines.\n", ("né", "naïve", "no"), 2),
    Question("Where is it", ("there", "here and there", "nowhere"), 0),
)


@pytest.fixture(scope="module")
def tiny():
    return load_model("tiny-llama")


def encode_pair(tokenizer, context, continuation):
    """The rule as lm-eval states it: spaces at the end of the context move over; then all is tokenised at once."""
    n_spaces = len(context) - len(context.rstrip())
    if n_spaces > 0:
        continuation = context[-n_spaces:] + continuation
        context = context[:-n_spaces]
    whole, alone = tokenizer.encode(context + continuation), tokenizer.encode(context)
    return alone, whole[len(alone) :]


def slow_log_likelihoods(loaded, question):
    """Every answer in a forward of its own, without a cache."""
    found = []
    for answer in question.answers:
        context, answer_ids = encode_pair(loaded.tokenizer, question.context, f" {answer}")
        with torch.no_grad():
            logs = loaded.model(torch.tensor([context + answer_ids])).logits[0].double().log_softmax(-1)
        places = range(len(context) - 1, len(context) + len(answer_ids) - 1)
        found.append(sum(float(logs[place, token]) for place, token in zip(places, answer_ids, strict=True)))
    return found


def check_against_slow(loaded, **options):
    found = accuracy(loaded, QUESTIONS, **options)
    for question, values in zip(QUESTIONS, found.log_likelihoods, strict=True):
        np.testing.assert_allclose(values, slow_log_likelihoods(loaded, question), rtol=1e-5)


@pytest.mark.parametrize("family", DECODERS)
def test_equals_one_forward_for_each_answer(family):
    loaded = load_model(f"tiny-{family}")
    check_against_slow(loaded)
    with removed(loaded.model, [0]):
        check_against_slow(loaded)


@pytest.mark.parametrize("batch_tokens", [1, 24, 4000])
def test_batching_does_not_matter(tiny, batch_tokens):
    check_against_slow(tiny, batch_tokens=batch_tokens)


def test_what_the_tokenizer_puts_in_front_is_in_the_context(tiny):
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="! $A", special_tokens=[("!", 0)])
    loaded = LoadedModel(tiny.model, tokenizer, tiny.source, tiny.context)
    assert tokenizer.encode("a")[0] == 0
    check_against_slow(loaded)
    assert accuracy(loaded, QUESTIONS).log_likelihoods != accuracy(tiny, QUESTIONS).log_likelihoods


def test_a_space_at_the_end_of_the_context_belongs_to_the_answer(tiny):
    """So the answer "a" after "he? " is the tokens of "  a"."""
    found = accuracy(tiny, QUESTIONS[1:2]).log_likelihoods[0][1]
    with torch.no_grad():
        ids = torch.tensor([tiny.tokenizer.encode("What is he?  a")])
        logs = tiny.model(ids).logits[0].log_softmax(-1)
    assert found == pytest.approx(float(logs[-4:-1].gather(1, ids[0, -3:, None]).sum()), rel=1e-5)


def test_a_model_that_always_says_a_answers_a():
    """A planted answer: the head knows one token, whatever it is asked."""
    loaded = load_model("tiny-gpt2")
    with torch.no_grad():
        loaded.model.transformer.ln_f.weight.zero_()
        loaded.model.transformer.ln_f.bias.copy_(100 * loaded.model.lm_head.weight[loaded.tokenizer.encode("a")[0]])
    questions = [Question(f"Number {i}:", ("a", "b", "c"), i % 3) for i in range(6)]
    found = accuracy(loaded, questions)
    assert found.hits.tolist() == [True, False, False] * 2
    assert found.acc == pytest.approx(1 / 3)


def test_long_answers_win_only_a_byte():
    found = ChoiceResult(((-4.0, -6.0), (-4.0, -6.0), (-5.0, -4.0)), ((2, 6), (2, 2), (2, 2)), (1, 1, 1))
    assert found.hits.tolist() == [False, False, True]
    assert found.hits_norm.tolist() == [True, False, True]
    assert (found.acc, found.acc_norm) == (pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_length_is_that_of_the_answer_in_bytes(tiny):
    assert accuracy(tiny, QUESTIONS[2:3]).n_bytes == ((3, 6, 2),)


def test_a_broken_model_is_never_right():
    loaded = load_model("tiny-llama")
    with torch.no_grad():
        loaded.model.lm_head.weight[:] = torch.nan
    found = accuracy(loaded, [Question("What?", ("this", "that"), 0)])
    assert math.isnan(found.log_likelihoods[0][0])
    assert (found.acc, found.acc_norm) == (0, 0)


@pytest.mark.parametrize(
    ("context", "answers", "right", "message"),
    [
        (" \n", ("a", "b"), 0, "empty context"),
        ("What?", ("a",), 0, r"'What\?' needs two answers or more, none of them empty"),
        ("What?", ("a", ""), 0, "needs two answers or more"),
        ("What?", ("a", "b"), 2, r"'What\?' has no answer number 2: count from 0"),
        ("What?", ("a", "b"), -1, "has no answer number -1"),
    ],
)
def test_what_is_no_question(context, answers, right, message):
    with pytest.raises(InputError, match=message):
        Question(context, answers, right)


def test_no_questions_and_questions_that_do_not_fit(tiny):
    with pytest.raises(InputError, match="there are no questions to ask"):
        accuracy(tiny, [])
    with pytest.raises(InputError, match="a question has 1028 tokens, and the model takes at most 1024"):
        accuracy(tiny, [Question("a" * 1020, ("short", "elephant"[:7]), 0)])


def test_an_encoder_answers_nothing():
    with pytest.raises(UnsupportedModel, match="tiny-bert predicts no next token"):
        accuracy(load_model("tiny-bert"), QUESTIONS)


def test_a_model_without_a_cache_is_refused(tiny, monkeypatch):
    forward = tiny.model.forward
    monkeypatch.setattr(tiny.model, "forward", lambda *args, **kwargs: forward(*args, **kwargs | {"use_cache": False}))
    with pytest.raises(UnsupportedModel, match="keeps no key-value cache"):
        accuracy(tiny, QUESTIONS)


def test_an_answer_without_tokens_of_its_own(tiny, monkeypatch):
    monkeypatch.setattr(type(tiny.tokenizer), "encode", lambda *_args: [1, 2, 3])
    with pytest.raises(InputError, match=r"the answer 'red' adds no token to its question 'What is it\?'"):
        accuracy(tiny, QUESTIONS)
