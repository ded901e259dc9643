"""The benchmark of what pruning buys runs, at a size that proves nothing, and writes a record that can be read."""

from tests.benchmarks.test_benchmarks import check, run, sidebyside

__all__ = ["sidebyside"]  # a fixture


def test_pruned_speed(tmp_path, sidebyside):
    out = tmp_path / "record.json"
    size = ("--prompt", 32, "--new", 4, "--count", 1, "--rounds", 2, "--threads", 1)
    printed = run("pruned_speed.py", "--model", "tiny-llama", *size, "--out", out)
    content = sidebyside.read(out)
    check(content, tokens=36)
    ratios = {r.what: r for r in sidebyside.ratios_of(content)}
    assert all(what in printed for what in ratios)
    assert ratios["flops: dense / 1 of 3 blocks removed"].median > 1.1
    assert ratios["parameters: dense / 1 of 3 blocks removed"].median > 1.1
    assert all(0 < r.low <= r.median <= r.high for r in ratios.values())
    held = content["details"]["bytes"]
    assert held["dense"]["weights"] > held["replaced"]["weights"] > held["removed"]["weights"]
    assert held["dense"]["cache"] * 2 == held["removed"]["cache"] * 3 == held["replaced"]["cache"] * 3
