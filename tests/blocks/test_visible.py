"""Which token sees which: ranges against a definition that asks pair by pair."""

import pytest
import torch

from nearlinear.blocks.context import Context
from nearlinear.blocks.positions import alibi_slopes, places_of, rotary, sinusoids
from nearlinear.blocks.visible import UNKNOWN, segment_ends, visible

T = 7
PADDING = torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1]])
SEGMENTS = torch.tensor([[1, 1, 1, 2, 2, 3, 3], [5, 4, 4, 4, 4, 4, 9], [2, 2, 7, 7, 2, 2, 2]])


def sees(b, i, j, *, causal, window=None, attention_mask=None, segments=None):
    """Whether token i of text b sees token j."""
    if causal and j > i:
        return False
    if window is not None and abs(i - j) >= window:
        return False
    if segments is not None and len(set(zip_changes(segments[b].tolist())[min(i, j) : max(i, j) + 1])) > 1:
        return False
    return attention_mask is None or bool(attention_mask[b, j])


def zip_changes(numbers):
    """Which run of equal neighbours each number is in."""
    run, runs = 0, []
    for k, number in enumerate(numbers):
        run += k > 0 and number != numbers[k - 1]
        runs.append(run)
    return runs


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("window", [None, 1, 3])
@pytest.mark.parametrize("attention_mask", [None, PADDING], ids=["whole", "padded"])
@pytest.mark.parametrize("segments", [None, SEGMENTS], ids=["one", "packed"])
def test_mask_is_what_pairs_say(causal, window, attention_mask, segments):
    how = {"causal": causal, "window": window, "attention_mask": attention_mask, "segments": segments}
    mask = visible(T, **how).mask.expand(3, 1, T, T)[:, 0]
    expected = [[[sees(b, i, j, **how) for j in range(T)] for i in range(T)] for b in range(3)]
    assert mask.tolist() == expected


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("attention_mask", [None, PADDING], ids=["whole", "padded"])
def test_tokens_after_a_cache_see_what_they_would_see_in_one_pass(window, attention_mask):
    whole = visible(T, causal=True, window=window, attention_mask=attention_mask)
    late = visible(3, causal=True, window=window, attention_mask=attention_mask, n_past=4)
    assert torch.equal(late.mask, whole.mask[:, :, 4:])
    counted = visible(3, causal=True, window=window, attention_mask=attention_mask, n_past=torch.tensor(4))
    assert counted.n_keys == UNKNOWN
    assert torch.equal(counted.over(T).mask, late.mask)


def test_room_for_later_tokens_is_not_seen():
    seen = visible(2, causal=True, n_past=3, attention_mask=PADDING[:1, :5])
    roomy = seen.over(9)
    assert (roomy.n_keys, roomy.roomy, roomy.ranges) == (9, True, None)
    assert torch.equal(roomy.mask[..., :5], seen.mask)
    assert not roomy.mask[..., 5:].any()
    assert seen.over(5) is seen


def test_only_plain_ranges_need_no_mask():
    assert not visible(T, causal=True).needs_mask
    assert not visible(T, causal=False).needs_mask
    assert not visible(1, causal=True, n_past=5).needs_mask  # one query sees all that is cached
    assert visible(2, causal=True, n_past=5).needs_mask
    assert visible(T, causal=True, window=2).needs_mask
    assert visible(T, causal=True, attention_mask=PADDING).needs_mask
    assert visible(T, causal=False, segments=SEGMENTS).needs_mask
    assert visible(T, causal=True).with_slopes(torch.ones(2)).needs_mask


def test_a_new_number_opens_a_new_document_whether_it_rises_or_not():
    first, last = segment_ends(torch.tensor([[2, 2, 7, 7, 2, 2, 2]]))
    assert first.tolist() == [[0, 0, 2, 2, 4, 4, 4]]
    assert last.tolist() == [[1, 1, 3, 3, 6, 6, 6]]


def test_own_place_is_on_the_diagonal_and_after_a_cache_beside_it():
    assert torch.equal(visible(3, causal=True).own, torch.eye(3, dtype=torch.bool))
    assert visible(2, causal=True, n_past=2).own.int().tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_positions_count_from_the_first_real_token():
    places = places_of(visible(T, causal=True, attention_mask=PADDING))
    assert places.tolist() == [[0, 0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 5], [0, 1, 2, 3, 4, 5, 6]]
    late = places_of(visible(2, causal=True, n_past=5, attention_mask=PADDING))
    assert late.tolist() == [[3, 4], [5, 5], [5, 6]]
    assert places_of(visible(2, causal=True, n_past=5)).tolist() == [[5, 6]]


@pytest.mark.parametrize("window", [None, 2])
def test_positions_count_from_the_start_of_each_document(window):
    places = places_of(visible(T, causal=True, window=window, segments=SEGMENTS))
    assert places.tolist() == [[0, 1, 2, 0, 1, 0, 1], [0, 0, 1, 2, 3, 4, 0], [0, 1, 0, 1, 0, 1, 2]]


def test_alibi_is_a_slope_times_the_distance():
    bias = visible(2, causal=True, n_past=2).with_slopes(torch.tensor([1.0, 0.5])).bias()
    assert bias.tolist() == [[[[-2, -1, 0, -1], [-3, -2, -1, 0]], [[-1, -0.5, 0, -0.5], [-1.5, -1, -0.5, 0]]]]


def test_slopes_are_those_of_press_et_al():
    assert alibi_slopes(8, "cpu").tolist() == [2.0**-j for j in range(1, 9)]
    twelve = alibi_slopes(12, "cpu").tolist()
    assert twelve == pytest.approx([2.0**-j for j in range(1, 9)] + [2.0 ** -(j - 0.5) for j in range(1, 5)])


def test_sinusoids_and_rotations_against_their_formulas():
    places = torch.tensor([[0, 1, 5]])
    table = sinusoids(places, 6)
    angles = [[p / 10_000 ** (j / 3) for j in range(3)] for p in (0, 1, 5)]
    torch.testing.assert_close(
        table[0],
        torch.tensor([[*a] for a in angles])
        .repeat(1, 2)
        .sin()
        .where(torch.tensor([True] * 3 + [False] * 3), torch.tensor(angles).repeat(1, 2).cos()),
    )
    cos, sin = rotary(places, 6, 10_000.0)
    torch.testing.assert_close(torch.atan2(sin, cos)[0, 1], torch.tensor(angles[1] * 2))
    assert sinusoids(places, 5).shape == (1, 3, 5)  # an odd width loses its last cosine


def test_a_context_moves_with_all_it_holds():
    """As accelerate moves it, where blocks are on several devices."""
    seen = visible(T, causal=True, n_past=torch.tensor(0), attention_mask=PADDING, segments=SEGMENTS)
    seen = seen.over(T).with_slopes(torch.ones(2)).prepared(torch.float32)
    there = Context(seen, rotary=rotary(torch.arange(T)[None], 4, 10.0)).to("meta")
    held = [value for value in (*vars(there.seen).values(), *there.rotary) if torch.is_tensor(value)]
    assert len(held) == 9
    assert all(tensor.is_meta for tensor in held)
    assert (there.seen.n_keys, there.seen.causal) == (T, True)
