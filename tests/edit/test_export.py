"""A saved pruned model is the one in memory, bit for bit, in any process and whichever library is imported first."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PretrainedConfig

from nearlinear.edit import export
from nearlinear.edit.edits import blocks_as_tuple, removed, replaced
from nearlinear.edit.export import check_new, renumbered, save_plain, save_pruned, shortened
from nearlinear.edit.pruned_config import PrunedConfig
from nearlinear.edit.pruned_model import PrunedForCausalLM, _family_as_tuple
from nearlinear.errors import InputError, NearlinearError, UnsupportedModel
from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import blocks, blocks_path
from nearlinear.inputs.tiny import FAMILIES, tiny_config
from nearlinear.inputs.twin import random_model
from nearlinear.measure.linearity import AffineMap

DECODERS = [family for family in FAMILIES if family != "bert"]
IDS = torch.randint(1, 256, (2, 12), generator=torch.Generator().manual_seed(0))
MASK = torch.ones_like(IDS)


def some_map(d: int = 32, seed: int = 1) -> AffineMap:
    draw = torch.Generator().manual_seed(seed)
    A, mean_x, mean_d = (torch.randn(*shape, generator=draw).double() for shape in ((d, d), (d,), (d,)))
    return AffineMap(0.1 * A, mean_x, mean_d)


def answers(model) -> list[torch.Tensor]:
    """Logits, and what the model writes: greedily with the cache and without, and at random from a seed."""
    options = {"attention_mask": MASK, "max_new_tokens": 6, "pad_token_id": 0}
    with torch.inference_mode():
        logits = model(IDS).logits
    with torch.random.fork_rng():
        torch.manual_seed(7)
        sampled = model.generate(IDS, do_sample=True, **options)
    greedy = [model.generate(IDS, do_sample=False, use_cache=cache, **options) for cache in (True, False)]
    return [logits, *greedy, sampled]


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("family", DECODERS)
def test_reads_back_as_it_was_in_memory(family, tmp_path):
    """A run behind one map and a removed block; the first block among them, which the cache counts by."""
    loaded, maps = load_model(f"tiny-{family}"), {range(1): some_map()}
    with replaced(loaded.model, maps), removed(loaded.model, [2]):
        expected = answers(loaded.model)
    save_pruned(loaded, tmp_path / "out", replace=maps, remove=[2])
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert isinstance(again, PrunedForCausalLM)
    assert_same(answers(again), expected)
    assert torch.equal(expected[1], expected[2])


@pytest.mark.parametrize("family", DECODERS)
def test_plain_is_a_shorter_model_of_the_family(family, tmp_path):
    loaded = load_model(f"tiny-{family}")
    with removed(loaded.model, [1]):
        expected = answers(loaded.model)
    save_plain(loaded, tmp_path / "out", remove=[1])
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert type(again) is type(loaded.model)
    assert len(blocks(again)) == again.config.num_hidden_layers == 2
    assert_same(answers(again), expected)


@pytest.mark.parametrize("family", DECODERS)
def test_how_blocks_answer_is_found_without_weights(family):
    with torch.device("meta"):  # as inside from_pretrained
        found = _family_as_tuple(tiny_config(family))
    assert found == blocks_as_tuple(load_model(f"tiny-{family}").model)


def test_one_map_for_a_run(tmp_path):
    loaded, maps = load_model("tiny-llama"), {range(1, 3): some_map()}
    with replaced(loaded.model, maps):
        expected = answers(loaded.model)
    save_pruned(loaded, tmp_path / "out", replace=maps)
    assert_same(answers(AutoModelForCausalLM.from_pretrained(tmp_path / "out")), expected)
    names = [name for name in load_file(tmp_path / "out" / "model.safetensors") if "layers.1" in name]
    assert sorted(names) == ["family.model.layers.1.A", "family.model.layers.1.b"]


FRESH = """
import sys
{first}
{second}
import torch
ids, logits = torch.load({folder!r} + "/expected.pt")
def check(name):
    model = AutoModelForCausalLM.from_pretrained({folder!r} + "/" + name)
    assert torch.equal(model(ids).logits, logits)
    assert model.generate(ids, max_new_tokens=2, do_sample=False).shape[1] == ids.shape[1] + 2
{plain}
check("pruned")
"""

LIGHT = 'import nearlinear\nassert not {"torch", "transformers"} & set(sys.modules)'
AUTO = "from transformers import AutoModelForCausalLM"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same block removed, saved in both ways, with what the model answers."""
    folder, loaded = tmp_path_factory.mktemp("both"), load_model("tiny-llama")
    save_pruned(loaded, folder / "pruned", remove=[1])
    save_plain(loaded, folder / "plain", remove=[1])
    with removed(loaded.model, [1]), torch.inference_mode():
        torch.save((IDS, loaded.model(IDS).logits.clone()), folder / "expected.pt")
    return folder


