"""Trained models that travel with the book: they load without a text, and are what the recorded runs ended with."""

import pytest
import torch

from nearlinear.errors import BrokenFile, InputError
from nearlinear.recorded import result
from nearlinear.results.data import data_root
from nearlinear.train.kept import load_weights
from nearlinear.train.models import fresh_model
from nearlinear.train.shipped import NAMES, shipped, spec_of


@pytest.mark.parametrize("block", NAMES)
def test_a_trained_model_travels_for_each_block(block):
    loaded, run = shipped(block, device="cpu"), result(spec_of(block))
    assert loaded.source.n_parameters == run.n_parameters
    assert loaded.context == run.spec.architecture.T
    text = "def read(self, path):\n    return self.open(path).read()\n"
    ids = torch.tensor([loaded.tokenizer(text)["input_ids"][:64]])
    trained, fresh = (
        m(input_ids=ids, labels=ids).loss.item() for m in (loaded.model, fresh_model(spec_of(block), 256))
    )
    assert trained < 0.6 * fresh


def test_other_blocks_do_not_travel():
    with pytest.raises(InputError, match="no trained model of 'post-ln' comes with the book: choose one of pre-ln"):
        shipped("post-ln")


def test_weights_of_another_model_and_broken_files_are_refused():
    model = fresh_model(spec_of("sas"), 256)
    other = (data_root("weights") / NAMES["pre-ln"]).read_bytes()
    for content in (other, other[:1000]):
        with pytest.raises(BrokenFile, match="of another model"):
            load_weights(model, content)
