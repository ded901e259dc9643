"""Runs that break: by a rate too high, by weights that are no numbers, by a full disk. What they leave is good."""

import math
import re

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.torch import load_file

from nearlinear.edit import checkpoint as checkpoint_module
from nearlinear.errors import NearlinearError
from nearlinear.inputs.twin import state_sha256
from nearlinear.results.training import TrainingRun
from nearlinear.train import run as run_module
from nearlinear.train.loop import rate_at
from nearlinear.train.models import fresh_model
from nearlinear.train.run import run, run_folder

from .made import cache, same, small_texts, spec


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(autouse=True)
def own_cache(tmp_path):
    with cache(tmp_path):
        yield


@pytest.fixture(scope="module")
def whole(texts, tmp_path_factory):
    """A run that nothing has disturbed."""
    with cache(tmp_path_factory.mktemp("whole")):
        return run(spec("sas-p", every=3), device="cpu", texts=texts)


def rate_bomb(patch, at):
    """From step `at` on the learning rate is a million times too high."""
    patch.setattr("nearlinear.train.loop.rate_at", lambda r, k: rate_at(r, k) * (1e6 if k >= at else 1))


def test_a_run_that_diverges_is_a_result_with_the_reason(texts, monkeypatch):
    of = spec("sas-p", every=3)
    with monkeypatch.context() as patch:
        rate_bomb(patch, 10)
        broken = run(of, device="cpu", texts=texts)
    said = r"the loss (is no longer a number|is \d.*, far above blind guessing,) at step 12: take a learning rate below"
    assert re.match(said, broken.stopped)
    assert math.isnan(broken.loss)
    assert [look.step for look in broken.looks] == [0, 2, 4, 5, 6, 8, 10]
    assert broken.steps == tuple(stop for stop in of.stops if stop <= 10)
    last = load_file(run_folder(of) / "step-10.safetensors")
    model = fresh_model(of, 256)
    model.load_state_dict(last, strict=False)
    assert broken.weights_sha256 == state_sha256(model)
    assert np.average(broken.document_losses, weights=broken.document_tokens) == pytest.approx(
        broken.looks[-1].loss, rel=1e-5
    )
    assert TrainingRun.from_json(broken.to_json()).to_json() == broken.to_json()

    whole = run(of, device="cpu", texts=texts)  # the checkpoint before it is good, and leads to the end
    assert whole.stopped == ""
    assert whole.losses[: len(broken.losses)] == broken.losses


def test_one_that_diverges_at_once_is_where_it_began(texts, monkeypatch):
    rate_bomb(monkeypatch, 0)
    broken = run(spec("sas-p"), device="cpu", texts=texts)
    assert broken.stopped.endswith("at step 2: take a learning rate below 0.01")
    assert broken.steps == broken.losses == ()
    assert [look.step for look in broken.looks] == [0]
    assert broken.weights_sha256 == broken.provenance.model.sha256


@pytest.mark.parametrize("at", [3, 19])
def test_weights_that_break_at_a_look_are_no_look_to_go_back_to(texts, monkeypatch, at):
    """The loss of a step is that before it: weights that it breaks are looked at before the next loss tells."""
    monkeypatch.setattr("nearlinear.train.loop.rate_at", lambda r, k: math.nan if k == at else r.lr)
    broken = run(spec(), device="cpu", texts=texts)
    assert broken.stopped.startswith("the model's answers are no longer numbers after step ")
    assert math.isnan(broken.loss)
    assert np.isfinite(broken.document_losses).all()


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["OSError", "SafetensorError"],
)
@pytest.mark.parametrize("where", ["checkpoint", "look"])
def test_a_full_disk_loses_no_earlier_checkpoint(whole, texts, monkeypatch, error, where):
    """The second is what safetensors raises where a disk is really full."""
    module = checkpoint_module if where == "checkpoint" else run_module
    written, save = [], module.save_file

    def full(tensors, path, **kw):
        if len(written) == 4:
            path.write_bytes(b"half of it")
            raise error
        save(tensors, path, **kw)
        written.append(path)

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_file", full)
        with pytest.raises(NearlinearError, match=r"^[^\n]* cannot be written \(.*No space left.*\): free some space"):
            run(whole.spec, device="cpu", texts=texts)
    checkpoint = run_folder(whole.spec) / "checkpoint.safetensors"
    header, _ = checkpoint_module._read(checkpoint)
    assert header["losses"]
    assert not [path for path in checkpoint.parent.iterdir() if path.name.startswith(".")]
    same(run(whole.spec, device="cpu", texts=texts), whole)
