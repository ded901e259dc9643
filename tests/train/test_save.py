"""A saved model is the one that was trained, or there is no folder."""

import os
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from nearlinear.errors import InputError, NearlinearError
from nearlinear.inputs.load import load_model
from nearlinear.results.training import Architecture, Reading, Recipe, TrainingRun, TrainSpec
from nearlinear.train import save
from nearlinear.train.card import NAMES, card, summary
from nearlinear.train.kept import kept
from nearlinear.train.run import run
from nearlinear.train.save import check_saves, save_trained, saved_tokenizer
from nearlinear.train.stretches import any_texts

TEXT = "".join(f"Line {i} says that {i * i} is the square of {i}.\n" for i in range(800))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(model, result) of a training of a few steps."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "text.txt").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARLINEAR_CACHE", str(folder / "cache"))
        spec = TrainSpec(
            architecture=Architecture(block="sas", L=2, d=16, h=2, T=16),
            reading=Reading(corpus=str(folder / "text.txt"), n_evaluate=512),
            recipe=Recipe(steps=6, batch=4),
        )
        texts = any_texts(spec.reading, 16)
        result = run(spec, device="cpu", texts=texts)
        yield kept(spec, device="cpu", texts=texts), result


def test_the_folder_gives_the_model_back(trained, tmp_path):
    loaded, result = trained
    out = tmp_path / "new" / "model"
    save_trained(loaded, result, out)
    again, ids = AutoModelForCausalLM.from_pretrained(out), torch.arange(16)[None]
    assert torch.equal(again(ids).logits, loaded.model(ids).logits)
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer.decode(tokenizer("round √2")["input_ids"]) == "round √2"
    assert tokenizer.model_max_length == 16
    assert TrainingRun.load(out / "run.json").to_json() == result.to_json()  # NaN is not itself
    assert load_model(str(out)).source.L == 2  # so that our own tools measure it, prune it and so on
    assert os.stat(out).st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.joinpath("new").iterdir()] == ["model"]


def test_a_model_that_comes_back_otherwise_is_not_saved(trained, tmp_path, monkeypatch):
    loaded, result = trained

    class Other:
        @staticmethod
        def from_pretrained(folder: Path, **options):
            model = AutoModelForCausalLM.from_pretrained(folder, **options)
            with torch.no_grad():
                model.lm_head.weight[0, 0] += 1
            return model

    monkeypatch.setattr(save, "AutoModelForCausalLM", Other)
    with pytest.raises(NearlinearError, match="does not answer as the one in memory does, so nothing was saved"):
        save_trained(loaded, result, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_or_cannot_be_is_refused(trained, tmp_path):
    with pytest.raises(InputError, match="is there already"):
        save_trained(*trained, tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        save_trained(*trained, Path("/proc/nowhere/out"))


def test_a_variant_is_refused():
    with pytest.raises(InputError, match="the variant 'pre-ln-values' is for studies"):
        check_saves(TrainSpec(architecture=Architecture(variant="pre-ln-values")))
    check_saves(TrainSpec())


def test_the_tokenizer_that_is_saved_is_a_copy(trained):
    tokenizer, spec = trained[0].tokenizer, trained[1].spec
    masked = spec.model_copy(update={"reading": Reading(task="masked")})
    assert saved_tokenizer(tokenizer, masked).mask_token_id == len(tokenizer) == 256
    assert tokenizer.mask_token is None
    assert saved_tokenizer(tokenizer, spec).mask_token is None


def test_every_block_has_a_name(trained):
    result = trained[1]
    for block in ("pre-ln", "post-ln", "parallel", "v-skipinit", "sas", "sas-p", "sas-p-no-norm", "skipless"):
        shape = result.spec.architecture.model_copy(update={"block": block})
        other = result.model_copy(update={"spec": result.spec.model_copy(update={"architecture": shape})})
        assert f"# {NAMES[block]}, 2 blocks" in card(other)
        assert summary(other).startswith(f"{block} on text.txt, seed 0\n")


def test_bits_are_those_of_bytes_that_are_all_asked_for(trained):
    result = trained[1]
    assert "bits a byte" in card(result)
    for reading in (Reading(tokens="bpe-300"), Reading(task="masked")):
        other = result.model_copy(update={"spec": result.spec.model_copy(update={"reading": reading})})
        assert "bits" not in card(other) + summary(other)
