"""What cannot be trained and looked at is refused in one sentence, before the first step."""

import pytest

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.results.drift import Cosine, FamilyArchitecture, SampleSpec
from nearlinear.train.drift import run
from nearlinear.train.run import texts_of

from .drift_made import SHAPE, drift
from .made import cache, corpus, pages, small_texts


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(autouse=True)
def own_cache(tmp_path):
    with cache(tmp_path):
        yield tmp_path


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (drift("lama"), "no family 'lama': choose one of llama"),
        (drift(regulariser=Cosine(strength=-0.1)), "a regulariser of strength -0.1 has no least value"),
        (drift(n_fit=10_000), "the text for choosing rates has 1024 tokens, and 10000 are asked for"),
        (drift(architecture=FamilyArchitecture(**SHAPE | {"d": 1024})), "the text gives 620 tokens to fit"),
        (drift(batch=4000), "the text has .* windows to train on, and a batch has 4000"),
        (drift(parts=3), "a batch of 4 windows cannot be cut into 3 parts"),
        (drift(samples=SampleSpec(prompts=("a",), n_new=32)), "the prompt 'a' has 1 tokens and 32 are to follow"),
        (drift(samples=SampleSpec(prompts=("",), n_new=3)), "the prompt '' has 0 tokens and 3 are to follow"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(texts, spec, says):
    with pytest.raises(InputError, match=rf"^{says}") as caught:
        run(spec, device="cpu", texts=texts)
    assert "\n" not in str(caught.value)


def test_too_small_a_text_is_refused():
    for n, says in ((1, "the text is too short to hold a part of it out"), (20, "leaves no window of 8192 tokens")):
        texts_of.cache_clear()
        with corpus(pages(n)), pytest.raises(NotEnoughTokens, match=says):
            run(drift(architecture=FamilyArchitecture(**SHAPE | {"T": 8192})), device="cpu")
