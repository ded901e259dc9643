"""Profiles reach the notebooks, and a misspelt anything stops the run before it starts."""

import nbformat
import pytest

from nearlinear.errors import InputError
from tools.profiles import load_profile, plan

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PARAMETERS = (
    'n_tokens: int = 16384  # tokens scored\nratio: float = 0.5  # held out\nmodel: str = "tiny"\nlong: bool = False'
)


@pytest.fixture
def notebooks(tmp_path):
    """Two notebooks and a way to write a profile."""
    (tmp_path / "profiles").mkdir()
    for stem, source in {"01_one": PARAMETERS, "02_two": "n_tokens: int = 8  # tokens scored"}.items():
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
        nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=KERNEL), tmp_path / f"{stem}.ipynb")
    return tmp_path


def profile(notebooks, text):
    (notebooks / "profiles/small.yaml").write_text(text)
    return plan("small", notebooks)


def test_a_profile_overrides_what_it_names_and_nothing_else(notebooks):
    one, two = profile(notebooks, "all: {n_tokens: 64}\n01_one: {model: other, ratio: 1}\n")
    assert one.overrides == {"n_tokens": 64, "model": "other", "ratio": 1}
    assert two.overrides == {"n_tokens": 64}
    assert [one.value(p) for p in one.parameters] == ["64", "1", "'other'", "False"]
    assert one.parameters[0].help == "tokens scored"


def test_a_section_wins_over_all(notebooks):
    one, two = profile(notebooks, "all: {n_tokens: 64}\n02_two: {n_tokens: 5}\n")
    assert (one.overrides, two.overrides) == ({"n_tokens": 64}, {"n_tokens": 5})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("all: {n_token: 64}", "sets 'n_token', which is no parameter of any notebook: choose one of long, model"),
        ("02_two: {model: x}", "sets 'model', which is no parameter of notebook 02_two: choose one of n_tokens"),
        ("03_three: {}", "a section '03_three', and there is no such notebook"),
        ("all: {n_tokens: many}", "sets 'n_tokens' to 'many', which is no int"),
        ("all: {n_tokens: true}", "sets 'n_tokens' to True, which is no int"),
        ("01_one: {long: 1}", "sets 'long' to 1, which is no bool"),
        ("just words", "must hold sections"),
    ],
)
def test_what_no_notebook_knows_is_refused(notebooks, text, message):
    with pytest.raises(InputError, match=message):
        profile(notebooks, text)


def test_an_unknown_profile_lists_those_there_are(notebooks):
    (notebooks / "profiles/small.yaml").touch()
    with pytest.raises(InputError, match="no profile 'smal': choose one of small"):
        load_profile("smal", notebooks)


@pytest.mark.parametrize("name", ["smoke", "laptop", "colab", "gpu"])
def test_the_profiles_of_the_project_fit_its_notebooks(name):
    plan(name)
