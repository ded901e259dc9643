"""Stacks at initialisation: what each is made of, that skipless ones collapse and the others do not, and gradients."""

import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from nearlinear.blocks.blocks import BLOCKS
from nearlinear.blocks.collapse import Reading, gradients, looks, next_token_loss, one_run, run, through
from nearlinear.blocks.config import SimplifiedConfig
from nearlinear.blocks.context import Context
from nearlinear.blocks.model import SimplifiedForCausalLM
from nearlinear.blocks.stacks import RECIPES, context_of, embeddings, query_key_value, stack, states_of
from nearlinear.blocks.visible import visible
from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.measure.signal import relative_residual, signal_of
from nearlinear.results.signal import SIZES, STACKS, SignalSpec, collapse_spec

SKIPLESS, SHAPED = ("attention", "attention-norm", "skipless"), ("v-skipinit", "sas", "sas-p", "sas-p-no-norm")
SMALL = {"L": 3, "d": 16, "h": 2}
SPEC = SignalSpec(**SMALL, T=12, seeds=(0, 1), tokens=("random",))


@pytest.fixture(scope="module")
def study():
    return run(SPEC, device="cpu")


@pytest.fixture(scope="module")
def deep():
    """18 blocks, causal and bidirectional, without gradients."""
    spec = SignalSpec(L=18, d=64, h=4, T=64, seeds=(0,), tokens=("random",), gradients=False)
    return run(spec.model_copy(update={"stacks": ("attention", "skipless", "pre-ln", "sas")}), device="cpu")


def test_there_is_a_recipe_for_every_stack_and_the_eight_blocks_are_among_them():
    assert set(RECIPES) == set(STACKS)
    assert {name: recipe.block for name, recipe in RECIPES.items() if name in BLOCKS} == BLOCKS


@pytest.mark.parametrize("name", STACKS)
def test_the_equation_with_its_matrices_is_the_fused_kernel(name):
    blocks, ids = stack(name, **SMALL, seed=0), torch.arange(12)
    for mask in SPEC.masks:
        x = states_of(ids, embeddings(16, 0))
        *_, (dense, matrix) = through(blocks, x, context_of(mask, 12))
        for block in blocks:
            x = block(x, Context(visible(12, causal=mask == "causal")))
        assert matrix.shape == (1, 2, 12, 12)
        assert torch.allclose(dense, x, rtol=1e-10, atol=1e-12)


def test_attention_alone_is_its_formula():
    (block,) = stack("attention", L=1, d=16, h=1, seed=0)
    x = states_of(torch.arange(12), embeddings(16, 0))[0]
    Q, K, V = (block.reads.part(name) for name in ("q", "k", "v"))
    A = torch.softmax((x @ Q.T) @ (x @ K.T).T / 4, dim=-1)
    ((y, _),) = through([block], x[None], context_of("bidirectional", 12))
    assert torch.allclose(y[0], A @ x @ V.T @ block.project.weight.T, rtol=1e-12)


def test_each_part_that_is_added_changes_the_answer_as_it_should():
    x, context = states_of(torch.arange(12), embeddings(16, 0)) * 3, context_of("causal", 12)
    alone, norm, skip = (
        stack(name, L=1, d=16, h=2, seed=0)[0] for name in ("attention", "attention-norm", "attention-skip")
    )
    assert torch.allclose(norm(x, context), alone(F.rms_norm(x, (16,)), context), rtol=1e-7)
    assert torch.allclose(skip(x, context), x + norm(x, context), rtol=1e-12)


def test_weights_are_drawn_from_the_seed_with_one_over_the_root_of_d():
    one, same, other = (stack("pre-ln", L=2, d=256, h=4, seed=seed) for seed in (0, 0, 1))
    for part in ("reads", "project", "up"):
        weights = [getattr(blocks[1], part).weight for blocks in (one, same, other)]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])
        assert weights[0].std().item() == pytest.approx(1 / 16, rel=0.02)
    assert one[0].reads.weight.dtype == torch.float64


def test_drawing_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    stack("v-skipinit", **SMALL, seed=0), embeddings(16, 0), Reading.of(SPEC).every
    assert torch.equal(torch.get_rng_state(), before)


def test_states_enter_with_size_one_and_know_their_places():
    x = states_of(torch.zeros(6, dtype=torch.long), embeddings(16, 0))
    assert torch.allclose(x.square().mean(-1), torch.ones(1, 6, dtype=torch.float64))
    assert not torch.allclose(x[0, 0], x[0, 5])


