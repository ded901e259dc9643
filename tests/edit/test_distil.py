"""Distillation on tiny models: planted maps found again, a slow twin of the loss, runs that are killed and resumed."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from nearlinear.edit import checkpoint, training
from nearlinear.edit.distil import TrainableAffine, distil_all, distil_linear
from nearlinear.edit.edits import blocks_as_tuple, removed, replaced, with_standins
from nearlinear.edit.imitation import Imitation, relative_error, squared_error
from nearlinear.edit.standins import AffineBlock
from nearlinear.edit.training import Recipe, step_windows
from nearlinear.errors import BrokenFile, InputError, NearlinearError
from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import backbone, blocks
from nearlinear.inputs.tiny import tiny_model
from nearlinear.inputs.twin import state_sha256
from nearlinear.inputs.windows import Window, batches
from nearlinear.measure.linearity import AffineMap, fit
from nearlinear.measure.moments import of_matrices
from nearlinear.measure.residual import watching

D = 32


@pytest.fixture(scope="module")
def tiny():
    return load_model("tiny-llama")


def text(n_windows=8, length=32, seed=0):
    g = torch.Generator().manual_seed(seed)
    return [Window(tuple(torch.randint(5, 250, (length,), generator=g).tolist()), i) for i in range(n_windows)]


def some_map(seed=0, size=0.1):
    g = torch.Generator().manual_seed(seed)
    A, mean_x, mean_d = (size * torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((D, D), (D,), (D,)))
    return AffineMap(A, mean_x, mean_d)


def nothing():
    return some_map(size=0.0)


def states_after(model, window):
    """The state behind every block, for one window without padding: (L, T, d)."""
    seen = {}
    with torch.no_grad(), watching(model, lambda layer, x, y: seen.update({layer: y[0]})):
        backbone(model)(torch.tensor([window.input_ids]))
    return torch.stack([seen[layer] for layer in sorted(seen)])


def flags(model):
    return [(weight.requires_grad, weight.grad is None) for weight in model.parameters()]


def test_a_planted_map_is_found_again():
    """The dense model's block 1 is itself an affine map: starting from nothing, distillation must arrive there."""
    loaded, planted = load_model("tiny-llama"), some_map()
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight *= 50  # random models start with states of size 0.02
    stand = AffineBlock.of(planted, as_tuple=blocks_as_tuple(loaded.model), dtype=torch.float32, device="cpu")
    with with_standins(loaded.model, {1: stand}):
        answer = distil_linear(loaded, {1: nothing()}, text(), steps=150, tokens_per_step=256, lr=0.05)
    assert answer.losses[-1] < 1e-4 * answer.losses[0]
    found = answer.maps[range(1, 2)]
    torch.testing.assert_close(found.A, planted.A, atol=5e-3, rtol=0)
    torch.testing.assert_close(found.b, planted.b, atol=5e-3, rtol=0)


@pytest.mark.parametrize("family", ["llama", "gpt2", "falcon", "bloom", "bert"])
@pytest.mark.parametrize("error", [squared_error, relative_error])
def test_the_loss_equals_a_plain_loop(family, error):
    """Windows of different lengths in one batch, a run of two blocks, and a second map behind it."""
    loaded = replace(load_model(f"tiny-{family}"), model=tiny_model(family, L=5))
    maps = {range(1, 2): some_map(1), range(2, 4): some_map(2)}
    windows = text(1, 20) + text(1, 33, seed=1)
    first_loss = distil_linear(loaded, maps, windows, steps=1, tokens_per_step=53, error=error).losses[0]

    total = 0.0
    for window in windows:
        wanted = states_after(loaded.model, window)
        with replaced(loaded.model, maps):
            got = states_after(loaded.model, window)
        for layer in (1, 3):
            squares = (got[layer] - wanted[layer]).square().mean(1)
            total += float((squares / wanted[layer].square().mean(1) if error is relative_error else squares).sum())
    assert first_loss == pytest.approx(total / 53, rel=1e-4)


def test_blocks_before_the_first_change_are_shared_and_those_behind_the_last_not_run(tiny, monkeypatch):
    """The loss is that of a loop that runs everything (above); here is who was run."""
    runs = []
    for layer, block in enumerate(blocks(tiny.model)):
        monkeypatch.setattr(block, "forward", counted(block.forward, layer, runs))
    distil_linear(tiny, {1: some_map()}, text(2), steps=1, tokens_per_step=64)
    runs = runs[1:]  # one token tells how the blocks answer
    assert runs[-2:] == [0, 1]
    assert 2 not in runs[2:]


