"""What a model writes: greedily, as generation does; by chance, as a seed and the model's odds say."""

import pytest
import torch

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.results.drift import SampleSpec
from nearlinear.results.provenance import ModelSource
from nearlinear.train.drift_samples import drawn, said, samples_of
from nearlinear.train.families import family_model

from .drift_made import SAMPLES, drift
from .made import T


def loaded_of(family="llama", seed=0) -> LoadedModel:
    model = family_model(drift(family, seed=seed), 256)
    source = ModelSource(id="made", sha256="0" * 64, architecture="", n_parameters=0, L=2, d=16)
    return LoadedModel(model, byte_tokenizer(), source, context=T)


@pytest.mark.parametrize("family", ["llama", "gpt-neox", "sas"])
def test_texts_hang_on_seed_and_model_alone(family):
    one = samples_of(loaded_of(family), SAMPLES)
    torch.rand(5)
    assert samples_of(loaded_of(family), SAMPLES) == one
    assert samples_of(loaded_of(family), SAMPLES.model_copy(update={"seed": 1})) != one
    assert [sample.prompt for sample in one] == list(SAMPLES.prompts)
    assert all(len(sample.drawn) == 2 for sample in one)


def test_the_model_is_left_in_the_mode_that_it_was_in():
    loaded = loaded_of()
    loaded.model.train()
    samples_of(loaded, SAMPLES)
    assert loaded.model.training


def test_greedy_text_is_the_likeliest_token_again_and_again():
    loaded = loaded_of()
    ids = torch.tensor([loaded.tokenizer("On day 1")["input_ids"]])
    n = ids.shape[1]
    with torch.no_grad():
        for _ in range(8):
            ids = torch.cat([ids, loaded.model(ids).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    assert samples_of(loaded, SAMPLES)[0].greedy == said(loaded, ids[0, n:].tolist())


def test_without_warmth_a_draw_is_the_likeliest_token():
    loaded = loaded_of()
    cold = SampleSpec(prompts=SAMPLES.prompts, n_new=8, n_samples=3, temperature=1e-9)
    for sample in samples_of(loaded, cold):
        assert set(sample.drawn) == {sample.greedy}


def test_draws_follow_the_odds_of_the_model():
    """The first token of many texts, against softmax(logits / temperature)."""
    loaded, many = loaded_of(), SampleSpec(prompts=("the",), n_new=1, n_samples=4000, temperature=0.5)
    ids = torch.tensor([loaded.tokenizer("the")["input_ids"]])
    with torch.no_grad():
        odds = (loaded.model(ids).logits[0, -1].double() / 0.5).softmax(-1)
    counts = drawn(loaded, "the", many, 0).flatten().bincount(minlength=256).double() / 4000
    assert (counts - odds).abs().max().item() < 4 * (0.25 / 4000) ** 0.5
    assert torch.dot(counts, odds).item() > 0.8 * torch.dot(odds, odds).item()


def test_bytes_that_are_no_letter_become_a_mark():
    assert said(loaded_of(), byte_tokenizer()("é")["input_ids"]) == "é"
    assert "\ufffd" in said(loaded_of(), byte_tokenizer()("é")["input_ids"][:1])
