"""Specifications of training and what came of them: stops, hashes, what is refused, and no two runs alike."""

import json
import math
from itertools import pairwise

import pytest
from pydantic import ValidationError

from nearlinear.errors import InputError
from nearlinear.results import training_specs, training_studies
from nearlinear.results.making import PACKAGE
from nearlinear.results.provenance import CorpusSource, ModelSource, Provenance
from nearlinear.results.signal import Signal
from nearlinear.results.store import spec_sha256
from nearlinear.results.training import Architecture, Look, Reading, Recipe, TrainingRun, TrainSpec
from nearlinear.results.training_specs import SIX, SIZES, core, screen, size_of


def spec(**recipe):
    every = {"every": recipe.pop("every")} if "every" in recipe else {}
    return TrainSpec(recipe=Recipe(**recipe), **every)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7, 20, 33, 1000, 1500, 4000])
@pytest.mark.parametrize("every", [1, 7, 50, 9999])
def test_looks_and_stops_are_in_order_once_each_and_end_at_the_end(steps, every):
    of = spec(steps=steps, every=every)
    for places in (of.looks, of.stops):
        assert list(places) == sorted(set(places))
        assert places[-1] == steps
        assert all(isinstance(place, int) for place in places)
    assert of.looks[0] == 0 < of.stops[0]
    assert set(of.looks) - {0} <= set(of.stops)
    assert set(range(every, steps, every)) <= set(of.stops)
    assert max(b - a for a, b in pairwise((0, *of.stops))) <= every
    assert len(of.stops) <= len(of.looks) + steps // every + 1


def test_looks_are_at_ten_even_places_and_halve_towards_the_start():
    looks = spec(steps=4000).looks
    assert {400 * k for k in range(11)} <= set(looks)
    assert {2000, 1000, 500, 250, 125} <= set(looks)
    early = [look for look in looks if 0 < look < 400]
    assert min(early) in range(4, 9)
    assert all(1.8 < b / a < 2.2 for a, b in pairwise(early))
    assert len(looks) < 25


FIELDS = {
    "architecture": {
        "block": "sas", "variant": "x", "L": 2, "d": 32, "h": 2, "T": 16, "d_ff": 8, "std": 0.1,
        "options": (("norm", "layer"),),
    },
    "reading": {
        "corpus": "tales", "tokens": "bpe-300", "task": "masked", "mask_share": 0.1, "held_out": 0.1, "n_evaluate": 64,
        "seed": 1,
    },
    "recipe": {
        "steps": 10, "batch": 2, "lr": 0.1, "warm_up": 0.1, "schedule": "cosine", "weight_decay": 0.0,
        "betas": (0.9, 0.98), "eps": 1e-6, "clip": 2.0, "parts": 2, "precision": "bf16", "value_rate": 0.5,
    },
    "": {"seed": 1, "order_seed": 1, "every": 10},
}  # fmt: skip
KINDS = {"architecture": Architecture, "reading": Reading, "recipe": Recipe, "": TrainSpec}
CHANGES = [(part, name) for part, fields in FIELDS.items() for name in fields]


def test_every_field_is_changed_below():
    for part, fields in FIELDS.items():
        assert fields.keys() == KINDS[part].model_fields.keys() - (FIELDS.keys() if not part else set())


