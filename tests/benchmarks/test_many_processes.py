"""One process and two find the same, and a benchmark that found otherwise would stop."""

from dataclasses import replace

import pytest

from nearlinear.inputs.load import load_model
from nearlinear.inputs.windows import Window, WindowSet
from nearlinear.measure.profile import profile
from tests.benchmarks.test_benchmarks import BENCHMARKS, check, run, sidebyside, text

__all__ = ["sidebyside", "text"]  # fixtures


def test_writes_a_ratio(tmp_path, text, sidebyside):
    """Two processes have to start, and load torch each: that is most of its seconds."""
    out = tmp_path / "record.json"
    size = ("--tokens", 1024, "--context", 64, "--batch-tokens", 128, "--rounds", 2)
    printed = run(
        "many_processes.py", "--model", "tiny-llama", "--text", text, *size, "--out", out, GLOO_SOCKET_IFNAME="lo"
    )
    content = sidebyside.read(out)
    check(content, tokens=1024)
    (found,) = sidebyside.ratios_of(content)
    assert found.what == "scoring, time: 1 process / 2 processes, 1 thread each"
    assert printed.count(found.what) == 1
    assert 0 < found.low <= found.median <= found.high
    assert {name: len(each) for name, each in content["details"]["seconds"].items()} == {"one": 2, "many": 2}


def test_other_scores_stop_it(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import many_processes

    windows = WindowSet(fit=(Window(tuple(range(5, 100)), 0),), test=(), group="window")
    one = profile(load_model("tiny-llama"), windows)
    many_processes.check_same(one, one)
    off = replace(
        one, scores=(*one.scores[:-1], replace(one.scores[-1], update_score=one.scores[-1].update_score + 1e-9))
    )
    with pytest.raises(SystemExit, match="do not find the same: scores are 1e-09 apart"):
        many_processes.check_same(one, off)
