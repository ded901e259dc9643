"""What cannot be done is refused in one sentence that says what to do."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache

from nearlinear.blocks.cache import HalfCache
from nearlinear.blocks.checks import check_dtype
from nearlinear.blocks.config import BLOCK_NAMES, SimplifiedConfig
from nearlinear.blocks.model import SimplifiedForCausalLM, SimplifiedForMaskedLM, SimplifiedModel
from nearlinear.errors import InputError

from .made import config, ids, moved


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"block": "sas-q"}, "block='sas-q' is not known: choose one of pre-ln, post-ln, parallel, v-skipinit, sas, "),
        ({"norm": "batch"}, "norm='batch' is not known: choose one of rms, layer, none"),
        ({"positions": "relative"}, "positions='relative' is not known: choose one of learned, sinusoidal, "),
        ({"hidden_act": "tanh"}, "hidden_act='tanh' is not known: choose one of relu, gelu, silu"),
        ({"mlp": "wide"}, "mlp='wide' is not known: choose one of plain, gated"),
        ({"vp_init": "normal"}, "vp_init='normal' is not known: choose one of orthogonal, identity, "),
        ({"attention_shape": "flat"}, "attention_shape='flat' is not known: choose one of shaped, value-skip"),
        ({"hidden_size": 50}, "hidden_size 50 is not divisible by num_attention_heads 12: every head needs the same"),
        ({"positions": "rope", "hidden_size": 36}, "rope turns pairs of numbers, and 3 a head is odd"),
        ({"mlp": "gated", "intermediate_size": 7}, "a gated MLP halves intermediate_size, and 7 is odd"),
        ({"window": 0}, "a window of 0 tokens sees nothing: give 1 or more, or None"),
        ({"sliding_window": 4}, "sliding_window is another family's word, which no block here honours: say window=…"),
        ({"num_hidden_layers": 0}, "num_hidden_layers=0 leaves nothing: give 1 or more"),
        ({"num_attention_heads": 0}, "num_attention_heads=0 leaves nothing: give 1 or more"),
    ],
)
def test_configurations(words, says):
    with pytest.raises(InputError, match=says):
        SimplifiedConfig(**words)


def test_a_decoder_must_be_causal_and_an_encoder_must_not():
    with pytest.raises(InputError, match=r"a causal language model sees the past alone: give .*causal=True"):
        SimplifiedForCausalLM(config("sas", causal=False))
    with pytest.raises(InputError, match=r"a masked language model sees both sides: give .*causal=False"):
        SimplifiedForMaskedLM(config("sas"))


@pytest.fixture(scope="module")
def sas():
    return moved("sas", SimplifiedModel)


T = ids().shape[1]


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (
            torch.ones(2, 1, T, T, dtype=torch.long),
            r"of shape \(2, 1, 10, 10\) cannot be honoured.*: give \(B, T\)",
        ),
        (torch.ones(2, T), "of torch.float32 may be one that is added: give integers or booleans"),
        (torch.ones(2, T + 1, dtype=torch.long), r"\(2, 11\) does not fit 2 texts of 10 tokens.*: give \(2, 10\)"),
        (torch.ones(2, T - 1, dtype=torch.long), r"\(2, 9\) does not fit 2 texts of 10 tokens.*: give \(2, 10\)"),
        (torch.ones(3, T, dtype=torch.long), r"\(3, 10\) does not fit 2 texts of 10 tokens.*: give \(2, 10\)"),
    ],
)
def test_masks_that_cannot_be_honoured(sas, mask, says):
    with pytest.raises(InputError, match=says):
        sas(ids(), attention_mask=mask)


def test_a_mask_speaks_of_the_cached_tokens_too(sas):
    cache = sas(ids()).past_key_values
    with pytest.raises(InputError, match=r"\(2, 1\) does not fit 2 texts of 11 tokens, those in the cache included"):
        sas(ids(T=1), attention_mask=torch.ones(2, 1, dtype=torch.long), past_key_values=cache)


def test_a_row_that_sees_nothing_gives_alpha_v(sas):
    """Not refused: A and C are zero there. A whole text of padding is finite, forward and backward."""
    mask = torch.stack([torch.zeros(T, dtype=torch.long), torch.ones(T, dtype=torch.long)])
    model = moved("sas")
    loss = model(ids(), attention_mask=mask, labels=ids()).loss
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    torch.testing.assert_close(sas(ids(), attention_mask=mask)[0][1], sas(ids())[0][1], atol=1e-5, rtol=0)


def test_more_tokens_than_positions():
    model = moved("sas", SimplifiedModel, max_position_embeddings=8)
    says = "10 tokens, and the model knows 8 positions: cut them, or raise max_position_embeddings"
    with pytest.raises(InputError, match=says):
        model(ids())
    cache = model(ids(T=8)).past_key_values
    with pytest.raises(InputError, match="9 tokens, and the model knows 8 positions"):
        model(ids(T=1), past_key_values=cache)
    assert moved("sas", SimplifiedModel, max_position_embeddings=8, positions="rope")(ids())[0].isfinite().all()


def test_ids_and_embeddings_at_once_or_neither(sas):
    for how in ({}, {"input_ids": ids(), "inputs_embeds": torch.zeros(2, T, 32)}):
        with pytest.raises(InputError, match="give either input_ids or inputs_embeds, and not both"):
            sas(**how)


def test_packed_documents(sas):
    with pytest.raises(InputError, match=r"segments of shape \(2, 9\) do not fit: give \(2, 10\)"):
        sas(ids(), segments=ids(T=9))
    with pytest.raises(
        InputError, match="packed documents have no cache, for none of them goes on: give no past_key_values"
    ):
        sas(ids(), segments=ids(), past_key_values=DynamicCache())


@pytest.mark.parametrize("name", [name for name in BLOCK_NAMES if not name.startswith("sas")])
def test_half_a_cache_is_for_blocks_whose_values_are_their_inputs(name):
    with pytest.raises(
        InputError, match=f"a HalfCache keeps inputs, and '{name}' attends to values: use a DynamicCache"
    ):
        moved(name, SimplifiedModel)(ids(), past_key_values=HalfCache())


def test_half_a_cache_does_not_go_with_rope():
    with pytest.raises(
        InputError, match="a HalfCache keeps inputs, and rope turns keys one by one: use a DynamicCache"
    ):
        moved("sas", SimplifiedModel, positions="rope")(ids(), past_key_values=HalfCache())


@pytest.mark.parametrize("wanted", BLOCK_NAMES)
@pytest.mark.parametrize("saved", ["pre-ln", "sas", "sas-p-no-norm"])
def test_a_file_with_another_block(saved, wanted, tmp_path):
    """transformers would draw the missing weights and say so in a log."""
    moved(saved).save_pretrained(tmp_path)
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "block": wanted}))
    alike = {"pre-ln", "post-ln", "skipless"}  # their weights have the same names and shapes
    if wanted == saved or {wanted, saved} <= alike:
        assert SimplifiedForCausalLM.from_pretrained(tmp_path).config.block == wanted
        return
    says = f"the file does not hold the weights of a model of '{wanted}' blocks: .*; load it with its own configuration"
    with pytest.raises(InputError, match=says):
        SimplifiedForCausalLM.from_pretrained(tmp_path)


def test_a_file_of_another_width_or_depth(tmp_path):
    moved("sas").save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"does not hold .*: \d+ of another shape \(.*\); load it with its own"):
        SimplifiedForCausalLM.from_pretrained(tmp_path, intermediate_size=64)
    with pytest.raises(InputError, match=r"does not hold .*: \d+ missing \(model.layers.3.*\); load it with its own"):
        SimplifiedForCausalLM.from_pretrained(tmp_path, num_hidden_layers=4)
    with pytest.raises(InputError, match=r"does not hold .*: \d+ left over \(model.layers.2.*\); load it with its own"):
        SimplifiedForCausalLM.from_pretrained(tmp_path, num_hidden_layers=2)


@pytest.mark.parametrize("wanted", ["post-ln", "sas"])
def test_another_block_than_the_file_s(wanted, tmp_path):
    """Where names and shapes agree too, as those of Pre-LN and Post-LN do."""
    moved("pre-ln").save_pretrained(tmp_path)
    says = f"the file holds the weights of 'pre-ln' blocks, and '{wanted}' were asked for: load it with its own conf"
    for load in (SimplifiedForCausalLM.from_pretrained, AutoModelForCausalLM.from_pretrained):
        with pytest.raises(InputError, match=says):
            load(tmp_path, block=wanted)
    with pytest.raises(InputError, match=says):
        SimplifiedForCausalLM.from_pretrained(tmp_path, config=config(wanted))


T4, A100 = (lambda device: (7, 5)), (lambda device: (8, 0))


def test_bfloat16_on_a_gpu_that_has_none():
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    says = "compute capability 7.5 has no bfloat16, which needs 8.0: load the model with dtype=torch.float16 or"
    with pytest.raises(InputError, match=says):
        check_dtype(torch.bfloat16, cuda, T4)
    check_dtype(torch.bfloat16, cuda, A100)
    check_dtype(torch.float16, cuda, T4)
    check_dtype(torch.bfloat16, cpu, T4)


def test_the_model_asks(sas, monkeypatch):
    asked = []
    monkeypatch.setattr("nearlinear.blocks.backbone.check_dtype", lambda *given: asked.append(given))
    sas(ids())
    assert asked == [(torch.float32, torch.device("cpu"))]


def test_a_cache_where_none_can_be_used():
    encoder = moved("sas", SimplifiedModel, causal=False)
    with pytest.raises(InputError, match="an encoder sees both sides and has no use for a cache"):
        encoder(ids(), past_key_values=DynamicCache())
    learner = moved("sas").train()
    learner.model.gradient_checkpointing = True
    with pytest.raises(InputError, match="gradient checkpointing would write a cache twice"):
        learner(ids(), past_key_values=DynamicCache())


def test_a_cache_that_forgets():
    model, window = moved("sas"), SimplifiedConfig("sas")
    window.sliding_window = 4
    cache = DynamicCache(config=window)
    model(ids(T=5), past_key_values=cache)
    with pytest.raises(InputError, match=r"the cache has \d of \d tokens: give one that forgets none"):
        model(ids(T=1), past_key_values=cache)


@pytest.mark.parametrize("how", [{"positions": "alibi"}, {"window": 4}])
def test_padding_between_tokens_where_distance_counts(how):
    model, mask = moved("sas", **how), torch.tensor([[1, 1, 1, 0, 0, 1, 1]])
    with pytest.raises(InputError, match="padding stands between tokens, and ALiBi and windows would count it"):
        model(ids(B=1, T=7), attention_mask=mask)
    cache = DynamicCache()
    model(ids(B=1, T=5), attention_mask=mask[:, :5], past_key_values=cache)
    with pytest.raises(InputError, match="put it before or after them"):
        model(ids(B=1, T=1), attention_mask=mask[:, :6], past_key_values=cache)
    model(ids(B=1, T=5), attention_mask=torch.tensor([[0, 0, 1, 1, 1]]))


def test_a_packed_document_that_begins_with_padding():
    model, segments = moved("sas"), torch.tensor([[0, 0, 0, 1, 1, 1]])
    with pytest.raises(InputError, match="a packed document begins with padding: give the padding a segment"):
        model(ids(B=1, T=6), attention_mask=torch.tensor([[0, 1, 1, 1, 1, 1]]), segments=segments)
    model(ids(B=1, T=6), attention_mask=torch.tensor([[1, 1, 0, 1, 1, 1]]), segments=segments)
