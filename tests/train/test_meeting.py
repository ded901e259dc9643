"""The first paper's instruments on models trained here: planted answers, and twins written out the long way."""

import numpy as np
import pytest
import torch

from nearlinear.edit import study as edit_study
from nearlinear.edit.edits import removed
from nearlinear.edit.texts import Texts
from nearlinear.errors import NotEnoughTokens, UnsupportedModel
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.text import Corpus
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.windows import n_tokens
from nearlinear.results.meeting import MeetingSpec
from nearlinear.train import meeting
from nearlinear.train.kept import kept, source_of
from nearlinear.train.meeting import Meeting, final, run, three_parts
from nearlinear.train.meeting_attention import attention_of, of_matrices, of_states, watching_attention
from nearlinear.train.meeting_pruning import pruned
from nearlinear.train.models import fresh_model

from .made import T, cache, corpus, pages, small_texts, spec

SIZES = {"n_fit": 640, "n_choose": 384, "n_test": 1024, "n_attend": 256, "halvings": 3, "count": 1}


def meeting_of(*runs, **sizes) -> MeetingSpec:
    return MeetingSpec(runs=runs, **(SIZES | sizes))


@pytest.fixture(scope="module")
def pages_alone():
    """Every name of a text leads to the same small one."""
    with corpus(pages()), pytest.MonkeyPatch.context() as patch:
        for module in (meeting, edit_study):
            patch.setattr(module, "load_corpus", lambda name: Corpus(name, pages()))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pages_alone):
    with cache(tmp_path_factory.mktemp("cache")) as where:
        yield where


@pytest.fixture(scope="module")
def both():
    return meeting_of(spec("pre-ln"), spec("sas-p"))


@pytest.fixture(scope="module")
def study(folder, both):
    return run(both, device="cpu")


@pytest.fixture(scope="module")
def texts():
    return three_parts(meeting_of(spec()), small_texts())


def made(block, change, **fields) -> LoadedModel:
    """A fresh model of a block, changed by hand."""
    of = spec(block, L=3, **fields)
    model = fresh_model(of, 256).eval()
    with torch.no_grad():
        for layer in model.model.layers:
            change(layer)
    return LoadedModel(model, byte_tokenizer(), source_of(model, of, "made by hand"), context=T)


def doubling(layer) -> None:
    """x → 2 x: linear, whatever the text (the first block reads through a norm)."""
    layer.attn.alpha.bias_free.fill_(2.0)
    for gain in (layer.attn.beta, layer.attn.gamma, layer.beta_ff):
        gain.bias_free.fill_(0.0)


def averaging(layer) -> None:
    """x → the mean of the tokens so far, for W_Q = 0: no map of a token alone gives that."""
    doubling(layer)
    layer.attn.alpha.bias_free.fill_(0.0)
    layer.attn.beta.bias_free.fill_(1.0)


def look(loaded, texts):
    """A Stage and the Final of a model that was never trained."""
    here = Meeting(meeting_of(spec("sas-p-no-norm")), "cpu", Corpus("pages", pages()), None, texts)
    profile = here.profile(loaded)
    return here.stage(0, loaded, profile), final(profile)


def test_a_model_that_is_linear_by_construction_scores_one(texts):
    stage, last = look(made("sas-p-no-norm", doubling), texts)
    found = (stage.update_scores, stage.scores, stage.scores_all, stage.even_scores, last.update_scores_in_sample)
    for scores in found:
        assert scores[1:] == pytest.approx((1.0, 1.0), abs=1e-9)
    assert stage.update_scores[0] < 0.999  # its norm is no linear map
    assert stage.norm_ratio[1:] == pytest.approx((0.5, 0.5))  # |Δ| = |x| = |y| / 2


def test_a_model_that_mixes_tokens_does_not(texts):
    stage, last = look(made("sas-p-no-norm", averaging), texts)
    assert max(stage.scores) < 0.9
    assert all(low <= s <= high for s, (low, high) in zip(stage.scores, last.score_intervals, strict=True))


