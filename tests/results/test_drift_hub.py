"""Checkpoints of the hub as specifications: names are read, and what cannot be read is refused in one sentence."""

import pytest

from nearlinear.errors import InputError
from nearlinear.results.drift_hub import checkpoint_specs, revisions


def test_each_revision_is_a_model_of_its_own():
    specs = checkpoint_specs("EleutherAI/pythia-70m@step1, step512,step143000", corpus="tales", n_fit=8, n_test=4)
    assert [spec.model for spec in specs] == [f"EleutherAI/pythia-70m@step{k}" for k in (1, 512, 143_000)]
    assert {(spec.corpus, spec.windows.n_fit) for spec in specs} == {("tales", 8)}


def test_nothing_asked_for_is_nothing():
    assert checkpoint_specs("") == checkpoint_specs("  ") == revisions("") == []


@pytest.mark.parametrize("text", ["pythia-70m@step1", "EleutherAI/pythia-70m", "EleutherAI/pythia-70m@", "@step1"])
def test_another_form_is_refused(text):
    with pytest.raises(
        InputError, match=r'^no checkpoints can be read from .*: name them as "org/name@revision,'
    ) as told:
        checkpoint_specs(text)
    assert "\n" not in str(told.value)
