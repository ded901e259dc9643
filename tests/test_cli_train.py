"""`nearlinear train`: a folder that others load, a card that tells the truth, one sentence for what cannot work."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel

from nearlinear import cli_train
from nearlinear.cli import main, parser
from nearlinear.edit import checkpoint
from nearlinear.results.training import TrainingRun
from nearlinear.results.training_specs import SIX, core
from nearlinear.train.losses import window_losses
from nearlinear.train.run import Training
from nearlinear.train.stretches import any_texts

TEXT = "".join(
    f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars and said nothing.\n" for i in range(1200)
)

ANEW = """
import sys
import nearlinear
from transformers import AutoModelForCausalLM, AutoTokenizer

model, tokenizer = (auto.from_pretrained(sys.argv[1]) for auto in (AutoModelForCausalLM, AutoTokenizer))
T, text = tokenizer.model_max_length, open(sys.argv[2], encoding="utf-8").read()
losses = []
for document in text.split("\\0"):
    ids = tokenizer(document, return_tensors="pt", truncation=False)["input_ids"]
    for window in ids[:, : ids.shape[1] // T * T].split(T, dim=1):
        losses.append(model(window, labels=window).loss.item())
print(sum(losses) / len(losses))
"""
"""What a reader does: load, and ask transformers itself for the loss of each window."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def train(*arguments, capsys) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a quick training; argparse leaves through SystemExit."""
    size = () if "--spec" in arguments else ("--size", "quick")
    try:
        code = main(["train", *map(str, (*size, *arguments))])
    except SystemExit as leaving:
        code = leaving.code
    said = capsys.readouterr()
    return code, said.out, said.err


def run_of(folder: Path) -> TrainingRun:
    return TrainingRun.load(folder / "run.json")


def test_the_folder_has_the_held_out_loss_in_another_process(text, tmp_path, capsys):
    out = tmp_path / "out"
    code, said, _ = train("--corpus", text, "--block", "sas", "--out", out, capsys=capsys)
    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "out", "text.txt"]  # nothing half-written
    result = run_of(out)
    texts = any_texts(result.spec.reading, 32)
    windows = texts.evaluate.windows[texts.evaluate.documents.argsort(stable=True)]
    (tmp_path / "held-out.txt").write_text("\0".join(texts.tokenizer.decode(ids) for ids in windows))
    script = [sys.executable, "-c", ANEW, str(out), str(tmp_path / "held-out.txt")]
    done = subprocess.run(script, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(result.loss, rel=1e-5)
    assert result.loss < result.looks[0].loss
    for words in (f"{result.loss:.4f} nats", f"{result.loss / math.log(2):.4f} bits a byte", f"saved in {out}",
                  f"{result.n_parameters:,}", "steps                        20"):  # fmt: skip
        assert words in said


def test_the_card_tells_the_truth(text, tmp_path, capsys):
    out = tmp_path / "out"
    assert train("--corpus", text, "--block", "pre-ln", "--seed", 3, "--out", out, capsys=capsys)[0] == 0
    result, card = run_of(out), (out / "README.md").read_text()
    weights = load_file(out / "model.safetensors")
    assert result.n_parameters == sum(weight.numel() for weight in weights.values())
    losses = f"{result.loss:.4f} nats a token ({result.loss / math.log(2):.4f} bits a byte)"
    for words in (
        "# Pre-LN, 2 blocks of width 16, from text.txt",
        f"| held-out loss | {losses} |",
        f"| parameters | {result.n_parameters:,} |",
        "| tokens read in training | 2,560 ",
        "import nearlinear",
        "one document, cut into stretches",
        "were drawn from seed 3",
        "peak rate of 0.01",
    ):
        assert words in card
    assert str(tmp_path) not in card


def test_a_masked_model_knows_what_hides_a_token(text, tmp_path, capsys):
    out = tmp_path / "out"
    code, said, _ = train("--corpus", text, "--task", "masked", "--out", out, capsys=capsys)
    assert code == 0
    result = run_of(out)
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert tokenizer.mask_token_id == model.config.vocab_size - 1 == len(tokenizer) - 1 == 256
    evaluate = any_texts(result.spec.reading, 32).evaluate
    assert window_losses(model, evaluate, result.spec.reading).mean() == pytest.approx(result.loss, rel=1e-5)
    assert "nats a hidden token" in said
    assert "bits" not in said
    assert "AutoModelForMaskedLM" in (out / "README.md").read_text()


def test_pieces_learnt_from_the_text(text, tmp_path, capsys):
    out = tmp_path / "out"
    code, said, _ = train("--corpus", text, "--tokens", "bpe-300", "--out", out, capsys=capsys)
    assert code == 0
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert len(tokenizer) == run_of(out).vocabulary == 300
    assert tokenizer.decode(tokenizer("the owl saw")["input_ids"]) == "the owl saw"
    assert "bits" not in said  # a token is no byte


def test_what_is_written_as_yaml_is_what_is_trained(text, tmp_path, capsys):
    call = ("--corpus", text, "--block", "parallel", "--steps", 12, "--batch", 3, "--lr", 0.002, "--seed", 5)
    code, written, _ = train(*call, "--write-spec", capsys=capsys)
    assert code == 0
    (tmp_path / "spec.yaml").write_text(written)
    assert train(*call, "--out", tmp_path / "a", capsys=capsys)[0] == 0
    assert train("--spec", tmp_path / "spec.yaml", "--out", tmp_path / "b", capsys=capsys)[0] == 0
    a, b = (run_of(tmp_path / name) for name in "ab")
    assert a.spec == b.spec
    assert a.weights_sha256 == b.weights_sha256
    assert (a.spec.architecture.block, a.spec.recipe.steps, a.spec.recipe.batch) == ("parallel", 12, 3)
    assert (a.spec.recipe.lr, a.spec.seed, a.spec.order_seed) == (0.002, 5, 5)
    code, changed, _ = train("--spec", tmp_path / "spec.yaml", "--order-seed", 6, "--write-spec", capsys=capsys)
    assert changed == written.replace("order_seed: 5", "order_seed: 6") != written


@pytest.mark.parametrize("block", SIX)
def test_a_size_is_that_of_the_study(block):
    """So a reader who has the study's weights in the cache waits for nothing."""
    options = parser().parse_args(["train", "--size", "laptop", "--block", block, "--seed", "1"])
    assert cli_train.asked(options) == core("laptop")[f"train-laptop-core-{block}-1"]


def test_writing_a_specification_needs_no_torch(tmp_path):
    code = "import sys; from nearlinear.cli import main; main(); assert 'torch' not in sys.modules"
    call = [sys.executable, "-c", code, "train", "--size", "laptop", "--write-spec"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "block: sas-p" in done.stdout


@pytest.mark.parametrize("kept", [True, False])
def test_interrupted_goes_on_to_the_same_numbers(kept, text, tmp_path, capsys, monkeypatch):
    call, look = ("--corpus", text, "--out"), Training.look
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0 if kept else 1e9)

    def interrupt(self, step: int) -> dict:
        if step == 10:
            raise KeyboardInterrupt
        return look(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "look", interrupt)
        code, _, said = train(*call, tmp_path / "out", capsys=capsys)
    assert code == 130
    assert said.startswith("nearlinear: interrupted; ")
    assert ("the same command goes on from the last checkpoint" in said) is kept
    assert ("it will begin anew" in said) is not kept
    assert not (tmp_path / "out").exists()
    steps = []
    monkeypatch.setattr(Training, "look", lambda self, step: steps.append(step) or look(self, step))
    assert train(*call, tmp_path / "out", capsys=capsys)[0] == 0
    assert (min(steps) > 8) is kept
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "another"))
    assert train(*call, tmp_path / "whole", capsys=capsys)[0] == 0
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "out"))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_loses_no_training(error, text, tmp_path, capsys, monkeypatch):
    def full(*_args, **_kwargs):
        raise error

    call = ("--corpus", text, "--out", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedModel, "save_pretrained", full)
        code, _, said = train(*call, capsys=capsys)
    assert code == 2
    assert said == f"nearlinear: {tmp_path / 'out'} cannot be written (No space left on device): free some space\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "text.txt"]
    monkeypatch.setattr(Training, "look", None)  # no step is done again
    assert train(*call, capsys=capsys)[0] == 0


