"""A specification of training as YAML, for a person to read, change and keep; what is misspelt is named."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nearlinear.errors import InputError
from nearlinear.results.records import Record
from nearlinear.results.training import TrainSpec

SECTIONS: dict[str, type[Record]] = {
    name: field.annotation
    for name, field in TrainSpec.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Record)
}
"""The parts of a specification that have keys of their own."""

SEEDS = 2**31
"""Seeds lie below this, so that torch takes them however they are put together with the number of a step."""


def to_yaml(spec: TrainSpec) -> str:
    """Every key with its value. Raises InputError where PyYAML is missing."""
    return _yaml().safe_dump(fields_of(spec), sort_keys=False, allow_unicode=True)


def read_spec(path: Path) -> TrainSpec:
    """A specification from a file; a key that is left out has its usual value.

    Raises InputError where the file cannot be read, is no YAML, or holds a key or a value that a specification has not.
    """
    yaml = _yaml()
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name a YAML file") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" (line {place.line + 1})" if place else ""
        raise InputError(f"{path} is no YAML{where}: see --write-spec for one that is") from error
    return spec_of({} if fields is None else fields)


def fields_of(spec: TrainSpec) -> dict:
    """The specification as plain words and numbers, section by section."""
    fields = spec.model_dump(mode="json")
    fields["recipe"]["betas"] = list(spec.recipe.betas)
    fields["architecture"]["options"] = dict(spec.architecture.options)
    return fields


def spec_of(fields: Any) -> TrainSpec:
    """The other way round. Raises InputError, in one sentence, for what a specification has not."""
    _check_keys("the specification", fields, TrainSpec)
    sections = {name: fields[name] for name in SECTIONS if name in fields}
    for name, section in sections.items():
        _check_keys(name, section, SECTIONS[name])
    architecture = dict(sections.get("architecture", {}))
    if isinstance(options := architecture.get("options"), Mapping):
        architecture["options"] = tuple(options.items())
    try:
        spec = TrainSpec.model_validate({**fields, "architecture": architecture})
    except ValidationError as error:
        raise InputError(_first(error)) from error
    return _with_seeds(spec)


def _with_seeds(spec: TrainSpec) -> TrainSpec:
    for name in ("seed", "order_seed"):
        if not 0 <= getattr(spec, name) < SEEDS:
            raise InputError(f"{name} is {getattr(spec, name)}: give a whole number from 0 to {SEEDS - 1:,}")
    return spec


def _check_keys(where: str, fields: object, kind: type[Record]) -> None:
    """Raise InputError for the first key that is not one of `kind`, with the nearest, or the section it belongs to."""
    if not isinstance(fields, Mapping):
        raise InputError(f"{where} is {fields!r}: give keys with values, as --write-spec does")
    unknown = [str(key) for key in fields if key not in kind.model_fields]
    if unknown:
        raise InputError(f"{where} has no key {unknown[0]!r}: {_instead(unknown[0], kind)}")


def _instead(key: str, kind: type[Record]) -> str:
    if near := difflib.get_close_matches(key, kind.model_fields, n=1):
        return f"did you mean {near[0]!r}"
    if home := [name for name, section in SECTIONS.items() if key in section.model_fields]:
        return f"it belongs under {home[0]!r}"
    return f"choose from {', '.join(kind.model_fields)}"


def _first(error: ValidationError) -> str:
    """What is wrong with the first value that cannot be, as pydantic says it, in a sentence."""
    wrong = error.errors()[0]
    name = ".".join(str(part) for part in wrong["loc"])
    said = wrong["msg"].replace("Input should", "it should")
    near = difflib.get_close_matches(str(wrong["input"]), _choices(wrong), n=1)
    return f"{name} is {wrong['input']!r}: {said}" + (f" (did you mean {near[0]}?)" if near else "")


def _choices(wrong: Mapping) -> list[str]:
    """The words that a value can be, where it can be certain words only."""
    expected = wrong.get("ctx", {}).get("expected", "") if wrong["type"] == "literal_error" else ""
    return expected.replace("'", "").replace(" or ", ", ").split(", ")


def _yaml():
    try:
        import yaml
    except ImportError as error:
        raise InputError("a specification in YAML needs the package pyyaml: pip install pyyaml") from error
    return yaml
