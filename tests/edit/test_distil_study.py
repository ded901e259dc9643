"""A distillation study of a tiny model: texts apart, every number against a direct call, nothing lost when killed."""

import numpy as np
import pytest

from nearlinear import recorded
from nearlinear.edit import checkpoint, distil_runs
from nearlinear.edit.distil import distil_all, distil_linear
from nearlinear.edit.distil_runs import Trainer
from nearlinear.edit.distil_study import Distilling
from nearlinear.edit.distil_texts import rest_of
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.imitation import relative_error, squared_error
from nearlinear.edit.ledger import Ledger
from nearlinear.edit.study import Work
from nearlinear.edit.texts import three_texts
from nearlinear.edit.training import Diverged
from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.evaluate.choices import Question, accuracy
from nearlinear.evaluate.perplexity import compare, losses
from nearlinear.inputs.load import load_model
from nearlinear.inputs.text import Corpus
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.windows import n_tokens
from nearlinear.results.distillation import DistilSpec, DistilStudy, best_of, thinned
from nearlinear.results.pruning import PruningSpec

PAGES = tuple(
    "".join(f"Line {i} of {page}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * page} stars.\n" for i in range(90))
    for page in range(12)
)
CORPUS = Corpus("pages", PAGES)
SIZES = {"context": 64, "n_fit": 2048, "n_choose": 512, "n_evaluate": 512}
STUDY = PruningSpec(model="tiny-llama", corpus="pages", count=2, **SIZES)
QUESTIONS = (Question("the cat saw", ("stars", "Line", "owl"), 0), Question("Line 3 of", ("4", "dog"), 1))


@pytest.fixture(scope="module")
def loaded():
    return load_model("tiny-llama")


@pytest.fixture(scope="module")
def texts(loaded):
    return three_texts(CORPUS, loaded.tokenizer, **SIZES, seed=0)


def spec(way="linear", **fields):
    few = {"runs": ((1, 0), (1, 1), (2, 0)), "steps": 4, "tokens_per_step": 256, "screen_steps": 2, "screen_k": 1}
    return DistilSpec(**({"study": STUDY, "way": way, "rates": (1e-3, 1e-2), "mixed": "none"} | few | fields))


@pytest.fixture
def distilling(loaded, texts, tmp_path, monkeypatch):
    """Makes a study of a specification, its ledger in this test's own folder."""
    monkeypatch.setattr(Work, "plan", lambda *_: Planned)  # measured orders are tested elsewhere
    maps = Work(STUDY, loaded, texts, Ledger(tmp_path / "none")).maps
    monkeypatch.setattr(Work, "maps", maps)

    def make(of, name="ledger", questions=(), on_step=None) -> Distilling:
        rest = rest_of(CORPUS, loaded.tokenizer, texts, context=64, at_least=256)
        work = Work(STUDY, loaded, texts, Ledger(tmp_path / f"{name}.ledger.jsonl"))
        return Distilling(Trainer(of, work, rest, on_step), questions)

    return make


class Planned:
    steps = ((1,), (0, 1))


def stamped(made: DistilStudy | dict) -> dict:
    """A study without how long it took."""
    parts = dict(made)
    return parts | {"runs": [run.model_copy(update={"seconds": 0.0}) for run in parts["runs"]]}