def states_of(loaded, windows) -> np.ndarray:
    """(L, windows, T, d): what enters each block."""
    ids = torch.tensor([window.input_ids for window in windows])
    with torch.no_grad():
        found = loaded.model.model(ids, output_hidden_states=True).hidden_states[:-1]
    return torch.stack(found).double().numpy()


def plain_score(fit, test, *, update: bool) -> float:
    """Held out, first tokens left out, by numpy: fit, test are (x, y), (windows, T, d) each."""
    (x, y), (u, v) = ((s[:, 1:].reshape(-1, s.shape[-1]) for s in part) for part in (fit, test))
    target, other = (y - x, v - u) if update else (y, v)
    ones = np.ones((len(x), 1))
    A = np.linalg.lstsq(np.hstack([x, ones]), target, rcond=None)[0]
    errors = other - np.hstack([u, np.ones((len(u), 1))]) @ A
    return 1 - (errors**2).sum() / ((other - target.mean(0)) ** 2).sum()


def test_the_scores_of_a_look_are_those_of_plain_least_squares(study, both, texts):
    for found, one in zip(study.runs, both.runs, strict=True):
        for stage in found.stages:
            loaded = kept(one, stage.step, device="cpu", texts=small_texts())
            fit, test = (states_of(loaded, part) for part in (texts.fit, texts.evaluate))
            pairs = (fit[0], fit[1]), (test[0], test[1])
            assert stage.update_scores[0] == pytest.approx(plain_score(*pairs, update=True), abs=1e-5)
            assert stage.scores[0] == pytest.approx(plain_score(*pairs, update=False), abs=1e-5)


def test_scores_of_even_coordinates_are_means_of_plain_ones(study, both, texts):
    """Each coordinate's own R², by numpy."""
    one = both.runs[1]
    loaded = kept(one, device="cpu", texts=small_texts())
    (x, y), (u, v) = (
        [s[:, 1:].reshape(-1, 16) for s in states_of(loaded, part)] for part in (texts.fit, texts.evaluate)
    )
    A = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    errors = ((v - np.c_[u, np.ones(len(u))] @ A) ** 2).sum(0)
    stage = study.runs[1].stages[-1]
    spread = ((v - y.mean(0)) ** 2).sum(0)
    assert stage.even_scores[0] == pytest.approx((1 - errors / spread).mean(), abs=1e-5)
    changes = ((v - u - (y - x).mean(0)) ** 2).sum(0)
    assert stage.even_update_scores[0] == pytest.approx((1 - errors / changes).mean(), abs=1e-5)
    assert stage.top_share[0] == pytest.approx(spread.max() / spread.sum(), rel=1e-5)


def test_a_huge_coordinate_decides_the_usual_score_and_not_the_even_one(texts):
    """One coordinate of a mixing model's first answer is blown up, and passes the later blocks as it is."""

    def blown(layer):
        averaging(layer)
        layer.attn.alpha.bias_free[0] = 1.0  # the first head keeps its tokens
        layer.attn.beta.bias_free[0] = 0.0

    loaded = made("sas-p-no-norm", blown)
    with torch.no_grad():
        loaded.model.model.layers[0].norm.weight[0] = 1000.0
    stage, _ = look(loaded, texts)
    assert min(stage.scores[1:]) > 0.999
    assert max(stage.even_scores[1:]) < 0.95
    assert min(stage.top_share) > 0.99


def test_looks_are_at_the_start_and_at_halvings_of_the_steps(study, both):
    assert both.steps(both.runs[0]) == (0, 5, 10, 20)
    assert [run.steps for run in study.runs] == [(0, 5, 10, 20)] * 2
    losses_ = study.through("sas-p", "loss")[0]
    assert losses_[0] == pytest.approx(np.log(256), abs=0.2)  # it knows nothing yet
    assert losses_[-1] < losses_[0] - 0.5


def test_the_study_says_on_what_it_stands(study, texts):
    assert (study.L, study.d, study.T) == (2, 16, T)
    assert study.n_fit == n_tokens(texts.fit) - len(texts.fit)
    assert study.n_test == n_tokens(texts.evaluate) == 1024
    assert study.blocks == ("pre-ln", "sas-p")
    assert study.provenance.model.id == "2 models, trained here"
    assert study.provenance.n_tokens == n_tokens(texts.every)


