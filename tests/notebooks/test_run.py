"""Every chapter runs from top to bottom, and each number that it glues is what the library answers when asked."""

import ast
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache

import nbformat
import pytest

from nearlinear import show, study, verdict
from nearlinear.blocks.apart import ladder
from nearlinear.blocks.counting import counted
from nearlinear.recorded import make, results
from nearlinear.results.finetuning_specs import finetunings, rate_screen
from nearlinear.results.meeting_specs import meeting
from nearlinear.results.profile_spec import laptop_spec, long_specs
from nearlinear.results.pruning_specs import pruning_specs
from nearlinear.results.signal import collapse_spec
from nearlinear.results.sizes import PAPER_MODELS
from nearlinear.results.training_specs import core, screen
from nearlinear.results.training_studies import ablations, deep_tried, depth, encoders, encoders_tried, equal, tried
from tests.notebooks.glued import glued
from tests.notebooks.structure import code_cells
from tools.profiles import plan
from tools.run_notebooks import ENVIRONMENT, prepare


def nbval(folder) -> dict[str, int]:
    """Run every notebook of a folder under nbval, in a process and with settings of its own; counts of outcomes."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    options = ["--nbval-lax", "-p", "no:cacheprovider", "-c", "pytest.ini", "--rootdir", ".", "--junitxml", "report"]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "MPLBACKEND")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "."],
        cwd=folder, env=environment | ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    suite = next(ET.parse(folder / "report").iter("testsuite"))
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    print(done.stdout)
    return counts | {"exit": done.returncode}


def test_every_cell_of_every_chapter_runs(tmp_path):
    prepared = prepare("smoke", tmp_path)
    cells = sum(len(code_cells(nbformat.read(path, as_version=4))) for path in prepared)
    assert len(prepared) == len(plan("smoke"))
    assert nbval(tmp_path) == {"tests": cells, "failures": 0, "errors": 0, "skipped": 0, "exit": 0}


def test_a_cell_that_raises_is_a_failure(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in ("1", "1 / 0")]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), tmp_path / "x.ipynb")
    assert nbval(tmp_path) == {"tests": 2, "failures": 1, "errors": 0, "skipped": 0, "exit": 1}


def test_the_small_book_leaves_the_readers_book_alone(smoke_book):
    assert smoke_book.touched == []


make_once = cache(make)
"""Every result of a specification, computed now: the chapters and the page of verdicts ask for the same."""


def made(spec):
    """The one result of a specification, computed now."""
    (result,) = make_once(spec)
    return result


def load(spec, kind, *, mode, device):
    """As the page of verdicts reads its results, without the cache."""
    if mode == "recorded":
        return verdict.load(spec, kind, mode=mode, device=device)
    return next(result for result in make_once(spec) if isinstance(result, kind))


@pytest.fixture(scope="module")
def given() -> dict[str, dict]:
    """Chapter → the values of its parameters under the smoke profile."""
    return {run.name: {p.name: ast.literal_eval(run.value(p)) for p in run.parameters} for run in plan("smoke")}


@pytest.fixture(scope="module")
def direct(given) -> dict[str, list[show.Finding]]:
    """Chapter → its findings, measured now, by the same specifications: no cache, and recorded once only."""
    values, model = given["01_linearity_by_layer"], given["01_linearity_by_layer"]["models"]
    cut = {name: values[name] for name in ("corpus", "n_fit", "n_test", "seed", "precision")}
    profile, errors = study.run(laptop_spec(model, **cut))
    twin, _ = study.run(laptop_spec(model, random_seed=values["twin_seed"], **cut))
    long = long_specs(values["long_model"], n_tokens=values["long_tokens"])
    needed, *twins = (study.run(spec)[-1] for spec in long)
    pruning = given["04_remove_replace_distil"]
    specs = pruning_specs(pruning["model"], **{name: pruning[name] for name in ("size", "corpus", "seed")})
    ends, *_ = orders = [made(spec) for spec in specs.orders]
    trained = show.distillation_findings(*(made(spec) for spec in specs.distil))
    return {
        "01_linearity_by_layer": [*show.linearity_findings(profile), *show.tokens_needed_findings(needed, twins)],
        "02_without_the_residual": show.update_findings(profile, twin),
        "03_which_tokens": show.token_findings(errors),
        "04_remove_replace_distil": [
            *show.pruning_findings(*orders),
            *trained,
            *show.variants_findings(made(specs.variants)),
        ],
        "05_does_it_still_answer": show.answer_findings(made(specs.answers)),
        "06_which_order": show.foresight_findings(ends),
        "07_rank_collapse": show.signal_findings(made(collapse_spec("quick"))),
        "08_taking_the_block_apart": show.ladder_findings(ladder(), made(collapse_spec("quick"))),
        "09_counting": show.counting_findings(PAPER_MODELS, counted(PAPER_MODELS)),
        "10_does_it_learn_as_fast": show.learning_findings(
            *([made(spec) for spec in of("quick").values()] for of in (screen, core, equal))
        ),
        "11_values_and_projections": show.values_findings(
            *([made(spec) for spec in of("quick").values()] for of in (tried, ablations))
        ),
        "12_deeper": show.depth_findings(
            *([made(spec) for spec in of("quick").values()] for of in (deep_tried, depth))
        ),
        "13_an_encoder_too": show.encoder_findings(
            *(results(of("quick").values()) for of in (encoders_tried, encoders, rate_screen, finetunings))
        ),  # recorded: dozens of finetunings
        "14_where_the_papers_meet": show.meeting_findings(made(meeting("quick"))),
        "20_verdict": show.verdict_findings(verdict.read_chapters(verdict.Asked(**given["20_verdict"]), load)),
    }


def differences(found: dict[str, float], expected: list[show.Finding], tolerance: float = 1e-6) -> list[str]:
    """Names that are missing, one too many, or whose numbers are not the same."""
    wanted = {finding.name: finding.value for finding in expected}
    same = {
        name for name in found.keys() & wanted.keys()
        if found[name] == pytest.approx(wanted[name], rel=tolerance, abs=tolerance, nan_ok=True)
    }  # fmt: skip
    return sorted((found.keys() | wanted.keys()) - same)


def test_the_chapters_look_at_the_same_run(given):
    first = given["01_linearity_by_layer"]
    for values in given.values():
        assert {name: value for name, value in values.items() if first.get(name, value) != value} == {}


def test_glued_numbers_are_the_librarys(smoke_book, direct):
    assert [path.stem for path in smoke_book.notebooks] == list(direct)
    for path in smoke_book.notebooks:
        assert differences(glued(nbformat.read(path, as_version=4)), direct[path.stem]) == []


def test_a_name_glued_twice_is_refused(smoke_book):
    notebook = nbformat.read(smoke_book.notebooks[0], as_version=4)
    notebook.cells *= 2
    with pytest.raises(ValueError, match="score-median is glued twice"):
        glued(notebook)


def test_a_number_that_differs_or_is_missing_is_seen(smoke_book, direct):
    found = glued(nbformat.read(smoke_book.notebooks[1], as_version=4))
    found["update-median"] *= 1 + 3e-6
    del found["spike-with"]
    found["typed-by-hand"] = 0.5
    assert differences(found, direct["02_without_the_residual"]) == ["spike-with", "typed-by-hand", "update-median"]
