"""Orders of pruning: planted measures, the identity behind the paper's one, and angles against plain matrices."""

import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

from nearlinear.edit import orders
from nearlinear.edit.angles import angular_distances
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.fitting import affine
from nearlinear.edit.orders import MEASURES, ORDERS, plan
from nearlinear.edit.rescore import profile_now, rescored
from nearlinear.edit.runs import run_moments
from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.tiny import byte_tokenizer, tiny_model
from nearlinear.inputs.windows import Window, WindowSet
from nearlinear.measure.linearity import AffineMap, linearity_score
from tests.show import synthetic

L = 5


@pytest.fixture(scope="module")
def tiny():
    """A tiny Llama of five blocks, whose second barely does anything."""
    loaded = load_model("tiny-llama")
    model = tiny_model("llama", L=L, seed=4)
    with torch.no_grad():
        for part in (blocks(model)[1].self_attn.o_proj, blocks(model)[1].mlp.down_proj):
            part.weight *= 0.01
    return LoadedModel(model, byte_tokenizer(), loaded.source.model_copy(update={"L": L}), loaded.context)


def windows_of(lengths, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), i) for i, n in enumerate(lengths))


@pytest.fixture(scope="module")
def windows():
    return WindowSet(fit=windows_of([120, 90, 100, 75]), test=windows_of([80, 101, 64], seed=1), group="document")


def planted(**fields):
    """A profile of five blocks with these numbers in place of plausible ones."""
    profile = synthetic.profile(L=L)
    no_massive = profile.held_out.no_massive_token
    held = {name: fields.pop(name) for name in ("held_scores", "held_update_scores") if name in fields}
    no_massive = no_massive.model_copy(update={name.removeprefix("held_"): v for name, v in held.items()})
    held_out = profile.held_out.model_copy(update={"no_massive_token": no_massive})
    return profile.model_copy(update={"held_out": held_out, **fields})


@pytest.mark.parametrize(
    ("order", "field"),
    [("score", "scores"), ("heldout", "held_update_scores"), ("energy", "held_scores"), ("bi", "cosine")],
)
def test_the_most_linear_block_goes_first(order, field):
    profile = planted(**{field: (0.2, 0.9, 0.5, 0.95, 0.1)})
    assert plan(order, profile, 4).steps == ((3,), (1, 3), (1, 2, 3), (0, 1, 2, 3))
    assert plan(order, profile, 4).name == order


def test_each_order_has_a_function_of_its_own_name():
    profile = planted()
    made = (orders.by_score, orders.by_held_out_update, orders.by_update_energy, orders.by_influence)
    for name, by in zip(MEASURES, made, strict=True):
        assert by(profile, 3) == plan(name, profile, 3)
    assert set(MEASURES) < set(ORDERS)


def test_equal_blocks_go_from_the_shallowest_on():
    assert orders.by_score(planted(scores=(0.5, 0.9, 0.5, 0.9, 0.5)), 4).steps[-1] == (0, 1, 2, 3)
    assert orders.by_score(planted(scores=(0.5, 0.9, 0.5, 0.9, 0.5)), 1).steps == ((1,),)


def test_in_sample_the_papers_order_is_that_of_the_unexplained_energy():
    """(1 - score) ‖Y‖² = ‖E‖²: here ‖E‖² is taken from plain least squares of the update, in float64."""
    g = torch.Generator().manual_seed(0)
    states = [torch.randn(200, 8, generator=g, dtype=torch.float64)]
    for layer in range(L):
        states.append(states[-1] + torch.tanh(states[-1]) * (0.3 + layer % 3) + 0.1 * layer)
    energy, scores = [], []
    for x, y in pairwise(states):
        ones = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)
        error = (y - x) - ones @ torch.linalg.lstsq(ones, y - x).solution
        energy.append(float(error.square().sum() / (y - y.mean(0)).square().sum()))
        scores.append(linearity_score(x, y))
    profile = planted(scores=tuple(scores))
    np.testing.assert_allclose(orders.unscored(profile), energy, atol=1e-12)
    assert orders.by_score(profile, L - 1) == orders.nested("score", np.argsort(energy)[:-1].tolist())


