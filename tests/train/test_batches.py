"""What a step reads: decided by seed and step alone, every window once an epoch, and nothing given away."""

import pytest
import torch

from nearlinear.errors import NotEnoughTokens
from nearlinear.train.batches import Batches, asked_next, hidden
from nearlinear.train.hiding import Hiding

N, B, T = 23, 4, 12
WINDOWS = torch.arange(N * T, dtype=torch.int32).view(N, T)
MASK = N * T


def batches(seed=0, **masked):
    return Batches(WINDOWS, B, seed=seed, **masked)


def masked(seed=0, share=0.25):
    return batches(seed, mask_id=MASK, mask_share=share)


def hiding(seed=0, share=0.25):
    return Hiding(WINDOWS, B, seed=seed, mask_id=MASK, share=share)


def same(a, b):
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("ids", "places", "answers"))


def rows_of(batch):
    """Which windows a batch holds, by their answers' or tokens' numbers."""
    return (batch.answers[:, 0] // T).tolist()


@pytest.mark.parametrize("make", [batches, masked])
def test_a_batch_is_a_function_of_seed_and_step(make):
    forwards, backwards = [make()[k] for k in range(13)], [make()[k] for k in reversed(range(13))][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not any(same(a, make(seed=1)[k]) for k, a in enumerate(forwards))


@pytest.mark.parametrize("make", [batches, masked])
def test_an_epoch_reads_no_window_twice_and_the_next_is_in_another_order(make):
    an_epoch = N // B
    epochs = [[row for k in range(an_epoch) for row in rows_of(make()[e * an_epoch + k])] for e in range(3)]
    assert all(len(set(epoch)) == an_epoch * B for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert set(range(N)) - set(epochs[0]) != set(range(N)) - set(epochs[1])  # others are left over


def test_the_global_generator_decides_nothing_and_stays():
    before = torch.get_rng_state()
    first = masked()[3]
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(99)
        assert same(masked()[3], first)


def test_every_token_but_the_last_is_asked_for_the_next():
    batch = batches()[2]
    assert batch.ids.dtype == torch.int64
    assert batch.places.shape == batch.answers.shape == (B, T - 1)
    for row in range(B):
        for place, answer in zip(batch.places[row].tolist(), batch.answers[row].tolist(), strict=True):
            assert answer == batch.ids[row, place + 1] == batch.ids[row, place] + 1
    assert same(asked_next(batch.ids), batch)


@pytest.mark.parametrize(("share", "n"), [(0.25, 3), (0.01, 1), (0.3, 4), (0.5, 6), (0.99, 12)])
def test_exactly_the_share_is_hidden_and_what_was_hidden_is_asked_for(share, n):
    for step in range(8):
        batch, plain = masked(share=share)[step], batches()[step]
        assert batch.places.shape == batch.answers.shape == (B, n)
        assert torch.equal((batch.ids == MASK).sum(1), torch.full((B,), n))
        assert all(len(set(row.tolist())) == n for row in batch.places)
        restored = batch.ids.scatter(1, batch.places, batch.answers)
        assert torch.equal(restored, plain.ids)  # the rest was let be, and the answers are the truth
        assert (batch.ids.gather(1, batch.places) == MASK).all()


def test_other_places_are_hidden_in_other_windows_and_at_other_steps():
    places = {tuple(sorted(row)) for step in range(10) for row in masked()[step].places.tolist()}
    assert len(places) > 32  # 40 draws from 220 sets: 36.5 different ones on average


def test_other_places_are_hidden_with_another_seed():
    assert not any(torch.equal(hiding(0)[step].places, hiding(1)[step].places) for step in range(5))


def test_hiding_is_a_function_of_seed_and_step_and_hides_what_is_asked_for():
    for step in range(8):
        batch, plain = hiding(0)[step], batches()[step]
        assert same(batch, hiding(0)[step])
        assert torch.equal((batch.ids == MASK).sum(1), torch.full((B,), 3))
        assert torch.equal(batch.ids.scatter(1, batch.places, batch.answers), plain.ids)


def test_every_place_is_hidden_about_as_often():
    ids = torch.zeros(4000, T, dtype=torch.int64)
    counts = torch.bincount(hidden(ids, MASK, 0.25, seed=5).places.flatten(), minlength=T)
    assert counts.sum() == 4000 * 3
    assert (counts - 1000).abs().max() < 150  # five standard deviations


def test_the_windows_themselves_stay():
    before = WINDOWS.clone()
    masked()[0], batches()[0]
    assert torch.equal(WINDOWS, before)


def test_rows_are_rows_of_all_three():
    batch = masked()[1]
    part = batch.rows(1, 3)
    assert torch.equal(part.ids, batch.ids[1:3])
    assert torch.equal(part.places, batch.places[1:3])
    assert torch.equal(part.answers, batch.answers[1:3])
    assert same(batch.to(torch.device("cpu")), batch)


def test_fewer_windows_than_a_batch_are_one_sentence():
    with pytest.raises(NotEnoughTokens) as caught:
        Batches(WINDOWS, N + 1, seed=0)
    assert str(caught.value) == (
        "the text has 23 windows to train on, and a batch has 24: take a longer text or a smaller batch"
    )
    assert len(Batches(WINDOWS, N, seed=0)[5].ids) == N
