"""The public modules keep to their types, and whoever uses them has those types too."""

import zipfile
from importlib import import_module

import nearlinear
from tools.typed import checked, mypy, public, recorded_by


def test_public_modules_and_their_use_are_free_of_type_errors():
    """One run of mypy for both, since most of it is reading the types of torch."""
    done = mypy(*(option for name in (*checked(), "tests.package.typed_use") for option in ("-m", name)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_is_checked_but_what_recorded_results_are_made_by():
    assert {"nearlinear", "nearlinear.study", "nearlinear.inputs.load", "nearlinear.results.types"} <= set(checked())
    left_out = set(public()) - set(checked())
    assert "nearlinear.measure.linearity" in left_out
    assert left_out <= recorded_by()


def test_every_name_at_the_top_is_there_for_checkers_too():
    source = nearlinear.__loader__.get_source("nearlinear")
    told = {line.strip() for line in source.splitlines()}
    assert {f"from {home} import {name} as {name}" for name, home in nearlinear._HOMES.items()} <= told
    for name, home in nearlinear._HOMES.items():
        assert getattr(nearlinear, name) is getattr(import_module(home), name)


def test_the_wheel_says_that_it_has_types(wheel):
    assert "nearlinear/py.typed" in zipfile.ZipFile(wheel).namelist()
