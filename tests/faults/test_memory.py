"""A device runs out of memory: the batch halves by itself, the numbers stay, and one sentence says where it cannot."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from nearlinear.cli import main
from nearlinear.edit import prune as pruning
from nearlinear.edit.prune import PruneSpec, prune
from nearlinear.errors import OutOfMemory
from nearlinear.inputs.load import load_model
from nearlinear.inputs.windows import Window
from nearlinear.memory import halving
from nearlinear.results.profile_spec import ProfileSpec
from nearlinear.results.specs import TokenWindows
from nearlinear.study import run
from tests.report.made import folder_model

CONTEXT = 64


@contextmanager
def small_device(most: int):
    """Inside, tiny Llamas run out of memory in the middle block of a batch of more than `most` tokens."""
    from transformers.models.llama.modeling_llama import LlamaMLP

    plain, seen = LlamaMLP.forward, []

    def forward(self, x):
        seen.append(x.shape[0] * x.shape[1])
        if seen[-1] > most and len(seen) % 3 == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nmore")
        return plain(self, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LlamaMLP, "forward", forward)
        yield seen


@pytest.fixture
def spec(text) -> ProfileSpec:
    windows = TokenWindows(context=CONTEXT, n_tokens=4096, test_fraction=0.25)
    return ProfileSpec(model="tiny-llama", corpus=text, windows=windows, precision="exact")


def test_scores_stay_the_same_with_half_the_batch(spec, capsys):
    whole = run(spec, device="cpu")[0]
    with small_device(most=600) as seen:
        halved = run(spec, device="cpu")[0]
    assert max(seen) == 2048  # it was tried
    assert seen[-1] <= 512
    said = capsys.readouterr().err
    assert "memory ran out, so again with batches of 1024 tokens" in said
    assert "with batches of 512 tokens" in said
    for name in ("scores", "update_scores", "norm_ratio", "energy_ratio", "cosine", "perplexity"):
        assert np.allclose(getattr(whole, name), getattr(halved, name), rtol=0, atol=1e-7 * scale(name, whole)), name
    for part in ("scores", "update_scores"):
        assert np.allclose(getattr(whole.held_out, part), getattr(halved.held_out, part), rtol=0, atol=1e-7)
    assert (whole.n, whole.massive_tokens, whole.rank) == (halved.n, halved.massive_tokens, halved.rank)


def scale(name: str, profile) -> float:
    """A perplexity is no number between 0 and 1, and the mean of each batch comes from the model in float32."""
    return 10 * profile.perplexity if name == "perplexity" else 1.0


WAYS = ({"layers": (1,)}, *({"count": 1, "order": order} for order in ("greedy", "angular", "score")))


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_pruning_stays_the_same_with_half_the_batch(text, options):
    spec = PruneSpec(model="tiny-llama", corpus=text, tokens=2048, context=CONTEXT, precision="exact", **options)
    whole = prune(spec, device="cpu")
    with small_device(most=300) as seen:
        halved = prune(spec, device="cpu")
    assert max(seen) > 300
    assert halved.layers == whole.layers
    assert halved.after.mean == pytest.approx(whole.after.mean, abs=1e-6)
    for one, other in zip(whole.maps.values(), halved.maps.values(), strict=True):
        assert torch.allclose(one.A, other.A, rtol=0, atol=1e-6)


def test_where_one_window_does_not_fit_one_sentence_says_what_to_take(text, capsys):
    call = ["score", "--model", "tiny-llama", "--text", text, "--tokens", "1024", "--context", str(CONTEXT)]
    with small_device(most=CONTEXT - 1):
        assert main(call) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last == (
        f"nearlinear: memory does not hold this model with one window of {CONTEXT} tokens: take --dtype bfloat16, a "
        "smaller --context, --device cpu or a smaller model (CUDA out of memory. Tried to allocate 2 GiB.)"
    )


def test_weights_that_do_not_fit_are_one_sentence(tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    folder = folder_model(tmp_path / "model")
    monkeypatch.setattr(PreTrainedModel, "to", full)
    with pytest.raises(OutOfMemory, match=r"^the memory of cpu does not hold the weights: take --dtype bfloat16"):
        load_model(str(folder))


@pytest.mark.parametrize("words", ["MPS backend out of memory", "DefaultCPUAllocator: can't allocate memory: 12 bytes"])
def test_devices_without_an_error_of_their_own_say_it_in_words(words):
    tried = []

    def work(batch_tokens):
        tried.append(batch_tokens)
        if batch_tokens > 600:
            raise RuntimeError(words)
        return "done"

    assert halving(work, [Window((1,) * 10, 0)]) == "done"
    assert tried == [2048, 1024, 512]


def test_another_error_is_not_tried_again():
    tried = []

    def work(batch_tokens):
        tried.append(batch_tokens)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        halving(work, [Window((1, 2), 0)])
    assert tried == [2048]


def test_the_model_is_left_as_it_was(text):
    loaded = load_model("tiny-llama")
    spec = PruneSpec(model="tiny-llama", corpus=text, tokens=1024, context=CONTEXT, count=1)
    with pytest.MonkeyPatch.context() as patch, small_device(most=10):
        patch.setattr(pruning, "load_model", lambda *_, **__: loaded)
        with pytest.raises(OutOfMemory):
            prune(spec, device="cpu")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in loaded.model.modules())
    assert len(loaded.model.model.layers) == 3
