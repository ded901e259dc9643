"""Shaped attention without a T × T matrix, against the matrix; and its running mean, against a slow one."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from nearlinear.blocks.attention import (
    attend_and_centre,
    sdpa,
    shaped,
    shaped_matrix,
    softmax_matrix,
    visible_mean,
)
from nearlinear.blocks.kernels import attend_with, eager
from nearlinear.blocks.mixing import rotate
from nearlinear.blocks.positions import alibi_slopes, rotary
from nearlinear.blocks.visible import visible
from nearlinear.errors import InputError

from .made import normal

B, T, D_K, N_HEADS = 3, 7, 4, 2
PADDING = torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 0], [1, 1, 0, 1, 1, 0, 1]])
SEGMENTS = torch.tensor([[1, 1, 1, 2, 2, 3, 3], [0, 4, 4, 4, 4, 4, 9], [2, 2, 2, 7, 7, 7, 7]])
MASKS = {
    "causal": {"causal": True},
    "bidirectional": {"causal": False},
    "causal, padded": {"causal": True, "attention_mask": PADDING},
    "bidirectional, padded": {"causal": False, "attention_mask": PADDING},
    "causal, window": {"causal": True, "window": 3},
    "bidirectional, window": {"causal": False, "window": 2},
    "causal, packed": {"causal": True, "segments": SEGMENTS},
    "bidirectional, packed": {"causal": False, "segments": SEGMENTS},
    "all at once": {"causal": True, "window": 3, "segments": SEGMENTS, "attention_mask": PADDING},
}
EVERY = {**MASKS, **{f"{name}, ALiBi": mask | {"alibi": True} for name, mask in MASKS.items()}}
every_mask = pytest.mark.parametrize("mask", EVERY.values(), ids=EVERY)


def seen_with(alibi=False, n=T, **mask):
    seen = visible(n, **mask)
    return seen.with_slopes(alibi_slopes(N_HEADS, "cpu").double()) if alibi else seen


def inputs(n=T, seed=0, dtype=torch.float64):
    """q, k, v (B, h, T, d_k) and gains (h,), all to be differentiated."""
    shapes = [(B, N_HEADS, n, D_K)] * 3 + [(N_HEADS,)] * 3
    drawn = [normal(*shape, seed=seed + i, dtype=dtype) for i, shape in enumerate(shapes)]
    return [x.requires_grad_() for x in drawn]


def fused(q, k, v, *gains, seen, attend=sdpa):
    return shaped(q, k, v, v, gains, seen, attend)


def dense(q, k, v, *gains, seen):
    return shaped_matrix(q, k, gains, seen) @ v


def with_gradients(function, given, seen):
    out = function(*given, seen=seen)
    weights = normal(*out.shape, seed=99)
    return [out, *torch.autograd.grad((out * weights).sum(), given)]


@every_mask
@pytest.mark.parametrize("attend", [sdpa, eager])
def test_fused_is_dense_in_outputs_and_all_gradients(mask, attend):
    seen, given = seen_with(**mask), inputs()
    ours = with_gradients(lambda *given, seen: fused(*given, seen=seen, attend=attend), given, seen)
    for one, other in zip(ours, with_gradients(dense, given, seen), strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


@every_mask
def test_gradients_are_those_of_finite_differences(mask):
    mask = {name: value[:, :4] if torch.is_tensor(value) else value for name, value in mask.items()}
    seen, given = seen_with(n=4, **mask), inputs(n=4)
    assert torch.autograd.gradcheck(lambda *given: fused(*given, seen=seen), given)


@every_mask
def test_a_wrong_centre_is_found(mask):
    """The must-fail twin: C of another mask is not C of this one."""
    seen, given = seen_with(**mask), inputs()
    other = visible(T, causal=not mask["causal"])
    A, v = softmax_matrix(*given[:2], seen), given[2]
    wrong = given[3].view(-1, 1, 1) * v + given[4].view(-1, 1, 1) * (A @ v)
    wrong = wrong - given[5].view(-1, 1, 1) * visible_mean(v, other)
    assert (wrong - fused(*given, seen=seen)).abs().max() > 1e-3


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_mean_over_visible_tokens_is_a_loop_and_softmax_of_the_mask(mask):
    seen, v = seen_with(**mask), normal(B, N_HEADS, T, D_K)
    S = seen.mask.expand(B, 1, T, T)[:, 0]
    slow = torch.zeros_like(v)
    for b in range(B):
        for i in range(T):
            if S[b, i].any():
                slow[b, :, i] = v[b][:, S[b, i]].mean(1)
    torch.testing.assert_close(visible_mean(v, seen), slow, atol=1e-14, rtol=0)
    C = softmax_matrix(torch.zeros_like(v), v, seen)
    torch.testing.assert_close(C @ v, slow, atol=1e-14, rtol=0)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_alibi_has_a_centre_of_its_own(mask):
    seen, (q, k, v, *_) = seen_with(alibi=True, **mask), inputs()
    centre = attend_and_centre(q, k, v, seen, sdpa)[1]
    torch.testing.assert_close(centre, softmax_matrix(torch.zeros_like(q), k, seen) @ v, atol=1e-14, rtol=0)
    assert (centre - visible_mean(v, seen)).abs().max() > 0.01  # the plain mean would be wrong


@every_mask
def test_logits_of_zero_leave_the_identity(mask):
    """A = C where W_Q = 0, so αI is left (α = β = γ = 1)."""
    seen, (_, k, v, *_) = seen_with(**mask), inputs()
    ones = torch.ones(N_HEADS, dtype=torch.float64)
    torch.testing.assert_close(fused(torch.zeros_like(k), k, v, ones, ones, ones, seen=seen), v, atol=1e-14, rtol=0)


@pytest.mark.parametrize("attend", [sdpa, eager])
@pytest.mark.parametrize("alibi", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_rows_that_see_nothing_give_alpha_v_and_finite_gradients(attend, alibi, causal):
    hidden = torch.tensor([[0] * T, [0, 0, 0, 1, 1, 1, 1], [1] * T])
    seen, given = seen_with(alibi=alibi, causal=causal, attention_mask=hidden), inputs()
    with torch.autograd.set_detect_anomaly(True):
        out, *gradients = with_gradients(lambda *g, seen: fused(*g, seen=seen, attend=attend), given, seen)
    blind = ~seen.mask.any(-1)[:, 0]
    assert blind[0].all()
    assert blind.any(1).tolist() == [True, causal, False]
    alpha_v = given[3].view(-1, 1, 1) * given[2]
    assert torch.equal(out.transpose(1, 2)[blind], alpha_v.transpose(1, 2)[blind])
    assert all(gradient.isfinite().all() for gradient in gradients)
    torch.testing.assert_close(out, dense(*given, seen=seen), atol=1e-12, rtol=0)


@every_mask
def test_one_query_is_the_last_row(mask):
    if "segments" in mask:
        mask = mask | {"segments": None}  # packed documents have no cache
    whole = fused(*(given := inputs()), seen=seen_with(**mask))
    q, k, v, *gains = given
    late = seen_with(n=1, n_past=T - 1, **mask)
    last = shaped(q[..., -1:, :], k, v, v[..., -1:, :], gains, late, sdpa)
    torch.testing.assert_close(last, whole[..., -1:, :], atol=1e-13, rtol=0)


def test_turning_queries_and_keys_leaves_the_centre_and_sees_only_distances():
    seen, (q, k, v, *_) = seen_with(causal=True), inputs()
    tables = [tuple(t.double() for t in rotary(torch.arange(T)[None] + start, D_K, 10.0)) for start in (0, 11)]
    near, far = (softmax_matrix(rotate(q, t), rotate(k, t), seen) for t in tables)
    torch.testing.assert_close(near, far, atol=1e-5, rtol=0)  # angles are float32
    assert (near - softmax_matrix(q, k, seen)).abs().max() > 0.01
    C = softmax_matrix(rotate(torch.zeros_like(q), tables[0]), rotate(k, tables[0]), seen)
    torch.testing.assert_close(C @ v, visible_mean(v, seen), atol=1e-14, rtol=0)


class Largest(TorchDispatchMode):
    """Elements of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        made = [x for x in (out if isinstance(out, tuple | list) else [out]) if torch.is_tensor(x)]
        self.elements = max([self.elements, *(x.numel() for x in made)])
        return out


