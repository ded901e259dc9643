"""What is learnt, against slow twins: heads, pair losses, next tokens; and that controls read what they should."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from nearlinear.inputs.load import load_model
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.twin import state_sha256
from nearlinear.results.specs import TokenWindows
from nearlinear.results.tuning import ByName, MoreText, Sentences
from nearlinear.train import tuning_models
from nearlinear.train.classify import LabelledBatch, labelled_texts
from nearlinear.train.families import family_model
from nearlinear.train.tuning import lesson_of
from nearlinear.train.tuning_lessons import NextTokenLoss, judged
from nearlinear.train.tuning_models import Learner, Subject, subject_of
from nearlinear.train.tuning_pairs import PairBatches, PairLoss, pair_losses, pair_texts, rewards, turned

from .drift_made import animals, drift, examples
from .made import cache, pages, small_texts
from .tuning_made import FILM, REWARDS, SHUFFLED, letters, pairs, tune

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    texts = small_texts()
    with cache(tmp_path_factory.mktemp("own")):
        return subject_of(tune().model, device=CPU, texts=texts)


def learner(family="llama", n_out=2, seed=0) -> Learner:
    return Learner(family_model(drift(family), 256), n_out, seed=seed).double()


def texts_of(n=20, T=32):
    return labelled_texts(byte_tokenizer(), [*examples(n), *examples(3, 10**6)], T)


@pytest.mark.parametrize("family", ["llama", "gpt-neox", "sas"])
def test_the_head_reads_the_last_token_and_padding_changes_nothing(family):
    model, texts = learner(family), texts_of()
    assert len({len(ids) for ids in texts.ids}) > 2
    together = model(*_ids(LabelledBatch.of(texts, range(len(texts.ids))))).logits
    for row, ids in zip(together, texts.ids, strict=True):
        state = model.body.base_model(torch.tensor([ids])).last_hidden_state[0, -1]
        assert torch.allclose(row, model.head.weight @ state, atol=1e-10)
    assert together.std(0).min() > 1e-5


def _ids(batch):
    return batch.ids, batch.mask


def test_the_head_is_drawn_by_its_seed_and_the_model_is_left_as_it_is():
    one, other, again = learner(), learner(seed=1), learner()
    assert torch.equal(one.head.weight, again.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert state_sha256(one.body) == state_sha256(other.body) == state_sha256(family_model(drift(), 256).double())
    assert learner(n_out=0).head is None
    assert one.n_parameters == one.n_trained == learner(n_out=0).n_parameters + 2 * 16


def test_nothing_is_dropped_out():
    """tiny-gpt2 drops a tenth of its states in training: two passes would differ, and a resumed run from itself."""
    model = Learner(load_model("tiny-gpt2").model, 2).train()
    batch = LabelledBatch.of(texts_of(), range(8))
    assert model.config.resid_pdrop > 0
    assert torch.equal(model(*_ids(batch)).logits, model(*_ids(batch)).logits)
    assert not model.body.training


def test_the_pair_loss_is_minus_log_sigma_of_the_difference():
    found = torch.tensor([[2.0, 0.5], [0.0, 0.0], [-1.0, 3.0]], dtype=torch.float64)
    wanted = [-math.log(1 / (1 + math.exp(-(c - r)))) for c, r in found.tolist()]
    assert pair_losses(found).tolist() == pytest.approx(wanted, abs=1e-12)
    assert pair_losses(torch.tensor([[200.0, -200.0], [-200.0, 200.0]])).tolist() == [0.0, 400.0]


def test_rewards_are_those_of_each_text_alone():
    model, texts = learner(n_out=1), pair_texts(byte_tokenizer(), pairs(50), 16)
    together = rewards(model, texts)
    assert together.shape == (50, 2)
    for k, ids in enumerate(texts.ids):
        state = model.body.base_model(torch.tensor([ids])).last_hidden_state[0, -1]
        assert together[k // 2, k % 2].item() == pytest.approx((model.head.weight @ state).item(), abs=1e-10)
    batch = LabelledBatch.of(texts, range(100))
    assert PairLoss(model)(batch).item() == pytest.approx(-F.logsigmoid(together[:, 0] - together[:, 1]).mean().item())


def test_parts_of_a_batch_of_pairs_give_the_gradient_of_the_whole():
    model, texts = learner(n_out=1), pair_texts(byte_tokenizer(), pairs(40), 16)
    batch, loss = PairBatches(texts, 8, seed=0)[3], PairLoss(model)
    loss(batch).backward()
    whole = [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
    model.zero_grad()
    for k in range(4):  # as the loop cuts them
        (loss(batch.rows(4 * k, 4 * k + 4)) / 4).backward()
    parts = [weight.grad for weight in model.parameters() if weight.grad is not None]
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(whole, parts, strict=True))


def test_pairs_stay_together_and_come_once_an_epoch():
    texts = pair_texts(byte_tokenizer(), pairs(30), 16)
    known = set(zip(texts.ids[::2], texts.ids[1::2], strict=True))
    batches = PairBatches(texts, 4, seed=1)
    epochs = [[], []]
    for step in range(14):
        batch = batches[step]
        rows = [tuple(row[mask.bool()].tolist()) for row, mask in zip(*_ids(batch), strict=True)]
        epochs[step // 7] += zip(rows[::2], rows[1::2], strict=True)
    for epoch in epochs:
        assert len(epoch) == len(set(epoch)) == 28
        assert known.issuperset(epoch)
    assert epochs[0] != epochs[1]


def test_of_a_long_text_of_a_pair_the_end_is_read():
    found = pair_texts(byte_tokenizer(), pairs(4, 3), 5)
    assert [byte_tokenizer().decode(ids) for ids in found.ids[:2]] == [" 3 zz"[-5:], "3 q"]
    assert found.n_cut == sum(len(text) > 5 for pair in pairs(4, 3) for text in (pair.chosen, pair.rejected))


def test_turned_pairs_are_half_of_them_and_the_same_texts():
    before, after = pairs(60), turned(pairs(60), seed=2)
    same = [a == b for a, b in zip(before, after, strict=True)]
    assert sum(same) == 30
    assert [pair.turned for pair, kept in zip(after, same, strict=True) if not kept] == [
        pair for pair, kept in zip(before, same, strict=True) if not kept
    ]
    assert turned(pairs(60), seed=3) != after == turned(pairs(60), seed=2)


@pytest.mark.parametrize("family", ["llama", "sas"])
def test_next_tokens_are_those_of_the_model_itself(family):
    model = learner(family, n_out=0).body
    texts = texts_of(8)
    nats, n = 0.0, 0
    for ids in texts.ids:
        row = torch.tensor([ids])
        logits = model(row).logits[0, :-1]
        nats += F.cross_entropy(logits, row[0, 1:], reduction="sum").item()
        n += len(ids) - 1
    found = NextTokenLoss(model)(LabelledBatch.of(texts, range(len(texts.ids))))
    assert found.item() == pytest.approx(nats / n, rel=1e-10)


def test_controls_read_the_same_texts_in_the_same_order(subject):
    """Only the labels differ, or are not looked at: whatever else changes is due to them."""
    lessons = [lesson_of(tune(learns), subject, animals()) for learns in (FILM, SHUFFLED, Sentences(task="animals"))]
    film, shuffled, sentences = (lesson.batches() for lesson in lessons)
    for step in range(15):
        assert torch.equal(film[step].ids, shuffled[step].ids)
        assert torch.equal(film[step].ids, sentences[step].ids)
        assert torch.equal(film[step].labels, sentences[step].labels)
    assert any(not torch.equal(film[step].labels, shuffled[step].labels) for step in range(15))
    assert len({lesson.n_read() for lesson in lessons}) == 1
    other = lesson_of(tune(seed=1), subject, animals()).batches()
    assert any(film[step].ids.tolist() != other[step].ids.tolist() for step in range(15))


def alone(model, text, T=32):
    """Outputs of one text, read by itself."""
    state = model.body.base_model(torch.tensor([byte_tokenizer()(text)["input_ids"][-T:]])).last_hidden_state[0, -1]
    return model.head.weight @ state


def test_labels_are_judged_on_the_part_that_is_asked_for(subject):
    lesson, model = lesson_of(tune(), subject, animals()), learner()
    for part in ("choose", "test"):
        examples = judged(lesson.spec, part, getattr(animals(), part))
        logs = [alone(model, example.text).log_softmax(-1) for example in examples]
        found = lesson.marks(model, part)
        labels = [example.label for example in examples]
        assert found.right == tuple(int(log.argmax()) == label for log, label in zip(logs, labels, strict=True))
        nats = [-log[label].item() for log, label in zip(logs, labels, strict=True)]
        assert found.loss == pytest.approx(sum(nats) / len(nats))
        assert set(lesson.train.ids).isdisjoint(lesson.read(examples).ids)


def test_pairs_are_judged_on_the_part_that_is_asked_for(subject):
    lesson, model = lesson_of(tune(REWARDS), subject, letters()), learner(n_out=1)
    for part in ("choose", "test"):
        chosen = judged(lesson.spec, part, getattr(letters(), part))
        gaps = [(alone(model, pair.chosen) - alone(model, pair.rejected)).item() for pair in chosen]
        found = lesson.marks(model, part)
        assert found.right == tuple(gap > 0 for gap in gaps)
        assert found.loss == pytest.approx(sum(math.log1p(math.exp(-gap)) for gap in gaps) / len(gaps))
        assert set(lesson.train.ids).isdisjoint(lesson.read(chosen).ids)


def test_groups_stand_together_and_no_more_is_answered_than_asked_for():
    loose = examples(60)
    joined = tuple(type(e)(e.texts, e.label, str(k % 15)) for k, e in enumerate(loose))
    some = judged(tune(n_test=40), "test", joined)
    groups = [example.group for example in some]
    assert len(some) == 40
    assert sum(a != b for a, b in pairwise(groups)) == len(set(groups)) - 1
    assert judged(tune(n_test=1000), "test", joined) != judged(tune(n_choose=1000), "choose", joined)


def test_more_text_is_text_that_is_not_measured(subject):
    lesson = lesson_of(tune(MoreText()), subject)
    measured = {window.input_ids for window in (*subject.windows.fit, *subject.windows.test)}
    read = {tuple(row) for step in range(20) for row in lesson.batches()[step].ids.tolist()}
    assert read.isdisjoint(measured)
    assert {len(row) for row in read} == {32}
    short = lesson_of(tune(MoreText(), T=20), subject)
    assert {tuple(row) for row in short.windows.tolist()} == {row[:20] for row in map(tuple, lesson.windows.tolist())}


def test_a_model_by_name_reads_other_documents_than_those_measured(monkeypatch):
    documents = pages(40)
    corpus = type("C", (), {"id": "pages", "documents": documents, "source": None})()
    monkeypatch.setattr(tuning_models, "load_corpus", lambda name: corpus)
    by_name = ByName(name="tiny-llama", windows=TokenWindows(context=64, n_tokens=1536))
    found = subject_of(by_name, device=CPU)
    measured = {window.document for window in (*found.windows.fit, *found.windows.test)}
    assert isinstance(found, Subject)
    assert len(measured) == 24
    assert {documents.index(text) for text in found.more} == set(range(40)) - measured
    assert found.more_windows(16).shape[1] == 16
