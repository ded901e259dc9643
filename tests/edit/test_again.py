"""Pruning that looks again: each step against a plain loop, planted answers, and an interruption that costs nothing."""

import numpy as np
import pytest
import torch

from nearlinear import recorded
from nearlinear.edit import again
from nearlinear.edit.again import Again, check_orders, first, in_turn, name
from nearlinear.edit.again_maps import RefittedMaps, lineages
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.fitting import affine, choose_ridge
from nearlinear.edit.ledger import Ledger
from nearlinear.edit.orders import MEASURES, plan
from nearlinear.edit.rescore import profile_now
from nearlinear.edit.runs import run_moments
from nearlinear.edit.study import Work
from nearlinear.edit.texts import Texts
from nearlinear.errors import BrokenFile, InputError, NotEnoughTokens
from nearlinear.evaluate.perplexity import compare, losses
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.tiny import byte_tokenizer, tiny_model
from nearlinear.inputs.windows import Window, WindowSet
from nearlinear.results.again import AgainSpec, AgainStudy
from nearlinear.results.pruning import PruningSpec

L, K = 5, 3
SPEC = AgainSpec(
    study=PruningSpec(model="tiny-llama", context=64, n_fit=640, n_choose=320, n_evaluate=320),
    orders=("score", "energy"),
    fixed=("score", "last"),
    count=K,
    n_look=320,
    n_look_held_out=128,
)


@pytest.fixture(scope="module")
def tiny():
    """A tiny Llama of five blocks, some of them loud, so that a changed block is felt further on."""
    loaded = load_model("tiny-llama")
    model = tiny_model("llama", L=L, seed=4)
    with torch.no_grad():
        for gain, block in zip((2, 12, 4, 20, 8), blocks(model), strict=True):
            for part in (block.self_attn.o_proj, block.mlp.down_proj):
                part.weight *= gain
    source = loaded.source.model_copy(update={"L": L})
    return LoadedModel(model, byte_tokenizer(), source, loaded.context)


