"""The benchmarks of simplified blocks run, at sizes that prove nothing; what they count and keep is checked."""

import sys

import pytest

from tests.benchmarks.test_benchmarks import BARE, BENCHMARKS, NOT_ON_A_BARE_MACHINE, check, run, sidebyside

__all__ = ["sidebyside"]  # a fixture


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import block_models
    import blocks_options
    import blocks_speed
    import fused_attention
    import resuming

    return {m.__name__: m for m in (block_models, blocks_options, blocks_speed, fused_attention, resuming)}


@pytest.fixture
def here(modules, monkeypatch):
    """Runs a script in this process, which has loaded torch already."""

    def call(name: str, *options: object) -> None:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, options)])
        modules[name].main()

    return call


SMALL = ("--device", "cpu", "--scale", 0.01, "--threads", 1)
COMPILING = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
"""The compiler looks at gradients of what is none of its leaves, and torch warns of that."""


@COMPILING
def test_training_step_on_a_bare_machine_is_compiled_once_and_resumed(tmp_path, sidebyside, here, capsys):
    """As on a machine with a GPU and little else; a second run does the lengths that are missing, and no other."""
    script, out = tmp_path / "bare.py", tmp_path / "record.json"
    target = BENCHMARKS / "blocks_speed.py"
    script.write_text(BARE.format(missing=NOT_ON_A_BARE_MACHINE, script=str(target), folder=str(BENCHMARKS)))
    options = ("train", "--size", "18x768", "--blocks", "parallel", "sas", "sas-p", *SMALL, "--out", out)
    printed = run(script, *options, "--T", 128)
    first = sidebyside.read(out)
    check(first, tokens=32)
    at = first["details"]["8"]
    assert at["compiled_graphs"] == {"pre-ln": 1, "parallel": 1, "sas": 2, "sas-p": 2}
    assert at["ceiling"]["parallel"] == at["ceiling"]["pre-ln"] == 1
    assert at["share"]["parallel"] is None
    assert "Pre-LN / parallel (ceiling 1.00)" in printed
    assert f"Pre-LN / SAS (ceiling {at['ceiling']['sas']:.2f}, share {at['share']['sas']:.2f})" in printed
    assert all(r["at_least"] is None for r in first["ratios"])  # nothing is promised of a rehearsal
    here("blocks_speed", *options, "--T", 128, 256)
    assert "T = 8: measured before" in capsys.readouterr().out
    second = sidebyside.read(out)
    assert second["details"]["8"] == at
    assert list(second["details"]) == ["8", "16"]
    assert len(second["ratios"]) == 6


@COMPILING
def test_decoding_with_both_caches(tmp_path, sidebyside, here):
    out = tmp_path / "record.json"
    here("blocks_speed", "decode", "--blocks", "sas", *SMALL, "--T", 128, "--out", out)
    check(sidebyside.read(out), tokens=6)
    size = ("--T", 8, "--new", 2, "--rounds", 3, "--threads", 1)
    here("blocks_speed", "decode", "--blocks", "sas", *size, "--out", out)
    at = sidebyside.read(out)["details"]["8"]
    assert list(at["seconds"]) == ["pre-ln", "sas", "sas, half cache"]
    assert at["ceiling"]["sas, half cache"] > at["ceiling"]["sas"] > 1


@COMPILING
def test_fused_attention(tmp_path, sidebyside, here):
    out = tmp_path / "record.json"
    here("fused_attention", *SMALL, "--out", out)
    content = sidebyside.read(out)
    check(content, tokens=32)
    assert set(content["details"]["8"]["seconds"]) == {"dense", "fused", "softmax", "mean"}
    assert {way: list(peaks) for way, peaks in content["details"]["memory"]["peak_bytes"].items()} == {
        "fused": ["64", "256"],
        "dense": ["64", "128"],
    }
    assert [r["what"] for r in content["ratios"]][-2:] == [
        "shaped attention, fused: memory at T = 256 / at 64, over 4",
        "shaped attention, dense: memory at T = 128 / at 64, over 2",
    ]


