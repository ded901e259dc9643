"""The benchmark of the greedy search runs, at a size that proves nothing, and writes a record that can be read."""

import json

from tests.benchmarks.test_benchmarks import check, run, sidebyside, text

__all__ = ["sidebyside", "text"]  # fixtures


def test_greedy_prefix(tmp_path, text, sidebyside):
    out = tmp_path / "record.json"
    size = ("--tokens", 256, "--context", 64, "--batch-tokens", 128, "--count", 2, "--rounds", 2, "--threads", 1)
    printed = run("greedy_prefix.py", "--model", "tiny-llama", "--text", text, *size, "--out", out)
    content = sidebyside.read(out)
    check(content, tokens=256)
    blocks, time = sidebyside.ratios_of(content)
    assert blocks.what in printed
    assert 0 < time.low <= time.median <= time.high
    assert len(set(content["details"]["chosen"])) == 2
    assert str(tmp_path) not in json.dumps(content)
