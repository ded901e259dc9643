"""The comparison with published pruners: rules as we read them, stand-ins for the tools, the record and its table."""

import argparse
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nearlinear.edit.edits import removed
from nearlinear.edit.fitting import affine
from nearlinear.edit.runs import run_moments
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.models import blocks
from nearlinear.measure.residual import residual_stream
from nearlinear.results.pruning import PruningSpec
from tests.benchmarks.test_benchmarks import BENCHMARKS, check, run, sidebyside, text

__all__ = ["sidebyside", "text"]  # fixtures

REPLACEME = {
    "utils.py": """
import datasets, lm_eval, torch
from termcolor import colored
from torchmin import minimize

def select_non_overlapping_blocks(distances, k, num_blocks, merge_consecutive):
    print("chosen")
    return [(distances.index(min(distances)) + 1, distances.index(min(distances)) + 1 + k)]
""",
    "distance.py": """
import datasets, numpy, torch
from colorama import Fore, init
from transformers import AutoModelForCausalLM, AutoTokenizer

def profile_distances(model_path, dataset, dataset_column, batch_size, max_length, layers_to_skip):
    init(autoreset=True)
    model, texts = AutoModelForCausalLM.from_pretrained(model_path), datasets.load_dataset(dataset)[dataset_column]
    tokens = AutoTokenizer.from_pretrained(model_path)(torch.stack(texts), return_tensors="pt")
    assert tokens["input_ids"].shape == (len(texts), max_length) and len(texts) % batch_size == 0
    assert model(**tokens).logits.shape[:2] == tokens["attention_mask"].shape
    torch.save([numpy.float64(2), numpy.float64(1)], "distances.pth")  # the run starts at block 2
""",
    "lstsq.py": """
import torch
from transformers import AutoModelForCausalLM

def lstsq(model_path, save_path, distances_path, layers_to_skip, **_rest):
    assert torch.load(distances_path)[1] == 1
    keep = torch.ones(3, device="cuda")
    keep[2 : 2 + layers_to_skip] = 0
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.bfloat16)
    model.model.layers = torch.nn.ModuleList(b for b, kept in zip(model.model.layers, keep) if kept)
    model.config.num_hidden_layers = len(model.model.layers)
    model.save_pretrained(save_path + "_named")
    return save_path + "_named"
""",
}
PRUNEME = """
import datasets
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, BitsAndBytesConfig

def main(model_path, dataset, dataset_column, batch_size, max_length, layers_to_skip):
    BitsAndBytesConfig(load_in_4bit=True)
    for batch in DataLoader(datasets.load_dataset(dataset)[dataset_column], batch_size=batch_size, drop_last=True):
        tokens = AutoTokenizer.from_pretrained(model_path)(batch, truncation=True).to("cpu")
        assert tokens["input_ids"].shape == (batch_size, max_length)
    with open("layer_distances.csv", "w") as file:
        file.write("block_start,block_end,average_distance\\n1,2,0.125\\n2,3,1e-2\\n")
"""

SHORTGPT = """
import torch
from transformers import AutoTokenizer, AutoModelForCausalLM

class ShortGPT:
    def __init__(self, model_name, layers_path, n_prune_layers=None):
        self.tokenizer = AutoTokenizer.from_pretrained(model_name)
        self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model = AutoModelForCausalLM.from_pretrained(model_name, dtype=torch.float16)
        self.importances = [0.0] * 3

    def eval_importance(self, prompts, stride=256):
        tokens = self.tokenizer(prompts, padding=True, return_tensors="pt")
        assert tokens.input_ids.shape == tokens.attention_mask.shape == (1, stride)
        assert self.model(input_ids=tokens.input_ids.to("cuda")).logits.dtype == torch.float32
        self.importances = [3.0, 1.0, 2.0]
"""


