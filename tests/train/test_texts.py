"""Three parts of a text: by document, without copies, in whole windows, and said clearly where there is too little."""

from dataclasses import replace

import pytest
import torch

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.results.training import Reading
from nearlinear.train.texts import Part, part_of, split, texts_for, without_copies
from nearlinear.train.tokens import encoded, tokenizer_for

from .made import T, corpus, pages, reading, small_texts


def documents_of(part, tokenizer):
    """What each document of a part gave, as text."""
    return {tokenizer.decode(part.windows[part.documents == d].flatten().tolist()) for d in part.documents.unique()}


def three(texts):
    return texts.train, texts.choose, texts.evaluate


def test_every_document_is_in_one_part_and_the_held_out_ones_have_their_share():
    parts = split(pages(), 0.1, seed=0)
    assert sorted(page for part in parts for page in part) == sorted(pages())
    whole = sum(map(len, pages()))
    assert [sum(map(len, part)) / whole for part in parts] == pytest.approx([0.8, 0.1, 0.1], abs=0.03)
    assert split(pages(), 0.1, seed=0) == parts != split(pages(), 0.1, seed=1)


@pytest.mark.parametrize("held_out", [0.04, 0.1, 0.3, 0.45])
def test_no_window_of_one_part_comes_from_another(held_out):
    """The pages share no line, so a window of one part cannot stand in the documents of another."""
    with corpus(pages(60)):
        texts = texts_for(reading(held_out=held_out, n_evaluate=100_000), T)
    whole = [documents_of(part, texts.tokenizer) for part in three(texts)]
    assert sum(map(len, whole)) == 60
    assert all(sum(page.startswith(text) for page in pages(60)) == 1 for part in whole for text in part)
    assert not whole[0] & whole[1] | whole[0] & whole[2] | whole[1] & whole[2]


def test_a_real_text_has_no_document_in_two_parts():
    texts = texts_for(Reading(corpus="tales"), 64)
    seen = [documents_of(part, texts.tokenizer) for part in three(texts)]
    assert [len(part) for part in seen] == [len(part.documents.unique()) for part in three(texts)]
    starts = [{text[:64] for text in part} for part in seen]
    assert not starts[0] & starts[1] | starts[0] & starts[2] | starts[1] & starts[2]
    assert texts.n_dropped + sum(map(len, seen)) == texts.source.n_documents


LONG = [f"a line of some length, number {i}\n" for i in range(40)]
SHORT = "return None\n"


@pytest.mark.parametrize(
    ("documents", "kept"),
    [
        pytest.param(["".join(LONG[:9]), "".join(LONG[:9])], [0], id="an exact copy"),
        pytest.param(["".join(LONG[:9]), "".join(LONG[:8]) + "another line, not of the nine\n"], [0], id="a near copy"),
        pytest.param(["".join(LONG[:9]), "".join(reversed(LONG[:9]))], [0], id="in another order"),
        pytest.param(["".join(LONG[:9]), "".join("    " + line for line in LONG[:9])], [0], id="indented"),
        pytest.param(["".join(LONG[:9]), "".join(LONG[3:5]) * 9 + "".join(LONG[:3])], [0], id="a part of it"),
        pytest.param(["".join(LONG[:20]), "".join(LONG[20:40])], [0, 1], id="two texts"),
        pytest.param(["".join(LONG[:10]), "".join(LONG[5:15])], [0, 1], id="half is shared"),
        pytest.param(["".join(LONG[:10]), "".join(LONG[4:13])], [0], id="more than half is shared"),
        pytest.param([SHORT, SHORT], [0], id="a short copy"),
        pytest.param([SHORT, "return True\n"], [0, 1], id="two short texts"),
        pytest.param([SHORT * 9 + LONG[0], SHORT * 9 + LONG[1]], [0, 1], id="short lines say nothing"),
        pytest.param(["".join(LONG[:4]), "".join(LONG[:4]), "".join(LONG[:4])], [0], id="three copies"),
        pytest.param(["".join(LONG[:3]), "".join(LONG[3:6]), "".join(LONG[1:5])], [0, 1], id="of two earlier ones"),
    ],
)
def test_copies_are_dropped_and_nothing_else(documents, kept):
    assert without_copies(documents) == kept


