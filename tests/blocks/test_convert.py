"""A block in a GPT-2, BERT or Llama: the same shape and use, fresh weights, and one sentence for what cannot be."""

import pytest
import torch
from transformers import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2LMHeadModel,
    GPT2Model,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
)
from transformers.activations import ACT2FN

from nearlinear import (
    SimplifiedForCausalLM,
    SimplifiedForMaskedLM,
    SimplifiedForSequenceClassification,
    SimplifiedModel,
    convert,
)
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.convert import ACTIVATIONS, converted_config
from nearlinear.blocks.parts import ACT
from nearlinear.errors import InputError
from nearlinear.inputs.tiny import tiny_config
from nearlinear.inputs.twin import seeded

IDS = torch.arange(2 * 12).view(2, 12) % 50
SAME = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
    "tie_word_embeddings",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "initializer_range",
)


def theirs_config(family, **fields):
    """A tiny configuration with some words set, whether its constructor allows them or not."""
    config = tiny_config(family)
    for name, value in fields.items():
        setattr(config, name, value)
    return config


def theirs(kind, config, **fields):
    """A model of theirs with seeded weights, ready to be compared with."""
    for name, value in fields.items():
        setattr(config, name, value)
    with seeded(1):
        return kind(config).eval()


@pytest.mark.parametrize("family", ["gpt2", "bert", "llama"])
def test_the_shape_is_theirs(family):
    config = tiny_config(family)
    ours = converted_config(config, "sas")
    assert {name: getattr(ours, name) for name in SAME} == {name: getattr(config, name) for name in SAME}
    assert ours.block == "sas"


def test_words_of_each_family():
    gpt2, bert, llama = (converted_config(tiny_config(family), "sas-p") for family in ("gpt2", "bert", "llama"))
    assert (gpt2.causal, gpt2.positions, gpt2.norm, gpt2.norm_eps) == (True, "learned", "layer", 1e-5)
    assert (gpt2.hidden_act, gpt2.mlp, gpt2.intermediate_size) == ("gelu", "plain", 4 * 32)
    assert (bert.causal, bert.positions, bert.norm, bert.norm_eps) == (False, "learned", "layer", 1e-12)
    assert (llama.causal, llama.positions, llama.norm, llama.norm_eps) == (True, "rope", "rms", 1e-6)
    assert (llama.hidden_act, llama.mlp, llama.tie_word_embeddings) == ("silu", "gated", False)


def test_widths_and_angles_that_are_set():
    assert converted_config(theirs_config("gpt2", n_inner=48), "sas").intermediate_size == 48
    assert converted_config(theirs_config("gpt2", activation_function="relu"), "sas").hidden_act == "relu"
    assert converted_config(theirs_config("bert", is_decoder=True), "sas").causal
    assert converted_config(LlamaConfig(rope_parameters={"rope_theta": 5e5}), "sas").rope_theta == 5e5


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_are_theirs_but_for_the_approximations_of_gelu(name):
    x = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    off = (ACT[ACTIVATIONS[name]](x) - ACT2FN[name](x)).abs().max()
    assert off < (1e-3 if name.startswith("gelu") else 1e-12)


@torch.no_grad()
def test_with_llamas_weights_a_pre_ln_block_is_llamas():
    """Nothing of the shape is lost or turned around: RoPE, its angle, the gate, the norm, the untied head."""
    llama = theirs(LlamaForCausalLM, tiny_config("llama"), initializer_range=0.5)
    ours = convert(llama, "pre-ln").eval()
    ours.get_input_embeddings().weight.copy_(llama.model.embed_tokens.weight)
    ours.lm_head.weight.copy_(llama.lm_head.weight)
    for mine, yours in zip(ours.model.layers, llama.model.layers, strict=True):
        attn, mlp = yours.self_attn, yours.mlp
        mine.reads.weight.copy_(torch.cat([attn.q_proj.weight, attn.k_proj.weight, attn.v_proj.weight]))
        mine.project.weight.copy_(attn.o_proj.weight)
        mine.up.weight.copy_(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]))
        mine.mlp.down.weight.copy_(mlp.down_proj.weight)
    torch.testing.assert_close(ours(IDS).logits, llama(IDS).logits, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_with_gpt2s_weights_a_pre_ln_block_is_gpt2s():
    """GPT-2 starts with biases of zero, so that nothing is left out; `gelu` is exact on both sides."""
    gpt2 = theirs(GPT2LMHeadModel, theirs_config("gpt2", activation_function="gelu"), initializer_range=0.2)
    ours = convert(gpt2, "pre-ln").eval()
    ours.get_input_embeddings().weight.copy_(gpt2.transformer.wte.weight)
    ours.model.positions.learned.weight.copy_(gpt2.transformer.wpe.weight)
    for mine, yours in zip(ours.model.layers, gpt2.transformer.h, strict=True):
        mine.reads.weight.copy_(yours.attn.c_attn.weight.T)
        mine.project.weight.copy_(yours.attn.c_proj.weight.T)
        mine.up.weight.copy_(yours.mlp.c_fc.weight.T)
        mine.mlp.down.weight.copy_(yours.mlp.c_proj.weight.T)
    torch.testing.assert_close(ours(IDS).logits, gpt2(IDS).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "bert", "llama"])
