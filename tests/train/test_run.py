"""A small run from end to end: what it says of itself, what it leaves behind, and what a kill costs it: nothing."""

import json

import numpy as np
import pytest
from safetensors.torch import load_file

from nearlinear.edit import checkpoint as checkpoint_module
from nearlinear.errors import InputError
from nearlinear.inputs.twin import state_sha256
from nearlinear.results import making
from nearlinear.results.store import load_or_run, spec_sha256
from nearlinear.results.training import TrainingRun
from nearlinear.train import run as run_module
from nearlinear.train.loop import train
from nearlinear.train.losses import window_losses
from nearlinear.train.models import fresh_model
from nearlinear.train.run import Training, plain_weights, run, run_folder

from .made import BLOCKS, T, cache, corpus, pages, same, small_texts, spec


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(autouse=True)
def own_cache(tmp_path):
    with cache(tmp_path):
        yield tmp_path


@pytest.fixture(scope="module")
def whole(texts, tmp_path_factory):
    """A run that nothing has disturbed."""
    with cache(tmp_path_factory.mktemp("whole")):
        return run(spec("sas-p", every=3), device="cpu", texts=texts)


def test_it_comes_back_from_json_as_it_went(whole):
    again = TrainingRun.from_json(whole.to_json())
    assert again.to_json() == whole.to_json()
    assert again.spec == whole.spec
    assert whole.to_json().count("\n") == 1


def test_it_says_what_was_run(whole, texts):
    p, of = whole.provenance, whole.spec
    assert (p.spec_sha256, p.windows_sha256, p.seed) == (spec_sha256(of), texts.sha256, of.seed)
    assert p.library_sha256 == making.library_sha256(TrainingRun.made_by)
    assert (p.device, p.dtype, p.precision) == ("cpu", "float32", "float32")
    assert (p.n_tokens, p.n_windows, p.corpus) == (20 * 4 * T, len(texts.train.windows), texts.source)
    model = fresh_model(of, 256)
    assert p.model.sha256 == state_sha256(model) != whole.weights_sha256
    assert whole.n_parameters == p.model.n_parameters == sum(w.numel() for w in model.parameters())
    assert (whole.vocabulary, whole.n_train, whole.n_dropped) == (256, texts.train.n_tokens, 0)
    assert whole.epochs == pytest.approx(20 * 4 * T / texts.train.n_tokens, rel=1e-5)
    assert whole.steps == of.stops == tuple(sorted({*range(3, 21, 3), *of.looks, 20} - {0}))
    assert tuple(look.step for look in whole.looks) == of.looks


def test_it_learns(whole):
    assert whole.stopped == ""
    assert whole.loss == whole.looks[-1].loss < whole.looks[0].loss - 0.5
    assert whole.losses[-1] < whole.losses[0] - 0.5
    assert whole.chosen_loss == pytest.approx(whole.loss, abs=0.3)


def test_its_numbers_are_those_of_the_weights_that_it_leaves(whole, texts, own_cache):
    result = run(whole.spec, device="cpu", texts=texts)
    model = fresh_model(whole.spec, 256)
    for look in result.looks:
        model.load_state_dict(load_file(run_folder(whole.spec) / f"step-{look.step}.safetensors"), strict=False)
        assert window_losses(model, texts.evaluate, whole.spec.reading).mean() == pytest.approx(look.loss, rel=1e-5)
        gains = [block.beta_ff.bias_free.item() for block in model.model.layers]
        assert gains == pytest.approx(look.gains["beta_ff"], rel=1e-5)
    assert state_sha256(model) == result.weights_sha256
    assert window_losses(model, texts.choose, whole.spec.reading).mean() == pytest.approx(result.chosen_loss, rel=1e-5)
    assert np.average(result.document_losses, weights=result.document_tokens) == pytest.approx(result.loss, rel=1e-5)
    assert sum(result.document_tokens) == texts.evaluate.n_tokens
    assert result.before.depth == result.after.depth == (0, 1, 2)
    assert result.before != result.after


def test_a_run_is_a_function_of_its_specification(whole, texts):
    same(run(whole.spec, device="cpu", texts=texts), whole)
    other = run(whole.spec.model_copy(update={"order_seed": 1}), device="cpu", texts=texts)
    assert other.provenance.model.sha256 == whole.provenance.model.sha256
    assert other.weights_sha256 != whole.weights_sha256