@pytest.mark.parametrize("mask", SPEC.masks)
def test_skipless_stacks_collapse_and_the_others_do_not(deep, mask):
    ends = {name: deep.of(name, mask, "random")[0].signal for name in deep.stacks}
    limit = 1e-10 if mask == "bidirectional" else 0.02
    for name in ("attention", "skipless"):
        assert ends[name].relative_residual[-1] < limit
        assert ends[name].cosine[-1] > 0.999
    assert ends["pre-ln"].relative_residual[-1] > 0.3
    assert ends["sas"].relative_residual[-1] > 0.9 * ends["sas"].relative_residual[0]


def test_the_causal_mask_slows_the_collapse(deep):
    after_four = [
        deep.of("attention", mask, "random")[0].signal.relative_residual[4] for mask in ("causal", "bidirectional")
    ]
    assert after_four[0] > 1e6 * after_four[1]


@pytest.mark.parametrize(("name", "mask"), list(product(STACKS, SPEC.masks)))
def test_shaped_attention_is_the_identity_and_softmax_attention_is_not(study, name, mask):
    away = [one.from_identity for one in study.of(name, mask, "random")]
    if name in (*SHAPED, "v-skipinit-value-skip"):
        assert max(away) < 1e-15
    else:
        assert min(away) > 0.5


def test_a_run_keeps_what_its_states_are(study):
    blocks, ids = stack("pre-ln", **SMALL, seed=1), Reading.of(SPEC).ids("random", 1)
    states = [states_of(ids, embeddings(16, 1))]
    states += [x for x, _ in through(blocks, states[0], context_of("causal", 12))]
    kept = study.of("pre-ln", "causal", "random")[1].signal
    assert kept.depth == (0, 1, 2, 3)
    assert kept.relative_residual == pytest.approx([relative_residual(x)[0].item() for x in states], rel=1e-7)


def test_gradients_are_those_of_small_steps():
    """‖∇W‖² is what the loss gains along the gradient: compare with a central difference in its direction."""
    blocks, ids, table = stack("pre-ln", **SMALL, seed=0), torch.arange(12), embeddings(16, 0)

    def loss():
        return next_token_loss(
            [x for x, _ in through(blocks, states_of(ids, table), context_of("causal", 12))][-1], ids, table
        )

    query = blocks[1].reads.part("q")
    for block in blocks:
        block.reads.weight.requires_grad_()
    direction = torch.autograd.grad(loss(), blocks[1].reads.weight)[0][:16]
    direction = direction / direction.norm()
    ends = []
    with torch.no_grad():
        for step in (1e-5, -2e-5):
            query += step * direction
            ends.append(loss().item())
        query += 1e-5 * direction
    found = gradients(loss(), blocks, (0, 1, 2))
    assert found.query[1] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


def test_the_loss_is_the_next_tokens():
    ids, table = torch.arange(5), embeddings(16, 0)
    x = table[ids.roll(-1)][None]  # each state is its next token's embedding
    assert next_token_loss(100 * x, ids, table).item() == pytest.approx(next_token_loss(x, ids, table).item())
    assert next_token_loss(x, ids, table) < next_token_loss(-x, ids, table)


def norms(study, name: str, matrix: str, mask: str = "causal") -> torch.Tensor:
    return torch.from_numpy(study.norms(name, mask, "random", matrix))


@pytest.mark.parametrize("name", SHAPED)
def test_where_queries_are_zero_keys_have_no_gradient_yet(study, name):
    assert (norms(study, name, "query") > 0).all()
    assert (norms(study, name, "key") == 0).all()


def test_where_beta_is_zero_as_well_queries_have_none_either(study):
    assert (norms(study, "v-skipinit-value-skip", "query") == 0).all()
    assert (norms(study, "v-skipinit-value-skip", "key") == 0).all()
    assert (norms(study, "v-skipinit-value-skip", "value") > 0).all()


@pytest.mark.parametrize("name", ["sas", "sas-p", "sas-p-no-norm"])
def test_sas_has_a_value_matrix_in_its_first_block_alone(study, name):
    value = norms(study, name, "value")
    assert (value[:, 0] > 0).all()
    assert value[:, 1:].isnan().all()


@pytest.mark.parametrize("name", ["attention", "skipless", "pre-ln", "post-ln", "parallel"])
def test_where_queries_are_drawn_all_three_have_a_gradient(study, name):
    for matrix in ("query", "key", "value"):
        assert (norms(study, name, matrix) > 0).all()


