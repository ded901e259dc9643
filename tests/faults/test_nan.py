"""Numbers that break in one layer: the layer is named, what stands before it is reported, and nothing bad is saved."""

import json

import pytest
from safetensors.torch import load_file, save_file

from nearlinear.cli import main
from tests.report.made import folder_model

L = 4
SMALL = ("--tokens", "1024", "--context", "64")


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Makes a model whose block `layer` gives `value`; the cache is the test's own."""
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))

    def make(layer: int, value: str) -> str:
        folder = folder_model(tmp_path / "model", L=L)
        weights = load_file(folder / "model.safetensors")
        weights[f"model.layers.{layer}.mlp.down_proj.weight"][0, 0] = float(value)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return str(folder)

    return make


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("layer", [0, 2, L - 1])
def test_the_layer_is_named_and_those_before_it_are_scored(broken, text, tmp_path, capsys, layer, value):
    out = tmp_path / "out.json"
    call = ["score", "--model", broken(layer, value), "--text", text, *SMALL, "--json", str(out)]
    assert main(call) == 2
    said = capsys.readouterr()
    assert f"block {layer} is the first with NaN or infinite states: it and the later ones have no score" in said.err
    assert "Traceback" not in said.err
    made = json.loads(out.read_text(encoding="utf-8"))
    for scores in (made["scores"], made["held_out"]["scores"], made["no_first_token"]["update_scores"]):
        assert [score is None for score in scores] == [block >= layer for block in range(L)]


@pytest.mark.parametrize("how", [("--layers", "1"), ("--count", "1"), ("--count", "1", "--order", "score"),
                                 ("--count", "1", "--how", "remove", "--plain")], ids=" ".join)  # fmt: skip
def test_a_broken_model_is_not_pruned(broken, text, tmp_path, capsys, how):
    out, model = tmp_path / "out", broken(2, "nan")
    capsys.readouterr()  # what saving it said
    assert main(["prune", "--model", model, "--text", text, *SMALL, *how, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("nearlinear: ")
    assert "the model's activations break: block 2 of model is the first with NaN or infinite states" in said
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in ("cache", "model")) == ["text.txt"]
