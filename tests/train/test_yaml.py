"""A specification goes to YAML and back unchanged, and what it has not is named in one sentence."""

import pytest

from nearlinear.errors import InputError
from nearlinear.results.training import Architecture, Recipe, TrainSpec
from nearlinear.results.training_specs import core, screen
from nearlinear.train.yaml_specs import SECTIONS, fields_of, read_spec, spec_of, to_yaml

ODD = TrainSpec(
    architecture=Architecture(
        block="v-skipinit", options=(("vp_beta", 0.25), ("norm", "layer"), ("vp_train_gains", True))
    ),
    recipe=Recipe(eps=1e-12, betas=(0.9, 0.98), schedule="cosine"),
    seed=7,
)
SPECS = {**core("quick"), **screen("laptop"), "odd": ODD}


@pytest.fixture
def read(tmp_path):
    """Reads a text as if it stood in a file."""

    def reading(text: str | bytes) -> TrainSpec:
        path = tmp_path / "spec.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_spec(path)

    return reading


@pytest.mark.parametrize("name", SPECS)
def test_there_and_back(name, read):
    assert read(to_yaml(SPECS[name])) == SPECS[name]


def test_what_is_left_out_is_as_usual(read):
    assert read("") == TrainSpec()
    assert read("recipe: {lr: 2e-3}\nseed: 4") == TrainSpec(recipe=Recipe(lr=2e-3), seed=4)  # YAML reads 2e-3 as a word
    assert read('{"architecture": {"d": 32}}') == TrainSpec(architecture=Architecture(d=32))  # JSON is YAML


def test_options_are_pairs_or_keys_with_values():
    pairs = fields_of(ODD)
    pairs["architecture"]["options"] = [list(pair) for pair in ODD.architecture.options]
    assert spec_of(pairs) == spec_of(fields_of(ODD)) == ODD


def test_every_section_has_keys_of_its_own():
    assert set(SECTIONS) == {"architecture", "reading", "recipe"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("recipe: {stesp: 5}", "recipe has no key 'stesp': did you mean 'steps'"),
        ("recipes: {steps: 5}", "the specification has no key 'recipes': did you mean 'recipe'"),
        ("lr: 1e-3", "the specification has no key 'lr': it belongs under 'recipe'"),
        ("recipe: {corpus: tales}", "recipe has no key 'corpus': it belongs under 'reading'"),
        ("zzz: 1", "the specification has no key 'zzz': choose from architecture, reading, recipe, seed"),
        ("1: 2", "the specification has no key '1': choose from"),
        ("recipe: 5", "recipe is 5: give keys with values, as --write-spec does"),
        ("recipe:", "recipe is None: give keys with values"),
        ("- a\n- b", "the specification is ['a', 'b']: give keys with values"),
        ("just words", "the specification is 'just words': give keys with values"),
        ("recipe: {lr: fast}", "recipe.lr is 'fast': it should be a valid number"),
        ("recipe: {lr: 0}", "recipe.lr is 0: it should be greater than 0"),
        ("recipe: {steps: 2.5}", "recipe.steps is 2.5: it should be a valid integer"),
        ("recipe: {betas: [0.9]}", "recipe.betas"),
        ("recipe: {schedule: cosin}", "it should be 'linear' or 'cosine' (did you mean cosine?)"),
        ("architecture: {block: preln}", "(did you mean pre-ln?)"),
        ("architecture: {options: [norm]}", "architecture.options.0"),
        ("architecture: {options: {norm: [1]}}", "architecture.options.0.1"),
        ("seed: -3", "seed is -3: give a whole number from 0 to 2,147,483,647"),
        ("order_seed: 2147483648", "order_seed is 2147483648: give a whole number"),
        ("recipe: {steps: 5", "spec.yaml is no YAML (line "),
        (b"recipe: \xff\xfe", "spec.yaml is no YAML"),
    ],
)
def test_what_a_specification_has_not_is_one_sentence(text, sentence, read):
    with pytest.raises(InputError) as raised:
        read(text)
    said = str(raised.value)
    assert sentence in said
    assert "\n" not in said
    assert not said.endswith(".")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(
        InputError, match=r"nosuch\.yaml cannot be read \(No such file or directory\): name a YAML file"
    ):
        read_spec(tmp_path / "nosuch.yaml")
