"""Drift as data: what a specification asks for, what a result refuses, and where a study is read from."""

import pytest

from nearlinear.errors import InputError
from nearlinear.results.drift import Cosine, DriftRun, DriftSpec, Squared
from nearlinear.results.drift_looks import Asked, Probed
from nearlinear.results.drift_specs import (
    DRIFT_SIZES,
    REGULARISED,
    drift_size,
    drifts,
    rate_screens,
    regularised,
    regularised_sas,
)
from nearlinear.results.store import spec_sha256
from nearlinear.results.training import Recipe
from tests.results.drift_made import run

STUDIES = (rate_screens, drifts, regularised, regularised_sas)


def test_a_model_is_looked_at_before_its_first_step_and_after_halvings():
    spec = DriftSpec(recipe=Recipe(steps=3000))
    assert spec.looks == (0, 12, 23, 47, 94, 188, 375, 750, 1500, 3000)
    assert set(spec.looks) - {0} <= set(spec.stops)
    assert spec.stops[-1] == 3000
    assert DriftSpec(recipe=Recipe(steps=3), halvings=9).looks == (0, 1, 2, 3)


def test_a_specification_survives_json_with_its_term():
    for term in (None, Cosine(strength=0.5), Squared(strength=0.5)):
        spec = DriftSpec(regulariser=term)
        again = DriftSpec.model_validate_json(spec.model_dump_json())
        assert again == spec
        assert type(again.regulariser) is type(term)
        assert spec_sha256(again) == spec_sha256(spec)
    hashes = {spec_sha256(DriftSpec(regulariser=term(strength=0.5))) for term in (Cosine, Squared)}
    assert len(hashes | {spec_sha256(DriftSpec())}) == 3


@pytest.mark.parametrize("size", DRIFT_SIZES)
def test_a_name_is_one_specification_and_no_two_names_share_one(size):
    named: dict[str, DriftSpec] = {}
    for study in STUDIES:
        for name, spec in study(size).items():
            assert named.setdefault(name, spec) == spec
            assert name.startswith(f"drift-{size}-")
    assert len({spec_sha256(spec) for spec in named.values()}) == len(named)


@pytest.mark.parametrize("size", DRIFT_SIZES)
def test_every_size_has_text_enough_for_its_maps_and_its_cloud(size):
    for study in STUDIES:
        for spec in study(size).values():
            assert spec.n_fit >= 20 * spec.architecture.d
            assert spec.n_shape <= spec.reading.n_evaluate
            assert spec.n_fit <= spec.reading.n_evaluate
            assert spec.recipe.batch % spec.recipe.parts == 0


def test_the_laptop_is_what_the_chapters_ask_for():
    at = drift_size("laptop")
    shape, recipe = at.architecture, at.spec("llama", "prose", 0).recipe
    assert (shape.L, shape.d, shape.T, recipe.batch, recipe.steps) == (8, 64, 128, 8, 3000)
    found = drifts("laptop").values()
    assert {(spec.architecture.family, spec.reading.corpus, spec.seed) for spec in found} == {
        (family, text, seed)
        for family in ("llama", "gpt-neox")
        for text in ("wikipedia-sample", "tales", "python-stdlib")
        for seed in (0, 1, 2)
    }


@pytest.mark.parametrize(("study", "terms"), [(regularised, {Cosine, Squared}), (regularised_sas, {Cosine})])
def test_a_grid_has_every_strength_with_every_seed(study, terms):
    family = {regularised: "llama", regularised_sas: "sas"}[study]
    found = [(type(spec.regulariser), spec.strength, spec.seed) for spec in study("laptop").values()]
    wanted = {(term, strength, seed) for term in terms for strength in (0.1, 0.5, 2.0) for seed in (0, 1, 2)}
    assert sorted(map(str, found)) == sorted(map(str, wanted | {(type(None), 0.0, seed) for seed in (0, 1, 2)}))
    plain = [spec for spec in study("laptop").values() if spec.regulariser is None]
    for spec in study("laptop").values():
        same = spec.model_copy(update={"regulariser": None})
        assert same in plain  # λ alone differs, at the same rate
        assert spec.probe
        assert spec.samples
        assert spec.questions
        assert spec.architecture.family == family


