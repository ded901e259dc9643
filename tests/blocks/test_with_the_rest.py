"""A saved simplified model is a model like any other: scored, edited, pruned and evaluated by the same functions."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from nearlinear import SimplifiedConfig, SimplifiedForCausalLM, SimplifiedForMaskedLM, fold
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.cli import main
from nearlinear.edit.edits import removed, replaced
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import blocks, final_norm
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.twin import seeded
from nearlinear.inputs.windows import Window
from nearlinear.measure.linearity import AffineMap

TEXT = "".join(f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars.\n" for i in range(200))
IDS = torch.arange(2 * 12).view(2, 12)
WINDOWS = [Window(list(range(start, start + 20)), 0) for start in (0, 30, 60)]
TOKENS = ("--tokens", "1024", "--context", "64")


def model_of(block, *, kind=SimplifiedForCausalLM, **words):
    """Three blocks of width 16 that have moved from where they start, so that none is the identity."""
    config = SimplifiedConfig(
        block=block, vocab_size=256, hidden_size=16, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=128, **words,
    )  # fmt: skip
    with seeded(6):
        model = kind(config).eval()
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.1 * torch.randn_like(weight)
    return model


def saved(model, folder):
    """The folder with the model and a tokenizer of bytes."""
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


@torch.no_grad()
def by_hand(model, steps):
    """Logits with the blocks replaced by functions of the state (None: as it is), by a loop over the blocks."""
    hooks = [
        block.register_forward_hook(lambda _block, args, out, step=step: out if step is None else step(args[0]))
        for block, step in zip(blocks(model), steps, strict=True)
    ]
    try:
        return model(IDS).logits
    finally:
        for hook in hooks:
            hook.remove()


@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_a_folder_loads_as_the_language_model_it_holds(block, tmp_path):
    model = model_of(block)
    loaded = load_model(str(saved(model, tmp_path)))
    assert type(loaded.model) is SimplifiedForCausalLM
    assert (loaded.source.L, loaded.source.d, loaded.context) == (3, 16, 128)
    assert final_norm(loaded.model) == "model.norm"
    assert torch.equal(loaded.model(IDS).logits, model(IDS).logits)


def test_an_encoder_loads_without_its_head(tmp_path):
    model = model_of("sas", kind=SimplifiedForMaskedLM, causal=False)
    loaded = load_model(str(saved(model, tmp_path)))
    assert torch.equal(loaded.model(IDS).last_hidden_state, model.model(IDS).last_hidden_state)


@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_score(block, text, tmp_path, capsys):
    out = tmp_path / "out.json"
    folder = saved(model_of(block), tmp_path / "model")
    assert main(["score", "--model", str(folder), *TOKENS, "--text", str(text), "--json", str(out)]) == 0
    assert "perplexity" in capsys.readouterr().out
    scores = json.loads(out.read_text())["scores"]
    assert len(scores) == 3
    assert all(0 <= score <= 1 for score in scores)


def test_score_of_blocks_that_are_linear(text, tmp_path, capsys):
    """Planted: without an MLP, SAS at initialisation is Norm, and so is linear once the norm is gone."""
    model = model_of("sas", norm="none")
    with torch.no_grad():
        for block in model.model.layers:
            block.reads.part("q").zero_()
            block.attn.gamma.bias_free.copy_(block.attn.beta.bias_free)
            block.beta_ff.bias_free.zero_()
    out = tmp_path / "out.json"
    folder = saved(model, tmp_path / "model")
    assert main(["score", "--model", str(folder), *TOKENS, "--text", str(text), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["scores"] == pytest.approx([1.0] * 3, abs=1e-6)


@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_removed_and_replaced(block):
    model = model_of(block)
    whole = model(IDS).logits
    with removed(model, [1]):
        assert torch.allclose(model(IDS).logits, by_hand(model, [None, lambda x: x, None]), atol=1e-6)
        assert not torch.allclose(model(IDS).logits, whole, atol=1e-3)
    with seeded(8):
        A, b = 0.1 * torch.randn(16, 16).double(), torch.randn(16).double()
    with replaced(model, {0: AffineMap(A, torch.zeros(16).double(), b)}):
        edited = model(IDS).logits
    assert torch.allclose(edited, by_hand(model, [lambda x: x + x @ A.float() + b.float(), None, None]), atol=1e-5)
    assert torch.equal(model(IDS).logits, whole)


@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_a_shortened_model_still_generates_with_its_cache(block):
    model = model_of(block)
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}
    with removed(model, [0]):
        with_cache = model.generate(IDS, **options)
        assert torch.equal(with_cache, model.generate(IDS, use_cache=False, **options))


@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_losses_are_those_of_the_model(block, tmp_path):
    loaded = load_model(str(saved(model_of(block), tmp_path)))
    ids = torch.tensor([window.input_ids for window in WINDOWS])
    expected = loaded.model(ids, labels=ids).loss.item()
    assert losses(loaded, WINDOWS).mean == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("how", ["remove", "replace"])
@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_prune(block, how, text, tmp_path, capsys):
    folder, out = saved(model_of(block), tmp_path / "model"), tmp_path / "pruned"
    arguments = ["--model", str(folder), *TOKENS, "--text", str(text), "--layers", "1", "--how", how, "--out", str(out)]
    assert main(["prune", *arguments]) == 0
    pruned, whole = AutoModelForCausalLM.from_pretrained(out).eval(), AutoModelForCausalLM.from_pretrained(folder)
    assert not torch.allclose(pruned(IDS).logits, whole.eval()(IDS).logits, atol=1e-3)
    if how == "remove":
        assert torch.allclose(pruned(IDS).logits, by_hand(whole, [None, lambda x: x, None]), atol=1e-6)


@pytest.mark.parametrize("block", ["pre-ln", "sas", "sas-p-no-norm"])
def test_prune_to_a_plain_model_of_two_blocks(block, text, tmp_path, capsys):
    folder, out = saved(model_of(block), tmp_path / "model"), tmp_path / "pruned"
    arguments = ["--model", str(folder), *TOKENS, "--text", str(text), "--layers", "1", "--how", "remove", "--plain"]
    assert main(["prune", *arguments, "--out", str(out)]) == 0
    plain = AutoModelForCausalLM.from_pretrained(out).eval()
    assert type(plain) is SimplifiedForCausalLM
    assert plain.config.num_hidden_layers == 2
    with removed(model_of(block), [1]) as expected:
        assert torch.equal(plain(IDS).logits, expected(IDS).logits)


@pytest.mark.parametrize("block", ["sas", "sas-p-no-norm"])
def test_the_first_block_of_sas_has_parts_of_its_own_so_a_plain_model_keeps_it(block, text, tmp_path, capsys):
    folder, out = saved(model_of(block), tmp_path / "model"), tmp_path / "pruned"
    arguments = ["--model", str(folder), *TOKENS, "--text", str(text), "--layers", "0", "--how", "remove", "--plain"]
    capsys.readouterr()
    assert main(["prune", *arguments, "--out", str(out)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("nearlinear: the first block of a SimplifiedForCausalLM has ")
    assert last.endswith("leave block 0 as it is, or save without --plain")
    assert not out.exists()


def test_a_folded_model_is_scored_and_pruned(text, tmp_path, capsys):
    folder, out = saved(fold(model_of("v-skipinit"), tolerance=0.5).model, tmp_path / "model"), tmp_path / "pruned"
    assert main(["score", "--model", str(folder), *TOKENS, "--text", str(text)]) == 0
    arguments = ["--model", str(folder), *TOKENS, "--text", str(text), "--layers", "1", "--out", str(out)]
    assert main(["prune", *arguments]) == 0
    assert AutoModelForCausalLM.from_pretrained(out)(IDS).logits.isfinite().all()


def test_a_folded_model_is_shortened_to_a_plain_one(text, tmp_path, capsys):
    """Each block keeps what was made of its own matrices: here those of block 0 go, and those of 1 and 2 move up."""
    model = model_of("v-skipinit")
    block = model.model.layers[1]
    with torch.no_grad():
        block.value.delta.weight.copy_(torch.eye(16) - block.value.initial)
    folded, _ = fold(model, tolerance=1e-3)
    folder, out = saved(folded, tmp_path / "model"), tmp_path / "pruned"
    arguments = ["--model", str(folder), *TOKENS, "--text", str(text), "--layers", "0", "--how", "remove", "--plain"]
    assert main(["prune", *arguments, "--out", str(out)]) == 0
    with removed(folded, [0]) as expected:
        assert torch.equal(AutoModelForCausalLM.from_pretrained(out)(IDS).logits, expected(IDS).logits)
