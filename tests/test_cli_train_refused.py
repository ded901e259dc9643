"""`nearlinear train` with what cannot work: one sentence, exit code 2, and nothing written."""

import re
import sys

import pytest
import torch

from nearlinear import cli_train
from tests.test_cli_train import TEXT, cache, text, train

__all__ = ["cache", "text"]  # fixtures


def test_another_process_than_the_first_is_silent(text, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert train("--corpus", "nosuch", "--out", tmp_path / "out", capsys=capsys) == (2, "", "")
    assert train("--write-spec", capsys=capsys) == (0, "", "")
    monkeypatch.setenv("RANK", "0")
    assert train("--corpus", "nosuch", "--out", tmp_path / "out", capsys=capsys)[2].count("\n") == 1


def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [cli_train.own_device(name) for name in ("auto", "cuda", "cpu")] == ["auto", "cuda", "cpu"]
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert [cli_train.own_device(name) for name in ("auto", "cuda", "cpu")] == ["cuda:1", "cuda:1", "cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cli_train.own_device("auto") == "cpu"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "say where to save the model: --out DIR, or --write-spec"),
        ("--size huge", "no size 'huge': choose one of quick, laptop"),
        ("--block sas-pp", r"architecture.block is 'sas-pp': it should be 'pre-ln', .*\(did you mean sas-p\?\)"),
        ("--block post-ln", "no rate was looked for at which post-ln learns at size quick: say --lr"),
        ("--corpus nosuch", "no text 'nosuch': give one of wikipedia-sample"),
        ("--tokens pieces", 'no tokens \'pieces\': say "bytes", or "bpe-8192"'),
        ("--tokens bpe-50000", "pieces, and 50000 are asked for: take a longer text or fewer pieces"),
        ("--task classify", r"reading.task is 'classify': it should be 'causal' or 'masked'"),
        ("--lr 0", "recipe.lr is 0.0: it should be greater than 0"),
        ("--lr -0.003", "recipe.lr is -0.003: it should be greater than 0"),
        ("--lr 3e-3x", "argument --lr: invalid float value: '3e-3x'"),
        ("--lr nan", "recipe.lr is nan: "),
        ("--steps 0", "recipe.steps is 0: it should be greater than or equal to 1"),
        ("--batch 100000", "windows to train on, and a batch has 100000: take a longer text or a smaller batch"),
        ("--seed -1", "seed is -1: give a whole number from 0 to 2,147,483,647"),
        ("--order-seed 99999999999999999999", "order_seed is 99999999999999999999: give a whole number from 0"),
        ("--precision float31", r"recipe.precision is 'float31': .*\(did you mean float32\?\)"),
        ("--device abacus", "no device 'abacus': choose auto, cpu, cuda or mps"),
        ("--size quick --spec nosuch.yaml", "argument --spec: not allowed with argument --size"),
        ("--stesp 5", r"there is no option --stesp \(did you mean --steps\?\)"),
    ],
)
def test_what_cannot_work_is_one_sentence(arguments, sentence, text, tmp_path, capsys):
    out = () if not arguments else ("--out", tmp_path / "out")
    code, _, said = train("--corpus", text, *arguments.split(), *out, capsys=capsys)
    assert code == 2
    assert said.startswith("nearlinear: ")
    assert said.count("\n") == 1
    assert re.search(sentence, said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("yaml", "sentence"),
    [
        ("recipe: {stesp: 5}", "recipe has no key 'stesp': did you mean 'steps'"),
        ("architecture: {options: {normm: none}}", "'normm' is no word of SimplifiedConfig"),
        ("architecture: {h: 3}", "hidden_size 64 is not divisible by num_attention_heads 3"),
        ("architecture: {variant: pre-ln-identity}", "the variant 'pre-ln-identity' is for studies"),
        ("recipe: {batch: 10, parts: 4}", "a batch of 10 windows cannot be cut into 4 parts on each of 1 processes"),
    ],
)
def test_a_file_that_cannot_work_is_one_sentence(yaml, sentence, text, tmp_path, capsys):
    (tmp_path / "spec.yaml").write_text(yaml)
    call = ("--spec", tmp_path / "spec.yaml", "--corpus", text, "--steps", 2, "--out", tmp_path / "out")
    code, _, said = train(*call, capsys=capsys)
    assert code == 2
    assert said.startswith("nearlinear: ")
    assert said.count("\n") == 1
    assert sentence in said
    assert not (tmp_path / "out").exists()


def test_too_short_a_text(tmp_path, capsys):
    (tmp_path / "short.txt").write_text("A line.\n" * 20)
    code, _, said = train("--corpus", tmp_path / "short.txt", "--out", tmp_path / "out", capsys=capsys)
    assert code == 2
    assert said.count("\n") == 1
    assert "take a longer" in said


def test_a_folder_that_exists_is_left_alone(text, tmp_path, capsys):
    code, _, said = train("--corpus", text, "--out", tmp_path, capsys=capsys)
    assert code == 2
    assert "is there already: choose another folder, or remove it first" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.txt"]


def test_a_text_that_has_changed_is_said(text, tmp_path, capsys):
    """The specification names the file alone, so the checkpoint remembers what stood in it."""
    assert train("--corpus", text, "--out", tmp_path / "a", capsys=capsys)[0] == 0
    text.write_text(TEXT.replace("nothing", "something"))
    code, _, said = train("--corpus", text, "--out", tmp_path / "b", capsys=capsys)
    assert code == 2
    assert "is of another run (its text differ)" in said


def test_without_pyyaml(text, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    code, _, said = train("--write-spec", capsys=capsys)
    assert code == 2
    assert said == "nearlinear: a specification in YAML needs the package pyyaml: pip install pyyaml\n"
    assert train("--corpus", text, "--steps", 4, "--out", tmp_path / "out", capsys=capsys)[0] == 0
