"""Finding the blocks of a model: eleven families and an encoder by name, others by their length, and those without."""

import pytest
import torch
from torch import nn
from transformers import AlbertConfig, AutoModel, AutoModelForCausalLM, MambaConfig

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.models import backbone, blocks, blocks_path, final_norm, unembed
from nearlinear.inputs.tiny import FAMILIES, byte_tokenizer, tiny_model

WHERE = {
    "gpt2": ("transformer.h", "transformer.ln_f"),
    "gptj": ("transformer.h", "transformer.ln_f"),
    "gpt_neox": ("gpt_neox.layers", "gpt_neox.final_layer_norm"),
    "llama": ("model.layers", "model.norm"),
    "mistral": ("model.layers", "model.norm"),
    "qwen2": ("model.layers", "model.norm"),
    "opt": ("model.decoder.layers", "model.decoder.final_layer_norm"),
    "bloom": ("transformer.h", "transformer.ln_f"),
    "falcon": ("transformer.h", "transformer.ln_f"),
    "gemma": ("model.layers", "model.norm"),
    "phi": ("model.layers", "model.final_layernorm"),
    "bert": ("encoder.layer", None),
}


def test_every_family_has_its_row():
    assert tuple(WHERE) == FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_blocks_and_final_norm(family):
    model = tiny_model(family, L=5)
    path, norm = WHERE[family]
    assert blocks_path(model) == path
    assert isinstance(blocks(model), nn.ModuleList)
    assert len(blocks(model)) == 5
    assert final_norm(model) == norm


@pytest.mark.parametrize("family", FAMILIES)
def test_backbone_and_head_together_are_the_model(family):
    """The head of the backbone's output gives the model's own logits; an encoder has no head."""
    model, ids = tiny_model(family), torch.arange(1, 13).reshape(2, 6)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        states = backbone(model)(**inputs).last_hidden_state
        assert states.shape == (2, 6, 32)
        if family == "bert":
            assert unembed(model) is None
        else:
            torch.testing.assert_close(unembed(model)(states), model(**inputs).logits)


def test_a_backbone_alone_has_blocks_too():
    assert blocks_path(backbone(tiny_model("llama"))) == "layers"


def test_blocks_under_an_unknown_name_are_found_by_their_number():
    model = tiny_model("llama", L=4)
    model.model.strata = model.model.layers
    del model.model.layers
    assert blocks_path(model) == "model.strata"


def test_two_lists_of_the_right_length_are_not_guessed_between():
    model = tiny_model("llama", L=4)
    model.model.strata, model.model.others = model.model.layers, nn.ModuleList(nn.Linear(2, 2) for _ in range(4))
    del model.model.layers
    with pytest.raises(UnsupportedModel, match=r"the one ModuleList of 4 modules \(there are 2\)"):
        blocks(model)


def test_other_families_need_nothing_new():
    config = MambaConfig(hidden_size=32, num_hidden_layers=3, vocab_size=64)
    assert blocks_path(AutoModelForCausalLM.from_config(config)) == "backbone.layers"


def test_a_model_without_a_list_of_blocks_says_what_was_looked_for():
    """ALBERT runs one shared block twelve times: there is no list."""
    config = AlbertConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, vocab_size=64
    )
    with pytest.raises(UnsupportedModel, match=r"AlbertModel has no list of blocks .* layers, h, decoder\.layers"):
        blocks(AutoModel.from_config(config))


def test_a_plain_module_is_no_model():
    with pytest.raises(UnsupportedModel, match="Linear has no list of blocks"):
        blocks(nn.Linear(2, 2))


def test_tiny_models_repeat_by_seed_and_leave_the_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    same, again, other = (tiny_model("llama", seed=seed) for seed in (1, 1, 2))
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    weight = same.model.layers[0].mlp.up_proj.weight
    assert torch.equal(weight, again.model.layers[0].mlp.up_proj.weight)
    assert not torch.equal(weight, other.model.layers[0].mlp.up_proj.weight)
    assert not same.training


def test_tiny_models_take_their_size():
    model = tiny_model("opt", d=64, L=2, vocab=300)
    assert model.get_input_embeddings().weight.shape == (300, 64)
    assert len(blocks(model)) == 2


def test_an_unknown_family_names_the_known_ones():
    with pytest.raises(InputError, match="no tiny model of family 'gpt5': choose one of gpt2, gptj"):
        tiny_model("gpt5")


@pytest.mark.parametrize("text", ["plain", "two  spaces\n\ttab", "naïve façade, 数学, 🙂", ""])
def test_the_byte_tokenizer_gives_one_token_a_byte_and_goes_back(text):
    tokenizer = byte_tokenizer()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(ids) == len(text.encode())
    assert all(0 <= i < 256 for i in ids)
    assert tokenizer.decode(ids) == text