def test_the_gradients_of_queries_vanish_where_tokens_are_alike_and_those_of_values_do_not():
    spec = SignalSpec(L=8, d=32, h=2, T=32, seeds=(0,), stacks=("attention", "pre-ln"), masks=("bidirectional",))
    found = run(spec.model_copy(update={"tokens": ("random",)}), device="cpu")
    query, value = (norms(found, "attention", matrix, "bidirectional")[0] for matrix in ("query", "value"))
    assert query[-1] < 1e-10 < 1e-3 < value[-1]
    assert norms(found, "pre-ln", "query", "bidirectional")[0, -1] > 1e-4


def test_without_gradients_none_are_kept_and_the_signal_is_the_same(study):
    spec = SPEC.model_copy(update={"gradients": False})
    plain = run(spec, device="cpu")
    assert {one.gradients for one in plain.runs} == {None}
    assert [one.signal for one in plain.runs] == [one.signal for one in study.runs]


def test_every_choice_is_run_once_and_the_study_says_what_it_is(study):
    keys = [(one.stack, one.mask, one.tokens, one.seed) for one in study.runs]
    assert sorted(keys) == sorted(product(STACKS, SPEC.masks, ("random",), (0, 1)))
    made = study.provenance
    assert (made.n_tokens, made.n_windows, made.dtype, made.device) == (24, 2, "float64", "cpu")
    assert (made.model.L, made.model.d, made.corpus.id) == (3, 16, "random tokens")


def test_text_is_read_byte_by_byte_an_article_a_seed(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("héllo world, again and again")
    spec = SPEC.model_copy(update={"tokens": ("text",), "corpus": str(path)})
    reading = Reading.of(spec)
    assert bytes(reading.ids("text", 0).tolist()) == "héllo world".encode()
    assert torch.equal(reading.ids("text", 1), reading.ids("text", 0))  # there is one document
    blocks = stack("sas", **SMALL, seed=0)
    assert one_run(spec, blocks, "sas", "causal", "text", 0, reading.ids("text", 0)).tokens == "text"


def test_a_text_without_a_long_document_is_refused(tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("short")
    with pytest.raises(NotEnoughTokens, match="has 12 bytes: take a longer text or fewer tokens"):
        Reading.of(SPEC.model_copy(update={"tokens": ("text",), "corpus": str(path)}))


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="no stack 'sass': choose one of attention, "):
        stack("sass", **SMALL, seed=0)
    with pytest.raises(InputError, match="no size 'huge': choose one of quick, cpu, gpu"):
        collapse_spec("huge")
    with pytest.raises(ValueError, match="stacks"):
        SignalSpec(stacks=("sass",))


def test_what_is_kept_of_a_deep_stack():
    spec = SIZES["cpu"]
    assert spec.depths == (*range(19), 24, 30, 36, 42, 48, 54, 60, 66, 72)
    assert spec.blocks == (*range(19), 24, 30, 36, 42, 48, 54, 60, 66, 71)
    assert query_key_value(stack("sas", **SMALL, seed=0)[0])[1].shape == (16, 16)


def test_a_look_shows_what_enters_a_block_and_how_it_is_mixed():
    causal, other = looks(SPEC, stacks=("sas",), first=8)
    assert (causal.mask, other.mask, causal.L) == ("causal", "bidirectional", 3)
    assert causal.cosines.shape == causal.attention.shape == (3, 8, 8)
    assert causal.attention[0] == pytest.approx(torch.eye(8).numpy(), abs=1e-6)
    x = F.normalize(states_of(Reading.of(SPEC).ids("random", 0), embeddings(16, 0))[0, :8], dim=-1)
    assert causal.cosines[0] == pytest.approx((x @ x.T).numpy(), abs=1e-6)
    assert len(causal.signal.depth) == 4
    assert not math.isnan(causal.signal.cosine[3])


@pytest.mark.parametrize("block", BLOCKS)
def test_a_whole_model_is_measured_at_its_own_blocks(block):
    config = SimplifiedConfig(block, hidden_size=16, num_attention_heads=2, num_hidden_layers=2, vocab_size=32)
    model, ids = SimplifiedForCausalLM(config).double().eval(), torch.arange(24).reshape(2, 12)
    states = model(input_ids=ids, output_hidden_states=True).hidden_states
    found = signal_of(model, ids)
    assert found.depth == (0, 1, 2)
    wanted = [relative_residual(x).mean().item() for x in states[:2]]  # the last comes after the final norm
    assert found.relative_residual[:2] == pytest.approx(wanted, rel=1e-7)


def test_a_look_at_softmax_attention_sees_the_mask():
    causal, other = looks(SPEC, stacks=("attention",), first=12)
    assert (torch.from_numpy(causal.attention).triu(1) == 0).all()
    assert (other.attention > 0).all()
    assert other.attention.max(-1) == pytest.approx(1)