@pytest.mark.parametrize(
    ("first", "second", "plain"),
    [
        (LIGHT, AUTO, ""),
        (AUTO, "", 'check("plain")\nassert "nearlinear" not in sys.modules\nimport nearlinear'),
    ],
    ids=["nearlinear first", "transformers first"],
)
def test_loads_in_a_fresh_process(first, second, plain, both, tmp_path):
    code = FRESH.format(first=first, second=second, plain=plain, folder=str(both))
    warnings = ("-W", "error", "-W", "ignore::ResourceWarning")  # torch 2.6 leaves a folder of its own behind
    done = subprocess.run([sys.executable, *warnings, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_lies_in_the_folder(tmp_path):
    loaded = load_model("tiny-llama")
    record = {"order": "score", "seed": 3}
    save_pruned(loaded, tmp_path / "out", replace={1: some_map()}, card="# A card\n", record=record)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o644}
    assert (tmp_path / "out" / "README.md").read_text() == "# A card\n"
    config = AutoConfig.from_pretrained(tmp_path / "out")
    assert (config.removed, config.replaced, config.runs) == ([], [[1, 2]], [range(1, 2)])
    assert config.nearlinear == record
    assert config.get_text_config().num_hidden_layers == 3
    assert AutoTokenizer.from_pretrained(tmp_path / "out")("owl").input_ids == loaded.tokenizer("owl").input_ids


def test_no_folder_of_this_machine_is_written(tmp_path):
    loaded = load_model("tiny-llama")
    loaded.model.save_pretrained(tmp_path / "base")
    loaded = replace(loaded, model=AutoModelForCausalLM.from_pretrained(tmp_path / "base"))
    save_pruned(loaded, tmp_path / "out", remove=[1])
    assert str(tmp_path) not in (tmp_path / "out" / "config.json").read_text()


@pytest.mark.parametrize("family", ["gptj", "llama"])
def test_pruned_again(family, tmp_path):
    """What comes back is a model like any other: it is found by its folder, measured, and pruned once more."""
    loaded = load_model(f"tiny-{family}")
    save_pruned(loaded, tmp_path / "once", replace={0: some_map()})
    again = load_model(str(tmp_path / "once"))
    assert (again.source.L, again.source.d, again.context) == (3, 32, 1024)
    save_pruned(again, tmp_path / "twice", remove=[2])
    with replaced(loaded.model, {0: some_map()}), removed(loaded.model, [2]):
        expected = answers(loaded.model)
    assert_same(answers(load_model(str(tmp_path / "twice")).model), expected)


def test_is_a_model_to_train(tmp_path):
    loaded = load_model("tiny-gpt2")
    save_pruned(loaded, tmp_path / "out", replace={1: some_map()})
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out").train()
    with replaced(loaded.model, {1: some_map()}):
        expected = loaded.model(IDS, labels=IDS).loss
    loss = model(IDS, labels=IDS).loss
    assert loss.item() == pytest.approx(expected.item(), rel=0.05)  # dropout is on
    loss.backward()
    assert blocks(model)[1].A.grad.abs().sum() > 0
    assert model.resize_token_embeddings(300).weight.shape == (300, 32)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model(torch.tensor([[299]])).logits.shape == (1, 1, 300)


def test_loads_in_another_dtype_and_attention(tmp_path):
    save_pruned(load_model("tiny-llama"), tmp_path / "out", replace={1: some_map()})
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="bfloat16", attn_implementation="eager")
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert model.family.config._attn_implementation == "eager"
    with pytest.raises(ValueError, match="nosuch"):
        AutoModelForCausalLM.from_pretrained(tmp_path / "out", attn_implementation="nosuch")