@pytest.fixture
def peers(monkeypatch, sidebyside):
    """The modules of this benchmark."""
    import peers_checkouts
    import peers_methods
    import peers_published
    import peers_rules
    import pruning_peers

    monkeypatch.setenv("PYTHONPATH", str(BENCHMARKS.parent / "lib"))
    return SimpleNamespace(
        main=pruning_peers,
        checkouts=peers_checkouts,
        methods=peers_methods,
        rules=peers_rules,
        published=peers_published,
    )


def commit(folder: Path, files: dict[str, str]) -> str:
    """A clone with these files in one commit, whose hash is given back."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    git = ["git", "-C", str(folder), "-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clones(peers, tmp_path, monkeypatch) -> dict[str, Path]:
    """Stand-ins for both tools, in clones at the commits that are asked for."""
    files = {
        "replaceme": {f"ReplaceMe/{name}": code for name, code in REPLACEME.items()},
        "pruneme": {"compute_block_similarity/layer_similarity.py": PRUNEME},
        "shortgpt": {"shortgpt/shortgpt.py": SHORTGPT},
    }
    found = {name: tmp_path / name for name in files}
    pinned = {name: (f"somebody/{name}", commit(folder, files[name])) for name, folder in found.items()}
    for module in (peers.checkouts, peers.main):
        monkeypatch.setattr(module, "PUBLISHED", pinned)
    return found


def options(tmp_path, text, **fields) -> argparse.Namespace:
    sizes = {"context": 64, "n_fit": 1024, "n_choose": 256, "n_evaluate": 256, "shares": [0.3], "threads": 1}
    paths = {"replaceme": None, "pruneme": None, "shortgpt": None, "kept": tmp_path / "kept"}
    return argparse.Namespace(**{"model": "tiny-llama", "text": str(text), **sizes, **paths, **fields})


@pytest.fixture
def work(peers, tmp_path, text):
    spec = PruningSpec(model="tiny-llama", corpus=str(text), context=64, n_fit=1024, n_choose=256, n_evaluate=256)
    return peers.main.work_of(spec, tmp_path / "kept")


def test_published_tools_are_run_where_they_are(peers, clones, tmp_path, text, sidebyside, work, monkeypatch):
    args = options(tmp_path, text, **clones)
    content = peers.main.run(args)
    check(content, tokens=256)
    assert str(tmp_path) not in str(content)
    details = content["details"]
    assert all(published["run"] for published in details["published"].values())
    cells = {(row["method"].partition(":")[0], row["by"]): row["cells"]["1"] for row in details["rows"]}
    theirs, rule = "their code, run", "published rule, our implementation"
    assert cells["ReplaceMe", theirs]["blocks"] == cells["PruneMe", theirs]["blocks"] == [2]
    assert cells["ShortGPT", theirs]["blocks"] == [1]
    with removed(work.loaded.model, [2]):
        without = losses(work.loaded, work.texts.evaluate).perplexity
    assert cells["PruneMe", theirs]["perplexity"] == pytest.approx(without, rel=1e-12)
    assert cells["ReplaceMe", theirs]["perplexity"] == pytest.approx(without, rel=1e-2)  # in bfloat16
    assert cells["ReplaceMe", theirs]["perplexity"] != without
    assert {whose for _, whose in cells} == {"ours", theirs, rule}
    assert {method for method, whose in cells if whose == rule} == {"SLEB", "ReplaceMe"}
    table = peers.main.table(content)
    assert "Run: somebody/replaceme at" in table
    assert table.count("**") == 2  # one column, one best
    monkeypatch.setattr(peers.checkouts.Checkout, "run", None)  # nothing is run twice
    assert peers.main.run(args)["details"]["rows"] == details["rows"]


def test_without_the_tools_their_rules_are_used(peers, tmp_path, text, sidebyside):
    content = peers.main.run(options(tmp_path, text, shares=[0.3, 0.6]))
    table = peers.main.table(content)
    assert "| 1 of 3 blocks gone | 2 of 3 blocks gone | parameters left |" in table
    assert "Run: none of the published tools; torch" in table
    details = content["details"]
    assert {row["by"] for row in details["rows"]} == {"ours", "published rule, our implementation"}
    assert not any(published["run"] for published in details["published"].values())
    assert all(len(row["cells"][k]["blocks"]) == int(k) for row in details["rows"] for k in ("1", "2"))
    parameters = [row["cells"]["2"]["parameters"] for row in details["rows"]]
    assert len(set(parameters)) == 3  # no map, one, and one for each block
    assert min(parameters) < max(parameters) < details["dense"]["parameters"]


def test_it_runs_from_the_command_line(tmp_path, text, sidebyside):
    """And leaves the table in README.md alone where the record goes elsewhere."""
    page, out = (BENCHMARKS / "README.md").read_text(), tmp_path / "record.json"
    size = ("--context", 64, "--n-fit", 1024, "--n-choose", 256, "--n-evaluate", 256, "--shares", 0.3, "--threads", 1)
    where = ("--model", "tiny-llama", "--text", text, "--kept", tmp_path / "kept", "--out", out)
    printed = run("pruning_peers.py", *size, *where)
    content = sidebyside.read(out)
    check(content, tokens=256)
    assert str(tmp_path) not in out.read_text()
    assert all(f"| {row['method']} | {row['by']} | " in printed for row in content["details"]["rows"])
    assert (BENCHMARKS / "README.md").read_text() == page


def test_a_clone_that_is_not_what_was_read_is_refused(peers, clones, tmp_path):
    checkout = peers.checkouts.Checkout("replaceme", clones["replaceme"], 1)
    checkout.check()
    (clones["replaceme"] / "ReplaceMe" / "lstsq.py").write_text("changed")
    for folder in (clones["replaceme"], clones["pruneme"], tmp_path):
        with pytest.raises(SystemExit, match=r"is not somebody/replaceme at [0-9a-f]{12}, unchanged: git clone"):
            peers.checkouts.Checkout("replaceme", folder, 1).check()


def test_a_tool_that_fails_is_quoted(peers, clones, tmp_path):
    with pytest.raises(SystemExit, match=r"(?s)replaceme failed:.*windows\.npy"):
        peers.checkouts.Checkout("replaceme", clones["replaceme"], 1).run(tmp_path, 1)


def test_every_batch_of_theirs_is_full(peers):
    assert peers.published.settings(torch.zeros(128, 9), 3)["batch_size"] == 8
    assert peers.published.settings(torch.zeros(15, 9), 3)["batch_size"] == 5
    assert peers.published.settings(torch.zeros(13, 9), 3)["batch_size"] == 1


def test_states_are_those_of_the_stream(peers, work):
    found = peers.rules.states(work.loaded, work.texts.fit, {0, 1, 3}, {1})
    windows = work.texts.fit
    stream: dict[int, torch.Tensor] = {}
    ids = torch.tensor([window.input_ids for window in windows])
    batch = SimpleNamespace(input_ids=ids, attention_mask=torch.ones_like(ids))
    residual_stream(work.loaded.model, batch, lambda layer, x, y: stream.update({layer: x, layer + 1: y}))
    assert set(found.at) == {0, 1, 3}
    for place, states in found.at.items():
        torch.testing.assert_close(states, stream[place].flatten(0, 1))
    block = blocks(work.loaded.model)[1]
    with torch.no_grad():
        before_mlp = found_before_mlp(work.loaded.model, ids)
        expected = block.mlp(block.post_attention_layernorm(before_mlp)).flatten(0, 1)
    torch.testing.assert_close(found.mlp[1], expected)


def found_before_mlp(model, ids: torch.Tensor) -> torch.Tensor:
    """What goes into the second norm of block 1."""
    seen = []
    norm = blocks(model)[1].post_attention_layernorm
    handle = norm.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    model(ids)
    handle.remove()
    return seen[0]


def test_least_squares_is_the_least(peers, work):
    """Against torch's own solver on the whole matrices, with what the paper asks for written out."""
    run = range(1, 3)
    found = peers.rules.states(work.loaded, work.texts.fit, {1, 3}, {0})
    M, target = found.mlp[0].double(), (found.at[3] - found.at[1] + found.mlp[0]).double()
    expected = torch.linalg.lstsq(M, target, driver="gelsd").solution
    torch.testing.assert_close(peers.rules.least_squares(found, run), expected, rtol=1e-4, atol=1e-4)


