"""From a specification to a pruned model: the texts are kept apart, and a run behind one map errs no more than two."""

import pytest

from nearlinear.edit.fitting import affine, error_on
from nearlinear.edit.prune import PruneSpec, apart, chosen, fitted, prune, runs_of, texts_of
from nearlinear.edit.runs import run_moments
from nearlinear.edit.texts import Texts
from nearlinear.errors import InputError, NotEnoughTokens, UnsupportedModel
from nearlinear.inputs.load import load_model
from nearlinear.inputs.text import Corpus
from nearlinear.inputs.tiny import tiny_config
from nearlinear.inputs.twin import random_model
from nearlinear.inputs.windows import Window, n_tokens
from nearlinear.measure.linearity import AffineMap

DOCUMENTS = tuple(
    "".join(f"Line {i} of {page}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * page} stars.\n" for i in range(40))
    for page in range(12)
)
CORPUS = Corpus("pages", DOCUMENTS)


def spec(**fields) -> PruneSpec:
    return PruneSpec(**({"model": "tiny-llama", "tokens": 2048, "context": 64, "layers": (1,)} | fields))


@pytest.fixture(scope="module")
def loaded():
    return load_model("tiny-llama")


def test_texts_share_no_document(loaded):
    texts = texts_of(spec(), CORPUS, loaded)
    documents = [{window.document for window in part} for part in (texts.fit, texts.choose, texts.evaluate)]
    assert not documents[0] & documents[1]
    assert not documents[0] & documents[2]
    assert not documents[1] & documents[2]
    assert n_tokens(texts.fit) == pytest.approx(2048, abs=600)
    assert apart(texts)


def test_a_shared_document_is_seen():
    def some(*documents):
        return tuple(Window((1, 2), document) for document in documents)

    assert not apart(Texts(some(0, 1), some(2), some(1)))
    assert not apart(Texts(some(0, 1), some(2, 0), some(3)))
    assert apart(Texts(some(0, 1), some(2), some(3, 3)))


def test_neighbours_share_a_map():
    assert runs_of((0, 1, 3, 5, 6, 7)) == [range(2), range(3, 4), range(5, 8)]
    assert runs_of(()) == []


def test_one_map_for_neighbours_errs_no_more_than_two(loaded):
    """On the text of the fit, where least squares is the best there is: x + x A + b, then the same with the next."""
    texts = texts_of(spec(), CORPUS, loaded)
    moments = run_moments(loaded, texts.fit, longest=2)
    one = affine(moments[range(2)])
    first, second = (affine(moments[range(layer, layer + 1)]) for layer in range(2))
    A = first.A + second.A + first.A @ second.A
    b = first.b + second.b + first.b @ second.A
    two = AffineMap(A, 0 * b, b)
    assert error_on(one, moments[range(2)]) <= error_on(two, moments[range(2)]) * (1 + 1e-9)


def test_the_ridge_is_chosen_on_another_text_than_the_fit(loaded):
    texts = texts_of(spec(), CORPUS, loaded)
    other = Texts(texts.fit, texts.fit, texts.evaluate)
    run = range(1, 2)
    assert fitted(spec(), loaded, other, [run])[run].ridge == 0  # on its own text no ridge is the best
    assert fitted(spec(), loaded, texts, [run])[run].ridge > 0


def test_random_blocks_hang_on_the_seed(loaded):
    texts = texts_of(spec(), CORPUS, loaded)

    def blocks(seed):
        return tuple(chosen(spec(layers=(), count=2, order="random", seed=seed), CORPUS, loaded, texts))

    assert blocks(1) == blocks(1)
    assert len({blocks(seed) for seed in range(8)}) > 1


def test_what_cannot_be_asked_for(loaded):
    with pytest.raises(InputError, match="say which blocks to change"):
        spec(layers=()).check()
    with pytest.raises(InputError, match="say which blocks to change"):
        spec(count=2).check()
    with pytest.raises(InputError, match="no order 'worst': choose one of score, heldout"):
        spec(order="worst").check()
    with pytest.raises(NotEnoughTokens, match="for a model of width 32: at least 34 are needed"):
        texts_of(spec(tokens=24, context=4), CORPUS, loaded)
    with pytest.raises(InputError, match="the model takes at most 1024"):
        texts_of(spec(tokens=8192, context=1100), Corpus("long", DOCUMENTS * 2), loaded)


def test_what_could_not_be_saved_is_said_before_the_work(loaded, tmp_path):
    """Maps for every block that a cache could count its tokens by."""
    config = tiny_config("qwen2")
    config.layer_types = ["full_attention", "sliding_attention", "full_attention"]
    config.use_sliding_window, config.sliding_window = True, 4
    random_model(config, 3).save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModel, match="leave one of blocks 0, 2 as it is"):
        prune(spec(model=str(tmp_path), layers=(0, 2)), device="cpu")
