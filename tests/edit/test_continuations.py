"""Continuations of a tiny model: each against a plain loop without a cache, and an interruption that costs nothing."""

import dataclasses

import pytest
import torch

from nearlinear.edit import continuations as module
from nearlinear.edit.continuations import beside, changed, run, try_layers, workbench, write
from nearlinear.edit.edits import removed, replaced
from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.load import load_model
from nearlinear.results.continuations import PROMPTS, Continuation, Continuations, ContinuationsSpec, Continued
from nearlinear.results.pruning import PruningSpec

N_NEW = 12


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARLINEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield patch


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "words.txt"
    lines = [f"{i} {(i * 7919) % 104729} what {chr(97 + i % 26)}{chr(97 + i * 5 % 26)}. " for i in range(3000)]
    path.write_text("".join(lines))
    sizes = {"corpus": str(path), "context": 64, "n_fit": 4096, "n_choose": 1024, "n_evaluate": 1024}
    study = PruningSpec(model="tiny-llama", orders=("last",), count=2, **sizes)
    greedy = PruningSpec(model="tiny-llama", orders=("greedy",), count=2, single=False, **sizes)
    return ContinuationsSpec(study=study, greedy=greedy, n_new=N_NEW)


@pytest.fixture(scope="module")
def made(spec, cache):
    return run(spec, device="cpu")


@pytest.fixture(scope="module")
def work(spec, cache):
    return workbench(spec.study, device="cpu")


@torch.no_grad()
def plainly(loaded, prompt: str, n_new: int) -> tuple[int, ...]:
    """Greedy decoding as one would write it down: the whole text is read again for each token, with no cache."""
    ids = loaded.tokenizer(prompt)["input_ids"]
    n = len(ids)
    while len(ids) < n + n_new:
        token = int(loaded.model(torch.tensor([ids])).logits[0, -1].argmax())
        ids = [*ids, token]
        if token == loaded.model.generation_config.eos_token_id:
            break
    return tuple(ids[n:])


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "opt", "gemma"])
def test_writing_is_the_likeliest_token_again_and_again(family):
    loaded = load_model(f"tiny-{family}")
    for prompt in PROMPTS:
        assert write(loaded, prompt, N_NEW) == plainly(loaded, prompt, N_NEW)


def test_a_generation_config_of_its_own_changes_nothing():
    loaded = load_model("tiny-llama")
    plain = write(loaded, PROMPTS[2], N_NEW)
    loaded.model.generation_config.update(repetition_penalty=5.0, do_sample=True, max_length=3, num_beams=3)
    assert write(loaded, PROMPTS[2], N_NEW) == plain


def test_a_model_may_end_its_text():
    loaded = load_model("tiny-llama")
    first = write(loaded, PROMPTS[0], N_NEW)
    loaded.model.generation_config.eos_token_id = first[2]
    ended = write(loaded, PROMPTS[0], N_NEW)
    assert ended == first[: first.index(first[2]) + 1]
    assert len(ended) < N_NEW


@pytest.mark.parametrize("how", ["remove", "replace"])
@pytest.mark.parametrize("layers", [(0,), (1,), (0, 2)])
def test_a_changed_model_writes_with_its_cache_what_it_writes_without(work, how, layers):
    model = work.loaded.model
    edit = removed(model, layers) if how == "remove" else replaced(model, {la: work.maps[la] for la in layers})
    with edit:
        slow = [plainly(work.loaded, prompt, N_NEW) for prompt in PROMPTS]
    with changed(model, work.maps, layers, how):
        assert [write(work.loaded, prompt, N_NEW) for prompt in PROMPTS] == slow


def test_every_block_and_every_greedy_step_is_there_both_ways(made, spec):
    for how in ("remove", "replace"):
        sets = [one.layers for one in made.changed if one.how == how]
        assert sets[:3] == [(0,), (1,), (2,)]
        assert [len(layers) for layers in sets[3:]] == [2]  # the first step is one of the blocks alone
    assert made.prompts == spec.prompts == PROMPTS
    assert made.n_new == N_NEW


def test_a_recorded_text_is_what_is_written_now(made, work):
    dense = plainly(work.loaded, PROMPTS[1], N_NEW)
    assert made.dense[1] == beside(work.loaded, PROMPTS[1], dense, dense)
    with replaced(work.loaded.model, {1: work.maps[1]}):
        ids = plainly(work.loaded, PROMPTS[1], N_NEW)
    assert made.of("replace", (1,)).texts[1] == beside(work.loaded, PROMPTS[1], dense, ids)


def test_agreement_is_the_share_before_the_first_difference(made):
    assert made.agreement(Continued(how="remove", layers=(), texts=made.dense)) == (1, 1, 1)
    for one in made.changed:
        for share, text, dense in zip(made.agreement(one), one.texts, made.dense, strict=True):
            assert share == text.n_same / dense.n_tokens
            assert dense.text.startswith(text.same)


@pytest.mark.parametrize(
    ("dense", "ids", "same", "then", "n_same"),
    [
        ("house", "house", "house", "", 5),
        ("house", "horse", "ho", "rse", 2),
        ("house", "mouse", "", "mouse", 0),
        ("house", "hou", "hou", "", 3),  # the shorter text ended
        ("aé", "aè", "a", "è", 2),  # two bytes, of which the first is shared: a letter is never cut
    ],
)
def test_a_text_is_parted_at_its_first_other_token(work, dense, ids, same, then, n_same):
    one, other = (tuple(work.loaded.tokenizer(text)["input_ids"]) for text in (dense, ids))
    expected = Continuation(same=same, then=then, n_same=n_same, n_tokens=len(other))
    assert beside(work.loaded, "a prompt", one, other) == expected


