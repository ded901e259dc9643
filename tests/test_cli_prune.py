"""`nearlinear prune`: a folder that others load, a card that tells the truth, one sentence for what cannot work."""

import json
import math
import re

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from nearlinear import cli_prune
from nearlinear.cli import main
from nearlinear.edit import export
from nearlinear.edit.texts import three_texts
from nearlinear.inputs.load import load_model
from nearlinear.inputs.text import load_corpus

TEXT = "".join(
    f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars and said nothing.\n" for i in range(300)
)
SMALL = ("--model", "tiny-llama", "--tokens", "1024", "--context", "64")


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def prune(*arguments, capsys) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; argparse leaves through SystemExit."""
    try:
        code = main(["prune", *map(str, arguments)])
    except SystemExit as leaving:
        code = leaving.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_writes_a_model_and_a_card_that_tells_the_truth(text, tmp_path, capsys):
    out = tmp_path / "out"
    code, said, _ = prune(*SMALL, "--text", text, "--layers", "0,2", "--out", out, capsys=capsys)
    assert code == 0
    assert f"saved in {out}" in said
    model = AutoModelForCausalLM.from_pretrained(out)
    assert (model.config.removed, model.config.replaced) == ([], [[0, 1], [2, 3]])

    card = (out / "README.md").read_text()
    loaded = load_model("tiny-llama")
    texts = three_texts(load_corpus(str(text)), loaded.tokenizer, context=64, n_fit=1024, n_choose=256, n_evaluate=256)
    before, after = (perplexity(each, texts.evaluate) for each in (loaded.model, model))
    assert f"| perplexity on text.txt (256 tokens) | {before:.2f} | {after:.2f} |" in card
    assert f"{before:.2f} before, {after:.2f} after" in said
    sizes = [sum(weight.numel() for weight in each.parameters()) for each in (loaded.model, model)]
    assert f"| parameters | {sizes[0]:,} | {sizes[1]:,} |" in card
    for words in ("Blocks 0, 2, counted from 0, were replaced by affine maps", "made by hand", "Seed 0", "Licence: ",
                  "1,024 tokens are for fitting", "import nearlinear", "no standard benchmark"):  # fmt: skip
        assert words in card


def perplexity(model, windows) -> float:
    """By the loss that transformers itself reports, window by window."""
    nats = tokens = 0
    for window in windows:
        ids = torch.tensor([window.input_ids])
        nats += model(ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    return math.exp(nats / tokens)


@pytest.mark.parametrize("order", ["score", "heldout", "energy", "bi", "angular", "greedy", "last", "random"])
@pytest.mark.parametrize("how", ["remove", "replace"])
def test_every_order(order, how, text, tmp_path, capsys):
    out = tmp_path / "out"
    call = ["--text", text, "--count", 2, "--order", order, "--how", how, "--out", out]
    assert prune(*SMALL, *call, capsys=capsys)[0] == 0
    config = json.loads((out / "config.json").read_text())
    changed = config["nearlinear"]["changed"]
    assert len(set(changed)) == 2
    assert config["nearlinear"]["order"] == order
    behind_maps = [layer for start, stop in config["replaced"] for layer in range(start, stop)]
    assert (config["removed"] or behind_maps) == changed
    assert f"`{order}`" in (out / "README.md").read_text()


def test_plain_needs_no_nearlinear(text, tmp_path, capsys):
    out = tmp_path / "out"
    call = ["--text", text, "--layers", 1, "--how", "remove", "--plain", "--out", out]
    assert prune(*SMALL, *call, capsys=capsys)[0] == 0
    config = json.loads((out / "config.json").read_text())
    assert (config["model_type"], config["num_hidden_layers"]) == ("llama", 2)
    assert config["nearlinear"]["changed"] == [1]
    card = (out / "README.md").read_text()
    assert "Block 1, counted from 0, was removed." in card
    assert "import nearlinear" not in card


@pytest.mark.parametrize("how", ["remove", "replace"])
def test_distillation_is_saved(how, text, tmp_path, capsys):
    found = []
    for steps in (0, 3):
        call = ["--text", text, "--layers", 1, "--how", how, "--distill-steps", steps, "--out", tmp_path / f"{steps}"]
        assert prune(*SMALL, *call, capsys=capsys)[0] == 0
        found.append(load_file(tmp_path / f"{steps}" / "model.safetensors"))
    changed = {name for name in found[0] if not torch.equal(found[0][name], found[1][name])}
    assert "distilled for 3 steps" in (tmp_path / "3" / "README.md").read_text()
    if how == "replace":
        assert changed == {"family.model.layers.1.A", "family.model.layers.1.b"}
    else:
        assert "family.model.layers.0.mlp.down_proj.weight" in changed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "3", "text.txt"]  # no checkpoint is left


def test_interrupted_goes_on_to_the_same_numbers(text, tmp_path, capsys, monkeypatch):
    """Ctrl-C after the distillation: the checkpoint is there, and the same command does not distil again."""
    call = [*SMALL, "--text", text, "--layers", 1, "--distill-steps", 3, "--out"]
    assert prune(*call, tmp_path / "whole", capsys=capsys)[0] == 0

    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(export, "save_pruned", interrupt)
        code, _, said = prune(*call, tmp_path / "out", capsys=capsys)
    assert code == 130
    assert "interrupted" in said
    assert (tmp_path / "out.distil.safetensors").exists()
    assert not (tmp_path / "out").exists()
    assert prune(*call, tmp_path / "out", capsys=capsys)[0] == 0
    assert not (tmp_path / "out.distil.safetensors").exists()
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "out"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_few_tokens_are_used_and_said_to_be_unreliable(text, tmp_path, capsys):
    call = ["--model", "tiny-llama", "--text", text, "--tokens", 256, "--context", 16, "--layers", 1]
    code, _, said = prune(*call, "--out", tmp_path / "out", capsys=capsys)
    assert code == 0
    assert said.startswith("nearlinear: not reliable: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "say which blocks to change: --layers 7,12,20, or --count 5 and an --order"),
        ("--layers 1 --count 2", "--layers names the blocks already: leave --count and --order out"),
        ("--layers 1 --order score", "--layers names the blocks already"),
        ("--layers one", "'one' is not a list of blocks: write it like 7,12,20"),
        ("--layers 3", "block 3 is not there: the blocks are 0 to 2"),
        ("--layers 1,1", "block 1 is named twice"),
        ("--layers 0,1,2", "all 3 blocks are named"),
        ("--count 3", "3 of 3 blocks cannot be changed: choose from 1 to 2"),
        ("--count 1 --order worst", "no order 'worst': choose one of score, heldout, energy, bi"),
        ("--layers 1 --plain", "--plain needs --how remove"),
        ("--layers 1 --how drop", "invalid choice: 'drop'"),
        ("--layers 1 --distill-steps -1", "-1 steps cannot be distilled: give 0 or more"),
        ("--layers 1 --tokens 28 --context 7", "at least 34 are needed, and 640 to be reliable"),
        ("--layers 1 --tokens 10000000", "take a longer text"),
        ("--layers 1 --context 2048 --tokens 8192", "the model takes at most 1024"),
        ("--layers 1 --model tiny-bert", "tiny-bert predicts no next token: choose a decoder to prune"),
        ("--layers 1 --model nosuch", "no model 'nosuch'"),
        ("--layers 1 --layer 2", r"there is no option --layer \(did you mean --layers\?\)"),
    ],
)
def test_what_cannot_work_is_one_sentence(arguments, sentence, text, tmp_path, capsys):
    out = tmp_path / "out"
    call = ["--model", "tiny-llama", "--context", 64, "--text", text, "--out", out, *arguments.split()]
    code, _, said = prune(*call, capsys=capsys)
    assert code == 2
    assert said.startswith("nearlinear: ")
    assert said.count("\n") == 1
    assert re.search(sentence, said)
    assert not out.exists()


def test_a_folder_that_exists_is_left_alone(text, tmp_path, capsys):
    code, _, said = prune(*SMALL, "--text", text, "--layers", 1, "--out", tmp_path, capsys=capsys)
    assert code == 2
    assert "is there already: choose another folder, or remove it first" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.txt"]


def test_layers_are_numbers():
    assert cli_prune.numbers("7,12, 20") == (7, 12, 20)
