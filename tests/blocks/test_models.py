"""The models as transformers sees them: Auto classes, files, heads, losses, training, compiling."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
)

import nearlinear
from nearlinear.blocks.config import BLOCK_NAMES, SimplifiedConfig
from nearlinear.blocks.model import (
    SimplifiedForCausalLM,
    SimplifiedForMaskedLM,
    SimplifiedForSequenceClassification,
    SimplifiedModel,
)

from .made import SHAPED, V, config, fresh, ids, moved, padded

every_block = pytest.mark.parametrize("name", BLOCK_NAMES)
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def test_a_leaf_can_be_imported_first():
    """transformers imports ours as soon as its tables are read, which must not be in the middle of one of ours."""
    subprocess.run([sys.executable, "-c", "import nearlinear.blocks.blocks"], check=True)


def test_names_are_at_hand():
    assert nearlinear.SimplifiedForCausalLM is SimplifiedForCausalLM
    assert nearlinear.SimplifiedConfig().block == "sas-p"


def test_defaults_are_those_of_the_paper():
    c = nearlinear.SimplifiedConfig()
    assert (c.hidden_size, c.num_hidden_layers, c.num_attention_heads, c.intermediate_size) == (768, 18, 12, 3072)
    assert (c.norm, c.norm_eps, c.hidden_act, c.positions, c.tie_word_embeddings) == (
        "rms",
        1e-8,
        "relu",
        "learned",
        True,
    )
    assert nearlinear.SimplifiedConfig(hidden_size=60).intermediate_size == 240


PAPER = {
    "CodeParrot, Pre-LN": (SimplifiedForCausalLM, {"block": "pre-ln"}, 166.6, 18 * 2 * 768 + 768),
    "CodeParrot, SAS": (SimplifiedForCausalLM, {"block": "sas"}, 145.9, 18 * (2 * 768 + 37) + 768),
    "BERT, Pre-LN": (SimplifiedForMaskedLM, {"block": "pre-ln"}, 119.5, 16 * 2 * 768 + 768),
    "BERT, SAS": (SimplifiedForMaskedLM, {"block": "sas"}, 101.3, 16 * (2 * 768 + 37) + 768),
}
"""Millions of parameters without norms and gains, and the norms and gains."""
BERT = {"causal": False, "vocab_size": 32_768, "num_hidden_layers": 16, "mlp": "gated", "positions": "sinusoidal"}


def paper_size(which):
    cls, how, _, small = PAPER[which]
    with torch.device("meta"):
        model = cls(nearlinear.SimplifiedConfig(**how, **(BERT if cls is SimplifiedForMaskedLM else {})))
    return sum(p.numel() for p in model.parameters()) - small


@pytest.mark.parametrize("which", PAPER)
def test_the_paper_s_models_have_the_paper_s_sizes(which):
    cls, how, millions, _ = PAPER[which]
    d, L = 768, 18 if cls is SimplifiedForCausalLM else 16
    matrices = {"pre-ln": 12, "sas": 10}[how["block"]] - 2 * (cls is SimplifiedForMaskedLM)
    embeddings = (50_000 + 1024) * d if cls is SimplifiedForCausalLM else 32_768 * d
    expected = L * matrices * d * d + embeddings + d * d * (how["block"] == "sas")
    assert paper_size(which) == expected
    assert round(expected / 1e6, 1) == millions


def test_the_paper_s_models_shrink_as_it_says():
    assert 1 - paper_size("CodeParrot, SAS") / paper_size("CodeParrot, Pre-LN") == pytest.approx(0.124, abs=5e-4)
    assert 1 - paper_size("BERT, SAS") / paper_size("BERT, Pre-LN") == pytest.approx(0.153, abs=5e-4)


@every_block
def test_a_model_comes_back_from_its_files(name, tmp_path):
    model = moved(name, vp_train_gains=True)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(again) is SimplifiedForCausalLM
    assert AutoConfig.from_pretrained(tmp_path).to_diff_dict() == model.config.to_diff_dict()
    assert torch.equal(again(ids()).logits, model(ids()).logits)
    assert again.lm_head.weight is again.model.embed.weight
    assert torch.equal(AutoModel.from_pretrained(tmp_path)(ids())[0], model.model(ids())[0])


@pytest.mark.parametrize(
    ("auto", "cls", "how"),
    [
        (AutoModel, SimplifiedModel, {}),
        (AutoModelForCausalLM, SimplifiedForCausalLM, {}),
        (AutoModelForMaskedLM, SimplifiedForMaskedLM, {"causal": False}),
        (AutoModelForSequenceClassification, SimplifiedForSequenceClassification, {}),
    ],
)
def test_auto_classes_know_ours(auto, cls, how):
    assert type(auto.from_config(config("sas", **how))) is cls


def test_a_new_head_may_be_put_on_a_loaded_body(tmp_path):
    body = moved("sas-p")
    body.save_pretrained(tmp_path)
    classifier = AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=3)
    assert torch.equal(classifier.model(ids())[0], body.model(ids())[0])
    assert classifier(ids()).logits.shape == (2, 3)


def test_a_head_of_its_own_where_it_is_not_tied(tmp_path):
    model = moved("sas", tie_word_embeddings=False)
    assert model.lm_head.weight is not model.model.embed.weight
    model.save_pretrained(tmp_path)
    assert torch.equal(SimplifiedForCausalLM.from_pretrained(tmp_path)(ids()).logits, model(ids()).logits)


def test_a_vocabulary_can_grow():
    model = moved("sas")
    before = model(ids()).logits
    model.resize_token_embeddings(V + 5)
    torch.testing.assert_close(model(ids()).logits[..., :V], before, **CLOSE)


@pytest.mark.parametrize("how", [{}, {"attention_shape": "value-skip"}])
@every_block
def test_matrices_on_request_are_those_that_act(name, how):
    model = moved(name, SimplifiedModel, **how).double()
    plain, asked = model(ids()), model(ids(), output_attentions=True)
    torch.testing.assert_close(asked.last_hidden_state, plain.last_hidden_state, atol=1e-12, rtol=0)
    assert [m.shape for m in asked.attentions] == [(2, 4, 10, 10)] * 3
    assert not torch.stack(asked.attentions).triu(1).any()
    rows = asked.attentions[1].sum(-1)  # α + β − γ, the same in every row
    torch.testing.assert_close(rows, rows[:1, :, :1].expand_as(rows))
    softmax_alone = torch.allclose(rows, torch.ones_like(rows))
    assert softmax_alone == (name in ("pre-ln", "post-ln", "parallel", "skipless"))


def test_states_on_request_are_what_blocks_read_and_the_normed_end():
    model = moved("sas")
    out = model.model(ids(), output_hidden_states=True)
    assert len(out.hidden_states) == 4
    assert torch.equal(out.hidden_states[-1], out.last_hidden_state)
    read = []
    with model.model.layers[1].register_forward_pre_hook(lambda _, given: read.append(given[0])):
        model(ids())
    assert torch.equal(read[0], out.hidden_states[1])


def test_tuples_and_embeddings_are_understood():
    model = moved("sas")
    whole = model(ids(), labels=ids())
    loss, logits, *_ = model(ids(), labels=ids(), return_dict=False)
    assert torch.equal(loss, whole.loss)
    assert torch.equal(logits, whole.logits)
    assert torch.equal(model(inputs_embeds=model.model.embed(ids())).logits, whole.logits)
    assert torch.equal(model(ids(), logits_to_keep=2).logits, whole.logits[:, -2:])


@pytest.mark.parametrize("name", ["pre-ln", "sas-p"])
def test_the_loss_of_a_decoder_asks_for_the_next_token(name):
    model, tokens = moved(name), ids()
    logits = model(tokens).logits
    expected = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    torch.testing.assert_close(model(tokens, labels=tokens).loss, expected)
    torch.testing.assert_close(model(tokens, labels=tokens, num_items_in_batch=9).loss, expected * 18 / 9)


@pytest.mark.parametrize("name", ["pre-ln", "sas", "sas-p-no-norm"])
def test_an_encoder_asked_at_some_places_answers_there(name):
    dense = moved(name, SimplifiedForMaskedLM, causal=False)
    sparse = moved(name, SimplifiedForMaskedLM, causal=False, sparse_prediction=True)
    tokens, labels = ids(), ids(seed=1)
    labels[:, ::2] = -100
    one, other = dense(tokens, labels=labels), sparse(tokens, labels=labels)
    asked = labels != -100
    torch.testing.assert_close(one.loss, F.cross_entropy(one.logits[asked], labels[asked]))
    torch.testing.assert_close(other.loss, one.loss)
    torch.testing.assert_close(other.logits, one.logits[asked])
    assert sparse(tokens).logits.shape == (2, 10, V)
    torch.testing.assert_close(dense(tokens, labels=labels, num_items_in_batch=5).loss, one.loss * asked.sum() / 5)


def test_an_encoder_sees_both_sides():
    model = moved("sas", SimplifiedForMaskedLM, causal=False)
    other = ids().clone()
    other[:, -1] = other[:, -1] % (V - 1) + 1
    assert (model(ids()).logits[:, 0] - model(other).logits[:, 0]).abs().max() > 1e-4


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("name", ["pre-ln", "sas"])
def test_a_class_does_not_depend_on_padding(name, causal):
    model = moved(name, SimplifiedForSequenceClassification, causal=causal, num_labels=3)
    alone = model(ids()).logits
    states = model.model(ids()).last_hidden_state
    torch.testing.assert_close(alone, model.score(states[:, -1] if causal else states.mean(1)), **CLOSE)
    for left, right in ((3, 0), (0, 4)):
        tokens, mask = padded(ids(), left, right)
        torch.testing.assert_close(model(tokens, attention_mask=mask).logits, alone, **CLOSE)


@pytest.mark.parametrize(
    ("labels", "loss"),
    [
        (torch.tensor([1, 2]), F.cross_entropy),
        (torch.tensor([[1.0, 0, 1], [0, 0, 1]]), F.binary_cross_entropy_with_logits),
    ],
)
def test_the_loss_of_a_classifier_goes_by_its_labels(labels, loss):
    model = moved("sas", SimplifiedForSequenceClassification, num_labels=3)
    out = model(ids(), labels=labels)
    torch.testing.assert_close(out.loss, loss(out.logits, labels))


@every_block
def test_gradients_are_the_same_when_blocks_are_computed_again(name):
    model = moved(name).train()

    def gradients():
        model.zero_grad()
        model(ids(), labels=ids()).loss.backward()
        return {n: p.grad.clone() for n, p in model.named_parameters()}

    calls = []
    with model.model.layers[0].register_forward_pre_hook(lambda *_: calls.append(1)):
        plain = gradients()
        enable = getattr(
            model, "activation_checkpointing_enable", model.gradient_checkpointing_enable
        )  # its older name
        enable()
        again = gradients()
    assert len(calls) == 3  # once, and once more on the way back
    for n in plain:
        torch.testing.assert_close(again[n], plain[n], **CLOSE)


@every_block
@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_kernels_can_be_chosen(name, implementation):
    model = moved(name)
    expected = model(ids()).logits
    model.set_attn_implementation(implementation)
    assert model.config._attn_implementation == implementation
    torch.testing.assert_close(model(ids()).logits, expected, **CLOSE)


@pytest.mark.parametrize("name", SHAPED)
def test_training_moves_every_gain(name):
    model = fresh(name).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    before = {n: p.clone() for n, p in model.named_parameters() if "bias_free" in n}
    losses = []
    for _ in range(8):
        loss = model(ids(), labels=ids()).loss
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0] - 0.5
    assert all((p != before[n]).all() for n, p in model.named_parameters() if n in before)


def test_the_loss_of_packed_documents_is_that_of_the_documents_alone():
    model, first, second = moved("sas"), ids(B=1, T=5), ids(B=1, T=7, seed=1)
    packed, segments = torch.cat([first, second], 1), torch.tensor([[0] * 5 + [1] * 7])
    alone = sum(model(part, labels=part).loss * (part.shape[1] - 1) for part in (first, second)) / (4 + 6)
    torch.testing.assert_close(model(packed, segments=segments, labels=packed).loss, alone)


def test_a_decoder_classifies_by_its_last_token_that_is_not_padding_with_a_mask_or_without():
    model = moved("sas", SimplifiedForSequenceClassification)
    x = torch.cat([ids(), torch.zeros(2, 3, dtype=torch.long)], 1)
    with_mask = model(x, attention_mask=(x != 0).long()).logits
    torch.testing.assert_close(model(x).logits, with_mask)


def test_llama_s_word_for_epsilon_is_understood():
    assert SimplifiedConfig(rms_norm_eps=1e-3).norm_eps == 1e-3


def test_tying_again_leaves_what_was_trained():
    model = moved("v-skipinit", vp_init="tied-blocks")
    before = [block.project.delta.weight.clone() for block in model.model.layers]
    model.model.tie_values()
    assert all(torch.equal(b.project.delta.weight, w) for b, w in zip(model.model.layers, before, strict=True))