def test_no_document_serves_two_ends():
    read = small_texts()
    parts = three_parts(meeting_of(spec()), read)
    fit, choose = ({window.document for window in part} for part in (parts.fit, parts.choose))
    assert fit
    assert choose
    assert not fit & choose
    every = {tuple(row) for row in read.choose.windows.tolist()}
    assert {window.input_ids for window in parts.fit + parts.choose} <= every
    assert not every & {window.input_ids for window in parts.evaluate}


@pytest.mark.parametrize("sizes", [{"n_fit": 2048}, {"n_test": 2048}])
def test_too_much_text_asked_for_is_refused(sizes):
    with pytest.raises(NotEnoughTokens, match=r"and .* are asked for: ask for fewer$"):
        three_parts(meeting_of(spec(), **sizes), small_texts())


def test_what_is_known_of_a_training_is_not_measured_again(study, both, monkeypatch):
    monkeypatch.setattr(Meeting, "study", lambda self: pytest.fail("measured again"))
    assert run(both, device="cpu").runs == study.runs


# Attention


def rows(*weights) -> torch.Tensor:
    """(1, 1, T, T) with the same weights in each row."""
    return torch.tensor(weights).expand(1, 1, len(weights), len(weights))


def test_measures_of_planted_matrices():
    v = torch.ones(1, 1, 4, 2)
    v[:, :, 0] *= 0.25
    first = of_matrices(rows(1.0, 0, 0, 0), rows(1.0, 0, 0, 0), v)
    assert {name: value.item() for name, value in first.items()} == {
        "first_mass": 1, "sink_mass": 1, "sink_first": 1, "sink_place": 0, "first_share": 1, "own_share": 0,
        "first_value": 0.25,
    }  # fmt: skip
    second = of_matrices(rows(0.1, 0.9, 0, 0), torch.eye(4)[None, None] * -3, v)
    assert second["first_mass"].item() == pytest.approx(0.1)
    assert second["sink_mass"].item() == pytest.approx(0.9)
    assert second["sink_first"].item() == 0
    assert second["sink_place"].item() == 1
    assert second["own_share"].item() == 1  # by size, whatever the sign
    assert second["first_share"].item() == 0
    signed = of_matrices(rows(1.0, 0, 0, 0), rows(0.5, -0.5, 0, -1.0), v)
    assert signed["first_share"].item() == 0.25


def test_a_sink_that_nobody_stands_out_for_is_none():
    even = rows(0.25, 0.25, 0.25, 0.25)
    assert of_matrices(even, even, torch.ones(1, 1, 4, 2))["sink_first"].item() == 0


def test_measures_of_planted_states():
    y = torch.ones(2, 5, 3)
    y[0, 0] *= 8
    y[1, 4, 1] = -20
    found = of_states(y)
    assert found["first_length"].tolist() == [8, 1]
    assert found["first_longest"].tolist() == [1, 0]
    assert found["peak"].tolist() == [8, 20]
    assert found["peak_first"].tolist() == [1, 0]


@pytest.mark.parametrize("block", ["pre-ln", "v-skipinit", "sas", "sas-p"])
@pytest.mark.parametrize("positions", ["sinusoidal", "rope"])
def test_the_matrices_are_those_that_the_model_applies(block, positions, texts):
    loaded = made(block, lambda layer: [p.add_(0.1 * torch.randn_like(p)) for p in layer.parameters()], seed=1,
                  options=(("positions", positions),))  # fmt: skip
    ids, seen = torch.tensor([texts.fit[0].input_ids]), []
    with torch.no_grad(), watching_attention(loaded.model, lambda *found: seen.append(found)):
        loaded.model.model(ids)
    with torch.no_grad():
        matrices = loaded.model.model(ids, output_attentions=True).attentions
    assert [layer for layer, *_ in seen] == [0, 1, 2]
    for (_, A, M, _v), matrix in zip(seen, matrices, strict=True):
        torch.testing.assert_close(M, matrix)
        torch.testing.assert_close(A.sum(-1), torch.ones(A.shape[:-1]))
        assert torch.equal(A, M) == (block == "pre-ln")
    assert not any(module._forward_pre_hooks for module in loaded.model.modules())