def test_last_first_keeps_the_last_block():
    assert orders.last_first(L, 4).steps == ((3,), (2, 3), (1, 2, 3), (0, 1, 2, 3))


def test_a_random_order_hangs_on_its_seed_alone():
    a, b = orders.random_order(30, 12, 0), orders.random_order(30, 5, 0)
    assert a.name == "random-0"
    assert a.steps[:5] == b.steps
    assert all(set(few) < set(more) and len(more) == len(few) + 1 for few, more in pairwise(a.steps))
    assert orders.random_order(30, 12, 1).steps != a.steps
    assert plan("random-7", planted(), 3) == orders.random_order(L, 3, 7)
    assert plan("random", planted(), 3) == orders.random_order(L, 3, 0)


def test_runs_need_not_be_prefixes_of_each_other():
    distances = {range(a, b): 0.5 for a in range(L) for b in range(a + 1, L + 1)}
    distances |= {range(3, 4): 0.1, range(2): 0.2, range(1, 4): 0.3, range(2, 5): 0.3}
    assert orders.by_angle(distances, 3).steps == ((3,), (0, 1), (1, 2, 3))
    assert plan("angular", planted(), 3, distances=distances) == orders.by_angle(distances, 3)


@pytest.mark.parametrize("k", [0, -1, L, 9])
def test_at_least_one_block_is_changed_and_one_is_left(k):
    for name in ("score", "heldout", "energy", "bi", "last", "random-1"):
        with pytest.raises(InputError, match=rf"^{k} of 5 blocks cannot be changed: choose from 1 to 4$"):
            plan(name, planted(), k)
    with pytest.raises(InputError, match=f"^{k} of 5 blocks"):
        plan("angular", planted(), k, distances={range(4, 5): 0.5})


def test_what_cannot_be_ordered_says_why():
    broken = (0.1, math.nan, 0.2, math.nan, 0.3)
    with pytest.raises(InputError, match=r"^block 1 has no score to order it by: measure the model on more text$"):
        plan("score", planted(scores=broken), 2)
    with pytest.raises(InputError, match=r"goes by held-out text, and none was held out"):
        plan("heldout", synthetic.profile(L=L, held_out=False), 2)
    with pytest.raises(InputError, match=r"^no order 'best': choose one of score, heldout, energy, bi, angular"):
        plan("best", planted(), 2)
    with pytest.raises(InputError, match=r"^no order 'random-x'"):
        plan("random-x", planted(), 2)
    with pytest.raises(InputError, match=r"greedy needs the model and a text to choose on"):
        plan("greedy", planted(), 2)
    with pytest.raises(InputError, match=r"angular needs the distances of `angular_distances`"):
        plan("angular", planted(), 2)
    with pytest.raises(InputError, match=r"runs of 2 blocks have no angular distance: measure runs of up to 2 blocks"):
        plan("angular", planted(), 2, distances={range(a, a + 1): 0.5 for a in range(L)})
    with pytest.raises(InputError, match=r"runs of 1 blocks have no angular distance"):
        plan("angular", planted(), 1, distances={range(4, 5): 0.5, range(3, 4): math.nan})


def test_orders_need_no_torch():
    """A page that shows an order draws on recorded results, and no model runs for it."""
    script = "import nearlinear.edit.orders, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def states_of(loaded, window):
    """All L + 1 states of one window, (T, d) each, in float64: hooks of its own, no batch, no padding."""
    seen = []
    handles = [
        block.register_forward_pre_hook(
            lambda _m, args, kwargs: seen.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
        )
        for block in blocks(loaded.model)
    ]
    handles.append(
        blocks(loaded.model)[-1].register_forward_hook(
            lambda _m, _args, output: seen.append(output if isinstance(output, torch.Tensor) else output[0])
        )
    )
    with torch.inference_mode():
        loaded.model.base_model(torch.tensor([window.input_ids]))
    for handle in handles:
        handle.remove()
    return [state[0].double() for state in seen]


