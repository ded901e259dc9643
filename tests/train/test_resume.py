"""Runs that are killed go on to the same bits: weights, curve and looks; and from no checkpoint but their own."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from nearlinear.edit import checkpoint as checkpoint_module
from nearlinear.edit.checkpoint import Checkpoint
from nearlinear.errors import BrokenFile, InputError
from nearlinear.inputs.twin import state_sha256
from nearlinear.train.batches import Batches
from nearlinear.train.loop import train
from nearlinear.train.models import fresh_model

from .made import small_texts, spec

V = 256
STOPS = (3, 6, 9, 12, 15, 18, 20)


@pytest.fixture(scope="module")
def windows():
    return small_texts().train.windows


@pytest.fixture(autouse=True)
def at_every_stop(monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS", 0)


class Killing(Batches):
    """Batches that are cut off when step `at` asks for one."""

    at = None

    def __getitem__(self, step):
        if step == self.at:
            raise KeyboardInterrupt
        return super().__getitem__(step)


def go(windows, of, path=None, *, at=None, settings=None, look=None):
    """(events, hash of the weights, model) after a run, which ends in KeyboardInterrupt at step `at`."""
    model = fresh_model(of, V)
    model = model.double() if of.recipe.precision == "float64" else model
    masked = {"mask_id": V, "mask_share": 0.25} if of.reading.task == "masked" else {}
    batches = Killing(windows, of.recipe.batch, seed=of.order_seed, **masked)
    batches.at = at
    kept = Checkpoint(path, settings or {"run": 1}) if path else None
    events = list(train(model, batches, of.recipe, STOPS, checkpoint=kept, look=look or (lambda step: {"at": step})))
    return events, state_sha256(model), model


def numbers(events):
    """All of the events but the seconds."""
    return [(event.step, event.loss, event.grad_norm, dict(event.scaler), dict(event.seen)) for event in events]


def killed(windows, of, path, *steps):
    for at in steps:
        with pytest.raises(KeyboardInterrupt):
            go(windows, of, path, at=at)


RUNS = [
    spec("pre-ln", parts=2),
    spec("sas"),
    spec("sas-p", task="masked"),
    spec("v-skipinit", value_rate=0.3, schedule="cosine", order_seed=7, seed=3, options=(("vp_train_gains", True),)),
    spec("sas", precision="float64"),
    spec("sas-p-no-norm", precision="bf16", L=1),
    spec("sas", precision="fp16", L=1),
]


@pytest.mark.parametrize("of", RUNS, ids=lambda of: f"{of.architecture.block}-{of.reading.task}-{of.recipe.precision}")
def test_a_killed_run_goes_on_to_the_same_bits_and_so_does_one_that_is_killed_twice(windows, of, tmp_path):
    whole, expected, _ = go(windows, of)
    killed(windows, of, tmp_path / "run", 2, 10, 19)  # before any checkpoint, amid a span, in the last one
    events, found, _ = go(windows, of, tmp_path / "run")
    assert numbers(events) == numbers(whole)
    assert found == expected
    seconds = [event.seconds for event in events]
    assert seconds == sorted(seconds)
    assert len(set(seconds)) == len(seconds)


def test_it_really_goes_on_and_does_not_begin_anew(windows, tmp_path):
    killed(windows, spec(), tmp_path / "run", 10)
    asked = []
    go(windows, spec(), tmp_path / "run", look=lambda step: asked.append(step) or {"at": step})
    assert asked == [12, 15, 18, 20]


def test_a_run_that_has_ended_is_read_and_not_run(windows, tmp_path):
    first, expected, _ = go(windows, spec(), tmp_path / "run")
    events, found, _ = go(windows, spec(), tmp_path / "run", at=0, look=lambda step: pytest.fail("looked"))
    assert events == first
    assert found == expected


def test_what_stands_in_a_checkpoint_decides(windows, tmp_path):
    """A checkpoint that was tampered with leads elsewhere: moments and weights are read, each of them."""
    killed(windows, spec(), tmp_path / "run", 10)
    header, tensors = checkpoint_module._read(tmp_path / "run")
    _, expected, _ = go(windows, spec(), tmp_path / "copy")
    for prefix in ("weight ", "exp_avg ", "exp_avg_sq ", "step "):
        name = f"{prefix}model.layers.1.mlp.down.weight"
        other = tensors | {name: tensors[name] * 1.5}
        save_file(other, tmp_path / "run", metadata={"nearlinear": json.dumps(header)})
        assert go(windows, spec(), tmp_path / "run")[1] != expected, prefix
    save_file(tensors, tmp_path / "run", metadata={"nearlinear": json.dumps(header)})
    assert go(windows, spec(), tmp_path / "run")[1] == expected


def test_a_checkpoint_holds_every_weight_once_and_no_more(windows, tmp_path):
    model = go(windows, spec("v-skipinit"), tmp_path / "run")[2]
    names = {name for name, _ in model.named_parameters()}
    kinds = ("weight", "exp_avg", "exp_avg_sq", "step")
    assert load_file(tmp_path / "run").keys() == {f"{kind} {name}" for kind in kinds for name in names}
    assert "lm_head.weight" not in names


def test_the_scale_of_half_precision_survives(windows, tmp_path, monkeypatch):
    """A scaler that halves and doubles within the run: forgetting its state shows in the bits."""

    def touchy(*args, **kw):
        return real(*args, init_scale=2.0**30, growth_interval=3, **kw)

    real = torch.amp.GradScaler
    monkeypatch.setattr("nearlinear.train.loop.torch.amp.GradScaler", touchy)
    of = spec("sas", precision="fp16", L=1)
    whole, expected, _ = go(windows, of)
    scales = [event.scaler["scale"] for event in whole]
    assert len(set(scales)) > 2
    assert {event.scaler["_growth_tracker"] for event in whole} != {0}
    killed(windows, of, tmp_path / "run", 8)
    events, found, _ = go(windows, of, tmp_path / "run")
    assert [event.scaler for event in events] == [event.scaler for event in whole]
    assert found == expected


@pytest.mark.parametrize("what", ["spec", "code", "start", "text"])
def test_a_checkpoint_of_another_run_is_refused(windows, tmp_path, what):
    settings = {"spec": "a", "code": "b", "start": "c", "text": "d"}
    go(windows, spec(), tmp_path / "run", settings=settings)
    with pytest.raises(InputError) as caught:
        go(windows, spec(), tmp_path / "run", settings=settings | {what: "other"})
    assert str(caught.value) == (
        f"the checkpoint {tmp_path / 'run'} is of another run (its {what} differ): remove it, or choose another place"
    )


def test_a_checkpoint_that_cannot_be_read_is_one_sentence(windows, tmp_path):
    go(windows, spec(), tmp_path / "run")
    content = (tmp_path / "run").read_bytes()
    for broken in (content[: len(content) // 2], b"", b"not a checkpoint at all"):
        (tmp_path / "run").write_bytes(broken)
        with pytest.raises(BrokenFile, match=r"^the checkpoint .*/run cannot be read: remove it to begin anew$"):
            go(windows, spec(), tmp_path / "run")


def test_a_run_that_breaks_leaves_the_checkpoint_before_it(windows, tmp_path, monkeypatch):
    killed(windows, spec(), tmp_path / "run", 10)
    before = (tmp_path / "run").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("nearlinear.train.loop.rate_at", lambda recipe, step: float("nan"))
        with pytest.raises(Exception, match="at step 11: take a learning rate below"):
            go(windows, spec(), tmp_path / "run")
    assert (tmp_path / "run").read_bytes() == before
    assert go(windows, spec(), tmp_path / "run")[1] == go(windows, spec())[1]


def test_time_goes_by_between_two_checkpoints(windows, tmp_path, monkeypatch):
    """The last stop is written at once, however short the run was."""
    monkeypatch.setattr(checkpoint_module, "SECONDS", 1e9)
    killed(windows, spec(), tmp_path / "run", 19)
    assert not (tmp_path / "run").exists()
    go(windows, spec(), tmp_path / "run")
    assert len(checkpoint_module._read(tmp_path / "run")[0]["losses"]) == len(STOPS)
