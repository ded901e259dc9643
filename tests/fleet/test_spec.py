"""A sweep is models × texts × seeds, each with its random twin; what is misspelt in its file is named."""

import pytest

from nearlinear.errors import InputError
from nearlinear.fleet.spec import Sweep
from nearlinear.fleet.yaml_file import read_sweep, sweep_of
from nearlinear.results.profile_spec import laptop_spec


def test_every_model_meets_every_text_and_seed_with_and_without_training():
    sweep = Sweep(models=("a", "org/b"), corpora=("t", "u", "v"), seeds=(0, 7))
    specs = [cell.spec for cell in sweep.cells()]
    asked = {(s.model, s.corpus, s.seed, s.random_seed) for s in specs}
    assert asked == {(m, t, s, r) for m in ("a", "org/b") for t in "tuv" for s in (0, 7) for r in (None, s)}
    assert len(specs) == len(asked)


def test_a_twin_reads_the_very_same_windows():
    trained, twin = Sweep(models=("a",), seeds=(3,), tokens=500).cells()
    assert trained.spec.windows == twin.spec.windows
    assert trained.spec.windows.seed == twin.spec.windows.seed == twin.spec.random_seed == 3
    assert (trained.spec.perplexity, twin.spec.perplexity) == (True, False)


def test_what_is_not_said_is_the_run_of_the_first_chapters():
    (cell,) = Sweep(models=("smollm2-135m",), twins=False).cells()
    assert cell.spec == laptop_spec("smollm2-135m")


def test_what_is_said_reaches_the_run():
    (cell,) = Sweep(models=("a",), twins=False, tokens=999, precision="exact", dtype="bfloat16").cells()
    assert (cell.spec.windows.n_tokens, cell.spec.precision, cell.spec.dtype) == (999, "exact", "bfloat16")


def test_names_of_cells_are_readable_and_never_the_same():
    models = ("org/model", "./other/model", "org/model@v2", "模型", "..", "a b")
    sweep = Sweep(models=models, corpora=("hf:org/data:x", "t.txt"), seeds=(0, 1))
    names = [cell.name for cell in sweep.cells()]
    assert len(set(names)) == len(names) == len(models) * 2 * 2 * 2
    assert names[0].startswith("model-org-data-x-0-")
    assert all(name.isascii() and "/" not in name and not name.startswith((".", "-")) for name in names)
    more = Sweep(models=models, corpora=("t.txt",), tokens=5)
    assert not set(names) & {cell.name for cell in more.cells()}


def test_what_is_named_twice_is_one_cell():
    assert len(Sweep(models=("a", "a"), seeds=(1, 1)).cells()) == 2


def test_a_file_is_a_sweep(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("models: [a, ./b]\nseeds: [0, 1]\ntokens:\nengine: slurm\nslurm: {gpus_per_node: 1}\n")
    assert read_sweep(path) == Sweep(models=("a", "./b"), seeds=(0, 1), engine="slurm", slurm={"gpus_per_node": 1})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "the sweep has no keys: give at least the models, such as models: [smollm2-135m]"),
        ("- a", "the sweep has no keys"),
        ("corpora: [t]", "the sweep has no models: give a list, such as models: [smollm2-135m]"),
        ("models: []", "models holds []: tuple should have at least 1 item"),
        ("models: a", "models is 'a': give a list, such as models: [a]"),
        ("model: [a]", "the sweep has no key 'model': did you mean 'models'"),
        ("models: [a]\ntexts: [t]", "the sweep has no key 'texts': choose from models, corpora, seeds"),
        ("models: [a]\nseeds: 3", "seeds is 3: give a list, such as seeds: [3]"),
        ("models: [a]\nseeds: [-1]", "seeds holds -1: it should be greater than or equal to 0"),
        ("models: [a]\nseeds: [x]", "seeds holds 'x': it should be a valid integer"),
        ("models: [a]\ntokens: 0", "tokens holds 0: it should be greater than or equal to 1"),
        ("models: [a]\ntokens: many", "tokens holds 'many': it should be a valid integer"),
        ("models: [a]\nprecision: high", "precision holds 'high': it should be 'auto', 'exact', 'fast' or 'turbo'"),
        ("models: [a]\nengine: ray", "engine holds 'ray': it should be 'local' or 'slurm'"),
        ("models: [a]\nslurm: gpu", "slurm holds 'gpu': it should be a valid dictionary"),
        ("models: [1]", "models holds 1: it should be a valid string"),
        ("models: [", "is no YAML (line"),
    ],
)
def test_what_no_sweep_has_is_one_sentence(words, sentence, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(words)
    with pytest.raises(InputError) as raised:
        read_sweep(path)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_sweep(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no YAML"):
        read_sweep(tmp_path / "binary.yaml")


def test_a_known_key_with_nothing_behind_it_has_its_usual_value():
    assert sweep_of({"models": ["a"], "seeds": None, "slurm": None}) == Sweep(models=("a",))