def test_what_was_dropped_is_counted_and_in_no_part():
    copy = pages()[4].replace("day 3 ", "day 77 ")
    with corpus([*pages(), copy, pages()[0], "short\n", "short\n"]):
        texts = texts_for(reading(n_evaluate=100_000), T)
    assert texts.n_dropped == 3
    assert not any("day 77 " in page for part in three(texts) for page in documents_of(part, texts.tokenizer))


def test_windows_are_whole_and_each_document_gives_one_in_turn():
    part = part_of([list(range(10)), list(range(100, 103)), list(range(200, 209)), [], [7, 8, 9, 10]], 4)
    assert part.windows.tolist() == [
        [0, 1, 2, 3], [200, 201, 202, 203], [7, 8, 9, 10], [4, 5, 6, 7], [204, 205, 206, 207],
    ]  # fmt: skip
    assert part.documents.tolist() == [0, 2, 4, 0, 2]
    assert part.windows.dtype == part.documents.dtype == torch.int32
    assert part.n_tokens == 20
    assert part_of([[1, 2], [3]], 4).windows.shape == (0, 4)


@pytest.mark.parametrize("n_evaluate", [T, 100, 320, 1024])
def test_no_more_is_evaluated_than_asked_for(n_evaluate):
    texts, all_of_it = small_texts(n_evaluate=n_evaluate), small_texts(n_evaluate=1_000_000)
    for name in ("choose", "evaluate"):
        part, whole = getattr(texts, name), getattr(all_of_it, name)
        assert len(part.windows) == n_evaluate // T < len(whole.windows)
        assert torch.equal(part.windows, whole.windows[: len(part.windows)])
        assert torch.equal(part.documents, whole.documents[: len(part.windows)])
    assert torch.equal(texts.train.windows, all_of_it.train.windows)


def test_the_training_part_is_every_whole_window_of_its_documents():
    texts, (train, *_) = small_texts(), split(pages(), 0.1, 0)
    rows = encoded(tokenizer_for("bytes", []), train)
    assert len(texts.train.windows) == sum(len(ids) // T for ids in rows)
    for d, ids in enumerate(rows):
        assert texts.train.windows[texts.train.documents == d].flatten().tolist() == ids[: len(ids) // T * T]


@pytest.mark.parametrize("part", ["training", "choosing rates", "evaluation"])
def test_too_short_a_part_is_one_sentence_that_names_it(part, monkeypatch):
    names = ("training", "choosing rates", "evaluation")
    parts = tuple([page[: 60 if name == part else None] for page in pages(9)] for name in names)
    monkeypatch.setattr("nearlinear.train.texts.split", lambda *_: parts)
    with corpus(pages()), pytest.raises(NotEnoughTokens) as caught:
        texts_for(reading(), 64)
    assert str(caught.value) == (
        f"the text 'pages' leaves no window of 64 tokens for {part}: take a longer text or a shorter window"
    )


@pytest.mark.parametrize("held_out", [0.0, 0.5, 0.9])
def test_a_share_that_cannot_be_held_out_twice_is_one_sentence(held_out):
    with pytest.raises(InputError, match=rf"^held_out={held_out:g} is held out twice, so it must lie between 0 and"):
        split(pages(), held_out, 0)


def test_a_text_of_one_document_is_refused():
    with corpus(pages()[:1]), pytest.raises(NotEnoughTokens, match="too short to hold a part of it out"):
        texts_for(reading(), T)


@pytest.mark.parametrize("part", ["train", "choose", "evaluate"])
def test_one_other_token_is_another_hash(part):
    texts = small_texts()
    windows = getattr(texts, part).windows.clone()
    windows[-1, -1] = (windows[-1, -1] + 1) % 256
    changed = replace(texts, **{part: Part(windows, getattr(texts, part).documents)})
    assert changed.sha256 != texts.sha256 == small_texts().sha256


def test_other_parts_other_windows_and_another_seed_are_another_hash():
    texts = small_texts()
    even = texts.train.windows[: len(texts.train.windows) // 2 * 2]
    plain, folded = (
        replace(texts, train=Part(even.reshape(shape), texts.train.documents)) for shape in ((-1, T), (-1, 2 * T))
    )
    swapped = replace(texts, choose=texts.evaluate, evaluate=texts.choose)
    assert plain.sha256 != folded.sha256
    assert len({each.sha256 for each in (texts, swapped, folded, small_texts(seed=1))}) == 4
