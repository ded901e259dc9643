"""From a model to a report: hard cases are honest, nothing finished is lost, and nothing stale is shown."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from nearlinear import study
from nearlinear.edit import study as editing
from nearlinear.errors import InputError, NotEnoughTokens, UnsupportedModel
from nearlinear.inputs.load import load_model
from nearlinear.inputs.text import load_corpus
from nearlinear.inputs.windows import cut
from nearlinear.report.gather import gather
from nearlinear.report.specs import ReportSpec
from nearlinear.results.profile_spec import ProfileSpec
from nearlinear.results.specs import CharTokens
from tests.report.made import folder_model


def spec(text, model="tiny-llama", **more) -> ReportSpec:
    return ReportSpec(**{"model": str(model), "corpus": str(text), "tokens": 3000} | more)


def test_scores_are_those_of_the_library(text):
    found = gather(spec(text, seed=4)).profile
    windows = CharTokens(n_tokens=3000, seed=4)
    expected = study.run(ProfileSpec(model="tiny-llama", corpus=str(text), windows=windows, seed=4))[0]
    for name in ("scores", "update_scores", "no_first_token", "held_out", "norm_ratio"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.provenance.corpus.id == "text.txt"


def test_full_takes_blocks_out(text):
    made = gather(spec(text, tokens=6000, depth="full"))
    assert made.why_no_pruning == ""
    assert {how: len(steps) for how, steps in made.pruning.single.items()} == {"remove": 3, "replace": 3}
    assert {curve.order for curve in made.pruning.curves} == {"score", "bi", "greedy"}
    assert made.pruning.dense_perplexity > 1


def test_an_interrupted_report_loses_nothing_finished(text, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    def again(*_, **__):
        raise AssertionError("this was finished")

    with monkeypatch.context() as patch:
        patch.setattr(editing, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            gather(spec(text, tokens=6000, depth="full"))
    monkeypatch.setattr(study, "run", again)
    first = gather(spec(text, tokens=6000, depth="full"))
    assert first.pruning is not None
    monkeypatch.setattr(editing, "run", again)
    assert gather(spec(text, tokens=6000, depth="full")) == first
    assert gather(spec(text, tokens=6000)).profile == first.profile


def test_other_weights_in_the_same_folder_are_measured_anew(text, tmp_path):
    folder = folder_model(tmp_path / "model")
    first = gather(spec(text, folder)).profile
    assert first.provenance.model.id == "model"
    folder_model(folder, seed=5)
    second = gather(spec(text, folder)).profile
    assert second.provenance.model.sha256 != first.provenance.model.sha256
    assert second.scores != first.scores
    folder_model(folder)
    assert gather(spec(text, folder)).profile == first


@pytest.mark.parametrize(
    ("shape", "why"),
    [({"L": 1}, "the model has one block"), ({"family": "bert"}, "an encoder predicts no next token")],
)
def test_what_cannot_be_pruned_says_why(shape, why, text, tmp_path):
    made = gather(spec(text, folder_model(tmp_path / "model", **shape), depth="full"))
    assert made.pruning is None
    assert why in made.why_no_pruning
    assert np.isfinite(made.profile.scores).all()


def test_nan_weights_leave_what_stands_before_them(text, tmp_path):
    folder = folder_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.mlp.down_proj.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    made = gather(spec(text, folder, depth="full"))
    assert made.broken == 1
    assert "block 1 is the first with NaN" in made.why_no_pruning
    assert made.profile.scores[0] == pytest.approx(1, abs=0.1)
    assert all(math.isnan(s) for s in (*made.profile.scores[1:], *made.hidden.first_times[1:]))


def test_too_few_tokens_are_refused_or_said(text, tmp_path):
    with pytest.raises(NotEnoughTokens, match="for a model of width 1024: at least 1026 are needed, and 20480 to be"):
        gather(spec(text, folder_model(tmp_path / "wide", d=1024, L=1), tokens=500))
    made = gather(spec(text, folder_model(tmp_path / "model", d=128), tokens=1000, depth="full"))
    assert not made.profile.reliable
    assert f"{made.profile.n} tokens for 128 dimensions" in made.profile.reason
    assert made.pruning is None
    assert made.why_no_pruning.startswith("it could not be measured: ")


def test_a_short_text_says_what_to_do(tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("A short story. " * 600)
    with pytest.raises(NotEnoughTokens, match=r"'short.txt' has .*, or ask for less with --tokens N$"):
        gather(ReportSpec(model="tiny-llama", corpus=str(short)))


def test_a_model_without_blocks_is_one_sentence(text, monkeypatch):
    def none(*_):
        raise UnsupportedModel("no list of blocks")

    monkeypatch.setattr("nearlinear.inputs.load.blocks", none)
    with pytest.raises(UnsupportedModel, match="no list of blocks"):
        gather(spec(text, "tiny-gpt2"))


def test_no_code_of_a_model_is_run(text, tmp_path):
    folder = folder_model(tmp_path / "model")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        config.replace("{", '{"auto_map": {"AutoModelForCausalLM": "evil.Model"},', 1).replace(
            '"model_type": "llama"', '"model_type": "evil"'
        )
    )
    with pytest.raises(InputError):
        gather(spec(text, folder))
    assert not (tmp_path / "ran").exists()


def test_first_tokens_by_plain_forward_passes(text):
    """Window by window through the model as transformers runs it."""
    made, loaded = gather(spec(text)), load_model("tiny-llama")
    first, later = [], []
    for window in cut(CharTokens(n_tokens=3000), load_corpus(str(text)), loaded.tokenizer).test:
        with torch.inference_mode():
            out = loaded.model.base_model(torch.tensor([window.input_ids]), output_hidden_states=True)
        sizes = torch.stack(out.hidden_states[1:3]).norm(dim=-1)[:, 0]  # (2, T): after blocks 0 and 1
        first.append(sizes[:, 0])
        later.append(sizes[:, 1:])
    times = torch.stack(first, 1).double() / torch.cat(later, 1).double().quantile(0.5, dim=1, keepdim=True)
    assert made.hidden.first_times[:2] == pytest.approx(times.quantile(0.5, dim=1).tolist(), rel=1e-5)


def test_work_is_announced_and_rest_is_not(text, capsys):
    gather(spec(text))
    assert "every block is scored" in capsys.readouterr().err
    gather(spec(text))
    assert capsys.readouterr().err == ""


def test_what_is_in_the_cache_needs_no_torch(text):
    gather(spec(text, tokens=6000, depth="full"))
    code = (
        "import sys; sys.modules['torch'] = None\n"  # whoever imports it fails
        "from nearlinear.report.gather import gather\n"
        "from nearlinear.report.specs import ReportSpec\n"
        "print(gather(ReportSpec.from_json(sys.stdin.read())).profile.L)"
    )
    asked = spec(text, tokens=6000, depth="full").to_json()
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], input=asked, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