@pytest.mark.parametrize("family", ["gpt2", "llama", "falcon"])
@pytest.mark.parametrize("last_token_only", [False, True])
def test_angular_distances_equal_the_plain_formula(family, last_token_only):
    loaded, texts = load_model(f"tiny-{family}"), windows_of([40, 33, 50, 7])
    found = angular_distances(loaded, texts, longest=2, last_token_only=last_token_only, batch_tokens=100)
    states = [states_of(loaded, window) for window in texts]
    assert list(found) == [range(1), range(1, 2), range(2, 3), range(2), range(1, 3)]
    for run, distance in found.items():
        tokens = slice(-1, None) if last_token_only else slice(None)
        each = [torch.nn.functional.cosine_similarity(s[run.start][tokens], s[run.stop][tokens], dim=1) for s in states]
        expected = float((torch.cat(each).arccos() / math.pi).mean())
        assert distance == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_state_that_only_grows_does_not_turn(windows):
    loaded = load_model("tiny-llama")
    with replaced(loaded.model, {1: AffineMap(torch.eye(32), torch.zeros(32), torch.zeros(32))}):  # x ↦ 2 x
        found = angular_distances(loaded, windows.fit, longest=2)
    assert found[range(1, 2)] == pytest.approx(0, abs=1e-7)
    assert found[range(2)] == pytest.approx(found[range(1)], abs=1e-7)


def test_angular_distances_refuse_what_they_cannot_measure(tiny, windows):
    for longest in (0, L):
        with pytest.raises(InputError, match=rf"runs of {longest} blocks in a model of 5 .* choose from 1 to 4"):
            angular_distances(tiny, windows.fit, longest=longest)
    with pytest.raises(InputError, match="no text to measure angles on"):
        angular_distances(tiny, [], longest=1)


@pytest.mark.parametrize(("how", "order"), [("remove", "heldout"), ("replace", "energy"), ("replace", "score")])
def test_rescored_measures_the_model_that_is_left(tiny, windows, how, order):
    """The slow twin opens the model up by `removed` and `replaced`, which share no code with the loop."""
    measure, before = MEASURES[order], dict(tiny.model.state_dict())
    found = rescored(tiny, windows, measure, 2, how=how)
    changed = {}
    for step in found.steps:
        with removed(tiny.model, changed) if how == "remove" else replaced(tiny.model, changed):
            values = measure(profile_now(tiny, windows))
            left = [layer for layer in range(L) if layer not in changed]
            chosen = min(left, key=lambda layer: values[layer])
            changed[chosen] = affine(run_moments(tiny, windows.fit, longest=1)[range(chosen, chosen + 1)])
        assert step == tuple(sorted(changed))
    assert found.name == "rescored"
    assert list(tiny.model.state_dict()) == list(before)


def test_rescoring_can_change_the_order(tiny, windows):
    once = plan("score", profile_now(tiny, windows), 3)
    again = rescored(tiny, windows, orders.unscored, 3, how="remove")
    assert once.steps[0] == again.steps[0]
    assert once.steps[-1] != again.steps[-1]


def test_a_block_that_does_next_to_nothing_is_the_first_by_influence(tiny, windows):
    assert orders.by_influence(profile_now(tiny, windows), 2).steps[0] == (1,)


def test_rescored_refuses_what_it_cannot_do(tiny, windows):
    with pytest.raises(InputError, match="5 of 5 blocks cannot be changed"):
        rescored(tiny, windows, orders.unscored, 5, how="remove")
    with pytest.raises(InputError, match="cannot be changed by 'forget': choose remove or replace"):
        rescored(tiny, windows, orders.unscored, 1, how="forget")
    few = WindowSet(fit=windows_of([20]), test=(), group="window")
    with pytest.raises(NotEnoughTokens, match="at least 34 are needed"):
        rescored(tiny, few, orders.unscored, 1, how="remove")