def test_the_plain_runs_of_a_grid_are_those_of_the_drift():
    shared = drifts("laptop").keys() & regularised("laptop").keys()
    assert len(shared) == 3
    assert all(drifts("laptop")[name] == regularised("laptop")[name] for name in shared)
    assert {spec.probe is None for name, spec in drifts("laptop").items() if name not in shared} == {True}
    assert REGULARISED == ("llama", "sas")


def test_the_screen_goes_beyond_the_rate_that_was_found():
    """A best rate at an edge of what was tried is none."""
    at = drift_size("laptop")
    for family in ("llama", "gpt-neox", "sas"):
        tried = {spec.recipe.lr for spec in rate_screens("laptop").values() if spec.architecture.family == family}
        assert min(tried) < at.chosen[family] < max(tried)


def test_a_screen_has_a_seed_of_its_own_and_two_looks():
    for spec in rate_screens("laptop").values():
        assert spec.seed == spec.order_seed == 100
        assert spec.looks == (0, spec.recipe.steps)
        assert spec.recipe.steps < 3000


def test_an_unknown_size_is_refused():
    with pytest.raises(InputError, match=r"^no size 'huge': choose one of quick, laptop, colab, gpu$"):
        drifts("huge")


def test_a_result_survives_its_file_and_is_one_small_line(tmp_path):
    made = run(probes=2)
    made.save(tmp_path / "drift.json")
    assert DriftRun.load(tmp_path / "drift.json").to_json() == made.to_json()
    assert (tmp_path / "drift.json").read_text().count("\n") == 1


def test_answers_are_packed_and_count():
    right, norm = (True, False, True, True), (False, False, True, False)
    one = Asked(kind="endings", right=right, right_norm=norm, n_long=2, questions_sha256="")
    assert Asked.model_validate_json(one.model_dump_json()) == one
    assert (one.accuracy, one.accuracy_norm) == (0.75, 0.25)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 41])
def test_ticks_are_packed_and_come_back(n):
    right = tuple(k % 3 == 0 for k in range(n))
    told = Probed(step=1, strengths=(0.1,), right=(right,)).model_dump_json()
    assert Probed.model_validate_json(told).right == (right,)
    assert len(told) < 60
    with pytest.raises(ValueError, match="right"):
        Probed.model_validate_json(told.replace(f'"{n}:', f'"{n}:xy'))


@pytest.mark.parametrize("where", [(), ("spec",), ("looks", 0), ("looks", 0, "shape"), ("documents",), ("probed", 0)])
def test_unknown_keys_are_refused(where):
    told = run(probes=1).model_dump()
    inner = told
    for key in where:
        if isinstance(inner[key], tuple):
            inner[key] = list(inner[key])
        inner = inner[key]
    inner["extra"] = 1
    with pytest.raises(ValueError, match=r"extra\n  Extra inputs are not permitted"):
        DriftRun.model_validate(told)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"losses": (1.0,)}, "losses needs one entry for each of the 4 stops"),
        ({"terms": ()}, "terms needs one entry for each of the 4 stops"),
        ({"spec": run(L=3).spec}, "one entry for each of the 3 blocks, and of their 4 states"),
        ({"probed": run(L=3, probes=1).probed}, "one row for each of the 3 states"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        DriftRun.model_validate(run().model_copy(update=changes).model_dump())


def test_a_run_that_broke_off_has_no_loss():
    assert run().loss == run().looks[-1].loss
    broken = run().model_copy(update={"stopped": "the loss is no longer a number at step 3"})
    assert broken.loss != broken.loss


def test_torch_is_not_needed():
    import subprocess
    import sys

    code = (
        "import nearlinear.results.drift_specs, nearlinear.results.drift_views, sys; "
        "sys.exit(int('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