@pytest.fixture(scope="module")
def texts():
    g = torch.Generator().manual_seed(1)

    def windows(n, first_document):
        ids = torch.randint(5, 250, (n, 64), generator=g).tolist()
        return tuple(Window(tuple(row), first_document + i // 2) for i, row in enumerate(ids))

    return Texts(windows(10, 0), windows(5, 100), windows(5, 200))


def begun(tiny, texts, folder, spec=SPEC) -> Again:
    work = Work(spec.study, tiny, texts, Ledger(folder / "ledger.jsonl"))
    return Again(spec, work, RefittedMaps(tiny, texts, folder / "maps", spec.study.precision))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("again")


@pytest.fixture(scope="module")
def parts(tiny, texts, folder):
    return begun(tiny, texts, folder).parts()


def curve(parts, order, how, looked_again=True):
    return next(c for c in parts["curves"] if (c.order, c.how, c.looked_again) == (order, how, looked_again))


def changed_by(model, how, maps):
    return removed(model, maps) if how == "remove" else replaced(model, maps)


def plainly(tiny, texts, how, choose_next):
    """The slow twin: one model, changed further and further; whole passes, every block's moments, no shared maps."""
    maps, steps = {}, []
    look = WindowSet(texts.fit[:5], texts.choose[:2], group="document")
    for _ in range(K):
        with changed_by(tiny.model, how, maps):
            layer = choose_next(lambda: profile_now(tiny, look), maps)
            fit, other = (
                run_moments(tiny, part, longest=1)[range(layer, layer + 1)] for part in (texts.fit, texts.choose)
            )
        maps[layer] = affine(fit, ridge=choose_ridge(fit, other))
        with changed_by(tiny.model, how, maps):
            steps.append((layer, losses(tiny, texts.evaluate)))
    return steps


def assert_same(curve, steps, dense):
    assert curve.chosen == tuple(layer for layer, _ in steps)
    for k, (got, (_, found)) in enumerate(zip(curve.steps, steps, strict=True), 1):
        assert got.layers == tuple(sorted(curve.chosen[:k]))
        assert got.perplexity == pytest.approx(found.perplexity, rel=1e-6)
        assert (got.difference, *got.interval) == pytest.approx(tuple(compare(found, dense, seed=0)), abs=1e-6)


@pytest.mark.parametrize("how", ["remove", "replace"])
@pytest.mark.parametrize("order", SPEC.orders)
def test_each_step_is_chosen_and_fitted_on_the_model_that_is_left(tiny, texts, parts, order, how):
    def least(seen, changed):
        values = MEASURES[order](seen())
        return min((layer for layer in range(L) if layer not in changed), key=lambda layer: values[layer])

    steps = plainly(tiny, texts, how, least)
    assert_same(curve(parts, order, how), steps, losses(tiny, texts.evaluate))


def test_a_fixed_order_is_fitted_anew_along_the_way(tiny, texts, parts):
    assert curve(parts, "last", "replace", looked_again=False).chosen == (3, 2, 1)
    profile = profile_now(tiny, WindowSet(texts.fit, texts.choose, group="document"))
    blocks_in_turn = in_turn(plan("score", profile, K).steps)
    steps = plainly(tiny, texts, "replace", lambda _, changed: blocks_in_turn[len(changed)])
    assert_same(curve(parts, "score", "replace", looked_again=False), steps, losses(tiny, texts.evaluate))


def test_a_new_look_can_change_the_order(parts):
    (score, _) = parts["agreements"]
    once = tuple(np.argsort(score.few)[:K].tolist())
    assert once == (4, 2, 3)
    assert curve(parts, "score", "replace").chosen == (4, 2, 0)  # of the same tokens


def test_a_map_hangs_on_the_earlier_changes_before_its_block():
    assert lineages((3, 1, 4, 2)) == {3: (3,), 1: (1,), 4: (3, 1, 4), 2: (1, 2)}
    assert name("replace", (3, 1, 4)) == "replace 1 3 3-1-4"
    assert name("remove", (3, 1)) == name("remove", (1, 3)) == "remove 1 3"
    assert name("remove", ()) == name("replace", ()) == "dense"


def test_from_the_deepest_block_on_every_map_is_that_of_the_dense_model(tiny, texts, folder, parts):
    state = begun(tiny, texts, folder)
    dense, maps = state.work.maps, state.maps.after((3, 2, 1))
    for layer in maps:
        torch.testing.assert_close(maps[layer].A, dense[layer].A, rtol=1e-6, atol=1e-9)
    assert {path.name for path in state.maps.folder.iterdir()} >= {"3.safetensors", "2.safetensors", "1.safetensors"}
    there = state.maps.after((1, 2))[2]
    assert (there.A - dense[2].A).norm() > 1e-3 * dense[2].A.norm()


def test_a_block_that_does_next_to_nothing_is_chosen_first_by_energy(texts, tmp_path):
    loaded = load_model("tiny-llama")
    model = tiny_model("llama", L=L, seed=4)
    with torch.no_grad():
        for part in (blocks(model)[2].self_attn.o_proj, blocks(model)[2].mlp.down_proj):
            part.weight *= 1e-3
    quiet = LoadedModel(model, byte_tokenizer(), loaded.source.model_copy(update={"L": L}), loaded.context)
    state = begun(quiet, texts, tmp_path, SPEC.model_copy(update={"count": 1}))
    found = state.curve("energy", "remove", True)
    assert found.chosen == (2,)
    assert abs(found.steps[0].difference) < 1e-3


def test_the_model_is_put_back(tiny, parts):
    model = tiny_model("llama", L=L, seed=4)
    assert tiny.model.state_dict().keys() == model.state_dict().keys()


def test_looks_at_few_and_at_all_tokens_are_both_kept(tiny, texts, parts):
    (score, _) = parts["agreements"]
    few = profile_now(tiny, WindowSet(texts.fit[:5], texts.choose[:2], group="document"))
    every = profile_now(tiny, WindowSet(texts.fit, texts.choose, group="document"))
    np.testing.assert_allclose(score.few, MEASURES["score"](few), atol=1e-9)
    np.testing.assert_allclose(score.all, MEASURES["score"](every), atol=1e-9)
    assert (parts["n_look"], parts["n_look_held_out"]) == (320, 128)


class Killed(Exception):
    """What an interruption is, here."""


def listen(monkeypatch, *, kill_after: int) -> list[str]:
    """The looks and losses measured from now on; the one after `kill_after` of them never comes."""
    measured = []

    def heard(what, really):
        def measure(self, how, chosen):
            if len(measured) == kill_after:
                raise Killed
            measured.append(f"{what} {name(how, chosen)}")
            return really(self, how, chosen)

        return measure

    monkeypatch.setattr(Again, "_look", heard("look", Again._look))
    monkeypatch.setattr(Again, "_losses", heard("losses", Again._losses))
    return measured


@pytest.mark.parametrize("kill_after", [2, 12])
def test_an_interrupted_study_ends_with_the_same_numbers(tiny, texts, parts, tmp_path, monkeypatch, kill_after):
    with monkeypatch.context() as patched:
        before = listen(patched, kill_after=kill_after)
        with pytest.raises(Killed):
            begun(tiny, texts, tmp_path).parts()
    after = listen(monkeypatch, kill_after=1000)
    assert begun(tiny, texts, tmp_path).parts() == parts
    assert len(before) == kill_after
    assert not set(before) & set(after)


def test_a_finished_study_measures_nothing_again(tiny, texts, folder, parts, monkeypatch):
    for of in ("_look", "_losses"):
        monkeypatch.setattr(Again, of, None)
    monkeypatch.setattr(RefittedMaps, "_fitted", None)
    assert begun(tiny, texts, folder).parts() == parts


def test_a_broken_map_says_what_to_do(tiny, texts, tmp_path):
    maps = RefittedMaps(tiny, texts, tmp_path)
    (tmp_path / "1.safetensors").write_bytes(b"no map")
    with pytest.raises(BrokenFile, match=r"1.safetensors cannot be read: remove it"):
        maps.of((1,))


@pytest.mark.parametrize("order", ["last", "random-0", "greedy", "angular", "luck"])
def test_an_order_without_numbers_cannot_be_looked_at_again(order):
    with pytest.raises(
        InputError, match=f"the order '{order}' has no number for each block.*choose from score, heldout"
    ):
        check_orders(SPEC.model_copy(update={"orders": ("score", order)}))


@pytest.mark.parametrize("order", ["greedy", "angular", "luck", "random-x"])
def test_an_order_that_is_not_known_block_by_block_cannot_be_fitted_along(order):
    with pytest.raises(InputError, match=f"the order '{order}' is not known block by block"):
        check_orders(SPEC.model_copy(update={"fixed": (order,)}))


def test_a_look_at_too_few_tokens_is_refused(tiny, texts, tmp_path):
    few = Texts((Window(texts.fit[0].input_ids[:20], 0),), texts.choose, texts.evaluate)
    with pytest.raises(NotEnoughTokens, match="at least 34 are needed"):
        begun(tiny, few, tmp_path).parts()


def test_the_first_windows_hold_the_tokens_asked_for():
    windows = [Window((1,) * n, 0) for n in (4, 3, 5)]
    assert [len(first(windows, n)) for n in (1, 4, 5, 12, 99)] == [1, 1, 2, 3, 3]


@pytest.fixture
def words(tmp_path, monkeypatch):
    """A text of its own, and an empty cache."""
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "words.txt"
    path.write_text(
        "".join(f"{i} {(i * 7919) % 104729} what {chr(97 + i % 26)}{chr(97 + i * 5 % 26)}. " for i in range(900))
    )
    return SPEC.study.model_copy(update={"corpus": str(path)})


def test_the_result_carries_its_provenance_and_comes_back(words, tmp_path):
    spec = AgainSpec(study=words, orders=("energy",), fixed=("last",), count=2, n_look=256, n_look_held_out=128)
    made = recorded.result(spec, mode="recompute")
    assert AgainStudy.from_json(made.to_json()) == made
    assert made.provenance.n_tokens == made.n_fit + made.n_choose + made.n_evaluate
    assert [(c.order, c.how, c.looked_again, c.refitted) for c in made.curves] == [
        ("energy", "remove", True, False),
        ("energy", "replace", True, True),
        ("last", "replace", False, True),
    ]
    assert made.curve("last", "replace", looked_again=False).chosen == (1, 0)
    assert made.agreement("energy").same_first(3) == 3
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


@pytest.mark.parametrize("count", [3, 12])
def test_as_many_steps_as_blocks_are_refused(words, count):
    with pytest.raises(InputError, match=f"{count} of 3 blocks cannot be changed: choose from 1 to 2"):
        again.run(AgainSpec(study=words, count=count))


def test_no_step_at_all_is_refused():
    with pytest.raises(ValueError, match="count"):
        AgainSpec(study=SPEC.study, count=0)