def test_layer_types_are_shortened_with_the_blocks(tmp_path):
    """Blocks that look at different windows keep their own, wherever they come to stand."""
    config = tiny_config("qwen2", L=4)
    config.layer_types = ["full_attention", "sliding_attention", "full_attention", "sliding_attention"]
    config.use_sliding_window, config.sliding_window = True, 4
    loaded = replace(load_model("tiny-qwen2"), model=random_model(config, 3))
    assert shortened(config, [1, 2]).layer_types == ["sliding_attention", "full_attention"]
    with removed(loaded.model, [0]):
        expected = answers(loaded.model)
    save_plain(loaded, tmp_path / "plain", remove=[0])
    save_pruned(loaded, tmp_path / "pruned", remove=[0])
    for name in ("plain", "pruned"):
        assert_same(answers(AutoModelForCausalLM.from_pretrained(tmp_path / name)), expected)


def mixed(types: list[str]):
    """A model whose blocks look at different windows."""
    config = tiny_config("qwen2", L=len(types))
    config.layer_types, config.use_sliding_window, config.sliding_window = types, True, 4
    return replace(load_model("tiny-qwen2"), model=random_model(config, 3))


def read_on(model, start: int) -> torch.Tensor:
    """Logits of the second part of the text, read on from a cache that holds the first."""
    with torch.inference_mode():
        cache = model(IDS[:, :start], use_cache=True).past_key_values
        return model(IDS[:, start:], past_key_values=cache, use_cache=True).logits


def without_cache(model, start: int) -> torch.Tensor:
    with torch.inference_mode():
        return model(IDS, use_cache=False).logits[:, start:]


@pytest.mark.parametrize(
    "types", [["full_attention", "sliding_attention"] * 2, ["sliding_attention"] * 1 + ["full_attention"] * 2]
)
def test_the_kind_of_block_that_the_cache_counts_by_must_stay(types, tmp_path):
    loaded = mixed(types)
    first = [layer for layer, kind in enumerate(types) if kind == types[0]]
    others = [layer for layer in range(len(types)) if layer not in first]
    with removed(loaded.model, first):  # the reason for the refusal
        assert (read_on(loaded.model, 8) - without_cache(loaded.model, 8)).abs().max() > 1e-4
    which = "one of blocks 0, 2" if len(first) > 1 else "block 0"
    with pytest.raises(
        UnsupportedModel, match=f"in a {types[0]} block, and none .* leave {which} as it is, or save with --plain$"
    ):
        save_pruned(loaded, tmp_path / "out", remove=first)
    with pytest.raises(UnsupportedModel, match=f"leave {which} as it is$"):
        save_pruned(loaded, tmp_path / "out", replace={layer: some_map() for layer in first})
    assert list(tmp_path.iterdir()) == []
    save_plain(loaded, tmp_path / "plain", remove=first)
    save_pruned(loaded, tmp_path / "pruned", remove=others)
    for name in ("plain", "pruned"):
        again = AutoModelForCausalLM.from_pretrained(tmp_path / name)
        torch.testing.assert_close(read_on(again, 8), without_cache(again, 8), atol=1e-5, rtol=0)


def scaled_by_number():
    """A GPT-2 whose attention is divided by the block's number."""
    config = tiny_config("gpt2")
    config.scale_attn_by_inverse_layer_idx = True
    return replace(load_model("tiny-gpt2"), model=random_model(config, 3))


def test_a_shorter_model_that_scales_by_the_number_of_a_block_is_refused(tmp_path):
    loaded = scaled_by_number()
    with pytest.raises(
        UnsupportedModel, match=r"^this gpt2 scales the attention .* drop only its last blocks, or save"
    ):
        save_plain(loaded, tmp_path / "out", remove=[0])
    assert list(tmp_path.iterdir()) == []
    save_plain(loaded, tmp_path / "plain", remove=[2])
    save_pruned(loaded, tmp_path / "pruned", remove=[2])
    with removed(loaded.model, [2]):
        expected = answers(loaded.model)
    for name in ("plain", "pruned"):
        assert_same(answers(AutoModelForCausalLM.from_pretrained(tmp_path / name)), expected)


