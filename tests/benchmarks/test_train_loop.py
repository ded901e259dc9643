"""The bare loop and ours do the same, and a benchmark that found otherwise would stop."""

import sys

import pytest

from tests.benchmarks.test_benchmarks import BENCHMARKS, check, sidebyside

__all__ = ["sidebyside"]  # a fixture

SMALL = ("--size", "quick", "--steps", "4", "--rounds", "3", "--threads", "1")


@pytest.fixture
def train_loop(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import train_loop

    return train_loop


@pytest.fixture
def here(train_loop, monkeypatch):
    """Runs the script in this process, which has loaded torch already."""

    def call(*options: object) -> None:
        monkeypatch.setattr(sys, "argv", ["train_loop.py", *map(str, options)])
        train_loop.main()

    return call


def test_writes_a_ratio_for_each_block(tmp_path, sidebyside, here, capsys):
    out = tmp_path / "record.json"
    here(*SMALL, "--out", out)
    content = sidebyside.read(out)
    check(content, tokens=4 * 4 * 32)
    assert list(content["details"]["seconds"]) == ["sas-p", "pre-ln"]
    assert all(len(rounds) == 3 for each in content["details"]["seconds"].values() for rounds in each.values())
    assert [r["what"] for r in content["ratios"]] == [
        "L2 d16, SAS-P, training, time: bare loop / ours",
        "L2 d16, Pre-LN, training, time: bare loop / ours",
    ]
    assert all(r["at_least"] is None for r in content["ratios"])  # nothing is promised of a rehearsal


def test_the_goal_is_that_of_the_laptop(train_loop, monkeypatch):
    monkeypatch.setattr(train_loop, "works", lambda _args, _block: {"bare": lambda: None, "ours": lambda: None})
    args = dict(size="laptop", blocks=["sas-p"], steps=2, rounds=3, threads=1, device="cpu", out=None)  # noqa: C408
    (found,) = train_loop.run(train_loop.argparse.Namespace(**args))["ratios"]
    assert found["at_least"] == 0.95


@pytest.mark.parametrize("what", ["clip", "weight_decay", "batch"])
def test_loops_that_do_not_train_the_same_are_found_out(what, train_loop, here, tmp_path, monkeypatch):
    """Each of the things that a loop can forget."""
    bare = train_loop.bare

    def other(model, windows, order, spec):
        wrong = {"clip": 1e-3, "weight_decay": 10.0, "batch": 2}[what]
        bare(model, windows, order, spec.model_copy(update={"recipe": spec.recipe.model_copy(update={what: wrong})}))

    monkeypatch.setattr(train_loop, "bare", other)
    with pytest.raises(SystemExit, match="the two loops do not train the same: weights are"):
        here(*SMALL, "--blocks", "sas-p", "--out", tmp_path / "record.json")
    assert not (tmp_path / "record.json").exists()