def counted(forward, layer, runs):
    def counting(*args, **kwargs):
        runs.append(layer)
        return forward(*args, **kwargs)

    return counting


def test_least_squares_leaves_one_map_nothing_to_learn_and_a_later_one_something(tiny):
    """Why the inputs are the pruned model's own: on the dense ones the gradient of a fitted map is nought."""
    window = text(1, 400)[0]
    states = torch.stack([tiny.model.get_input_embeddings()(torch.tensor(window.input_ids)).detach()])
    states = torch.cat([states, states_after(tiny.model, window)])
    maps = {layer: fit(of_matrices(states[layer], states[layer + 1])) for layer in (0, 1)}
    assert gradient(tiny, {0: maps[0]}, window, 0) < 1e-3 * gradient(tiny, {0: nothing()}, window, 0)
    assert gradient(tiny, maps, window, 1) > 1e-2 * gradient(tiny, maps | {1: nothing()}, window, 1)


def gradient(loaded, maps, window, layer):
    """The size of the gradient of A in one of the stand-ins."""
    as_tuple = blocks_as_tuple(loaded.model)
    standins = {i: AffineBlock.of(m, as_tuple=as_tuple, dtype=torch.float32, device="cpu") for i, m in maps.items()}
    imitation = Imitation(loaded.model, loaded.model, standins, tuple(maps), min(maps), as_tuple)
    with training.frozen(loaded.model):
        imitation.loss(next(batches([window]))).backward()
    return float(standins[layer].A.grad.norm())


def test_distil_all_comes_nearer_and_touches_only_its_copy():
    loaded = load_model("tiny-gpt2")
    before, asked = state_sha256(loaded.model), flags(loaded.model)
    answer = distil_all(loaded, [1], text(), steps=40, tokens_per_step=256, lr=3e-3)
    assert answer.losses[-1] < 0.5 * answer.losses[0]
    assert (state_sha256(loaded.model), flags(loaded.model)) == (before, asked)
    assert state_sha256(answer.loaded.model) == answer.loaded.source.sha256 != before
    window = text(1, seed=9)[0]
    with removed(loaded.model, [1]):
        plain = states_after(loaded.model, window)[2]
    wanted = states_after(loaded.model, window)[2]
    with removed(answer.loaded.model, [1]):
        learned = states_after(answer.loaded.model, window)[2]
    assert (learned - wanted).norm() < 0.8 * (plain - wanted).norm()


def test_distil_all_leaves_alone_what_the_states_do_not_show():
    """A head tied to the embedding, the final norm, and the removed block itself."""
    loaded = load_model("tiny-gpt2")
    answer = distil_all(loaded, [1], text(2), steps=2, tokens_per_step=64, lr=1e-2)
    old, new = (dict(m.model.named_parameters()) for m in (loaded, answer.loaded))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert "transformer.wpe.weight" in changed
    assert any(name.startswith("transformer.h.2.") for name in changed)
    assert not changed & {"transformer.wte.weight", "transformer.ln_f.weight"}
    assert not any(name.startswith("transformer.h.1.") for name in changed)
    assert new["transformer.wte.weight"] is answer.loaded.model.lm_head.weight


def test_the_model_is_what_it_was_even_after_an_exception(tiny):
    modules, before, asked = list(tiny.model.modules()), state_sha256(tiny.model), flags(tiny.model)

    def stop(step, _loss):
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distil_linear(tiny, {1: some_map()}, text(), steps=4, tokens_per_step=64, on_step=stop)
    assert all(a is b for a, b in zip(modules, tiny.model.modules(), strict=True))
    assert (state_sha256(tiny.model), flags(tiny.model)) == (before, asked)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_models_of_another_dtype(dtype):
    """Maps are trained in float32 at least; a trained copy comes back in the dtype of the model."""
    loaded = load_model("tiny-llama", dtype=dtype)
    answer = distil_linear(loaded, {1: some_map()}, text(2), steps=3, tokens_per_step=64, lr=1e-3)
    assert answer.losses[-1] < answer.losses[0]
    model = distil_all(loaded, [1], text(2), steps=2, tokens_per_step=64).loaded.model
    assert model.dtype == loaded.model.dtype


