"""What is asked for leads to the runs of the chapters, and to a command that asks for it again."""

import shlex

import pytest
from pydantic import ValidationError

from nearlinear.cli import parser
from nearlinear.cli_report import _spec
from nearlinear.report.specs import ReportSpec
from nearlinear.results.profile_spec import laptop_spec
from nearlinear.results.specs import CharTokens


def test_the_usual_report_is_the_run_of_the_first_chapters():
    assert ReportSpec(model="smollm2-135m").profile_spec() == laptop_spec("smollm2-135m")
    other = ReportSpec(model="m", corpus="tales", seed=3).profile_spec()
    assert other == laptop_spec("m", corpus="tales", seed=3)


def test_so_many_tokens_are_read():
    asked = ReportSpec(model="m", tokens=9000, seed=2, dtype="bfloat16")
    assert asked.profile_spec().windows == CharTokens(n_tokens=9000, seed=2)
    assert asked.profile_spec().dtype == "bfloat16"
    study = asked.pruning_spec(L=30, d=576)
    assert (study.n_fit, study.n_choose, study.n_evaluate) == (6000, 1024, 1500)
    assert study.dtype == "bfloat16"


@pytest.mark.parametrize(("L", "d", "count", "n_fit"), [(30, 576, 6, 11_520), (3, 32, 2, 4096), (2, 4096, 1, 81_920)])
def test_maps_have_twenty_tokens_a_dimension_and_a_block_is_left(L, d, count, n_fit):
    study = ReportSpec(model="m").pruning_spec(L=L, d=d)
    assert (study.count, study.greedy, study.n_fit) == (count, count, n_fit)


@pytest.mark.parametrize(
    "spec",
    [
        ReportSpec(model="smollm2-135m"),
        ReportSpec(model="my models/it's $HOME", corpus="a b.txt", tokens=5000, depth="full", dtype="float16", seed=7),
    ],
)
def test_the_command_asks_for_the_same_again(spec):
    program, *words = shlex.split(spec.command())
    assert program == "nearlinear"
    assert _spec(parser().parse_args(words)) == spec


@pytest.mark.parametrize("wrong", [{"tokens": 0}, {"depth": "deep"}, {"seed": -1}, {"colour": "red"}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValidationError):
        ReportSpec(model="m", **wrong)
