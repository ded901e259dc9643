"""Healing on tiny models, with peft where it is installed and otherwise with a twin of the little of it that we use."""

import sys
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch
from torch import nn

from nearlinear.edit import checkpoint
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.heal import heal, next_token_loss
from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.load import load_model
from nearlinear.inputs.twin import state_sha256
from nearlinear.inputs.windows import Window, batches
from nearlinear.measure.linearity import AffineMap


class Adapter(nn.Module):
    """x ↦ base(x) + 2 x A B, with B = 0 at first."""

    def __init__(self, base: nn.Linear, rank: int):
        super().__init__()
        self.base = base
        self.A = nn.Parameter(torch.randn(base.in_features, rank) / rank)
        self.B = nn.Parameter(torch.zeros(rank, base.out_features))

    def forward(self, x):
        return self.base(x) + 2 * (x @ self.A @ self.B)

    def merged(self) -> nn.Linear:
        self.base.weight.data += 2 * (self.A @ self.B).T
        return self.base


class SmallPeft(nn.Module):
    """What `peft.LoraModel` is: the model with adapters in it, and a way to merge them."""

    def __init__(self, model, rank):
        super().__init__()
        self.model = model
        model.requires_grad_(False)
        for name, part in list(model.named_modules()):
            if isinstance(part, nn.Linear) and part is not model.get_output_embeddings():
                put(model, name, Adapter(part, rank))

    def merge_and_unload(self):
        for name, part in list(self.model.named_modules()):
            if isinstance(part, Adapter):
                put(self.model, name, part.merged())
        return self.model


def put(model, name, part):
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, part)


@pytest.fixture(autouse=True)
def peft(monkeypatch):
    """The real one where it is installed."""
    if find_spec("peft") is None:
        small = ModuleType("peft")
        small.LoraConfig = dict
        small.LoraModel = lambda model, config, _name: SmallPeft(model, config["r"])
        monkeypatch.setitem(sys.modules, "peft", small)


@pytest.fixture(scope="module")
def tiny():
    return load_model("tiny-llama")


def text(n_windows=4, length=40):
    """Runs of bytes that count upwards: something that a model can learn in a few steps."""
    return [Window(tuple((7 * i + t) % 40 + 5 for t in range(length)), i) for i in range(n_windows)]


def without_block_1(model):
    return removed(model, [1])


def healed(loaded, edit=without_block_1, **kw):
    options = {"steps": 12, "tokens_per_step": 160, "lr": 3e-2, "rank": 4} | kw
    return heal(loaded, edit, text(), **options)


def loss_of(model):
    with without_block_1(model), torch.no_grad():
        return float(next_token_loss(model, next(batches(text()))))


def test_the_loss_is_that_of_the_model_itself(tiny):
    windows = [text()[0], Window(text()[1].input_ids[:17], 1)]
    nats = 0.0
    for window in windows:
        ids = torch.tensor([window.input_ids])
        with torch.no_grad():
            nats += float(tiny.model(ids, labels=ids).loss) * (ids.shape[1] - 1)
    with torch.no_grad():
        assert float(next_token_loss(tiny.model, next(batches(windows)))) == pytest.approx(nats / (39 + 16), rel=1e-5)


def test_the_pruned_copy_predicts_better_and_the_model_is_what_it_was(tiny):
    before, modules = state_sha256(tiny.model), list(tiny.model.modules())
    answer = healed(tiny)
    was, now = loss_of(tiny.model), loss_of(answer.loaded.model)
    assert answer.losses[0] == pytest.approx(was, rel=1e-5)
    assert now < was - 0.2
    assert state_sha256(tiny.model) == before
    assert all(a is b for a, b in zip(modules, tiny.model.modules(), strict=True))
    assert answer.loaded.source.sha256 == state_sha256(answer.loaded.model)
    assert "healed by adapters of rank 4" in answer.loaded.source.note


def test_adapters_are_merged_and_nothing_else_has_changed(tiny):
    answer = healed(tiny)
    old, new = (dict(m.model.named_parameters()) for m in (tiny, answer.loaded))
    assert old.keys() == new.keys()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed == {name for name in old if name.endswith("_proj.weight") and ".layers.1." not in name}
    for name in changed:
        assert torch.linalg.matrix_rank((new[name] - old[name]).double(), rtol=1e-4) <= 4
    assert [w.requires_grad for w in answer.loaded.model.parameters()] == [
        w.requires_grad for w in tiny.model.parameters()
    ]


def test_maps_that_stand_in_are_healed_around(tiny):
    zero = torch.zeros(32, 32, dtype=torch.float64)
    answer = healed(tiny, lambda model: replaced(model, {1: AffineMap(zero, zero[0], zero[0])}))
    assert answer.losses == pytest.approx(healed(tiny).losses, rel=1e-4)


def test_an_interrupted_run_resumes_to_the_same_numbers(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0)

    def stop(step, _loss):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        healed(tiny, checkpoint=tmp_path / "run", on_step=stop)
    resumed, whole = healed(tiny, checkpoint=tmp_path / "run"), healed(tiny)
    assert resumed.losses == whole.losses
    assert resumed.loaded.source.sha256 == whole.loaded.source.sha256
    with pytest.raises(InputError, match=r"of another run \(its start differ\)"):
        healed(tiny, lambda model: removed(model, [0]), checkpoint=tmp_path / "run")


def test_peft_that_is_missing_is_asked_for(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"healing needs the package peft, which is not there: pip install peft"):
        healed(tiny)


def test_a_model_without_a_head_cannot_be_healed():
    with pytest.raises(UnsupportedModel, match="BertModel has no head that predicts text"):
        healed(load_model("tiny-bert"))