def test_blocks_that_compute_by_their_number_at_every_step_are_refused(tmp_path):
    """As GPT-2 does in transformers 5.0, where the numbers that an edit gives would change what a block computes."""
    loaded = load_model("tiny-llama")
    for block in blocks(loaded.model):
        block.self_attn.register_forward_hook(lambda part, _args, out: (out[0] / (1 + part.layer_idx), *out[1:]))
    for save in (save_plain, save_pruned):
        with pytest.raises(UnsupportedModel, match=r"compute by their own number, .* change only its last blocks"):
            save(loaded, tmp_path / "out", remove=[0])
    assert list(tmp_path.iterdir()) == []
    assert [block.self_attn.layer_idx for block in blocks(loaded.model)] == [0, 1, 2]


def test_renumbered_keeps_the_rest():
    weights = {"h.0.a": 0, "h.1.a": 1, "h.2.a": 2, "h.2.mlp.h.1.w": 3, "wte": 4}
    assert renumbered(weights, "h", [0, 2]) == {"h.0.a": 0, "h.1.a": 2, "h.1.mlp.h.1.w": 3, "wte": 4}


def test_wrong_weights_are_not_saved(tmp_path, monkeypatch):
    """The reading again sees it where a block lands in the wrong place, and nothing is left behind."""
    monkeypatch.setattr(export, "renumbered", lambda weights, path, kept: renumbered(weights, path, kept[::-1]))
    with pytest.raises(UnsupportedModel, match="does not answer as the model in memory does: nothing was saved"):
        save_plain(load_model("tiny-llama"), tmp_path / "out", remove=[0])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    loaded = load_model("tiny-llama")

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loaded.tokenizer, "save_pretrained", full)
    with pytest.raises(NearlinearError, match=r"out cannot be written \(No space left on device\): free some space"):
        save_pruned(loaded, tmp_path / "out", remove=[1])
    assert list(tmp_path.iterdir()) == []
    assert [type(block).__name__ for block in blocks(loaded.model)] == ["LlamaDecoderLayer"] * 3


def test_what_cannot_be_saved_is_said(tmp_path):
    loaded, out = load_model("tiny-llama"), tmp_path / "out"
    for save in (save_plain, save_pruned):
        with pytest.raises(InputError, match="block 3 is not there: the blocks are 0 to 2"):
            save(loaded, out, remove=[3])
        with pytest.raises(InputError, match="block 1 is named twice"):
            save(loaded, out, remove=[1, 1])
        with pytest.raises(InputError, match="all 3 blocks are named"):
            save(loaded, out, remove=[0, 1, 2])
        with pytest.raises(UnsupportedModel, match="tiny-bert predicts no next token: choose a decoder"):
            save(load_model("tiny-bert"), out, remove=[1])
        with pytest.raises(InputError, match="is there already: choose another folder"):
            save(loaded, tmp_path, remove=[1])
    with pytest.raises(InputError, match="block 1 is named twice"):
        save_pruned(loaded, out, remove=[1], replace={range(2): some_map()})
    with pytest.raises(InputError, match="cannot be written"):
        check_new(Path("/proc/nowhere/out"))
    assert not out.exists()


def test_a_configuration_of_parts_is_not_shortened():
    class Parts(PretrainedConfig):
        model_type = "parts"

        def get_text_config(self, **_kwargs):
            return PretrainedConfig()

    with pytest.raises(UnsupportedModel, match="a parts has parts besides its blocks"):
        shortened(Parts(), [0])


def test_an_unknown_family_is_said():
    with pytest.raises(ValueError, match="a pruned model of the family 'nosuch' cannot be built"):
        PrunedConfig(base_config={"model_type": "nosuch"})


def test_broken_weights_are_said(tmp_path):
    """A map that is missing from the file is not filled with noise."""
    save_pruned(load_model("tiny-llama"), tmp_path / "out", replace={1: some_map()})
    file = tmp_path / "out" / "model.safetensors"
    weights = load_file(file)
    del weights["family.model.layers.1.A"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lack family\.model\.layers\.1\.A"):
        load_model(str(tmp_path / "out"))


def test_blocks_are_found_inside(tmp_path):
    save_pruned(load_model("tiny-opt"), tmp_path / "out", remove=[1])
    model = load_model(str(tmp_path / "out")).model
    assert blocks_path(model) == "family.model.decoder.layers"
    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == "nearlinear-pruned"
