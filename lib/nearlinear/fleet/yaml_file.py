"""A sweep as YAML, for a person to write and keep; what is misspelt is named, in one sentence."""

import difflib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from nearlinear.errors import InputError

from .spec import Sweep

EXAMPLE = "models: [smollm2-135m]"
LISTS = ("models", "corpora", "seeds")


def read_sweep(path: Path) -> Sweep:
    """A sweep from a file; a key that is left out has its usual value.

    Raises InputError where the file cannot be read, is no YAML, or holds a key or a value that a sweep has not.
    """
    yaml = _yaml()
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" (line {place.line + 1})" if place else ""
        raise InputError(f"{path} is no YAML{where}: give keys with values, such as {EXAMPLE}") from error
    return sweep_of(fields)


def sweep_of(fields: object) -> Sweep:
    """A sweep from plain keys and values. Raises InputError, in one sentence, for what a sweep has not."""
    if not isinstance(fields, Mapping):
        raise InputError(f"the sweep has no keys: give at least the models, such as {EXAMPLE}")
    known = Sweep.model_fields
    if unknown := [str(key) for key in fields if key not in known]:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        instead = f"did you mean {near[0]!r}" if near else f"choose from {', '.join(known)}"
        raise InputError(f"the sweep has no key {unknown[0]!r}: {instead}")
    given = {key: value for key, value in fields.items() if value is not None}
    for key in LISTS:
        if key in given and not isinstance(given[key], list):
            raise InputError(f"{key} is {given[key]!r}: give a list, such as {key}: [{given[key]}]")
    try:
        return Sweep.model_validate(given)
    except ValidationError as error:
        raise InputError(_first(error)) from error


def _first(error: ValidationError) -> str:
    """What is wrong with the first value that cannot be, in a sentence."""
    wrong = error.errors()[0]
    name = str(wrong["loc"][0])
    if wrong["type"] == "missing":
        return f"the sweep has no {name}: give a list, such as {EXAMPLE}"
    said = wrong["msg"].replace("Input should", "it should").removeprefix("Value error, ")
    return f"{name} holds {wrong['input']!r}: {said[0].lower()}{said[1:]}"


def _yaml():
    try:
        import yaml
    except ImportError as error:
        raise InputError("a sweep in YAML needs the package pyyaml: pip install pyyaml") from error
    return yaml