@pytest.mark.parametrize("killed_at", [(4, 8), (5, 20)])
def test_a_run_that_is_killed_amid_its_looks_goes_on_to_the_same_result(whole, texts, monkeypatch, killed_at):
    keep = Training.keep
    for step in killed_at:

        def dying(self, at, step=step):
            keep(self, at)
            if at == step:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Training, "keep", dying)
            with pytest.raises(KeyboardInterrupt):
                run(whole.spec, device="cpu", texts=texts)
    trained = []
    with monkeypatch.context() as patch:
        patch.setattr(Training, "keep", lambda self, at: trained.append(at) or keep(self, at))
        same(run(whole.spec, device="cpu", texts=texts), whole)
    assert trained == [0, *(look for look in whole.spec.looks if look >= killed_at[-1])]


def test_a_run_that_has_ended_is_not_trained_again(whole, texts, monkeypatch):
    run(whole.spec, device="cpu", texts=texts)
    monkeypatch.setattr("nearlinear.train.loop.Work.step", lambda *_: pytest.fail("a step was made"))
    same(run(whole.spec, device="cpu", texts=texts), whole)


def test_it_is_found_again_by_its_specification(whole, texts, monkeypatch):
    begun = []
    monkeypatch.setattr(run_module, "train", lambda *a, **kw: begun.append(1) or train(*a, **kw))
    for _ in range(2):
        found = load_or_run(whole.spec, lambda of: [run(of, device="cpu", texts=texts)], TrainingRun)
        same(found, whole)
    assert begun == [1]


def test_a_checkpoint_from_another_specification_is_refused(whole, texts):
    run(whole.spec, device="cpu", texts=texts)
    other = spec("sas-p", every=3, lr=2e-2)
    run_folder(other).mkdir(parents=True)
    content = (run_folder(whole.spec) / "checkpoint.safetensors").read_bytes()
    (run_folder(other) / "checkpoint.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"is of another run \(its spec differ\): remove it, or choose another place$"):
        run(other, device="cpu", texts=texts)


@pytest.mark.parametrize("block", BLOCKS)
def test_what_is_tied_stands_once_in_a_file_and_nothing_is_left_out(block, texts):
    model = fresh_model(spec(block), 256)
    saved = plain_weights(model)
    assert "lm_head.weight" not in saved
    assert saved.keys() == model.state_dict().keys() - {"lm_head.weight"}
    other = fresh_model(spec(block, seed=1), 256)
    assert other.load_state_dict(saved, strict=False).missing_keys == ["lm_head.weight"]
    assert state_sha256(other) == state_sha256(model)
    untied = fresh_model(spec(block, options=(("tie_word_embeddings", False),)), 256)
    assert plain_weights(untied).keys() == untied.state_dict().keys()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"batch": 4000}, "windows to train on, and a batch has 4000"),
        ({"parts": 3}, "a batch of 4 windows cannot be cut into 3 parts"),
        ({"options": (("norms", 1),)}, "'norms' is no word of SimplifiedConfig"),
        ({"variant": "none"}, "no variant 'none' of a block: choose one of"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(texts, fields, says):
    with pytest.raises(InputError, match=rf"^[^\n]*{says}") as caught:
        run(spec(**fields), device="cpu", texts=texts)
    assert not str(caught.value).endswith(".")


@pytest.mark.parametrize(("task", "precision"), [("masked", "float32"), ("causal", "float64"), ("causal", "bf16")])
def test_other_tasks_and_precisions_run_too(texts, task, precision):
    of = spec("sas", task=task, precision=precision, L=1)
    result = run(of, device="cpu", texts=texts)
    assert result.stopped == ""
    assert result.loss < result.looks[0].loss
    assert (result.provenance.dtype, result.provenance.precision) == (
        "float64" if precision == "float64" else "float32", precision,
    )  # fmt: skip
    assert result.vocabulary == 256
    saved = load_file(run_folder(of) / "step-20.safetensors")
    assert saved["model.embed.weight"].shape == (256 + (task == "masked"), 16)


def test_the_text_is_read_by_its_name_and_remembered(whole, monkeypatch):
    read = []
    run_module.texts_of.cache_clear()
    made = run_module.texts_for
    monkeypatch.setattr(run_module, "texts_for", lambda *a: read.append(a) or made(*a))
    with corpus(pages()):
        for block in ("sas-p", "sas"):
            result = run(spec(block, steps=2), device="cpu")
    run_module.texts_of.cache_clear()
    assert len(read) == 1
    assert result.provenance.corpus.id == "pages"
    assert result.provenance.windows_sha256 == whole.provenance.windows_sha256


def test_the_header_of_a_checkpoint_is_plain_json(whole, texts, own_cache):
    run(whole.spec, device="cpu", texts=texts)
    header, _ = checkpoint_module._read(run_folder(whole.spec) / "checkpoint.safetensors")
    assert header["settings"].keys() == {"spec", "code", "start", "text"}
    assert [event["step"] for event in header["losses"]] == list(whole.spec.stops)
    json.dumps(header)