@pytest.mark.parametrize(("part", "name"), CHANGES)
def test_a_change_of_any_field_is_another_hash(part, name):
    change = {name: FIELDS[part][name]}
    other = TrainSpec(**{part: KINDS[part](**change)}) if part else TrainSpec(**change)
    assert spec_sha256(other) != spec_sha256(TrainSpec())
    assert TrainSpec.model_validate_json(other.model_dump_json()) == other
    assert hash(other) != hash(TrainSpec())


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Architecture, {"block": "sasp"}),
        (Architecture, {"L": 0}),
        (Architecture, {"T": 1}),
        (Architecture, {"std": 0.0}),
        (Architecture, {"blocks": "sas"}),
        (Reading, {"task": "guess"}),
        (Reading, {"mask_share": 0.0}),
        (Reading, {"mask_share": 1.0}),
        (Reading, {"held_out": 1.0}),
        (Reading, {"n_evaluate": 0}),
        (Recipe, {"lr": 0.0}),
        (Recipe, {"lr": -1e-3}),
        (Recipe, {"lr": math.nan}),
        (Recipe, {"steps": 0}),
        (Recipe, {"schedule": "flat"}),
        (Recipe, {"precision": "half"}),
        (Recipe, {"clip": 0.0}),
        (Recipe, {"weight_decay": -0.1}),
        (Recipe, {"warm_up": 1.0}),
        (Recipe, {"parts": 0}),
        (TrainSpec, {"every": 0}),
    ],
)
def test_what_makes_no_sense_is_refused(kind, fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        kind(**fields)


def made(**fields):
    """A result of two stops, three documents and one block."""
    source = ModelSource(id="sas-p", sha256="a", architecture="M", n_parameters=1, L=1, d=2, note="")
    provenance = Provenance(
        model=source, corpus=CorpusSource(id="c", sha256="b", n_documents=3, note=""), n_tokens=1, n_windows=1,
        windows_sha256="c", seed=0, device="cpu", dtype="float32", precision="float32", versions={}, seconds=0.1,
        commit="d", clean=True, command="", library_sha256="e", spec_sha256="f", created="",
    )  # fmt: skip
    signal = Signal(
        depth=(0,), relative_residual=(1.0,), composite_residual=(1.0,), cosine=(0.1,), stable_rank=(2.0,),
        diagonal=(1.0,), off_diagonal=(0.1,),
    )  # fmt: skip
    looks = tuple(
        Look(step=step, loss=5.0 - step, gains={"beta_ff": (0.1 * step, 0.2)}, spread={}, moved={"value": (math.nan,)})
        for step in (0, 1, 2)
    )
    return TrainingRun(**{
        "spec": spec(steps=2), "n_parameters": 1, "vocabulary": 256, "n_train": 10, "n_dropped": 0, "epochs": 0.5,
        "steps": (1, 2), "losses": (4.5, 3.5), "grad_norms": (1.0, 2.0), "seconds": (0.1, 0.2), "looks": looks,
        "chosen_loss": 3.1, "document_losses": (1.0, 2.0, 3.0), "document_tokens": (64, 64, 32), "before": signal,
        "after": signal, "stopped": "", "weights_sha256": "0", "provenance": provenance, **fields,
    })  # fmt: skip


def test_a_result_comes_back_from_json_as_it_went():
    text = made().to_json()
    assert TrainingRun.from_json(text).to_json() == text
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert json.loads(text)["looks"][0]["moved"]["value"] == [None]
    assert math.isnan(TrainingRun.from_json(text).looks[0].moved["value"][0])


@pytest.mark.parametrize("name", ["losses", "grad_norms", "seconds"])
@pytest.mark.parametrize("row", [(1.0,), (1.0, 2.0, 3.0), ()])
def test_columns_of_unequal_length_are_refused(name, row):
    with pytest.raises(ValidationError, match=f"{name} needs one entry for each of the 2 stops"):
        made(**{name: row})


def test_documents_without_a_loss_or_tokens_are_refused():
    with pytest.raises(ValidationError, match="every evaluated document needs a loss and a number of tokens"):
        made(document_tokens=(64, 64))


def test_unknown_keys_are_refused_and_a_result_is_frozen():
    with pytest.raises(ValidationError, match="extra"):
        made(loss_curve=(1.0,))
    with pytest.raises(ValidationError, match="frozen"):
        made().stopped = "now"


def test_numbers_are_kept_to_six_digits():
    run = made(losses=(4.123456789, math.nan), grad_norms=(1234567.0, 1.00000049), epochs=0.1025999)
    assert run.losses[0] == 4.12346
    assert math.isnan(run.losses[1])
    assert run.grad_norms == (1234570.0, 1.0)
    assert run.epochs == 0.1026


def test_the_loss_is_that_of_the_end_and_of_a_broken_run_there_is_none():
    assert made().loss == 3.0
    assert made().held_out == ((0, 1, 2), (5.0, 4.0, 3.0))
    broken = made(stopped="the loss is no longer a number")
    assert math.isnan(broken.loss)
    assert broken.held_out == made().held_out


def test_gains_are_read_look_by_look():
    assert made().gain("beta_ff") == [(0.0, 0.2), (0.1, 0.2), (0.2, 0.2)]
    with pytest.raises(KeyError):
        made().gain("beta_sa")


def test_the_code_that_makes_a_result_is_there():
    files = TrainingRun.made_by
    assert all((PACKAGE / name).is_file() for name in files)
    assert len(set(files)) == len(files)
    assert {"train/loop.py", "train/texts.py", "blocks/blocks.py", "blocks/initial.py"} <= set(files)


STUDIES = {
    name: study
    for module in (training_specs, training_studies)
    for name, study in vars(module).items()
    if getattr(study, "__annotations__", {}).get("return") == dict[str, TrainSpec]
}


@pytest.mark.parametrize("size", SIZES)
def test_a_name_is_a_specification_and_a_specification_has_one_name(size):
    """So nothing is trained twice, and no study writes over the results of another."""
    named: dict[str, set[str]] = {}
    for study in STUDIES:
        for name, of in STUDIES[study](size).items():
            named.setdefault(name, set()).add(spec_sha256(of))
            assert name.startswith(f"train-{size}-")
    assert STUDIES.keys() >= {"screen", "core", "tried", "ablations", "depth", "encoders", "prose", "longer"}
    assert all(len(hashes) == 1 for hashes in named.values())
    assert len(set().union(*named.values())) == len(named) > 50


def test_sizes_have_nothing_in_common():
    hashes = [{spec_sha256(of) for study in STUDIES for of in STUDIES[study](size).values()} for size in SIZES]
    assert sum(map(len, hashes)) == len(set().union(*hashes))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("study", STUDIES)
def test_every_specification_passes_its_own_checks(study, size):
    """`model_copy` checks nothing, so each is read again from JSON, and what it says must hold together."""
    for of in STUDIES[study](size).values():
        assert type(of).model_validate_json(of.model_dump_json()) == of
        shape, recipe = of.architecture, of.recipe
        assert shape.d % shape.h == 0
        assert recipe.batch % recipe.parts == 0
        assert not shape.variant or shape.variant.startswith(shape.block)


@pytest.mark.parametrize("size", SIZES)
def test_a_screen_tries_every_rate_for_every_block_with_a_seed_that_is_never_reported(size):
    at, specs = size_of(size), screen(size)
    tried = {block: {of.recipe.lr for of in specs.values() if of.architecture.block == block} for block in SIX}
    assert tried == {block: {*at.rates, *at.more_rates.get(block, ())} for block in SIX}
    assert not {of.seed for of in specs.values()} & {of.seed for of in core(size).values()}
    assert not {of.order_seed for of in specs.values()} & {of.order_seed for of in core(size).values()}
    assert {of.recipe.steps for of in specs.values()} == {at.screen_steps}


@pytest.mark.parametrize("size", SIZES)
def test_the_core_trains_every_block_at_its_rate_with_every_seed(size):
    at, specs = size_of(size), core(size)
    found = {(of.architecture.block, of.seed, of.order_seed) for of in specs.values()}
    assert found == {(block, seed, seed) for block in SIX for seed in at.seeds}
    for of in specs.values():
        assert of.recipe.lr == at.chosen[of.architecture.block]
        assert of.recipe.steps == at.steps
        assert of.architecture.model_copy(update={"block": at.architecture.block}) == at.architecture
        assert of.reading == at.reading


def test_an_unknown_size_is_one_sentence():
    with pytest.raises(InputError) as caught:
        core("huge")
    assert str(caught.value) == f"no size 'huge': choose one of {', '.join(SIZES)}"
