"""Removing and replacing blocks, in every family: against smaller models, hand-written loops, and what was before."""

import copy

import pytest
import torch
from torch import nn
from transformers import Gemma2Config, Gemma2ForCausalLM

from nearlinear.edit.edits import blocks_as_tuple, check_layers, place, removed, replaced, with_standins
from nearlinear.edit.standins import AffineBlock, PassThrough
from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.models import blocks, blocks_path
from nearlinear.inputs.tiny import FAMILIES, tiny_model
from nearlinear.measure.linearity import AffineMap
from nearlinear.measure.residual import watching

D, L = 32, 5
DECODERS = tuple(family for family in FAMILIES if family != "bert")
IDS = torch.arange(10, 34).reshape(2, 12)


def some_map(seed=0, d=D):
    g = torch.Generator().manual_seed(seed)
    A, mean_x, mean_d = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((d, d), (d,), (d,)))
    return AffineMap(A / d, mean_x, mean_d)


def output(model, ids=IDS):
    with torch.no_grad():
        answer = model(input_ids=ids)
    return answer.logits if "logits" in answer else answer.last_hidden_state


def smaller(model, family, kept):
    """A model of len(kept) blocks with the weights of these, and everything else as it is."""
    small, path = tiny_model(family, L=len(kept), seed=9), blocks_path(model)
    rest = {name: weight for name, weight in model.state_dict().items() if not name.startswith(f"{path}.")}
    small.load_state_dict(rest, strict=False)
    for block, layer in zip(blocks(small), kept, strict=True):
        block.load_state_dict(blocks(model)[layer].state_dict())
    return small


def continued(model, **how):
    """Tokens that the model writes, and the logits that it chose them by."""
    how = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "pad_token_id": 0} | how
    answer = model.generate(
        IDS, attention_mask=torch.ones_like(IDS), return_dict_in_generate=True, output_logits=True, **how
    )
    return answer.sequences, torch.stack(answer.logits)


def assert_same_text(one, other):
    assert torch.equal(one[0], other[0])
    torch.testing.assert_close(one[1], other[1], atol=1e-5, rtol=1e-4)


def state_of(model):
    """What a `with` must put back: modules by name and identity, weights by content, and every plain attribute."""
    modules = {name: id(module) for name, module in model.named_modules()}
    weights = {name: (id(weight), weight.clone()) for name, weight in model.named_parameters()}
    plain = {
        (name, key): value
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, int | float | str | bool | None)
    }
    return modules, weights, plain, model.config.to_dict()


def assert_as_before(model, before):
    modules, weights, plain, config = state_of(model)
    assert modules == before[0]
    assert list(modules) == list(before[0])
    assert {name: id for name, (id, _) in weights.items()} == {name: id for name, (id, _) in before[1].items()}
    assert all(torch.equal(weight, before[1][name][1]) for name, (_, weight) in weights.items())
    assert plain == before[2]
    assert config == before[3]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [[0, 2], [4]])