@pytest.mark.parametrize("causal", [True, False])
def test_no_matrix_of_tokens_by_tokens_is_made(causal):
    n, seen = 512, visible(512, causal=causal)

    def largest(function):
        given = [normal(1, 1, n, D_K).requires_grad_() for _ in range(3)] + [torch.ones(1, dtype=torch.float64)] * 3
        with Largest() as watch:
            function(*given, seen=seen).sum().backward()
        return watch.elements

    assert largest(fused) < 16 * n * D_K
    assert largest(dense) >= n * n


@pytest.fixture
def planted():
    """A kernel entered in transformers' list, which remembers what it was asked, and answers by softmax."""
    asked = []

    def kernel(module, q, k, v, attention_mask, *, scaling, is_causal, **words):
        asked.append((attention_mask, is_causal, words | {"n": q.shape[2], "dtypes": {q.dtype, k.dtype, v.dtype}}))
        seen = visible(q.shape[2], causal=is_causal, attention_mask=attention_mask)
        A = (q @ k.mT * scaling).masked_fill(~(seen.over(k.shape[2])).mask, -1e30).softmax(-1)
        return (A @ v).transpose(1, 2), None

    ALL_ATTENTION_FUNCTIONS.register("planted", kernel)
    yield asked
    ALL_ATTENTION_FUNCTIONS._global_mapping.pop("planted", None)


