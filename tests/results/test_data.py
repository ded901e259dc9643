"""Recorded results and profiles are found in the checkout, and inside the package where it was installed."""

import importlib.resources

import pytest

from nearlinear.errors import InputError
from nearlinear.results import data
from nearlinear.results.data import data_root


def test_a_checkout_reads_its_own_folders():
    assert data_root("profiles").joinpath("laptop.yaml").is_file()
    assert data_root("results").is_dir()


def test_the_package_comes_first_when_it_carries_them(tmp_path, monkeypatch):
    (tmp_path / "_data/profiles").mkdir(parents=True)
    monkeypatch.setattr(data, "files", lambda package: importlib.resources.files(package) and tmp_path)
    assert data_root("profiles") == tmp_path / "_data/profiles"


def test_an_installation_without_them_is_not_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "files", lambda package: tmp_path)
    monkeypatch.setattr(data, "__file__", str(tmp_path / "lib/nearlinear/results/data.py"))
    with pytest.raises(InputError, match="lacks its results: install it again"):
        data_root("results")
