"""Cutting texts into windows and windows into batches: exact numbers, disjoint parts, and what cannot be cut."""

from collections import Counter

import pytest
import torch

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.split import evenly_spread, nearest_share
from nearlinear.inputs.text import Corpus
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.windows import Window, WindowSet, batches, check_context, cut, tokenise
from nearlinear.results.specs import CharTokens, CharWindows, TokenWindows

BYTES = byte_tokenizer()


def text(document: int, length: int) -> str:
    """A text in which every place can be told apart: "3:0000 3:0001 ..."."""
    return "".join(f"{document}:{i:04d} " for i in range(length // 7 + 1))[:length]


def corpus(*lengths: int) -> Corpus:
    return Corpus("demo", tuple(text(i, length) for i, length in enumerate(lengths)))


def decoded(windows: tuple[Window, ...]) -> list[str]:
    return [BYTES.decode(window.input_ids) for window in windows]


def documents(windows: tuple[Window, ...]) -> set[int]:
    return {window.document for window in windows}


class TestTokenWindows:
    def test_one_document_is_cut_in_order_from_its_start(self):
        one = corpus(1000)
        windows = cut(TokenWindows(context=16, n_tokens=330, test_fraction=0), one, BYTES)
        ids = torch.tensor(tokenise(one.documents[0], BYTES))
        expected = ids[:320].reshape(-1, 16)
        assert torch.equal(torch.tensor([window.input_ids for window in windows.fit]), expected)
        assert windows.test == ()

    def test_a_window_never_spans_documents_and_rests_are_dropped(self):
        windows = cut(TokenWindows(context=10, n_tokens=60, test_fraction=0), corpus(35, 9, 41), BYTES).fit
        assert [window.document for window in windows] == [0, 2, 0, 2, 0, 2]
        assert decoded(windows)[1] == text(2, 10)

    def test_a_part_of_one_document_is_held_out_in_stretches_evenly_spread(self):
        windows = cut(TokenWindows(context=14, n_tokens=24 * 14, test_fraction=1 / 3), corpus(1000), BYTES)
        places = [int(piece[2:6]) // 2 for piece in decoded(windows.test)]
        assert places == [2, 3, 8, 9, 14, 15, 20, 21]
        assert len(windows.fit) == 16
        assert windows.group == "window"

    def test_of_several_documents_whole_ones_are_held_out(self):
        windows = cut(TokenWindows(context=10, n_tokens=600, test_fraction=1 / 3), corpus(*[60] * 10), BYTES)
        assert not documents(windows.fit) & documents(windows.test)
        assert len(documents(windows.test)) == 3
        assert (windows.n_fit, windows.n_test) == (420, 180)
        assert windows.group == "document"

    def test_the_split_is_by_tokens_not_by_number_of_documents(self):
        windows = cut(TokenWindows(context=10, n_tokens=1000, test_fraction=0.3), corpus(500, *[50] * 10), BYTES)
        assert windows.n_test == 300

    def test_one_document_held_out_of_two_leaves_only_windows_to_draw(self):
        windows = cut(TokenWindows(context=10, n_tokens=200, test_fraction=0.5), corpus(100, 100), BYTES)
        assert len(documents(windows.test)) == 1
        assert windows.group == "window"

    def test_the_seed_chooses_the_documents_held_out_and_nothing_else(self):
        def held_out(seed: int) -> WindowSet:
            return cut(TokenWindows(context=10, n_tokens=600, test_fraction=0.3, seed=seed), corpus(*[60] * 10), BYTES)

        assert held_out(1) == held_out(1)
        assert held_out(1) != held_out(2)
        assert Counter(held_out(1).fit + held_out(1).test) == Counter(held_out(2).fit + held_out(2).test)

    def test_too_short_a_text(self):
        with pytest.raises(NotEnoughTokens, match="the text 'demo' gives 9 windows of 10 tokens, 10 are asked for"):
            cut(TokenWindows(context=10, n_tokens=100), corpus(99), BYTES)

    def test_fewer_tokens_than_a_window(self):
        with pytest.raises(InputError, match="9 tokens make no window of 10"):
            cut(TokenWindows(context=10, n_tokens=9), corpus(99), BYTES)

    def test_one_window_cannot_be_split(self):
        with pytest.raises(NotEnoughTokens, match="too short to hold a part of it out"):
            cut(TokenWindows(context=10, n_tokens=10), corpus(99), BYTES)


class TestCharWindows:
    spec = CharWindows(chars=50, n_fit=20, n_test=10)

    def test_as_many_as_asked_for_from_different_documents(self):
        windows = cut(self.spec, corpus(*[400] * 9), BYTES)
        assert (len(windows.fit), len(windows.test)) == (20, 10)
        assert not documents(windows.fit) & documents(windows.test)
        assert windows.group == "document"
        assert all(len(piece) == 50 for piece in decoded(windows.fit + windows.test))

    def test_windows_are_pieces_of_their_document_and_never_overlap(self):
        texts = corpus(*[400] * 9)
        windows = cut(self.spec, texts, BYTES)
        places = Counter()
        for window, piece in zip(windows.fit + windows.test, decoded(windows.fit + windows.test), strict=True):
            start = texts.documents[window.document].index(piece)
            places.update((window.document, start + i) for i in range(50))
        assert set(places.values()) == {1}

    def test_every_document_is_used_about_evenly(self):
        windows = cut(self.spec, corpus(*[400] * 9), BYTES)
        for part in (windows.fit, windows.test):
            uses = Counter(window.document for window in part).values()
            assert max(uses) - min(uses) <= 1

    def test_places_are_random_and_the_seed_decides(self):
        one, same, other = (
            cut(self.spec.model_copy(update={"seed": seed}), corpus(*[430] * 9), BYTES) for seed in (1, 1, 2)
        )
        assert one == same
        assert one != other

    def test_every_tokenizer_gets_the_same_text(self):
        """A tokenizer that makes half the tokens draws more windows for the same number, from the same places."""
        pairs = _PairTokenizer()
        spec = CharWindows(chars=50, n_fit=4, n_test=2, min_fit_tokens=500)
        many = cut(spec, corpus(*[4000] * 9), pairs)
        few = cut(spec, corpus(*[4000] * 9), BYTES)
        assert (len(few.fit), len(few.test)) == (10, 5)
        assert (len(many.fit), len(many.test)) == (20, 10)
        assert [pairs.decode(window.input_ids) for window in many.fit[:10]] == decoded(few.fit)
        assert [pairs.decode(window.input_ids) for window in many.test[:5]] == decoded(few.test)

    def test_one_document_is_held_out_in_stretches(self):
        one = corpus(3000)
        windows = cut(CharWindows(chars=50, n_fit=20, n_test=10), one, BYTES)
        part = {
            name: {one.documents[0].index(piece) * 12 // 3000 for piece in decoded(group)}
            for name, group in (("fit", windows.fit), ("test", windows.test))
        }
        assert part["test"] == {1, 4, 7, 10}
        assert not part["fit"] & part["test"]
        assert windows.group == "window"

    def test_nothing_held_out(self):
        windows = cut(CharWindows(chars=50, n_fit=5, n_test=0), corpus(300), BYTES)
        assert (len(windows.fit), len(windows.test)) == (5, 0)

    def test_empty_stretches_of_a_text_are_passed_over(self):
        blank = Corpus("demo", (" " * 500, text(1, 500)))
        windows = cut(CharWindows(chars=50, n_fit=9, n_test=0), blank, BYTES)
        assert documents(windows.fit) == {1}

    def test_too_short_a_text(self):
        with pytest.raises(NotEnoughTokens, match=r"has 6 windows of 50 characters \(300 tokens\), and more are asked"):
            cut(CharWindows(chars=50, n_fit=7, n_test=0), corpus(300), BYTES)
        with pytest.raises(NotEnoughTokens, match="has 0 windows of 50 characters"):
            cut(CharWindows(chars=50, n_fit=7, n_test=0), corpus(49, 20), BYTES)
        with pytest.raises(NotEnoughTokens, match="too short to hold a part of it out"):
            cut(CharWindows(chars=50, n_fit=1, n_test=1), corpus(99), BYTES)


class TestCharTokens:
    def test_windows_until_the_tokens_are_there(self):
        windows = cut(CharTokens(chars=50, n_tokens=1000, test_fraction=0.25), corpus(*[400] * 8), BYTES)
        assert (windows.n_fit, windows.n_test) == (750, 250)
        assert not documents(windows.fit) & documents(windows.test)

    def test_the_same_windows_as_by_number(self):
        by_tokens = cut(CharTokens(chars=50, n_tokens=1500, test_fraction=1 / 3), corpus(*[400] * 9), BYTES)
        assert by_tokens == cut(CharWindows(chars=50, n_fit=20, n_test=10), corpus(*[400] * 9), BYTES)

    def test_nothing_held_out(self):
        windows = cut(CharTokens(chars=50, n_tokens=180, test_fraction=0), corpus(400), BYTES)
        assert (windows.n_fit, windows.test) == (200, ())

    def test_too_short_a_text(self):
        with pytest.raises(NotEnoughTokens, match="more are asked for"):
            cut(CharTokens(chars=50, n_tokens=4000), corpus(400, 400), BYTES)


class _PairTokenizer:
    """Two characters a token."""

    def __call__(self, text: str, **_options) -> dict[str, list[int]]:
        codes = text.encode()
        return {"input_ids": [codes[i] * 256 + codes[i + 1] for i in range(0, len(codes), 2)]}

    def decode(self, ids) -> str:
        return bytes(code for i in ids for code in divmod(i, 256)).decode()


def test_a_spec_of_another_kind_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="str does not say how to cut windows"):
        cut("512", corpus(99), BYTES)


def test_tokens_have_nothing_added_and_nothing_said(capfd):
    """Longer than the tokenizer's own limit, with a beginning-of-text token that it would like to add."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="! $A", special_tokens=[("!", 0)])
    tokenizer.model_max_length = 10
    tokenizer.backend_tokenizer.enable_truncation(8)
    assert len(tokenise("x" * 50, tokenizer)) == 50
    assert capfd.readouterr() == ("", "")


def test_windows_longer_than_the_model_takes():
    windows = cut(TokenWindows(context=16, n_tokens=64, test_fraction=0.5), corpus(200), BYTES)
    check_context(windows, 16)
    with pytest.raises(InputError, match="a window has 16 tokens, and the model takes at most 15"):
        check_context(windows, 15)


class TestSplit:
    def test_shares_are_near_their_target(self):
        sizes = {i: 10 + i for i in range(30)}
        for seed in range(20):
            chosen = nearest_share(sizes, 0.3, seed)
            assert abs(sum(sizes[i] for i in chosen) / sum(sizes.values()) - 0.3) < 0.03

    @pytest.mark.parametrize("fraction", [0.001, 0.5, 0.999])
    @pytest.mark.parametrize("sizes", [{0: 1, 1: 100}, {0: 5, 1: 5, 2: 5}])
    def test_one_in_and_one_out_at_least(self, sizes, fraction):
        assert 0 < len(nearest_share(sizes, fraction, 0)) < len(sizes)
        assert 0 < len(evenly_spread(len(sizes), fraction)) < len(sizes)

    def test_evenly_spread(self):
        assert evenly_spread(12, 1 / 3) == {1, 4, 7, 10}
        assert evenly_spread(12, 0.5) == {1, 3, 5, 7, 9, 11}
        assert evenly_spread(2, 0.9) == {1}


class TestBatches:
    windows = tuple(Window(tuple(range(1, length + 1)), 0) for length in (5, 9, 2, 9, 3, 30, 4))

    def test_every_window_once_with_its_own_tokens(self):
        seen = {}
        for batch in batches(self.windows, batch_tokens=20, pad_id=99):
            assert batch.input_ids.dtype == batch.attention_mask.dtype == batch.window.dtype == torch.int64
            for ids, mask, index in zip(batch.input_ids, batch.attention_mask, batch.window, strict=True):
                length = int(mask.sum())
                assert mask.tolist() == [1] * length + [0] * (len(mask) - length)
                assert set(ids[length:].tolist()) <= {99}
                seen[int(index)] = tuple(ids[:length].tolist())
        assert seen == {i: window.input_ids for i, window in enumerate(self.windows)}

    def test_a_batch_keeps_to_its_size_unless_it_is_one_window(self):
        shapes = [tuple(batch.input_ids.shape) for batch in batches(self.windows, batch_tokens=20)]
        assert shapes == [(4, 5), (2, 9), (1, 30)]

    def test_similar_lengths_come_together_in_one_order(self):
        order = [batch.window.tolist() for batch in batches(self.windows, batch_tokens=20)]
        assert order == [[2, 4, 6, 0], [1, 3], [5]]

    def test_no_windows_no_batches(self):
        assert list(batches(())) == []
