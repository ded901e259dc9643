"""The command line: what it writes, and one sentence with exit code 2 for everything that cannot work."""

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from nearlinear.cli import main
from nearlinear.inputs.load import load_model
from nearlinear.inputs.tiny import byte_tokenizer, tiny_model
from nearlinear.measure.linearity import linearity_score
from nearlinear.results.types import LinearityProfile

TEXT = "".join(
    f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars and said nothing.\n" for i in range(300)
)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def run(*arguments, capsys):
    code = main([str(a) for a in arguments])
    return code, capsys.readouterr()


def refused(*arguments, capsys) -> str:
    """The one sentence that a wrong call ends in; argparse leaves through SystemExit."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as leaving:
        code = leaving.code
    err = capsys.readouterr().err
    assert code == 2
    assert err.startswith("nearlinear: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_score_writes_everything(text, tmp_path, capsys):
    out = tmp_path / "out.json"
    code, said = run(
        *"score --model tiny-llama --tokens 4096 --context 128 --held-out 0.25 --precision exact".split(),  # noqa: SIM905
        *("--text", text, "--json", out),
        capsys=capsys,
    )
    assert code == 0
    written = json.loads(out.read_text())
    assert {"scores", "update_scores", "no_first_token", "held_out", "norm_ratio", "energy_ratio", "cosine", "rank",
            "condition", "reliable", "reason", "perplexity", "provenance"} <= set(written)  # fmt: skip
    assert {"scores", "update_scores", "intervals", "no_first_token", "n_fit", "n_test"} <= set(written["held_out"])
    assert len(written["scores"]) == 3
    assert written["n"] == 4096
    assert written["no_first_token"]["n"] == 4096 - 32
    # one document: 12 stretches of 2 or 3 windows, 3 of them held out
    assert written["held_out"]["n_fit"] + written["held_out"]["n_test"] == 4096
    assert written["held_out"]["n_test"] == pytest.approx(1024, abs=256)
    assert written["reliable"] is True
    assert "held out" in said.out
    assert LinearityProfile.from_json(out.read_text()).to_json() == out.read_text()


def test_scores_are_those_of_the_plain_matrices(text, tmp_path, capsys):
    """Windows are ids[:N] cut every --context tokens, nothing added; the scores cover all N, whatever is held out."""
    out = tmp_path / "out.json"
    call = ["score", "--model", "tiny-gpt2", "--text", text, "--tokens", 1100, "--context", 100, "--json", out]
    assert run(*call, capsys=capsys)[0] == 0
    loaded = load_model("tiny-gpt2")
    ids = torch.tensor(loaded.tokenizer(TEXT, add_special_tokens=False)["input_ids"])[:1100].reshape(11, 100)
    with torch.inference_mode():
        states = loaded.model.base_model(ids, output_hidden_states=True).hidden_states
    for layer in range(2):  # the last of these states comes after the final norm
        expected = linearity_score(states[layer].flatten(0, 1), states[layer + 1].flatten(0, 1))
        assert json.loads(out.read_text())["scores"][layer] == pytest.approx(expected, abs=1e-6)


def test_nothing_held_out_is_null(text, tmp_path, capsys):
    out = tmp_path / "out.json"
    call = ["score", "--model", "tiny-bert", "--tokens", "2048", "--context", "64", "--held-out", "0"]
    assert run(*call, "--text", text, "--json", out, capsys=capsys)[0] == 0
    written = json.loads(out.read_text())
    assert written["held_out"] is None
    assert written["perplexity"] is None  # an encoder predicts no next token


def test_windows_of_characters(text, tmp_path, capsys):
    out = tmp_path / "out.json"
    call = ["score", "--model", "tiny-llama", "--tokens", "3000", "--window-chars", "128", "--held-out", "0.3"]
    assert run(*call, "--text", text, "--json", out, capsys=capsys)[0] == 0
    assert json.loads(out.read_text())["provenance"]["n_windows"] == math.ceil(2100 / 128) + math.ceil(900 / 128)


def test_few_tokens_are_scored_and_said_to_be_unreliable(text, tmp_path, capsys):
    out = tmp_path / "out.json"
    call = ["score", "--model", "tiny-llama", "--tokens", "512", "--context", "64", "--held-out", "0.25"]
    code, said = run(*call, "--text", text, "--json", out, capsys=capsys)
    assert code == 0
    assert said.err.startswith("nearlinear: not reliable: 512 tokens for 32 dimensions")
    assert json.loads(out.read_text())["reliable"] is False


def folder_model(tmp_path, family="llama"):
    folder = tmp_path / "model"
    tiny_model(family).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def test_a_folder_is_a_model(text, tmp_path, capsys):
    code, said = run("score", "--model", folder_model(tmp_path), "--text", text, "--tokens", 2048, "--context", 64,
                     capsys=capsys)  # fmt: skip
    assert code == 0
    assert said.out.startswith("model on text.txt: 2048 tokens")


def test_nan_weights_write_what_stands_before_them(text, tmp_path, capsys):
    folder, out = folder_model(tmp_path), tmp_path / "out.json"
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.mlp.down_proj.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    call = ["score", "--model", folder, "--text", text, "--tokens", 2048, "--context", 64, "--json", out]
    assert main([str(a) for a in call]) == 2
    assert "block 1 is the first with NaN or infinite states" in capsys.readouterr().err
    scores = json.loads(out.read_text())["scores"]
    assert scores[0] is not None
    assert scores[1:] == [None, None]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("score --model nosuch", "no model 'nosuch': give one of smollm2-135m"),
        ("score --model tiny-llama --text nosuch", "no text 'nosuch': give one of wikipedia-sample"),
        ("score --model tiny-nosuch", "no tiny model of family 'nosuch'"),
        ("score --tokenz 5", r"there is no option --tokenz \(did you mean --tokens\?\)"),
        ("score --precision exac", "invalid choice: 'exac'"),
        ("score --held-out 1.5", "1.5 is not a fraction"),
        ("score --tokens 0", "0 is not a whole number above 0"),
        ("score --tokens many", "argument --tokens: invalid positive value: 'many'"),
        ("scroe", "invalid choice: 'scroe'"),
        ("results --only nosuch", "no recorded result is called like 'nosuch'"),
    ],
)
def test_wrong_words_are_refused(arguments, sentence, capsys):
    assert re.search(sentence, refused(*arguments.split(), capsys=capsys))


def test_wrong_files_are_refused(text, tmp_path, capsys):
    (tmp_path / "empty.txt").write_text("  \n")
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01\x02" * 100)
    (tmp_path / "notamodel").mkdir()
    (tmp_path / "cut.gguf").write_bytes(b"GGUF" + bytes(40))
    base = ["score", "--model", "tiny-llama", "--context", 64]
    for extra, sentence in [
        (["--text", tmp_path / "empty.txt"], "is empty"),
        (["--text", tmp_path / "binary.txt"], "binary"),
        (["--text", text, "--model", tmp_path / "notamodel"], "is no model: it has no config.json"),
        (["--text", text, "--model", tmp_path / "cut.gguf"], "truncated"),
        (["--text", text, "--context", 4096, "--tokens", 8192], "the model takes at most 1024"),
        (["--text", text, "--tokens", 10**7], "take a longer text"),
        (["--text", text, "--precision", "turbo"], "precision turbo needs the tensor cores of a GPU"),
        (["--text", text, "--device", "abacus"], "no device 'abacus'"),
        (["--text", text, "--json", "/proc/nowhere/out.json"], "cannot be written"),
    ]:
        assert sentence in refused(*base, *extra, capsys=capsys)


def test_too_few_tokens_for_the_width(text, capsys):
    said = refused("score", "--model", "tiny-llama", "--text", text, "--tokens", 48, "--context", 24, capsys=capsys)
    assert "for a model of width 32: at least 34 are needed, and 640 to be reliable" in said


def test_no_network_is_one_sentence(text, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said = refused("score", "--model", "nobody/nothing", "--text", text, capsys=capsys)
    assert "nobody/nothing" in said


def test_doctor_says_what_is_there(capsys):
    code, said = run("doctor", capsys=capsys)
    assert code == 0
    for word in ("torch", "device", "precision", "cache", "smollm2-135m", "network"):
        assert word in said.out


def test_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "nearlinear", "--version"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0
    assert done.stdout.startswith("nearlinear ")


def test_same_seed_same_numbers(text, tmp_path, capsys):
    found = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.json"
        call = ["score", "--model", "tiny-llama", "--tokens", "2048", "--context", "64", "--seed", "5"]
        assert run(*call, "--text", text, "--json", out, capsys=capsys)[0] == 0
        found.append(json.loads(out.read_text())["held_out"])
    assert found[0] == found[1]
    assert np.isfinite(found[0]["scores"]).all()