def test_no_window_that_is_trained_on_is_read_elsewhere(texts):
    rest = rest_of(CORPUS, byte_tokenizer(), texts, context=64, at_least=256)
    documents = [{w.document for w in part} for part in (rest, texts.choose, texts.evaluate)]
    assert not documents[0] & (documents[1] | documents[2])
    assert not set(rest) & set(texts.every)
    assert documents[0] == {w.document for w in texts.fit}
    every = sum(len(PAGES[i].encode()) // 64 for i in documents[0])
    assert len(rest) == every - len(texts.fit)  # all that there is
    assert len(set(rest)) == len(rest)


def test_of_one_document_the_rest_is_what_no_end_has_read():
    corpus = Corpus("one", ("".join(f"{i:05d}" for i in range(1200)),))
    texts = three_texts(corpus, byte_tokenizer(), **(SIZES | {"n_fit": 1024}))
    rest = rest_of(corpus, byte_tokenizer(), texts, context=64, at_least=64)
    assert not set(rest) & set(texts.every)
    assert n_tokens(rest) + n_tokens(texts.every) == 6000 // 64 * 64


def test_a_text_that_leaves_no_step_is_refused(texts):
    with pytest.raises(NotEnoughTokens, match=r"tokens of 'pages' are left to distil on, and one step takes 99999"):
        rest_of(CORPUS, byte_tokenizer(), texts, context=64, at_least=99_999)


@pytest.mark.parametrize("way", ["linear", "all"])
def test_every_number_equals_a_direct_call(distilling, way):
    study = distilling(spec(way), questions=QUESTIONS)
    made, work = study.parts(), study.work
    best = best_of(made["screen"])
    got = next(run for run in made["runs"] if (run.k, run.seed, run.error) == (1, 1, best.error))
    error = squared_error if best.error == "squared" else relative_error
    options = {"steps": 4, "tokens_per_step": 256, "lr": best.lr, "seed": 1, "error": error, "mixed": "none"}
    model, before = work.loaded.model, {}
    with removed(model, [1]):
        before["remove"] = losses(work.loaded, work.texts.evaluate)
    with replaced(model, {1: work.maps[1]}):
        before["replace"] = losses(work.loaded, work.texts.evaluate)
    if way == "linear":
        trained = distil_linear(work.loaded, {1: work.maps[1]}, study.trainer.windows, **options)
        student, edit = work.loaded, replaced(model, trained.maps)
    else:
        trained = distil_all(work.loaded, [1], study.trainer.windows, **options)
        student, edit = trained.loaded, removed(trained.loaded.model, [1])
    with edit:
        found, asked = losses(student, work.texts.evaluate), accuracy(student, QUESTIONS)
    assert got.losses == trained.losses
    assert got.changed.layers == (1,)
    assert got.changed.perplexity == found.perplexity
    assert (got.changed.difference, *got.changed.interval) == tuple(compare(found, work.dense, seed=0))
    for how, other in before.items():
        paired = got.over[how]
        assert (paired.difference, *paired.interval) == pytest.approx(tuple(compare(found, other, seed=0)), abs=1e-12)
        assert made["plain"][how][0].perplexity == pytest.approx(other.perplexity)
    assert (got.answered.right, got.answered.right_norm) == (tuple(asked.hits), tuple(asked.hits_norm))
    assert (got.answered.acc, made["questions"].n) == (asked.acc, 2)
    assert got.seconds > 0


def test_the_recipe_is_chosen_on_the_text_for_choices_and_the_papers_error_is_run_too(distilling):
    study = distilling(spec())
    study.work.ledger.get("screen relative 0.01", lambda: [1.0])  # planted: the least of the four
    study.work.ledger.get("screen squared 0.001", lambda: [2.0])
    made = study.parts()
    tried = {(s.error, s.lr): s.log_loss for s in made["screen"]}
    assert len(tried) == 4
    layers, work = (1,), study.work
    options = {"steps": 2, "tokens_per_step": 256, "seed": 100, "error": squared_error, "mixed": "none"}
    trained = distil_linear(work.loaded, {1: work.maps[1]}, study.trainer.windows, lr=0.01, **options)
    with replaced(work.loaded.model, trained.maps):
        assert tried["squared", 0.01] == losses(work.loaded, work.texts.choose).mean
    with replaced(work.loaded.model, {layer: work.maps[layer] for layer in layers}):
        assert made["screen_plain"] == losses(work.loaded, work.texts.choose).mean
    recipes = [(run.k, run.seed, run.error, run.lr) for run in made["runs"]]
    main = [(k, seed, "relative", 0.01) for k, seed in spec().runs]
    assert recipes == [*main, (1, 0, "squared", 0.001)]


def test_where_the_papers_error_wins_nothing_is_run_twice(distilling):
    study = distilling(spec(errors=("squared",)))
    assert [(run.k, run.seed, run.error) for run in study.parts()["runs"]] == [
        (1, 0, "squared"),
        (1, 1, "squared"),
        (2, 0, "squared"),
    ]


def test_a_rate_at_which_training_breaks_is_kept_and_never_chosen(distilling, monkeypatch):
    def breaking(*args, lr, **kw):
        if lr == 1e-2:
            raise Diverged("the loss is no longer a number")
        return distil_linear(*args, lr=lr, **kw)

    monkeypatch.setattr(distil_runs, "distil_linear", breaking)
    made = distilling(spec(runs=((1, 0),))).parts()
    assert [np.isnan(s.log_loss) for s in made["screen"]] == [False, True, False, True]
    assert {run.lr for run in made["runs"]} == {1e-3}
    with pytest.raises(InputError, match="training diverged at every learning rate: choose smaller ones"):
        best_of([s for s in made["screen"] if s.lr == 1e-2])


@pytest.mark.parametrize("stop_at", [1, 6, 12])
@pytest.mark.parametrize("way", ["linear", "all"])
def test_an_interrupted_study_goes_on_to_the_same_numbers(distilling, monkeypatch, way, stop_at):
    """Stopped in the screen, in a run and at its end; no step is done again, and no checkpoint is left."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    wanted, done = spec(way, runs=((1, 0), (2, 0)), errors=("squared",)), []

    def stop(step, loss):
        done.append((step, loss))
        if len(done) == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distilling(wanted, on_step=stop).parts()
    resumed = distilling(wanted, on_step=lambda *step: done.append(step))
    made, steps = resumed.parts(), []
    whole = distilling(wanted, "whole", on_step=lambda *step: steps.append(step))
    assert stamped(made) == stamped(whole.parts())
    assert done == steps
    assert all(np.isfinite(run.seconds) for run in made["runs"])
    assert not list(resumed.work.ledger.path.parent.glob("*.safetensors"))
    again = distilling(wanted, on_step=lambda *_: pytest.fail("trained again"))
    assert again.parts() == made


def test_the_result_carries_its_provenance_and_comes_back(tmp_path, monkeypatch):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path))
    path = tmp_path / "pages.txt"
    path.write_text("".join(PAGES))
    wanted = spec(study=STUDY.model_copy(update={"corpus": str(path)}), order="last", runs=((1, 0),))
    made = recorded.result(wanted, mode="recompute")
    assert DistilStudy.from_json(made.to_json()) == made
    assert recorded.result(wanted, mode="recompute") == made  # from the cache
    assert made.provenance.n_tokens == made.n_fit + made.n_choose + made.n_evaluate
    assert made.epochs == 4 * 256 / made.n_distil
    assert (made.provenance.seed, made.questions, made.best.error) == (0, None, made.main[0].error)
    assert made.runs[0].changed.layers == (1,)
    assert {run.error for run in made.by_paper} == {"squared"}


def test_the_specification_says_what_does_not_fit():
    with pytest.raises(ValueError, match="a run is named twice"):
        spec(runs=((1, 0), (1, 0)))
    with pytest.raises(ValueError, match="the screen is at 3 blocks, and no run is"):
        spec(screen_k=3)
    with pytest.raises(ValueError, match="rates"):
        spec(rates=())
    with pytest.raises(ValueError, match="rates"):
        spec(rates=(0.0,))


def test_more_blocks_than_the_study_follows_are_refused(distilling):
    with pytest.raises(InputError, match="3 blocks are to be distilled, and the study follows 'score' for fewer"):
        distilling(spec(runs=((1, 0), (3, 0)))).parts()


def test_a_long_curve_is_thinned_to_means():
    assert thinned([3.0, 5.0, 4.0]) == (3.0, 5.0, 4.0)
    assert thinned(np.arange(200.0)) == tuple(np.arange(0.5, 200, 2))
    assert len(thinned(np.arange(250.0))) == 100
