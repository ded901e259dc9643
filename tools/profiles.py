"""Profiles: which parameters each notebook is run with, checked before anything runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
import yaml

from nearlinear.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool}


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell: `name: type = default  # help`."""

    name: str
    type: str
    default: str
    help: str


@dataclass(frozen=True)
class Run:
    """One notebook and what to run it with; `overrides` holds only what the profile changes."""

    notebook: Path
    parameters: tuple[Parameter, ...]
    overrides: dict[str, Any]

    @property
    def name(self) -> str:
        return self.notebook.stem

    def value(self, parameter: Parameter) -> str:
        """The value in use, as Python would write it."""
        return repr(self.overrides[parameter.name]) if parameter.name in self.overrides else parameter.default


def inspect(notebook: Path) -> tuple[Parameter, ...]:
    """What the cell tagged `parameters` declares."""
    found = papermill.inspect_notebook(str(notebook)).values()
    return tuple(Parameter(p["name"], p["inferred_type_name"], p["default"], p["help"] or "") for p in found)


def load_profile(profile: str, notebooks: Path = NOTEBOOKS) -> dict[str, dict[str, Any]]:
    """The sections of one profile. Raises InputError for a name that is none, listing those there are."""
    path = notebooks / "profiles" / f"{profile}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise InputError(f"there is no profile {profile!r}: choose one of {known}")
    sections = yaml.safe_load(path.read_text()) or {}
    if not isinstance(sections, dict) or not all(isinstance(part or {}, dict) for part in sections.values()):
        raise InputError(f"profile {profile!r} must hold sections of `name: value` lines: `all`, or a notebook's name")
    return {section: part or {} for section, part in sections.items()}


def plan(profile: str, notebooks: Path = NOTEBOOKS) -> list[Run]:
    """Every numbered notebook with the parameters this profile gives it, in order.

    Raises InputError for an unknown profile, notebook or parameter, and for a value of another type than declared.
    """
    sections = load_profile(profile, notebooks)
    declared = {path: inspect(path) for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))}
    refuse_unknown(profile, sections, {path.stem: {p.name for p in there} for path, there in declared.items()})
    runs = []
    for path, there in declared.items():
        asked = sections.get("all", {}) | sections.get(path.stem, {})
        overrides = {p.name: checked(profile, p, asked[p.name]) for p in there if p.name in asked}
        runs.append(Run(path, there, overrides))
    return runs


def refuse_unknown(profile: str, sections: dict[str, dict[str, Any]], declared: dict[str, set[str]]) -> None:
    """A misspelt name must stop the run: it would otherwise quietly run with the default."""
    for section, part in sections.items():
        if section != "all" and section not in declared:
            raise InputError(f"profile {profile!r} has a section {section!r}, and there is no such notebook")
        known = declared.get(section, set().union(*declared.values()))
        for name in part:
            if name not in known:
                where = "any notebook" if section == "all" else f"notebook {section}"
                raise InputError(
                    f"profile {profile!r} sets {name!r}, which is no parameter of {where}: "
                    f"choose one of {', '.join(sorted(known)) or 'none'}"
                )


def checked(profile: str, parameter: Parameter, value: Any) -> Any:
    expected = TYPES.get(parameter.type)
    fits = expected is None or (isinstance(value, expected) and (parameter.type == "bool") == isinstance(value, bool))
    if not fits:
        raise InputError(f"profile {profile!r} sets {parameter.name!r} to {value!r}, which is no {parameter.type}")
    return value
