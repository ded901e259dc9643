"""Where recorded results, benchmarks and profiles lie: inside the wheel, or in the checkout it is built from."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from nearlinear.errors import InputError

_CHECKOUT = {
    "results": "book/results",
    "weights": "book/results/weights",
    "profiles": "notebooks/profiles",
    "benchmarks": "benchmarks/records",
}


def data_root(kind: Literal["results", "weights", "profiles", "benchmarks"]) -> Traversable:
    """The folder of recorded results or of benchmarks (*.json), of profiles (*.yaml), or of weights (*.safetensors).

    Git holds one copy, outside the package; the wheel carries it as nearlinear/_data (see pyproject.toml).
    Raises InputError where neither is found, which means that the installation is not whole.
    """
    package = files("nearlinear")
    checkout = Path(__file__).resolve().parents[3]
    inside = {"weights": "results/weights"}.get(kind, kind)
    for root in (package / "_data" / inside, checkout / _CHECKOUT[kind]):
        if root.is_dir():
            return root
    raise InputError(f"this installation of nearlinear lacks its {kind}: install it again")
