"""A pruning study of a tiny model: each number against a direct call, and an interruption that costs nothing."""

import math

import pytest

from nearlinear.edit import study
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.ledger import Ledger
from nearlinear.errors import InputError
from nearlinear.evaluate.perplexity import compare, losses
from nearlinear.inputs.load import load_model
from nearlinear.inputs.text import load_corpus
from nearlinear.results.pruning import PruningSpec, PruningStudy


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "words.txt"
    lines = [f"{i} {(i * 7919) % 104729} what {chr(97 + i % 26)}{chr(97 + i * 5 % 26)}. " for i in range(3000)]
    path.write_text("".join(lines))
    return PruningSpec(
        model="tiny-llama",
        corpus=str(path),
        context=64,
        n_fit=4096,
        n_choose=1024,
        n_evaluate=1024,
        orders=("score", "bi", "angular", "greedy", "last", "random-1"),
        count=2,
        greedy=1,
        to_the_end=("score",),
    )


@pytest.fixture(scope="module")
def work(spec, tmp_path_factory):
    loaded = load_model(spec.model)
    sizes = {name: getattr(spec, name) for name in ("context", "n_fit", "n_choose", "n_evaluate", "seed")}
    texts = study.three_texts(load_corpus(spec.corpus), loaded.tokenizer, **sizes)
    return study.Work(spec, loaded, texts, Ledger(tmp_path_factory.mktemp("ledger") / "l.jsonl"))


@pytest.fixture(scope="module")
def parts(work):
    return work.parts()


@pytest.mark.parametrize("how", ["remove", "replace"])
def test_every_number_equals_a_direct_call(work, parts, how):
    model, dense = work.loaded.model, losses(work.loaded, work.texts.evaluate)
    with removed(model, [1]) if how == "remove" else replaced(model, {1: work.maps[1]}):
        found = losses(work.loaded, work.texts.evaluate)
    got = parts["single"][how][1]
    assert parts["dense_perplexity"] == dense.perplexity
    assert got.layers == (1,)
    assert got.perplexity == pytest.approx(found.perplexity, rel=1e-9)
    assert (got.difference, *got.interval) == pytest.approx(tuple(compare(found, dense, seed=0)), abs=1e-9)


def test_each_order_goes_as_far_as_it_was_asked_to(work, parts):
    lengths = {(curve.order, curve.how): len(curve.steps) for curve in parts["curves"]}
    assert set(lengths) == {(order, how) for order in work.spec.orders for how in study.HOWS}
    assert lengths["greedy", "remove"] == 1
    assert set(lengths.values()) == {1, 2}  # three blocks: two is also the end


def test_greedy_takes_the_least_damage_on_the_text_for_choices(work, parts):
    half = work.texts.choose[: len(work.texts.choose) // 2]

    def damage(layer):
        with removed(work.loaded.model, [layer]):
            return losses(work.loaded, half).mean

    first = next(c for c in parts["curves"] if (c.order, c.how) == ("greedy", "remove")).steps[0].layers
    assert first == (min(range(work.L), key=damage),)


def test_an_interrupted_study_measures_nothing_twice(work, parts, monkeypatch):
    again = study.Work(work.spec, work.loaded, work.texts, Ledger(work.ledger.path))
    monkeypatch.setattr(study, "greedy", None)
    monkeypatch.setattr(study.Work, "_measure", None)
    assert again.parts() == parts


def test_the_result_carries_its_provenance_and_comes_back(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path))
    made = study.pruning_study(spec.model_copy(update={"orders": ("last",)}), mode="recompute")
    assert PruningStudy.from_json(made.to_json()) == made
    assert made.provenance.n_tokens == made.n_fit + made.n_choose + made.n_evaluate
    assert made.curve("last", "remove").steps[0].layers == (1,)
    assert math.isfinite(made.measure("bi")[0])
    with pytest.raises(KeyError, match="no curve of order 'score' by 'remove'"):
        made.curve("score", "remove")


def test_an_unknown_order_is_refused(work):
    with pytest.raises(InputError, match="no order 'luck'"):
        work.plan("luck", "remove")
