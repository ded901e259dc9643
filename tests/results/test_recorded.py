"""Recorded results are what the library answers today, and each says how it was made."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearlinear import show
from nearlinear.recorded import KINDS as MADE
from nearlinear.recorded import RECORDED, files_of, make
from nearlinear.results.data import data_root
from nearlinear.results.making import library_sha256
from nearlinear.results.store import spec_sha256
from nearlinear.results.types import TokensNeeded

FOLDER = Path(str(data_root("results")))
FILES = sorted(FOLDER.glob("*.json"))
KINDS = {kind.recorded_as: kind for kind in (*(MADE[type(spec)][0] for spec in RECORDED.values()), TokensNeeded)}
"""The kinds of what is recorded; others are still to come."""

TOLERANCE = 1e-5
"""Absolute and relative. The model runs and multiplies in float32, and another CPU adds in another order. With the
kernels of a CPU of 2008 (SSE 4) in place of AVX-512, the largest change of any number was 1.2e-6."""

SINGULAR = 1e-6
"""A condition number is compared by its inverse, which float32 sums leave uncertain by less than this. The states of a
Post-LN encoder have one direction without variance: rounding decides on which side of the cut-off it falls, so a rank
may differ by one, and then the two condition numbers are of different things."""

MEANT_TO_DIFFER = {"versions", "seconds", "commit", "clean", "command", "library_sha256", "created"}


def parts(name: str) -> tuple[str, str]:
    """Name of the run and kind of a file."""
    run_name, kind, _ = name.split(".")
    return run_name, kind


def cheapest(kind: str) -> Path:
    return min((p for p in FILES if parts(p.name)[1] == kind), key=lambda p: load(p)["provenance"]["seconds"])


def load(path: Path) -> dict:
    return json.loads(path.read_text())


def flat(value, path: str = "") -> Iterator[tuple[str, object]]:
    """Every single thing in nested JSON, with where it is."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if not (key == "seconds" or (path == ".provenance" and key in MEANT_TO_DIFFER)):
                yield from flat(part, f"{path}.{key}")
    else:
        yield path, value


def differences(recorded: dict, made: dict) -> list[str]:
    """Where two results say different things: whole numbers and words exactly, other numbers within the tolerance."""
    old, new = dict(flat(recorded)), dict(flat(made))
    ranks = zip(recorded.get("rank", ()), made.get("rank", ()), strict=True)
    elsewhere = {f".condition.{block}" for block, (one, other) in enumerate(ranks) if one != other}
    return [
        f"{path}: recorded {old.get(path, 'nothing')}, now {new.get(path, 'nothing')}"
        for path in sorted((old.keys() | new.keys()) - elsewhere)
        if path not in old or path not in new or not same(path, old[path], new[path])
    ]


def same(path: str, old, new) -> bool:
    if path.startswith(".rank."):
        return abs(old - new) <= 1
    if not (isinstance(old, float) and isinstance(new, float)):
        return old == new
    if path.startswith(".condition."):
        return abs(1 / old - 1 / new) <= SINGULAR
    return math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


@pytest.fixture(scope="module")
def made_again() -> dict[str, dict]:
    """File name → JSON, of the cheapest recorded result of each kind, computed here and now."""
    names = {parts(cheapest(kind).name)[0] for kind in KINDS}
    results = {file: r for name in names for file, r in files_of(name, make(RECORDED[name], device="cpu")).items()}
    return {file: json.loads(result.to_json()) for file, result in results.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_cheapest_result_of_each_kind_is_made_again_and_is_the_same(made_again, kind):
    path = cheapest(kind)
    assert differences(load(path), made_again[path.name]) == []


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("profile", ("scores", 2)),
        ("profile", ("norm_ratio", 0)),
        ("profile", ("held_out", "no_first_token", "intervals", "update_scores", 1, 0)),
        ("tokens_needed", ("held_out", 1, 3)),
        ("pruning", ("single", "replace", 1, "perplexity")),
        ("pruning", ("curves", 0, "steps", 1, "perplexity")),
    ],
)
def test_one_changed_number_is_seen(made_again, kind, where):
    path = cheapest(kind)
    changed = inner = load(path)
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] *= 1.0001
    (told,) = differences(changed, made_again[path.name])
    assert told.startswith("." + ".".join(map(str, where)))


def test_another_condition_number_is_seen():
    recorded, changed = load(cheapest("profile")), load(cheapest("profile"))
    block = changed["condition"].index(min(changed["condition"]))
    changed["condition"][block] *= 1.01
    (told,) = differences(recorded, changed)
    assert told.startswith(f".condition.{block}: ")


def test_a_missing_number_is_seen(made_again):
    path = cheapest("profile")
    changed = load(path)
    changed["cosine"].pop()
    (told,) = differences(changed, made_again[path.name])
    assert told.startswith(".cosine")
    assert "recorded nothing" in told


def test_every_run_is_recorded_and_nothing_else():
    wanted = {f"{name}.{MADE[type(spec)][0].recorded_as}.json" for name, spec in RECORDED.items()}
    wanted |= {
        f"{name}.tokens_needed.json" for name, spec in RECORDED.items() if getattr(spec, "tokens_per_dimension", ())
    }
    assert {path.name for path in FILES} == wanted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".json"))
def test_a_recorded_result_says_how_it_was_made(path):
    name, kind = parts(path.name)
    made = KINDS[kind].load(path).provenance
    assert made.spec_sha256 == spec_sha256(RECORDED[name])
    assert re.fullmatch("[0-9a-f]{40}", made.commit)
    assert made.clean
    for hashed in (made.library_sha256, made.windows_sha256, made.model.sha256, made.corpus.sha256):
        assert re.fullmatch("[0-9a-f]{64}", hashed)
    assert made.command.startswith("python -m nearlinear results")
    assert {"python", "nearlinear", "torch", "transformers", "numpy"} <= made.versions.keys()
    spec = RECORDED[name]
    assert (made.seed, made.device, made.dtype) == (getattr(spec, "seed", 0), "cpu", getattr(spec, "dtype", "float32"))
    assert made.seconds > 0
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_of_older_code_says_so(kind):
    result = KINDS[kind].load(cheapest(kind))
    for library, older in ((library_sha256(result.made_by), False), ("0" * 64, True)):
        made = result.provenance.model_copy(update={"library_sha256": library})
        table = show.provenance_table(result.model_copy(update={"provenance": made}))
        assert ("made by an earlier version" in table.html) == older
