"""Models of the drift study that travel: what is written is the look's, in half precision, and nothing else loads."""

import pytest
import torch

from nearlinear.errors import BrokenFile, InputError
from nearlinear.results.drift_specs import drifts, regularised
from nearlinear.train import drift_shipped
from nearlinear.train.drift import kept
from nearlinear.train.drift_shipped import STEPS, file_of, ship, ship_all, shipped, spec_of

from .drift_made import drift
from .made import cache, corpus, pages


@pytest.fixture
def small(tmp_path, monkeypatch):
    """In place of the study one small run of the made-up pages, and a folder for its weights."""
    specs, folder = {"small": drift(), "other": drift("gpt-neox")}, tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(drift_shipped, "STEPS", {"small": (5, 20), "other": (20,)})
    monkeypatch.setattr(drift_shipped, "drifts", lambda size: specs)
    monkeypatch.setattr(drift_shipped, "regularised", lambda size: {})
    monkeypatch.setattr(drift_shipped, "data_root", lambda kind: folder)
    with cache(tmp_path), corpus(pages()):
        yield folder


def test_a_model_comes_back_with_half_its_digits(small):
    assert [path.name for path in ship_all(small)] == [
        "small-step-5.safetensors", "small-step-20.safetensors", "other-step-20.safetensors",
    ]  # fmt: skip
    for step in (5, 20):
        found, wanted = shipped("small", step, device="cpu"), kept(drift(), step, device="cpu")
        assert not found.model.training
        for one, other in zip(found.model.parameters(), wanted.model.parameters(), strict=True):
            assert torch.equal(one, other.half().float())
        assert found.source.id == f"small, step {step}"
        assert found.context == 32
    early, late = (shipped("small", step, device="cpu") for step in (5, 20))
    assert early.source.sha256 != late.source.sha256
    assert shipped("other", 20, device="cpu").source.architecture == "GPTNeoXForCausalLM"


def test_what_does_not_travel_is_refused(small):
    with pytest.raises(InputError, match=r"^no model of 'none' comes with the book: choose one of small, other$"):
        shipped("none", 5)
    with pytest.raises(InputError, match=r"^no weights of small after 10 steps come with the book: choose 5 or 20$"):
        shipped("small", 10)
    with pytest.raises(InputError, match=r"^small-step-5\.safetensors is not part of this installation"):
        shipped("small", 5)


def test_weights_of_another_family_are_refused(small):
    ship("other", 20, small).rename(small / file_of("small", 5))
    with pytest.raises(BrokenFile, match="of another model"):
        shipped("small", 5)


def test_what_travels_is_looked_at_in_the_study():
    known = drifts("laptop") | regularised("laptop")
    for name, steps in STEPS.items():
        assert spec_of(name) == known[name]
        assert set(steps) <= set(known[name].looks)