def test_a_training_that_diverges_saves_nothing(text, tmp_path, capsys):
    out = tmp_path / "out"
    call = ("--corpus", text, "--block", "pre-ln", "--lr", 1e4, "--out", out)
    code, said, wrong = train(*call, capsys=capsys)
    assert code == 2
    assert said == ""
    assert re.fullmatch(r"nearlinear: the loss is .* at step \d+: take a learning rate below 10000\n", wrong)
    assert not out.exists()


def test_under_torchrun_the_first_process_prints_and_saves(text, tmp_path, capsys):
    call = ["--size", "quick", "--corpus", str(text), "--out", str(tmp_path / "two")]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NEARLINEAR_CACHE": str(tmp_path / "cache-of-two")}
    done = subprocess.run(
        [*launcher, "-m", "nearlinear", "train", *call], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("held-out loss") == done.stdout.count("saved in") == 1
    assert train("--corpus", text, "--out", tmp_path / "one", capsys=capsys)[0] == 0
    assert run_of(tmp_path / "two").loss == pytest.approx(run_of(tmp_path / "one").loss, abs=1e-5)


def test_the_configuration_holds_no_path(text, tmp_path, capsys):
    assert train("--corpus", text, "--out", tmp_path / "out", capsys=capsys)[0] == 0
    for name in ("config.json", "README.md", "tokenizer_config.json"):
        assert str(tmp_path) not in (tmp_path / "out" / name).read_text()
    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == "nearlinear-simplified"
