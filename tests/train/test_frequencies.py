"""The loss of frequencies alone: planted texts, a slow twin, and never below what a text holds."""

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from nearlinear.train import frequencies
from nearlinear.train.frequencies import frequency_loss, of_texts
from nearlinear.train.texts import Part

from .made import small_texts, spec


def windows(ids, T=4) -> Part:
    rows = torch.tensor(ids, dtype=torch.int32).view(-1, T)
    return Part(rows, torch.zeros(len(rows), dtype=torch.int32))


def test_what_is_equally_frequent_cannot_be_guessed():
    texts = small_texts()
    even = replace(texts, train=windows(list(range(texts.vocabulary)) * 4), evaluate=windows([3, 200, 7, 7]))
    assert of_texts(even) == pytest.approx(math.log(texts.vocabulary))


def test_a_token_that_was_never_seen_is_dear_but_not_impossible():
    texts = small_texts()
    once = replace(texts, train=windows([5] * 4), evaluate=windows([9] * 4))
    assert of_texts(once) == pytest.approx(math.log(4 + texts.vocabulary))


def test_the_slow_way_gives_the_same(monkeypatch):
    texts = small_texts()
    monkeypatch.setattr(frequencies, "texts_of", lambda reading, T: texts)
    counts = Counter(texts.train.windows.flatten().tolist())
    total = sum(counts.values()) + texts.vocabulary
    asked = texts.evaluate.windows.flatten().tolist()
    slow = sum(-math.log((counts[each] + 1) / total) for each in asked) / len(asked)
    assert frequency_loss(spec()) == pytest.approx(slow)
    assert 0 < slow < math.log(texts.vocabulary)