def test_removed_is_the_model_with_fewer_blocks(family, layers):
    model = tiny_model(family, L=L)
    expected = output(smaller(model, family, [layer for layer in range(L) if layer not in layers]))
    assert not torch.allclose(output(model), expected, atol=1e-4)
    with removed(model, layers) as edited:
        assert edited is model
        assert torch.equal(output(model), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_replaced_is_the_hand_written_loop(family):
    """Blocks 0 and 2 to 3 as maps: their states are recomputed by hand, the others by the blocks themselves."""
    model, one, run, seen = tiny_model(family, L=L), some_map(1), some_map(2), {}
    with replaced(model, {0: one, range(2, 4): run}), watching(model, lambda layer, x, y: seen.update({layer: (x, y)})):
        output(model)
    for layer, m in ((0, one), (2, run)):
        x, y = (states.double() for states in seen[layer])
        torch.testing.assert_close(y, x + x @ m.A + m.b, atol=1e-5, rtol=1e-5)
    assert torch.equal(*seen[3])
    assert all(torch.equal(seen[layer][1], seen[layer + 1][0]) for layer in range(L - 1))
    assert not torch.allclose(seen[1][0], seen[1][1])


@pytest.mark.parametrize("family", FAMILIES)
def test_zero_maps_remove(family):
    model, zero = tiny_model(family, L=L), torch.zeros(D, dtype=torch.float64)
    nothing = AffineMap(torch.zeros(D, D, dtype=torch.float64), zero, zero)
    with removed(model, [1, 2]):
        expected = output(model)
    with replaced(model, {1: nothing, 2: nothing}):
        assert torch.equal(output(model), expected)


@pytest.mark.parametrize("family", DECODERS)
def test_generate_with_and_without_cache_agree(family):
    """Block 0, which the cache asks how much it holds, is among those that are gone."""
    model = tiny_model(family, L=L)
    with removed(model, [0, 3]):
        assert_same_text(continued(model), continued(model, use_cache=False))


@pytest.mark.parametrize("family", ["gptj", "llama"])
def test_beams_and_a_cache_of_fixed_size_work_too(family):
    model = tiny_model(family, L=L)
    with replaced(model, {range(2): some_map(3), 3: some_map(4)}):
        beams = continued(model, num_beams=2, use_cache=False)
        assert_same_text(continued(model, num_beams=2), beams)
        plain = continued(model, use_cache=False)
        assert_same_text(continued(model, cache_implementation="static"), plain)


@pytest.mark.parametrize("family", DECODERS)
def test_logits_with_a_cache_are_those_without(family):
    """Token by token against all at once: closer than a sampled token can tell."""
    model = tiny_model(family, L=L)
    with removed(model, [0, 1]), torch.no_grad():
        start = model(input_ids=IDS[:, :7], use_cache=True)
        steps = [start.logits]
        for at in range(7, IDS.shape[1]):
            cache = start.past_key_values
            steps.append(model(input_ids=IDS[:, at : at + 1], past_key_values=cache, use_cache=True).logits)
        assert cache.get_seq_length() == IDS.shape[1]
        torch.testing.assert_close(torch.cat(steps, dim=1), output(model), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layers", [[0], [1], [0, 2], [0, 1, 2], [4, 5]])
def test_kinds_of_attention_keep_their_kind_of_cache(layers):
    """Sliding and full blocks in turn, a window shorter than the text: a cache layer of the wrong kind would forget."""
    config = Gemma2Config(
        vocab_size=256, hidden_size=D, num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=4, head_dim=8,
        intermediate_size=64, sliding_window=4, query_pre_attn_scalar=8, pad_token_id=0, bos_token_id=0, eos_token_id=0,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"] * 2,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(config).eval()
    with removed(model, layers):
        assert_same_text(continued(model), continued(model, use_cache=False))
        whole, cache = output(model), None
        with torch.no_grad():
            for at in range(IDS.shape[1]):
                step = model(input_ids=IDS[:, at : at + 1], past_key_values=cache, use_cache=True)
                cache = step.past_key_values
                torch.testing.assert_close(step.logits[:, 0], whole[:, at], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_everything_is_put_back(family):
    model = tiny_model(family, L=L)
    logits, before = output(model), state_of(model)
    with removed(model, [0, 2]):
        pass
    assert_as_before(model, before)
    with pytest.raises(RuntimeError, match="inside"), replaced(model, {range(1, 3): some_map()}):
        raise RuntimeError("inside")
    assert_as_before(model, before)
    assert torch.equal(output(model), logits)


@pytest.mark.parametrize("family", ["gpt2", "llama", "falcon"])
def test_edits_nest(family):
    """Each `with` puts back what it found, the outer edit included."""
    model = tiny_model(family, L=L)
    before = state_of(model)
    with removed(model, [0, 1, 3]):
        both = output(model)
    with removed(model, [0]):
        alone, inside = output(model), state_of(model)
        with removed(model, [1, 3]):
            assert torch.equal(output(model), both)
            assert_same_text(continued(model), continued(model, use_cache=False))
        assert_as_before(model, inside)
        with pytest.raises(InputError), removed(model, [7]):
            pass
        with replaced(model, {0: some_map()}):
            assert not torch.equal(output(model), alone)
        assert torch.equal(output(model), alone)
    assert_as_before(model, before)


def test_two_edits_opened_at_once_close_in_order():
    model = tiny_model("llama", L=L)
    before = state_of(model)
    with removed(model, [1]), replaced(model, {2: some_map()}), removed(model, [4]):
        assert [type(block) is PassThrough for block in blocks(model)] == [False, True, False, False, True]
    assert_as_before(model, before)


def test_gradients_reach_a_map_and_only_it():
    model = tiny_model("llama", L=L).requires_grad_(False)
    block = AffineBlock.of(some_map(), as_tuple=blocks_as_tuple(model), dtype=torch.float32, device="cpu")
    with with_standins(model, {2: block}):
        model(input_ids=IDS).logits.square().mean().backward()
    assert block.A.grad.abs().max() > 0
    assert block.b.grad.abs().max() > 0
    assert all(weight.grad is None for weight in model.parameters())


def test_standins_may_leave_no_block():
    model = tiny_model("gpt2", L=2)
    as_tuple = blocks_as_tuple(model)
    with with_standins(model, {0: PassThrough(as_tuple), 1: PassThrough(as_tuple)}):
        assert output(model).isfinite().all()


def test_a_place_is_for_good_and_numbers_what_is_left():
    model = tiny_model("llama", L=L)
    expected = output(smaller(model, "llama", [1, 3, 4]))
    place(model, {0: PassThrough(False), 2: PassThrough(False)})
    assert torch.equal(output(model), expected)
    assert [blocks(model)[layer].self_attn.layer_idx for layer in (1, 3, 4)] == [0, 1, 2]


@pytest.mark.parametrize("family", FAMILIES)
def test_how_blocks_answer_is_found_out(family):
    """Which families answer with a tuple differs between versions of transformers: the last block is asked here."""
    model, answers = tiny_model(family), []
    handle = blocks(model)[-1].register_forward_hook(lambda _module, _args, answer: answers.append(answer))
    output(model)
    handle.remove()
    assert blocks_as_tuple(model) == isinstance(answers[0], tuple)
    assert not any(block._forward_hooks for block in blocks(model))


@pytest.mark.parametrize("as_tuple", [False, True])
def test_standins_take_the_state_by_place_or_by_name(as_tuple):
    x, m = torch.randn(2, 3, D, generator=torch.Generator().manual_seed(0)), some_map()
    for block in (PassThrough(as_tuple), AffineBlock.of(m, as_tuple=as_tuple, dtype=torch.float32, device="cpu")):
        first, second = block(x, None, use_cache=True), block(hidden_states=x, attention_mask=None)
        assert isinstance(first, tuple) == as_tuple
        assert torch.equal(first[0] if as_tuple else first, second[0] if as_tuple else second)


def test_a_map_comes_back_out_of_its_block():
    m = some_map()
    block = AffineBlock.of(m, as_tuple=False, dtype=torch.float64, device="cpu")
    assert torch.equal(block.map().A, m.A)
    torch.testing.assert_close(block.map().b, m.b, atol=1e-14, rtol=1e-14)
    again = AffineBlock.of(block.map(), as_tuple=False, dtype=torch.float64, device="cpu")
    assert torch.equal(again.b, block.b)
    x = torch.randn(7, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(block(x), x + m.update(x))
    with torch.no_grad():
        block.A.zero_()
    assert m.A.abs().max() > 0


def test_half_precision_models_get_maps_in_their_own_dtype():
    model = tiny_model("llama", L=L).to(torch.bfloat16)
    with replaced(model, {2: some_map()}):
        assert blocks(model)[2].A.dtype == torch.bfloat16
        assert output(model).dtype == torch.bfloat16
    wide = AffineBlock.of(some_map(), as_tuple=False, dtype=torch.float32, device="cpu")
    assert wide(torch.ones(1, 1, D, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_layers_are_checked():
    assert check_layers([3, 0], 5) == (0, 3)
    assert check_layers([], 5) == ()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([31], "^block 31 is not there: the blocks are 0 to 4$"),
        ([-1], "^block -1 is not there: the blocks are 0 to 4$"),
        ([2, 1, 2], "^block 2 is named twice: name each block once$"),
        (range(5), "^all 5 blocks are named: leave at least one of them$"),
    ],
)
def test_bad_layers_are_refused(layers, message):
    model = tiny_model("llama", L=L)
    before = state_of(model)
    with pytest.raises(InputError, match=message), removed(model, layers):
        pass
    assert_as_before(model, before)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({9: some_map()}, "^block 9 is not there: the blocks are 0 to 4$"),
        ({range(3, 7): some_map()}, "^block 5 is not there"),
        ({range(1, 4): some_map(), 2: some_map()}, "^block 2 is named twice"),
        ({2: some_map(), range(2, 3): some_map()}, "^block 2 is named twice"),
        ({range(5): some_map()}, "^all 5 blocks are named"),
        ({range(3, 3): some_map()}, r"^range\(3, 3\) is not a run of consecutive blocks: write range\(start, stop\)"),
        ({range(0, 4, 2): some_map()}, r"^range\(0, 4, 2\) is not a run of consecutive blocks"),
        ({1: some_map(d=16)}, r"^the map for block 1 has the shape \(16, 16\): this model needs \(32, 32\)$"),
    ],
)
def test_bad_runs_are_refused(maps, message):
    model = tiny_model("llama", L=L)
    before = state_of(model)
    with pytest.raises(InputError, match=message), replaced(model, maps):
        pass
    assert_as_before(model, before)


def test_a_slot_that_is_not_there_is_refused():
    with (
        pytest.raises(InputError, match=r"^block 5 is not there"),
        with_standins(tiny_model("gpt2", L=L), {5: PassThrough(False)}),
    ):
        pass


@pytest.mark.parametrize("tie", ["block", "weight"])
def test_shared_blocks_are_refused(tie):
    model = tiny_model("llama", L=L)
    if tie == "block":
        blocks(model)[3] = blocks(model)[1]
    else:
        blocks(model)[3].mlp.up_proj.weight = blocks(model)[1].mlp.up_proj.weight
    with (
        pytest.raises(UnsupportedModel, match=r"^blocks 1 and 3 of LlamaForCausalLM share weights: only"),
        removed(model, [0]),
    ):
        pass


def test_a_family_whose_model_reads_the_mask_off_the_block():
    """transformers 5.0 asks each block for its `attention_type`: a stand-in must know it too."""
    model = tiny_model("qwen2", L=L)
    for block in blocks(model):
        block.attention_type = "full_attention"
    with removed(model, [1]):
        assert blocks(model)[1].attention_type == "full_attention"


def test_a_copy_made_inside_is_edited_and_independent():
    """Export and distillation copy the edited model: the copy keeps its stand-ins when the `with` ends."""
    model = tiny_model("llama", L=L)
    with removed(model, [0]):
        twin, expected = copy.deepcopy(model), output(model)
    assert torch.equal(output(twin), expected)
    assert isinstance(blocks(twin)[0], nn.Module)
    assert not torch.equal(output(model), expected)