class Odd:
    """A tokenizer whose decoder drops the first space, writes half of a pair, and has markup for a word."""

    WORDS = ("", " a", " <script>", "\ud800", "\x00")

    def __call__(self, prompt):
        return {"input_ids": [1]}

    def decode(self, ids, **_):
        return "".join(self.WORDS[token] for token in ids).removeprefix(" ")


def test_odd_bytes_survive_json_and_a_first_space_is_kept(work, made):
    loaded = dataclasses.replace(work.loaded, tokenizer=Odd())
    text = beside(loaded, "a", (2, 1), (2, 3, 4))
    assert text == Continuation(same=" <script>", then="?\x00", n_same=1, n_tokens=3)
    odd = made.model_copy(update={"dense": (text,) * 3})
    assert Continuations.from_json(odd.to_json()) == odd


def test_the_result_carries_its_provenance_and_comes_back(made, spec, work):
    assert Continuations.from_json(made.to_json()) == made
    assert made.provenance.model == work.loaded.source
    assert made.provenance.n_tokens == 4096 + 1024 + 1024
    with pytest.raises(KeyError, match="no continuation with blocks"):
        made.of("remove", (7,))


def test_an_interrupted_study_writes_nothing_twice(made, spec, cache, monkeypatch):
    monkeypatch.setattr(module, "write", None)
    again = run(spec, device="cpu")
    assert (again.dense, again.changed) == (made.dense, made.changed)


def test_without_a_greedy_study_there_are_single_blocks_alone(spec, cache):
    alone = run(spec.model_copy(update={"greedy": None, "n_new": 2}), device="cpu")
    assert {one.layers for one in alone.changed} == {(0,), (1,), (2,)}


def test_trying_layers_by_hand(work):
    evaluate = work.texts.evaluate[:4]
    before = {name: weight.clone() for name, weight in work.loaded.model.state_dict().items()}
    tried = try_layers(work.loaded, work.maps, [2, 0], "replace", PROMPTS[0], N_NEW, evaluate=evaluate)
    with replaced(work.loaded.model, {0: work.maps[0], 2: work.maps[2]}):
        assert tried.perplexity == losses(work.loaded, evaluate).perplexity
        assert tried.changed.n_tokens == len(plainly(work.loaded, PROMPTS[0], N_NEW))
    assert tried.dense_perplexity == losses(work.loaded, evaluate).perplexity
    assert tried.layers == (0, 2)
    told = str(tried).splitlines()
    assert told[0] == "tiny-llama, blocks 0, 2 replaced by a line"
    assert f"{PROMPTS[0]}{tried.changed.text}" in str(tried)
    assert told[-1].startswith("perplexity on 256 tokens: ")
    after = work.loaded.model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())


def test_trying_without_a_text_to_evaluate_on_says_no_perplexity(work):
    told = str(try_layers(work.loaded, {}, [1], "remove", PROMPTS[0], 3))
    assert "perplexity" not in told
    assert told.startswith("tiny-llama, ")


def test_trying_no_layers_is_the_dense_model(work):
    tried = try_layers(work.loaded, {}, [], "remove", PROMPTS[0], 3)
    assert tried.changed == tried.dense
    assert str(tried).startswith("tiny-llama, unchanged\n")


@pytest.mark.parametrize(
    ("layers", "how", "prompt", "n_new", "told"),
    [
        ([3], "remove", "a", 3, "block 3 is not there: the blocks are 0 to 2"),
        ([1, 1], "remove", "a", 3, "block 1 is named twice"),
        ([0, 1, 2], "remove", "a", 3, "all 3 blocks are named"),
        ([1], "delete", "a", 3, "blocks cannot be changed by 'delete': choose remove or replace"),
        ([1], "replace", "a", 3, "block 1 has no map: fit one, or remove the block"),
        ([1], "remove", "", 3, "the prompt is empty: give it a word to go on from"),
        ([1], "remove", "a", 0, "0 tokens cannot be written: ask for at least one"),
        ([1], "remove", "a", 1024, "the prompt has 1 tokens and 1024 are to follow, but the model takes at most 1024"),
    ],
)
def test_a_wrong_wish_is_refused_in_a_sentence(work, layers, how, prompt, n_new, told):
    with pytest.raises(InputError, match=told):
        try_layers(work.loaded, {}, layers, how, prompt, n_new)


def test_an_encoder_writes_nothing():
    with pytest.raises(UnsupportedModel, match="tiny-bert predicts no next token: choose a causal language model"):
        write(load_model("tiny-bert"), "a", 3)


def test_a_specification_is_of_one_model_and_its_greedy_order(spec):
    other = spec.greedy.model_copy(update={"n_fit": 2048})
    with pytest.raises(ValueError, match="the greedy study has another n_fit: its blocks would be given other maps"):
        ContinuationsSpec(study=spec.study, greedy=other)
    with pytest.raises(ValueError, match="the study named as greedy does not follow the greedy order"):
        ContinuationsSpec(study=spec.study, greedy=spec.study)
    with pytest.raises(ValueError, match="at least 1 character"):
        ContinuationsSpec(study=spec.study, prompts=("",))


def test_a_result_fits_together(made):
    fields = dict(made)
    with pytest.raises(ValueError, match="1 continuations of 3 prompts"):
        Continuations(**{**fields, "dense": made.dense[:1]})
    with pytest.raises(ValueError, match="the same blocks, changed in the same way, stand here twice"):
        Continuations(**{**fields, "changed": made.changed[:1] * 2})
    with pytest.raises(ValueError, match="4 of 3 tokens cannot be the same"):
        Continuation(same="", then="", n_same=4, n_tokens=3)