@pytest.mark.parametrize("name", ["causal", "bidirectional", "causal, padded", "bidirectional, padded"])
def test_any_kernel_of_transformers_can_be_chosen(planted, name):
    seen, given = seen_with(**MASKS[name]), inputs()
    out = fused(*given, seen=seen, attend=attend_with("planted", torch.nn.Module()))
    told = seen.mask.any(-1, keepdim=True)  # rows that see nothing are the kernel's own affair
    torch.testing.assert_close(out * told, dense(*given, seen=seen) * told, atol=1e-12, rtol=0)
    (mask, is_causal, _), *_ = planted
    assert is_causal == MASKS[name]["causal"]
    assert (mask is None) == ("padded" not in name)


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("ALiBi", seen_with(causal=True, alibi=True)),
        ("packed documents", seen_with(causal=True, segments=SEGMENTS)),
        ("a window", seen_with(causal=True, window=2)),
        ("a static cache", seen_with(causal=True).over(20)),
    ],
)
def test_a_kernel_is_not_asked_for_what_it_cannot_do(planted, what, seen):
    attend = attend_with("planted", torch.nn.Module())
    with pytest.raises(InputError, match=f"planted cannot honour {what}: choose attn_implementation='sdpa'"):
        attend(*inputs()[:3], seen)
    assert not planted


def test_one_query_and_the_one_of_zeros_reach_a_kernel_one_by_one(planted):
    """A kernel that is handed two queries takes them for the last two tokens, and the padding of the wrong ones."""
    seen = visible(1, causal=True, n_past=4, attention_mask=torch.tensor([[1, 1, 1, 0, 1]]))
    q, k, v = torch.randn(1, 2, 2, 4), torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4, dtype=torch.float64)
    attend_with("planted", torch.nn.Module())(q, k, v, seen)
    assert [words["n"] for *_, words in planted] == [1, 1]
    assert all(words["dtypes"] == {q.dtype} for *_, words in planted)