def test_maps_are_trained_in_float32_whatever_the_rest_runs_in():
    block = TrainableAffine.of(some_map(), as_tuple=False, dtype=torch.float32, device="cpu")
    x = 1000 * torch.randn(1, 5, D, generator=torch.Generator().manual_seed(0))
    expected = block(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(block(x), expected)
        assert not torch.equal(AffineBlock(block.A, block.b, as_tuple=False)(x), expected)


@pytest.mark.parametrize("train", [distil_linear, distil_all])
def test_mixed_precision_is_asked_for_and_then_used(tiny, train):
    """The same run but for its roundings; the weights that come out are float32 either way."""
    changed = {1: some_map()} if train is distil_linear else [1]
    options = {"steps": 3, "tokens_per_step": 64, "lr": 1e-3}
    plain, mixed, unsaid = (
        train(tiny, changed, text(2), **options, **asked) for asked in ({"mixed": "none"}, {"mixed": "bfloat16"}, {})
    )
    assert plain.losses == unsaid.losses  # on a CPU
    assert mixed.losses != plain.losses
    assert mixed.losses == pytest.approx(plain.losses, rel=0.02)
    if train is distil_all:
        assert {weight.dtype for weight in mixed.loaded.model.parameters()} == {torch.float32}


def test_in_mixed_precision_the_blocks_run_in_bfloat16_teacher_and_student(tiny, monkeypatch):
    seen = []
    for layer, block in enumerate(blocks(tiny.model)):
        forward = block.mlp.down_proj.forward
        monkeypatch.setattr(block.mlp.down_proj, "forward", noting(forward, layer, seen))
    distil_linear(tiny, {0: some_map(), 2: some_map(1)}, text(2), steps=1, tokens_per_step=64, mixed="bfloat16")
    teacher, student = [(layer, torch.bfloat16) for layer in range(3)], [(1, torch.bfloat16)]
    assert seen[-4:] == teacher + student
    seen.clear()
    distil_linear(tiny, {0: some_map(), 2: some_map(1)}, text(2), steps=1, tokens_per_step=64, mixed="none")
    assert {dtype for _, dtype in seen} == {torch.float32}


def noting(forward, layer, seen):
    def noted(x):
        out = forward(x)
        seen.append((layer, out.dtype))
        return out

    return noted


def test_a_step_of_many_tokens_is_cut_in_batches_that_add_up(tiny, monkeypatch):
    windows = text(3, 32) + text(3, 50, seed=1)
    whole = distil_linear(tiny, {1: some_map()}, windows, steps=3, tokens_per_step=246)
    monkeypatch.setattr(training, "BATCH_TOKENS", 64)
    assert distil_linear(tiny, {1: some_map()}, windows, steps=3, tokens_per_step=246).losses == pytest.approx(
        whole.losses, rel=1e-4
    )


def test_every_window_comes_once_before_any_comes_again():
    windows = text(7)
    groups = list(step_windows(windows, Recipe(steps=7, tokens_per_step=96, lr=1, seed=3)))
    order = [window.document for group in groups for window in group]
    assert [len(group) for group in groups] == [3] * 7
    assert all(sorted(order[i : i + 7]) == list(range(7)) for i in (0, 7, 14))
    assert order[:7] != order[7:14]
    other = step_windows(windows, Recipe(steps=7, tokens_per_step=96, lr=1, seed=4))
    assert order != [window.document for group in other for window in group]


def test_the_learning_rate_rises_and_falls():
    rates = [Recipe(steps=20, tokens_per_step=1, lr=1.0, seed=0).lr_at(step) for step in range(20)]
    assert rates.index(max(rates)) == 1
    assert max(rates) == 1.0
    assert rates[0] == 0.5
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert 0 < rates[-1] < 0.1
    assert Recipe(steps=1, tokens_per_step=1, lr=1.0, seed=0).lr_at(0) == 1.0


def linear(loaded, steps=6, seed=0, lr=1e-3, **kw):
    return distil_linear(loaded, {1: some_map()}, text(), steps=steps, tokens_per_step=64, lr=lr, seed=seed, **kw)


KILLED = """
import os, signal, sys, torch
from pathlib import Path
from nearlinear.edit import checkpoint
from nearlinear.inputs.load import load_model
sys.path.insert(0, sys.argv[2])
import test_distil
torch.set_num_threads(1)
checkpoint.SECONDS = 0
def kill(step, loss):
    if step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
test_distil.linear(load_model("tiny-llama"), checkpoint=Path(sys.argv[1]), on_step=kill)
"""


def test_a_run_that_was_killed_resumes_to_the_same_numbers(tiny, tmp_path):
    file = tmp_path / "run.safetensors"
    killed = subprocess.run([sys.executable, "-c", KILLED, file, os.path.dirname(__file__)], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    steps = []
    resumed = linear(tiny, checkpoint=file, on_step=lambda step, _loss: steps.append(step))
    whole = linear(tiny)
    assert steps == [4, 5, 6]
    assert resumed.losses == whole.losses
    a, b = resumed.maps[range(1, 2)], whole.maps[range(1, 2)]
    assert torch.equal(a.A, b.A)
    assert torch.equal(a.b, b.b)
    again = linear(tiny, checkpoint=file, on_step=lambda *_: pytest.fail("a finished run has no step left"))
    assert torch.equal(again.maps[range(1, 2)].A, b.A)
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]


def test_distil_all_resumes_to_the_same_numbers(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0)

    def all_weights(**kw):
        return distil_all(tiny, [1], text(), steps=5, tokens_per_step=64, lr=1e-3, **kw)

    def stop(step, _loss):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        all_weights(checkpoint=tmp_path / "run", on_step=stop)
    resumed, whole = all_weights(checkpoint=tmp_path / "run"), all_weights()
    assert resumed.losses == whole.losses
    assert resumed.loaded.source.sha256 == whole.loaded.source.sha256


def test_a_checkpoint_is_not_written_at_every_step(tiny, tmp_path):
    written = []
    linear(tiny, checkpoint=tmp_path / "run", on_step=lambda *_: written.append((tmp_path / "run").exists()))
    assert written == [False] * 5 + [True]


def test_the_seed_alone_decides(tiny):
    assert linear(tiny).losses == linear(tiny).losses
    assert linear(tiny).losses != linear(tiny, seed=1).losses


def test_a_checkpoint_of_another_run_is_refused(tiny, tmp_path):
    linear(tiny, steps=2, checkpoint=tmp_path / "run")
    with pytest.raises(InputError, match=r"is of another run \(its seed differ\): remove it, or choose another place"):
        linear(tiny, steps=2, seed=1, checkpoint=tmp_path / "run")
    with pytest.raises(InputError, match=r"its start differ"):
        linear(load_model("tiny-llama", random_seed=1), steps=2, checkpoint=tmp_path / "run")
    with pytest.raises(InputError, match=r"its error differ"):
        linear(tiny, steps=2, error=relative_error, checkpoint=tmp_path / "run")
    with pytest.raises(InputError, match=r"its mixed differ"):
        linear(tiny, steps=2, mixed="bfloat16", checkpoint=tmp_path / "run")


def test_a_broken_checkpoint_is_named(tiny, tmp_path):
    linear(tiny, steps=2, checkpoint=tmp_path / "run")
    (tmp_path / "run").write_bytes((tmp_path / "run").read_bytes()[:-100])
    with pytest.raises(BrokenFile, match="cannot be read: remove it to begin anew"):
        linear(tiny, steps=2, checkpoint=tmp_path / "run")


def test_a_loss_that_is_no_number_ends_the_run():
    broken = load_model("tiny-llama")
    with torch.no_grad():
        blocks(broken.model)[0].mlp.down_proj.weight[0, 0] = float("nan")
    with pytest.raises(NearlinearError, match=r"no longer a number at step 1: take a learning rate below 0\.001"):
        linear(broken)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: distil_linear(m, {}, text(), steps=1), "no block is named"),
        (lambda m: distil_all(m, [], text(), steps=1), "no block is named"),
        (lambda m: distil_linear(m, {3: nothing()}, text(), steps=1), "block 3 is not there: the blocks are 0 to 2"),
        (lambda m: distil_all(m, [1, 1], text(), steps=1), "block 1 is named twice"),
        (lambda m: distil_all(m, [0, 1, 2], text(), steps=1), "all 3 blocks are named"),
        (lambda m: distil_linear(m, {1: nothing()}, [], steps=1), "there is no text to train on"),
        (lambda m: distil_linear(m, {1: nothing()}, text(), steps=0), "0 steps of 1024 tokens .* train nothing"),
        (lambda m: distil_linear(m, {1: nothing()}, text(), steps=1, lr=0.0), "learning rate 0 train nothing"),
        (lambda m: distil_all(m, [1], text(), steps=1, mixed="half"), "no mixed precision 'half': choose bfloat16 or"),
    ],
)
def test_what_cannot_be_distilled_is_said_in_a_sentence(tiny, call, message):
    with pytest.raises(InputError, match=message):
        call(tiny)