@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_every_block_in_every_family_trains(block, family):
    model = convert(tiny_config(family, L=2), block)
    loss = model(input_ids=IDS, attention_mask=torch.ones_like(IDS), labels=IDS).loss
    loss.backward()
    assert loss.isfinite()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize(
    ("kind", "family", "ours"),
    [
        (GPT2LMHeadModel, "gpt2", SimplifiedForCausalLM),
        (GPT2Model, "gpt2", SimplifiedModel),
        (BertForMaskedLM, "bert", SimplifiedForMaskedLM),
        (BertForSequenceClassification, "bert", SimplifiedForSequenceClassification),
        (LlamaForCausalLM, "llama", SimplifiedForCausalLM),
    ],
)
def test_a_model_gives_a_model_for_the_same_task(kind, family, ours):
    assert type(convert(theirs(kind, tiny_config(family, L=1)), "sas")) is ours


def test_a_model_of_ones_own_counts_as_what_it_is_made_of():
    class Mine(GPT2LMHeadModel):
        pass

    assert type(convert(theirs(Mine, tiny_config("gpt2", L=1)), "sas")) is SimplifiedForCausalLM


def test_an_encoder_s_configuration_gives_a_masked_language_model():
    assert type(convert(tiny_config("bert", L=1), "sas")) is SimplifiedForMaskedLM
    assert type(convert(theirs_config("bert", is_decoder=True), "sas")) is SimplifiedForCausalLM


def test_labels_are_carried_over():
    config = tiny_config("bert", L=1)
    config.id2label = {0: "bad", 1: "fair", 2: "good"}
    classifier = convert(theirs(BertForSequenceClassification, config), "sas")
    assert classifier.config.id2label == {0: "bad", 1: "fair", 2: "good"}
    assert classifier(IDS).logits.shape == (2, 3)


def test_what_a_tokenizer_of_bert_gives_can_be_given():
    model = convert(tiny_config("bert", L=1), "sas").eval()
    inputs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS), "token_type_ids": torch.zeros_like(IDS)}
    assert model(**inputs).logits.shape == (2, 12, 256)


def test_weights_are_fresh_and_the_model_given_stays():
    given = theirs(GPT2LMHeadModel, tiny_config("gpt2", L=2))
    before = {name: weight.clone() for name, weight in given.state_dict().items()}
    ours = convert(given, "sas")
    assert all(torch.equal(weight, before[name]) for name, weight in given.state_dict().items())
    assert not torch.equal(ours.get_input_embeddings().weight, given.transformer.wte.weight)
    assert all(not block.reads.part("q").any() for block in ours.model.layers)  # as SAS starts


def test_the_seed_decides_and_nothing_else_is_drawn():
    config = tiny_config("gpt2", L=1)
    state = torch.get_rng_state()
    first, again, other = (convert(config, "sas", seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.lm_head.weight, again.lm_head.weight)
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)


def test_dtype_is_the_model_s():
    given = theirs(GPT2LMHeadModel, tiny_config("gpt2", L=1)).to(torch.float64)
    assert {weight.dtype for weight in convert(given, "sas").parameters()} == {torch.float64}


def test_a_large_model_can_be_counted_without_memory():
    with torch.device("meta"):
        model = convert(LlamaConfig(), "sas")
    d, inner, vocab, L = 4096, 11008, 32000, 32
    matrices = L * (2 * d * d + 3 * d * inner) + d * d + 2 * vocab * d
    assert sum(weight.numel() for weight in model.parameters() if weight.ndim == 2) == matrices


def test_changes_win():
    config = converted_config(tiny_config("llama"), "v-skipinit", vp_init="identity", positions="alibi")
    assert (config.vp_init, config.positions) == ("identity", "alibi")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (MistralConfig(), "a 'mistral' configuration cannot be converted: give one of gpt2, bert, llama"),
        (LlamaConfig(num_key_value_heads=8), "8 key-value heads serve 32 heads.*set num_key_value_heads=32"),
        (LlamaConfig(head_dim=64), "32 heads of 64 do not make up the width 4096: set head_dim=None"),
        (LlamaConfig(hidden_act="gelu_10"), "hidden_act='gelu_10' is no activation of ours: set it to one of relu"),
        (theirs_config("gpt2", activation_function="tanh"), "activation_function='tanh' is no activation of ours"),
        (theirs_config("gpt2", scale_attn_by_inverse_layer_idx=True), "divides logits by √d_k alone"),
        (theirs_config("bert", add_cross_attention=True), "set add_cross_attention=False"),
        (
            LlamaConfig(rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}),
            "rope of type 'linear' is scaled.*set rope_parameters=",
        ),
    ],
)
def test_what_no_block_of_ours_has_is_refused(config, message):
    with pytest.raises(InputError, match=message):
        convert(config, "sas")


def test_an_unknown_block_is_refused():
    with pytest.raises(InputError, match="block='sass' is not known: choose one of pre-ln"):
        convert(tiny_config("gpt2"), "sass")


def test_a_task_without_a_model_of_ours_is_refused():
    tagger = theirs(BertForTokenClassification, tiny_config("bert", L=1))
    with pytest.raises(InputError, match="no simplified model for the task of BertForTokenClassification: give its"):
        convert(tagger, "sas")
