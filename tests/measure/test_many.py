"""Several processes find what one does: on threads that stand in for them; tests/test_cli_many.py starts real ones."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from nearlinear.errors import InputError, NearlinearError
from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Window, WindowSet, batches
from nearlinear.measure import many_profile, many_study
from nearlinear.measure.many import Lost, Many
from nearlinear.measure.many_profile import profile_many
from nearlinear.measure.many_study import check_alike
from nearlinear.measure.many_windows import own_places, own_windows, rounds
from nearlinear.measure.profile import profile
from nearlinear.results.profile_spec import ProfileSpec
from nearlinear.results.specs import TokenWindows

from .many_threads import answers, on_threads

LENGTHS = [120, 90, 100, 120, 75, 119, 30, 31, 64, 8, 77, 101]


def windows_of(lengths, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(
        Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), i // 2) for i, n in enumerate(lengths)
    )


@pytest.fixture(scope="module")
def windows():
    return WindowSet(fit=windows_of(LENGTHS), test=windows_of([80, 101, 64, 12, 90], seed=1), group="document")


def numbers(measured):
    """Every number of a measurement, by its place."""
    found = {}

    def walk(value, place):
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                walk(getattr(value, field.name), f"{place}.{field.name}")
        elif isinstance(value, tuple):
            for i, each in enumerate(value):
                walk(each, f"{place}[{i}]")
        elif value is not None:
            found[place] = value

    walk(measured, "")
    return found


def check_same(found, expected, close=1e-10):
    found, expected = numbers(found), numbers(expected)
    assert found.keys() == expected.keys()
    for place, value in expected.items():
        if isinstance(value, str):
            assert found[place] == value, place
        elif np.asarray(value).dtype.kind in "bi":
            np.testing.assert_array_equal(found[place], value, err_msg=place)
        else:
            np.testing.assert_allclose(found[place], value, rtol=close, atol=close, err_msg=place)


def profiles(n, windows, make=lambda: load_model("tiny-llama"), **options):
    """`profile_many` on n threads, each with a model of its own; weights are drawn one after another."""
    models = [make() for _ in range(n)]
    return answers(n, lambda many: profile_many(models[many.rank], windows, many, **options))


@pytest.mark.parametrize(("n", "precision"), [(1, "exact"), (2, "exact"), (2, "fast"), (3, "exact"), (9, "exact")])
def test_finds_what_one_process_does(n, precision, windows):
    """Nine are more than there are batches."""
    options = {"precision": precision, "batch_tokens": 250}
    expected = profile(load_model("tiny-llama"), windows, **options)
    for found in profiles(n, windows, **options):
        check_same(found, expected)


def test_an_encoder_and_nothing_held_out():
    """After its norms one direction has no variance, and rounding decides whether it counts: so not to ten digits."""
    windows = WindowSet(fit=windows_of(LENGTHS), test=(), group="window")
    expected = profile(load_model("tiny-bert"), windows, batch_tokens=250)
    found, other = profiles(2, windows, lambda: load_model("tiny-bert"), batch_tokens=250)
    assert found.held_out is None
    assert math.isnan(found.perplexity)
    check_same(*(dataclasses.replace(each, conditioning=()) for each in (found, expected)), close=1e-4)
    check_same(found, other, close=0)


def with_words(**factors):
    """A model in which some words have embeddings that are so many times longer."""
    loaded = load_model("tiny-llama")
    with torch.no_grad():
        for word, factor in factors.items():
            loaded.model.get_input_embeddings().weight[int(word[1:])] *= factor
    return loaded


def test_what_is_massive_is_decided_once():
    """The second batch holds long states alone: by its own median the massive one among them would be ordinary."""
    short = [Window(tuple(range(5, 55)), 0), Window(tuple(range(60, 110)), 1)]
    long = [Window((*[200, 201] * 20, 202, *[200, 201] * 10), 2), Window((*[201, 200] * 31,), 3)]
    windows = WindowSet(fit=tuple(short + long), test=tuple(short), group="document")

    def loaded():
        return with_words(w200=6, w201=6, w202=45)

    expected = profile(loaded(), windows, batch_tokens=130)
    massive = expected.no_first[0].n - expected.no_massive[0].n
    alone = profile(loaded(), dataclasses.replace(windows, fit=tuple(long)), batch_tokens=130)
    assert massive == 1
    assert alone.no_first[0].n - alone.no_massive[0].n == 0
    for found in profiles(2, windows, loaded, batch_tokens=130):
        check_same(found, expected)


def test_nan_activations_have_their_reason_everywhere(windows):
    def broken():
        loaded = load_model("tiny-llama")
        with torch.no_grad():
            blocks(loaded.model)[1].mlp.down_proj.weight[0, 0] = float("nan")
        return loaded

    expected = profile(broken(), windows, batch_tokens=250)
    for found in profiles(2, windows, broken, batch_tokens=250):
        assert found.first_broken_block() == 1
        check_same(found, expected)


@pytest.mark.parametrize("batch_tokens", [1, 130, 250, 4000])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_windows_of_a_process_make_its_batches_again(n, batch_tokens):
    windows = windows_of(LENGTHS)
    every = list(batches(windows, batch_tokens=batch_tokens))
    many, places = Many(), []
    for many.rank in range(n):
        many.n = n
        own = [each[many.rank] for each in rounds(windows, n, batch_tokens=batch_tokens)]
        own = [batch for batch in own if batch is not None]
        assert [batch.window.tolist() for batch in own] == [b.window.tolist() for b in every[many.rank :: n]]
        places += own_places(windows, many, batch_tokens=batch_tokens)
        again = batches(own_windows(windows, many, batch_tokens=batch_tokens), batch_tokens=batch_tokens)
        for batch, other in zip(own, again, strict=True):
            assert torch.equal(batch.input_ids, other.input_ids)
            assert torch.equal(batch.attention_mask, other.attention_mask)
    assert sorted(places) == list(range(len(windows)))


def test_the_bar_counts_the_tokens_of_all(windows, monkeypatch):
    bars = []

    def track(items, what, total, *, size, unit):
        done = []
        bars.append((what, unit, total, done))
        for item in items:
            yield item
            done.append(size(item))

    monkeypatch.setattr(many_profile, "track", track)
    profiles(2, windows, batch_tokens=250)
    assert {(what, unit) for what, unit, _, _ in bars} == {("fit", " tokens"), ("held out", " tokens")}
    assert len(bars) == 4  # all but the first process's are thrown away by the command line
    for what, _, total, done in bars:
        assert total == sum(done) == (windows.n_fit if what == "fit" else windows.n_test)
        assert len(done) > (what == "fit")


def test_one_that_dies_is_noticed(windows):
    """In the middle of its own batch: the other is told, and says what to do."""
    models = [load_model("tiny-llama") for _ in range(2)]
    blocks(models[1].model)[2].register_forward_hook(lambda *_: 1 / 0)
    lost, died = on_threads(2, lambda many: profile_many(models[many.rank], windows, many, batch_tokens=250))
    assert isinstance(died, ZeroDivisionError)
    assert isinstance(lost, Lost)
    assert str(lost).startswith("process 0 of 2 has lost another one (")
    assert "give the same command again" in str(lost)


def test_what_one_cannot_do_all_say():
    def work(many):
        if many.rank == 1:
            raise InputError("no model here")
        return many.rank

    first, second, third = on_threads(3, lambda many: many.together(lambda: work(many)))
    assert isinstance(second, InputError)
    for each in (first, third):
        assert isinstance(each, NearlinearError)
        assert str(each) == "process 1 cannot go on: no model here"
    assert answers(2, lambda many: many.together(lambda: many.rank)) == [0, 1]


def test_machines_that_differ_are_refused():
    first, second = on_threads(2, lambda many: check_alike(f"torch 2.{many.rank}", many))
    for error in (first, second):
        assert isinstance(error, InputError)
        assert "differ in weights, text, code, versions or precision" in str(error)
    assert answers(2, lambda many: check_alike("torch 2.6", many)) == [None, None]


def test_milestones_are_refused():
    spec = ProfileSpec(model="tiny-llama", corpus="x", windows=TokenWindows(n_tokens=512, test_fraction=0),
                       tokens_per_dimension=(5,))  # fmt: skip
    with pytest.raises(InputError, match="run this on one process"):
        many_study.run(spec, Many())


def test_alone_nothing_is_asked_of_anybody():
    many = Many()
    values = torch.tensor([1.0, 2.0])
    assert (many.n, many.rank, many.first, many.group) == (1, 0, True, None)
    assert many.add_up(values) is values
    assert many.spread(values, owner=0) is values
    assert many.gathered("said") == ["said"]
    assert many.owned(range(3)) == range(3)


def test_errors_of_torch_lose_their_places_in_the_sources():
    with pytest.raises(Lost, match=r"another one \(Connection closed by peer \[::1\]:7\): look"), Many().answered():
        raise RuntimeError("[/somewhere/gloo/pair.cc:547] Connection closed by peer [::1]:7\nmore")