def test_before_training_shaped_attention_is_even_and_acts_on_nothing(study):
    found = study.runs[1].stages[0].attention
    assert found.first_mass == pytest.approx([study.even_mass] * 2, abs=1e-6)
    assert found.own_share == pytest.approx((1.0, 1.0), abs=1e-5)
    assert study.runs[1].stages[-1].attention.own_share[1] < 0.999


def test_the_values_are_those_after_the_first_matrix(texts):
    """SAS keeps a W_V in its first block, behind which the first token may be longer than it came."""

    def longer(layer):
        if hasattr(layer.attn.value, "delta"):
            layer.attn.value.delta.weight.copy_(2 * torch.eye(16))

    plain, changed = (attention_of(made("sas-p", change), texts.fit[:4]) for change in (lambda layer: None, longer))
    assert changed.first_value[0] == pytest.approx(plain.first_value[0])  # all three times as long
    loaded, seen = made("sas-p", longer), []
    with torch.no_grad(), watching_attention(loaded.model, lambda *found: seen.append(found[3])):
        loaded.model.model(torch.tensor([texts.fit[0].input_ids]))
    assert seen[0].square().sum(-1).mean().item() * 2 == pytest.approx(9 * 16, rel=0.01)  # two heads; |y|² = d


def test_other_models_are_refused():
    with pytest.raises(UnsupportedModel, match=r"give a model of the blocks of nearlinear\.blocks$"):
        attention_of(load_model("tiny-gpt2"), ())


# Pruning


def test_single_blocks_cost_what_they_cost(study, both, texts):
    for found, one in zip(study.runs, both.runs, strict=True):
        loaded = kept(one, device="cpu", texts=small_texts())
        dense = losses(loaded, texts.evaluate).mean
        assert found.loss == pytest.approx(dense, rel=1e-5)
        for layer in range(2):
            with removed(loaded.model, [layer]):
                without = losses(loaded, texts.evaluate).mean
            cost = found.alone["remove"][layer]
            assert cost.layers == (layer,)
            assert cost.difference == pytest.approx(without - dense, abs=1e-5)


def test_every_order_is_followed_both_ways(study):
    for found in study.runs:
        assert {(one.order, one.how) for one in found.orders} == {
            (order, how) for order in ("greedy", "score", "last") for how in ("remove", "replace")
        }
        assert found.order("last", "remove").steps[0].layers == (0,)  # the last block itself stays
        with pytest.raises(KeyError):
            found.order("random", "remove")


def test_a_map_in_the_place_of_a_linear_block_costs_nothing(tmp_path, texts, pages_alone):
    one = spec("sas-p-no-norm", L=3)
    found = pruned(meeting_of(one), one, made("sas-p-no-norm", doubling), texts, tmp_path / "ledger")
    for cost in found["alone"]["replace"][1:]:
        assert abs(cost.difference) < 1e-5
    assert abs(found["alone"]["replace"][0].difference) > 1e-4
    with_mixing = pruned(meeting_of(one), one, made("sas-p-no-norm", averaging), texts, tmp_path / "other")
    assert max(abs(cost.difference) for cost in with_mixing["alone"]["replace"][1:]) > 1e-5


def test_texts_to_choose_and_to_report_are_told_apart(tmp_path, texts, pages_alone):
    """With other text to report on, the order stays and the costs change."""
    one = spec("pre-ln", L=3)
    loaded = made("pre-ln", lambda layer: None)
    other = Texts(fit=texts.fit, choose=texts.choose, evaluate=texts.evaluate[::2])
    a, b = (pruned(meeting_of(one), one, loaded, t, tmp_path / name) for name, t in (("a", texts), ("b", other)))
    assert [o.steps[0].layers for o in a["orders"]] == [o.steps[0].layers for o in b["orders"]]
    assert a["loss"] != b["loss"]
