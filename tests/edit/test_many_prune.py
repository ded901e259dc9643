"""Pruning by several processes chooses, fits and measures what one does; threads stand in for the processes."""

import json
from threading import Lock

import numpy as np
import pytest
import torch

from nearlinear.edit import many_greedy, many_prune
from nearlinear.edit.angles import angular_distances
from nearlinear.edit.edits import blocks_as_tuple
from nearlinear.edit.greedy import greedy
from nearlinear.edit.many_greedy import SharedLedger, greedy_many, losses_many
from nearlinear.edit.many_moments import angular_distances_many, fitted_many
from nearlinear.edit.many_prune import prune_many
from nearlinear.edit.prune import PruneSpec, fitted, prune
from nearlinear.edit.standins import PassThrough
from nearlinear.edit.texts import Texts
from nearlinear.errors import InputError
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.tiny import byte_tokenizer, tiny_model
from nearlinear.inputs.windows import Window
from nearlinear.measure import many_study
from tests.measure.many_threads import answers, on_threads

L = 5
TEXT = "".join(f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars.\n" for i in range(300))


def windows_of(lengths, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), i) for i, n in enumerate(lengths))


def tiny():
    loaded = load_model("tiny-llama")
    source = loaded.source.model_copy(update={"L": L})
    return LoadedModel(tiny_model("llama", L=L, seed=4), byte_tokenizer(), source, loaded.context)


def by_threads(n, work):
    """`work(loaded, many)` on n threads, each with a model of its own; weights are drawn one after another."""
    models = [tiny() for _ in range(n)]
    return answers(n, lambda many: work(models[many.rank], many))


