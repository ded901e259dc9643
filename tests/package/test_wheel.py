"""The wheel carries what a notebook needs, and a notebook of each mode runs with the wheel alone."""

import subprocess
import sys
import zipfile
from fnmatch import fnmatch

import pytest

from nearlinear import __version__, show
from nearlinear.results.profile_spec import laptop_spec
from nearlinear.results.store import recorded
from nearlinear.results.types import LinearityProfile
from tests.notebooks.glued import glued
from tests.package.elsewhere import run_elsewhere, smoke
from tools.profiles import NOTEBOOKS, ROOT

FIRST = NOTEBOOKS / "01_linearity_by_layer.ipynb"


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder that holds the installed wheel and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return folder


def test_the_wheel_carries_code_results_profiles_and_claims(wheel):
    wanted = {path.relative_to(ROOT / "lib").as_posix() for path in (ROOT / "lib").rglob("*.py")}
    wanted |= {f"nearlinear/_data/results/{path.name}" for path in (ROOT / "book/results").glob("*.json")}
    wanted |= {f"nearlinear/_data/profiles/{path.name}" for path in (NOTEBOOKS / "profiles").glob("*.yaml")}
    wanted |= {"nearlinear/results/claims.json", f"nearlinear-{__version__}.dist-info/licenses/LICENSE"}
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_wheel_carries_nothing_else(wheel):
    allowed = (
        "nearlinear/*.py",
        "nearlinear/py.typed",
        "nearlinear/show/calculator.js",
        "nearlinear/fleet/atlas.js",
        "nearlinear/results/claims.json",
        "nearlinear/_data/*",
        "nearlinear-*.dist-info/*",
    )
    files = zipfile.ZipFile(wheel).infolist()
    names = [file.filename for file in files]
    assert [name for name in names if not any(fnmatch(name, pattern) for pattern in allowed)] == []
    assert [name for name in names if "test" in name or name.endswith(".ipynb")] == []
    trained = [file for file in files if file.filename.endswith(".safetensors")]
    assert {file.filename.split("/")[-2] for file in trained} == {"weights"}
    assert sum(file.compress_size for file in trained) < 8_000_000
    assert wheel.stat().st_size - sum(file.compress_size for file in trained) < 6_000_000  # recorded curves, mostly


def test_a_notebook_computes_with_the_wheel_alone(installed, tmp_path):
    ran = run_elsewhere(FIRST, smoke(FIRST.stem), tmp_path, sys.executable, PYTHONPATH=str(installed))
    assert ran.library == installed / "nearlinear/__init__.py"
    assert glued(ran.notebook)["score-median"] > 0
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_notebook_shows_recorded_results_with_the_wheel_alone(installed, tmp_path):
    """No model, no text and no earlier result is at hand: the cache is a folder that stays empty."""
    parameters = {"mode": "recorded", "long_mode": "recorded"}
    variables = {"PYTHONPATH": str(installed), "NEARLINEAR_CACHE": str(tmp_path / "cache")}
    ran = run_elsewhere(FIRST, parameters, tmp_path, sys.executable, **variables)
    assert ran.library == installed / "nearlinear/__init__.py"
    found, profile = glued(ran.notebook), recorded(laptop_spec("smollm2-135m"), LinearityProfile)
    assert {f.name: f.value for f in show.linearity_findings(profile)}.items() <= found.items()
    assert "many-held-out" in found
    assert list(tmp_path.glob("cache/**/*")) == []
