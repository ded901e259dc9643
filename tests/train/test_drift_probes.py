"""Probes find what is planted in a state and nothing else; each part of a task serves one end."""

import builtins
from dataclasses import replace

import numpy as np
import pytest
import torch

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.results.drift import ProbeSpec
from nearlinear.results.provenance import ModelSource
from nearlinear.train.drift import run
from nearlinear.train.drift_probes import best, check_classes, features, logistic_regression, probe, readable, some
from nearlinear.train.families import family_model

from .drift_made import PROBE, animals, drift, examples
from .made import T, cache, small_texts


def loaded_of(family="llama") -> LoadedModel:
    model = family_model(drift(family), 256).eval()
    source = ModelSource(id="made", sha256="0" * 64, architecture="", n_parameters=0, L=2, d=16)
    return LoadedModel(model, byte_tokenizer(), source, context=T)


@pytest.mark.parametrize("family", ["llama", "gpt-neox", "sas"])
def test_features_are_mean_states_whatever_stands_beside_a_text(family):
    """One by one, without padding, from the states before each block."""
    loaded = loaded_of(family)
    read = readable(animals(), loaded, PROBE)
    found = features(loaded, read.test)
    assert found.shape == (3, 40, 16)
    for i in (0, 7, 39):
        with torch.no_grad():
            states = loaded.model.base_model(torch.tensor([read.test.ids[i]]), output_hidden_states=True).hidden_states
        for layer in (0, 1):
            np.testing.assert_allclose(found[layer, i], states[layer][0].double().mean(0), rtol=1e-4, atol=1e-5)


def test_each_part_of_a_task_serves_one_end():
    task, loaded = animals(), loaded_of()
    read = readable(task, loaded, PROBE)
    sizes = [len(part.ids) for part in (read.train, read.choose, read.test)]
    assert sizes == [60, 20, 40]
    parts = [set(part.ids) for part in (read.train, read.choose, read.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert some(task.train, 60, 0) == some(task.train, 60, 0) != some(task.train, 60, 1)
    assert len(some(task.train, 1000, 0)) == 80


def test_one_class_alone_is_refused():
    cats = tuple(example for example in examples(80) if example.label == 0)
    with pytest.raises(InputError, match=r"^the examples of the task 'animals' are of one class alone: take more of"):
        readable(animals(cats), loaded_of(), PROBE)
    with pytest.raises(InputError, match="one class alone"):
        check_classes((), "none")


def test_without_the_package_it_is_one_sentence(monkeypatch, tmp_path):
    """And it is said before the first step."""
    there = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return there(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    said = r"^probes need the package scikit-learn: pip install scikit-learn$"
    with pytest.raises(InputError, match=said):
        logistic_regression()
    monkeypatch.setattr("nearlinear.train.loop.Work.step", lambda *_: pytest.fail("a step was made"))
    with cache(tmp_path), pytest.raises(InputError, match=said):
        run(drift(probe=PROBE), device="cpu", texts=small_texts(), task=animals())


class Nearest:
    """A stand-in for a regression: the class whose mean is nearer along the first coordinate, times C."""

    def __init__(self, C, max_iter):
        self.C = C

    def fit(self, x, labels):
        self.x = x
        self.sign = np.sign(x[labels == 1, 0].mean() - x[labels == 0, 0].mean()) * (1 if self.C < 1 else -1)
        return self

    def predict(self, x):
        return (x[:, 0] * self.sign > 0).astype(int)

    def score(self, x, labels):
        return (self.predict(x) == labels).mean()


def planted(n, seed, gap):
    draw = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return draw.normal(size=(n, 3)) + 5 + gap * (labels[:, None] - 0.5) * np.array([1.0, 0, 0]), labels


def test_the_penalty_is_chosen_on_a_part_of_its_own():
    """One of two penalties turns every answer round: the part for choices finds out, and the test is never asked."""
    parts = [planted(400, seed, 6.0) for seed in range(3)]
    C, right = best(Nearest, (0.1, 1.0), parts)
    assert C == 0.1
    assert right.mean() > 0.95
    (x, labels), chosen, test = parts
    C, right = best(Nearest, (0.1, 1.0), [(x, labels), (chosen[0], 1 - chosen[1]), test])
    assert C == 1.0  # a lying part for choices
    assert right.mean() < 0.05
    assert best(Nearest, (0.2, 0.1), parts)[0] == 0.1  # the stronger of equals


def test_features_are_scaled_by_the_part_that_is_fitted_on():
    parts = [planted(400, seed, 6.0) for seed in range(3)]
    seen = []

    class Watched(Nearest):
        def fit(self, x, labels):
            seen.append(x)
            return super().fit(x, labels)

    best(Watched, (0.1,), [(x * [100, 1, 0], labels) for x, labels in parts])
    np.testing.assert_allclose(seen[0].mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(seen[0].std(0), (1, 1, 0), atol=1e-9)


def test_a_planted_answer_is_found_and_noise_is_not():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    regression = logistic_regression()
    _, right = best(regression, (0.01, 0.1, 1.0), [planted(400, seed, 6.0) for seed in range(3)])
    assert right.mean() > 0.97
    _, right = best(regression, (0.01, 0.1, 1.0), [planted(400, seed, 0.0) for seed in range(3)])
    assert 0.4 < right.mean() < 0.6


def test_a_run_is_read_out_before_and_after(tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    with cache(tmp_path):
        result = run(drift(probe=PROBE), device="cpu", texts=small_texts(), task=animals())
    assert [one.step for one in result.probed] == [0, 20]
    for one in result.probed:
        assert one.accuracy.shape == (3,)
        assert len(one.right[0]) == 40
    assert result.probed[0].accuracy[0] > 0.9  # letters tell a cat from an owl
    assert (result.majority, result.n_cut, result.task_sha256) == (0.5, 0, animals().sha256)
    assert {"scikit-learn", "scipy"} <= result.provenance.versions.keys()


def test_shuffled_labels_cannot_be_read_out():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    draw = np.random.default_rng(0)
    mixed = tuple(replace(example, label=int(draw.integers(2))) for example in examples(200))
    loaded = loaded_of()
    spec = ProbeSpec(task="animals", n_train=200, n_choose=20)
    found = probe(loaded, 0, readable(animals(mixed), loaded, spec), spec)
    assert found.accuracy.max() < 0.85  # of 40, by chance