@pytest.fixture(scope="module")
def windows():
    return windows_of([40, 33, 50, 21, 1, 2, 45, 38])


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_losses_are_the_same_bits(n, windows):
    """Eight are more than there are batches."""
    expected = losses(tiny(), windows, batch_tokens=90)
    for found in by_threads(n, lambda loaded, many: losses_many(loaded, windows, many, batch_tokens=90)):
        for name in ("nats", "tokens", "document"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("n", [2, 8])
def test_the_greedy_order_and_every_loss_on_its_way(n, windows):
    def standin(loaded):
        return PassThrough(blocks_as_tuple(loaded.model))

    def search(loaded, many):
        steps = []
        nothing = standin(loaded)
        order = greedy_many(loaded, windows, 2, many, standin=lambda _: nothing, on_step=steps.append, batch_tokens=90)
        return order, steps

    expected, loaded = [], tiny()
    order = greedy(loaded, windows, 2, standin=lambda _: standin(loaded), on_step=expected.append, batch_tokens=90)
    for found, steps in by_threads(n, search):
        assert found == order
        for step, other in zip(steps, expected, strict=True):
            assert step.losses == pytest.approx(other.losses, rel=1e-12)


def test_maps_and_angles(windows):
    """Three processes, of which one gets none of the text to choose on."""
    n = 3
    texts = Texts(fit=windows_of([500, 490, 480, 520, 470, 510, 450], seed=1), choose=windows, evaluate=())
    runs = [range(1), range(1, 3), range(4, 5)]
    spec, loaded = PruneSpec(model="tiny-llama", layers=(0,), precision="exact"), tiny()
    expected, angles = fitted(spec, loaded, texts, runs), angular_distances(loaded, texts.fit, longest=3)
    for found in by_threads(n, lambda loaded, many: fitted_many(loaded, texts, runs, many, precision="exact")):
        assert list(found) == runs
        for run in runs:
            assert found[run].ridge == expected[run].ridge
            for name in ("A", "mean_x", "mean_d"):
                pair = getattr(found[run].map, name), getattr(expected[run].map, name)
                torch.testing.assert_close(*pair, rtol=1e-10, atol=1e-10)
    for found in by_threads(n, lambda loaded, many: angular_distances_many(loaded, texts.fit, many, longest=3)):
        assert found == pytest.approx(angles, rel=1e-12)


@pytest.fixture
def text(tmp_path, monkeypatch):
    """A text, and models that are loaded one at a time."""
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    lock, real = Lock(), load_model

    def one_at_a_time(*args, **options):
        with lock:
            return real(*args, **options)

    monkeypatch.setattr(many_prune, "load_model", one_at_a_time)
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def spec_of(text, **fields):
    sizes = {"tokens": 2048, "context": 64, "precision": "exact"}
    return PruneSpec(model="tiny-llama", corpus=str(text), **sizes | fields)


@pytest.mark.parametrize("how", ["remove", "replace"])
@pytest.mark.parametrize("order", ["heldout", "angular", "greedy", "last", "random"])
def test_prunes_as_one_process_does(order, how, text):
    spec = spec_of(text, count=2, order=order, how=how)
    expected = prune(spec)
    for found in answers(2, lambda many: prune_many(spec, many)):
        assert found.layers == expected.layers
        assert found.parameters == expected.parameters
        assert (found.corpus, found.texts, found.source) == (expected.corpus, expected.texts, expected.source)
        np.testing.assert_array_equal(found.before.nats, expected.before.nats)
        np.testing.assert_allclose(found.after.nats, expected.after.nats, rtol=1e-6)  # the maps are cast to float32
        assert found.difference.mean == pytest.approx(expected.difference.mean, abs=1e-7)
        assert {run: fit.ridge for run, fit in found.fits.items()} == {
            run: fit.ridge for run, fit in expected.fits.items()
        }


def test_a_search_goes_on_where_it_was_broken_off(text, monkeypatch):
    spec, searched = spec_of(text, count=2, how="remove"), []
    real = many_greedy.losses_if_changed_many

    def once(loaded, windows, changed, *rest, **options):
        if len(changed) == stop:
            raise KeyError("broken off")
        searched.append(len(changed))
        return real(loaded, windows, changed, *rest, **options)

    monkeypatch.setattr(many_greedy, "losses_if_changed_many", once)
    stop = 1
    assert all(isinstance(each, Exception) for each in on_threads(2, lambda many: prune_many(spec, many)))
    stop = None
    found = answers(2, lambda many: prune_many(spec, many))
    assert sorted(searched) == [0, 0, 1, 1]  # each step once on each of two
    assert found[0].layers == found[1].layers == prune(spec).layers
    answers(2, lambda many: prune_many(spec, many))
    assert len(searched) == 4


def test_a_search_in_other_words_is_another(text):
    """Steps are kept by the specification, and by the tokens and weights themselves."""
    loaded, texts = tiny(), Texts(*[windows_of([40, 33])] * 3)
    other = Texts(windows_of([40, 33]), windows_of([40, 33], seed=1), windows_of([40, 33]))
    paths = [
        many_prune.ledger_path(spec_of(text, count=2, **fields), model, words)
        for fields, model, words in (
            ({}, loaded, texts), ({"how": "remove"}, loaded, texts), ({}, loaded, other),
            ({}, load_model("tiny-gpt2"), texts),
        )
    ]  # fmt: skip
    assert len(set(paths)) == 4


def test_the_first_alone_writes_the_ledger_and_all_go_by_it(tmp_path):
    path = tmp_path / "some" / "ledger.jsonl"

    def measured(many):
        return SharedLedger(path, many).get("key", lambda: [1.0, float("nan")])

    first, second = answers(2, measured)
    assert first[0] == second[0] == 1.0
    assert [json.loads(line)[0] for line in path.read_text().splitlines() if line] == ["key"]
    known = answers(2, lambda many: SharedLedger(path, many).get("key", lambda: 1 / 0))
    assert all(np.isnan(each[1]) for each in known)


def test_what_cannot_work_is_said_before_any_work(text, monkeypatch):
    monkeypatch.setattr(many_study, "fetched", lambda _name: pytest.fail("too late"))
    for fields, words in (
        ({"layers": (1,), "distil_steps": 3}, "distillation runs on one process"),
        ({}, "say which blocks to change"),
    ):
        for error in on_threads(2, lambda many, fields=fields: prune_many(spec_of(text, **fields), many)):
            assert isinstance(error, InputError)
            assert words in str(error)
    for error in on_threads(2, lambda many: prune_many(spec_of(text, layers=(9,)), many)):
        assert "block 9 is not there" in str(error)