def test_the_ways_that_are_timed_do_the_same(modules):
    import torch

    ways = modules["fused_attention"].ways(16, torch.device("cpu"), torch.float64)
    q, k, v, _ = modules["fused_attention"].inputs(2, 16, torch.device("cpu"), torch.float64)
    q, k, v = (x.unflatten(-1, (12, 64)).transpose(1, 2) for x in (q, k, v))
    gains = torch.rand(3, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert (ways["dense"](q, k, v, gains) - ways["fused"](q, k, v, gains)).abs().max() < 1e-12
    a, b, c = gains[:, :, None, None]
    assert torch.allclose(
        a * v + b * ways["softmax"](q, k, v, gains) - c * ways["mean"](q, k, v, gains),
        ways["fused"](q, k, v, gains),
        atol=1e-12,
    )


@pytest.mark.parametrize(("size", "T", "at_128"), [("18x768", 128, 1.14), ("BERT", 128, 1.22)])
def test_ceilings_are_those_of_the_sizes_that_are_run(modules, size, T, at_128):
    """Counted on the modules: every matrix that a token is multiplied by, and attention's products beside them."""
    import torch

    from nearlinear.blocks.counting import on_meta, sizes_of
    from nearlinear.results.counting import forward

    every, found = modules["block_models"].SPARSE.get(size, 1), {}
    for block in ("pre-ln", "sas"):
        config = modules["block_models"].config_of(block, size, T)
        model = on_meta(config)
        inside = sum(
            p.numel() for m in model.model.layers.modules() if isinstance(m, torch.nn.Linear) for p in m.parameters()
        )
        head = config.vocab_size * config.hidden_size / every
        keys = (T + 1) / 2 if config.causal else T
        found[block] = 2 * (inside + head) + 4 * config.num_hidden_layers * config.hidden_size * keys
        assert forward(block, sizes_of(config, share=1 / every), T) == found[block]
    assert found["pre-ln"] / found["sas"] == pytest.approx(at_128, abs=0.01)


@pytest.mark.parametrize("half", [False, True])
def test_decoding_reads_weights_once_and_the_cache_of_every_text(half, modules):
    config = modules["block_models"].config_of("sas", "18x256", 64, rehearsed=True)
    read = {batch: modules["blocks_speed"].numbers_read(config, 64, batch, half=half) for batch in (1, 2)}
    cache = (1 if half else 2) * 2 * 32 * 64
    assert read[2] - read[1] == cache
    assert read[1] - cache == 2 * (2 * 32 * 32 + 2 * 32 * 64) + 32 * 32 + 64 * 32


def test_goals_are_those_of_the_gpu_alone(modules, monkeypatch):
    def asked(*options: str) -> dict:
        monkeypatch.setattr(sys, "argv", ["blocks_speed.py", "train", *options])
        args = modules["blocks_options"].options("")
        return modules["blocks_speed"]._goal(args, 128, 128, "sas-p")

    assert asked("--size", "18x768", "--device", "cuda") == {"at_least": 1.10}
    assert asked("--size", "18x768") == asked("--size", "BERT", "--device", "cuda") == {}
    assert asked("--size", "18x768", "--device", "cuda", "--precision", "amp") == {}


def test_an_encoder_is_not_asked_to_write(modules, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["blocks_speed.py", "decode", "--size", "BERT"])
    with pytest.raises(SystemExit):
        modules["blocks_options"].options("")
    assert "BERT is an encoder and writes nothing: choose another size" in capsys.readouterr().err


def test_a_length_that_may_not_fit_is_left_for_another_run(modules, monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(modules["resuming"].time, "monotonic", lambda: now[0])

    def measure(T: int, left: float) -> dict:
        now[0] += T
        return {"left": left}

    found = {"10": {"left": 0}}
    assert list(modules["resuming"].one_by_one([10, 40, 30, 5], found, measure, minutes=1)) == [40]
    assert {T: at["left"] for T, at in found.items()} == {"10": 0, "40": 60}
    assert capsys.readouterr().out.splitlines() == [
        "T = 10: measured before",
        "T = 30: no time left, run again to go on",
        "T = 5: no time left, run again to go on",
    ]


def test_other_settings_or_other_code_begin_anew(modules, tmp_path, sidebyside, monkeypatch):
    kept, made_by, path = modules["resuming"].kept, ("blocks/*.py",), tmp_path / "record.json"
    made = {"device": "cpu", "threads": 1, "tokens": 1, "seconds": 1.0, "made_by": made_by}
    sidebyside.write(path, sidebyside.record("x", "?", [], details={"8": {}}, settings={"rounds": 7}, **made))
    assert kept(path, {"rounds": 7}, made_by) == {"8": {}}
    assert kept(path, {"rounds": 9}, made_by) == {}
    assert kept(tmp_path / "none.json", {"rounds": 7}, made_by) == {}
    monkeypatch.setattr(modules["resuming"].making, "library_sha256", lambda made_by: "another")
    assert kept(path, {"rounds": 7}, made_by) == {}


def test_rounds_end_when_the_time_is_up_but_not_before_three(sidebyside, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(sidebyside.time, "perf_counter", lambda: now[0])

    def task() -> float:
        now[0] += 10
        return 10.0

    assert len(sidebyside.interleaved({"a": task}, 20, limit=5)["a"]) == 3
    assert len(sidebyside.interleaved({"a": task}, 20, limit=65)["a"]) == 6
    assert len(sidebyside.interleaved({"a": task}, 2, warm=3)["a"]) == 2