def test_folded_is_a_map_of_what_the_mlp_adds(peers, work):
    model, run = work.loaded.model, range(1, 3)
    T = torch.randn(32, 32, generator=torch.Generator().manual_seed(0)).double()
    ids = torch.arange(24)[None]
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    handle = blocks(model)[0].mlp.register_forward_hook(lambda _m, _args, output: output @ T.float())
    with removed(model, run), torch.no_grad():
        expected = model(ids).logits
    handle.remove()
    with peers.rules.folded(model, run, T), torch.no_grad():
        torch.testing.assert_close(model(ids).logits, expected, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_the_map_of_a_run_is_that_of_its_moments(peers, work):
    run, texts = range(1, 3), work.texts
    fit, choose = (peers.rules.states(work.loaded, part, {1, 3}) for part in (texts.fit, texts.choose))
    moments = run_moments(work.loaded, texts.fit, longest=2, precision="exact")[run]
    found = peers.rules.one_map(fit, choose, run)
    best = peers.rules.choose_ridge(moments, run_moments(work.loaded, texts.choose, longest=2, precision="exact")[run])
    torch.testing.assert_close(found.A, affine(moments, ridge=best).A, rtol=1e-6, atol=1e-9)


def test_a_rule_never_takes_a_run_that_starts_at_block_0(peers, work, monkeypatch):
    angles = {range(1): 0.1, range(1, 2): 0.3, range(2, 3): 0.2, range(2): 0.0, range(1, 3): 0.5}
    monkeypatch.setattr(peers.methods, "angular_distances", lambda *_args, **_options: angles)
    comparison = peers.methods.Comparison(work, (1, 2), {})
    assert comparison.runs_of_the_rule == {1: range(2, 3), 2: range(1, 3)}
    assert comparison.runs == {1: range(1), 2: range(2)}


def test_the_greedy_order_is_read_where_it_is_recorded(peers, work, monkeypatch):
    steps = [SimpleNamespace(layers=(2,)), SimpleNamespace(layers=(0, 2))]
    study = SimpleNamespace(curve=lambda order, how: SimpleNamespace(steps=steps))
    asked = []
    monkeypatch.setattr(peers.methods, "recorded", lambda spec, _kind: asked.append(spec) or study)
    monkeypatch.setattr(peers.methods, "is_current", lambda _study: True)
    assert peers.methods.Comparison(work, (1, 2), {}).greedy["remove"] == [(2,), (0, 2)]
    assert asked[0].orders == ("greedy",)
    assert asked[0].n_evaluate == work.spec.n_evaluate
    monkeypatch.setattr(peers.methods, "is_current", lambda _study: False)
    monkeypatch.setattr(type(work), "plan", lambda _self, order, how: SimpleNamespace(steps=(order, how)))
    assert peers.methods.Comparison(work, (1, 2), {}).greedy["replace"] == ("greedy", "replace")


def test_shares_of_blocks(peers):
    assert peers.main.counts([0.1, 0.2, 0.3], 30) == (3, 6, 9)
    assert peers.main.counts([0.1, 0.3, 1.0], 3) == (1, 2)


def test_parameters_are_counted(peers, work):
    comparison = peers.methods.Comparison(work, (1,), {})
    model = work.loaded.model
    with removed(model, [1, 2]):
        expected = sum(weight.numel() for weight in model.parameters())
    assert comparison.parameters([1, 2], 0) == expected
    assert comparison.parameters([1, 2], 1) == expected + 32 * 32 + 32


def test_readme_shows_what_is_recorded(peers):
    page = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert page == peers.main.with_table(page, peers.main.recorded_table())
