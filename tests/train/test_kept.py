"""Models as they stood at a look: the same weights, the same loss, and one sentence where there is none."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from nearlinear.errors import InputError, NearlinearError
from nearlinear.inputs.twin import state_sha256
from nearlinear.train import kept as kept_module
from nearlinear.train.kept import kept
from nearlinear.train.losses import window_losses
from nearlinear.train.models import fresh_model
from nearlinear.train.run import run, run_folder

from .made import T, cache, corpus, pages, small_texts, spec


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(autouse=True)
def own_cache(tmp_path):
    with cache(tmp_path):
        yield tmp_path


@pytest.fixture
def trained(texts, monkeypatch):
    """Runs, and then lets nobody train."""

    def go(of):
        result = run(of, device="cpu", texts=texts)
        monkeypatch.setattr(kept_module, "run", lambda *a, **kw: pytest.fail("trained again"))
        return result

    return go


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        ("pre-ln", {}),
        ("sas-p", {"task": "masked"}),
        ("v-skipinit", {"options": (("vp_train_gains", True),)}),
        ("sas", {"variant": "sas-no-mlp-skip"}),
        ("sas", {"precision": "float64"}),
    ],
)
def test_a_model_is_as_it_was_at_every_look(texts, trained, block, fields):
    of = spec(block, **fields)
    result = trained(of)
    for look in result.looks:
        loaded = kept(of, look.step, device="cpu", texts=texts)
        found = window_losses(loaded.model, texts.evaluate, of.reading).mean()
        assert found == pytest.approx(look.loss, rel=1e-5)
        assert not loaded.model.training
        assert loaded.source.sha256 == state_sha256(loaded.model)
        assert f"after {look.step} steps" in loaded.source.note
    assert len({look.loss for look in result.looks}) == len(result.looks)
    if of.recipe.precision == "float32":
        assert loaded.source.sha256 == result.weights_sha256
    assert (loaded.context, loaded.tokenizer, loaded.source.n_parameters) == (T, texts.tokenizer, result.n_parameters)


def test_the_last_look_is_meant_where_none_is_named(texts, trained):
    result = trained(spec())
    assert kept(spec(), device="cpu", texts=texts).source.sha256 == result.weights_sha256


def test_before_the_first_step_nothing_need_be_trained(texts, trained):
    before = kept(spec(), 0, device="cpu", texts=texts)
    assert before.source.sha256 == state_sha256(fresh_model(spec(), 256))
    assert not run_folder(spec()).exists()


def test_what_was_never_trained_is_trained_now(own_cache):
    with corpus(pages()):
        loaded = kept(spec(steps=4), 4, device="cpu")
    saved = load_file(run_folder(spec(steps=4)) / "step-4.safetensors")
    assert all(torch.equal(saved[name], weight) for name, weight in loaded.model.named_parameters())


@pytest.mark.parametrize("step", [1, 3, 21, -1])
def test_a_step_without_a_look_is_one_sentence(texts, step):
    with pytest.raises(InputError) as caught:
        kept(spec(), step, device="cpu", texts=texts)
    assert str(caught.value) == (
        f"no weights are kept after {step} steps: choose one of 0, 2, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20"
    )


@pytest.mark.parametrize("how", ["cut", "other shapes", "other names", "a weight is missing"])
def test_a_file_that_is_broken_or_of_another_model_is_one_sentence(texts, trained, how):
    trained(spec())
    file = run_folder(spec()) / "step-20.safetensors"
    content, tensors = file.read_bytes(), load_file(file)
    if how == "cut":
        file.write_bytes(content[:-100])
    else:
        name = "model.layers.0.mlp.down.weight"
        weight = tensors.pop(name)
        tensors |= {"other shapes": {name: weight[:, :-1].clone()}, "other names": {name + "s": weight}}.get(how, {})
        save_file(tensors, file)
    with pytest.raises(InputError, match=r"^a file of weights is (broken or )?of another model: remove it and train"):
        kept(spec(), device="cpu", texts=texts)


def test_weights_that_a_broken_training_never_reached_are_one_sentence(texts):
    with pytest.raises(NearlinearError, match="at step 2"):
        kept(spec(lr=10.0), device="cpu", texts=texts)


def test_weights_beside_a_checkpoint_that_cannot_be_read_are_one_sentence(texts, trained):
    trained(spec())
    file = run_folder(spec()) / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=r"^the checkpoint .* cannot be read: remove its folder and train again$"):
        kept(spec(), device="cpu", texts=texts)
