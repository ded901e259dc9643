"""Low-rank adapters, with peft where it is installed and otherwise with a twin of the little of it that we use."""

import sys
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch

from nearlinear.errors import InputError
from nearlinear.train import tuning
from nearlinear.train.drift import kept
from nearlinear.train.families import family_model
from nearlinear.train.tuning import Tuning, lesson_of, run
from nearlinear.train.tuning_models import Learner, subject_of
from tests.edit.test_heal import SmallPeft

from .drift_made import animals, drift
from .made import cache, same, small_texts
from .tuning_made import tune

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(scope="module")
def place(tmp_path_factory, texts):
    with cache(tmp_path_factory.mktemp("own")) as folder:
        kept(tune().model.spec, device="cpu", texts=texts)
    return folder


@pytest.fixture(autouse=True)
def own_cache(place):
    with cache(place):
        yield


@pytest.fixture(autouse=True)
def peft(monkeypatch):
    """The real one where it is installed."""
    if find_spec("peft") is None:
        small = ModuleType("peft")
        small.LoraConfig = dict
        small.LoraModel = lambda model, config, _name: SmallPeft(model, config["r"])
        monkeypatch.setitem(sys.modules, "peft", small)
        monkeypatch.setattr(tuning, "version", lambda name: "0")


def test_adapters_begin_as_nothing_and_are_drawn_by_the_seed():
    ids = torch.arange(40).view(2, 20)
    plain = family_model(drift(), 256).eval()
    with torch.no_grad():
        logits = plain(ids).logits
        adapted = [Learner(family_model(drift(), 256), 2, rank=2, seed=seed) for seed in (0, 0, 1)]
        assert all(torch.equal(each.body(ids).logits, logits) for each in adapted)
    one, again, other = ([weight for weight in each.parameters() if weight.requires_grad] for each in adapted)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_adapters_and_head_alone_are_trained(texts):
    spec = tune(rank=2)
    work = Tuning(spec, subject_of(spec.model, device=CPU, texts=texts), None)
    work.lesson = lesson_of(spec, work.subject, animals())
    old = {name: weight.detach().clone() for name, weight in work.learner.named_parameters()}
    frozen = {name for name, weight in work.learner.named_parameters() if not weight.requires_grad}
    assert work.to_the_end() == ""
    new = dict(work.learner.named_parameters())
    moved = {name for name in old if not torch.equal(old[name], new[name])}
    assert moved == old.keys() - frozen
    assert sum(new[name].numel() for name in moved) == work.learner.n_trained < work.learner.n_parameters / 5
    layers = family_model(drift(), 256).state_dict()
    linear = [w for name, w in layers.items() if "_proj" in name]
    assert work.learner.n_trained == sum(2 * sum(w.shape) for w in linear) + 2 * 16


def test_a_run_with_adapters_learns_and_begins_where_the_others_do(texts):
    whole, adapted = (run(tune(rank=rank), device="cpu", texts=texts, task=animals()) for rank in (None, 2))
    assert adapted.before.to_json() == whole.before.to_json()
    assert adapted.accuracy == 1.0
    assert adapted.n_trained < whole.n_trained < adapted.n_parameters
    assert "peft" in adapted.provenance.versions
    assert "peft" not in whole.provenance.versions
    assert adapted.after.no_first_token != adapted.before.no_first_token


def test_a_killed_run_with_adapters_goes_on_to_the_same_bits(texts, monkeypatch):
    """Frozen weights have no moments, and none are missed."""
    spec = tune(rank=2, seed=3)
    whole = run(spec, device="cpu", texts=texts, task=animals())
    save = tuning.Trained.save

    def dying(self, *args, **kw):
        save(self, *args, **kw)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tuning.Trained, "save", dying)
        with pytest.raises(KeyboardInterrupt):
            run(spec, device="cpu", texts=texts, task=animals())
    same(run(spec, device="cpu", texts=texts, task=animals()), whole)


def test_peft_that_is_missing_is_asked_for_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.setattr(tuning, "subject_of", lambda *a, **kw: pytest.fail("a model was loaded"))
    with pytest.raises(InputError, match=r"^adapters need the package peft, which is not there: pip install peft$"):
        run(tune(rank=2), device="cpu")
