"""Every kind of map in the place of one block: against direct calls, and an interruption that costs nothing."""

import pytest

from nearlinear.edit import fitting, variants
from nearlinear.edit.begun import begin
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.runs import run_moments
from nearlinear.errors import InputError
from nearlinear.evaluate.perplexity import compare, losses
from nearlinear.results.pruning import PruningSpec
from nearlinear.results.variants import VariantsSpec, VariantsStudy


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "words.txt"
    lines = [f"{i} {(i * 7919) % 104729} what {chr(97 + i % 26)}{chr(97 + i * 5 % 26)}. " for i in range(3000)]
    path.write_text("".join(lines))
    study = PruningSpec(model="tiny-llama", corpus=str(path), context=64, n_fit=2048, n_choose=512, n_evaluate=512)
    return VariantsSpec(study=study, blocks=(0, 2), n_fits=(512, 10_000))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def found(spec, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARLINEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        return variants.run(spec)


def test_each_block_is_changed_by_each_kind_of_map_from_each_number_of_tokens(spec, found):
    assert [(one.block, one.n_fit, one.variant) for one in found.found] == [
        (block, n_fit, variant) for block in (0, 2) for n_fit in (512, 2048) for variant in spec.variants
    ]


@pytest.mark.parametrize("variant", [*variants.MAPS])
@pytest.mark.parametrize("block", [0, 2])
def test_every_number_equals_a_direct_call(spec, found, block, variant):
    begun = begin(spec, spec.study, VariantsStudy.made_by)
    loaded, texts = begun.work.loaded, begun.work.texts
    moments, other = (run_moments(loaded, t, longest=1)[range(block, block + 1)] for t in (texts.fit, texts.choose))
    ridge = fitting.choose_ridge(moments, other)
    how = {"affine_ridge": lambda: fitting.affine(moments, ridge=ridge)}
    m = how[variant]() if variant in how else getattr(fitting, variant)(moments)
    dense = losses(loaded, texts.evaluate)
    with removed(loaded.model, [block]) if variant == "identity" else replaced(loaded.model, {block: m}):
        changed = losses(loaded, texts.evaluate)
    got = found.of(block, 2048, variant)
    assert found.dense_perplexity == pytest.approx(dense.perplexity, rel=1e-9)
    assert got.perplexity == pytest.approx(changed.perplexity, rel=1e-6)
    assert (got.difference, *got.interval) == pytest.approx(tuple(compare(changed, dense, seed=0)), abs=1e-6)
    assert got.ridge == (ridge if variant == "affine_ridge" else 0)


def test_an_interrupted_study_goes_on_where_it_was(spec, found, monkeypatch):
    measured, whole = [], variants._measure

    def third_time_unlucky(work, block, *rest):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(block)
        return whole(work, block, *rest)

    monkeypatch.setattr(variants, "_measure", third_time_unlucky)
    with pytest.raises(KeyboardInterrupt):
        variants.run(spec)
    again = []
    monkeypatch.setattr(
        variants, "_measure", lambda work, block, *rest: again.append(block) or whole(work, block, *rest)
    )
    made = variants.run(spec)
    assert (measured, again) == ([0, 0], [2, 2])
    assert made.found == found.found


def test_a_result_is_read_back_as_it_was_written(found):
    assert VariantsStudy.from_json(found.to_json()) == found


def test_one_entry_twice_is_refused(found):
    with pytest.raises(ValueError, match="stands here twice"):
        VariantsStudy(**{**dict(found), "found": (*found.found, found.found[0])})


def test_a_block_that_is_not_there_is_one_sentence(spec):
    with pytest.raises(InputError, match="block 3 is not there: the blocks are 0 to 2"):
        variants.run(spec.model_copy(update={"blocks": (3,)}))
