"""What cannot be finetuned and measured is refused in one sentence, before the first step."""

import pytest

from nearlinear.errors import InputError
from nearlinear.inputs.task_examples import Example
from nearlinear.results.specs import TokenWindows
from nearlinear.results.tuning import ByName, Labels, Preferences, Sentences
from nearlinear.train import tuning_models
from nearlinear.train.drift import kept
from nearlinear.train.tuning import run

from .drift_made import animals, examples
from .made import cache, pages, small_texts
from .tuning_made import REWARDS, letters, pairs, tune


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(scope="module")
def place(tmp_path_factory, texts):
    with cache(tmp_path_factory.mktemp("own")) as folder:
        kept(tune().model.spec, device="cpu", texts=texts)
    return folder


@pytest.fixture(autouse=True)
def own_cache(place, monkeypatch):
    corpus = type("C", (), {"id": "pages", "documents": pages(40), "source": None})()
    monkeypatch.setattr(tuning_models, "load_corpus", lambda name: corpus)
    with cache(place):
        yield


def of_one_class():
    return animals(tuple(Example(e.texts, 0, e.group) for e in examples(80)))


def windows(**fields):
    return TokenWindows(**{"context": 64, "n_tokens": 1536} | fields)


@pytest.mark.parametrize(
    ("spec", "task", "says"),
    [
        (tune(), of_one_class, "the task 'animals' has no example of 'owl' in its part 'train': take another seed"),
        (tune(Sentences(task="animals")), of_one_class, "the task 'animals' has no example of 'owl'"),
        (tune(batch=100), animals, "the task has 80 examples to train on, and a batch has 100: take a smaller batch"),
        (tune(REWARDS), lambda: letters(pairs(7)), "there are 7 pairs to train on, and a batch has 8: take a smaller"),
        (tune(Labels(task="birds")), None, "no task 'birds': give one of film-sentences, wordnet-contexts"),
        (tune(Preferences(pairs="tastes")), None, "no preference pairs 'tastes': give one of wordnet-preferences"),
        (tune(model=ByName(name="smollm3")), animals, "no model 'smollm3': give one of smollm2-135m"),
        (tune(model=ByName(name="tiny-bert", windows=windows())), animals, "BertModel predicts no text: finetune a"),
        (
            tune(model=ByName(name="tiny-llama", windows=windows(test_fraction=0))),
            animals,
            "nothing is held out of the measured text: take a test_fraction above 0",
        ),
        (
            tune(model=ByName(name="tiny-llama", windows=windows(context=4096, n_tokens=4096))),
            animals,
            "the text 'pages' gives 0 windows of 4096 tokens, 1 are asked for",
        ),
        (
            tune(model=ByName(name="tiny-llama", windows=windows(context=2, n_tokens=48))),
            animals,
            "the text gives 16 tokens to fit .first tokens apart. for a model of width 32",
        ),
        (tune(T=33), animals, "texts of 33 tokens are longer than the 32 that the model takes: take T=32"),
        (tune(scoring="turbo"), animals, "precision turbo needs the tensor cores of a GPU: on a CPU use exact or fast"),
        (tune(parts=3), animals, "a batch of 8 windows cannot be cut into 3 parts"),
        (tune(family="lama"), animals, "no family 'lama': choose one of llama"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(texts, spec, task, says, monkeypatch):
    monkeypatch.setattr("nearlinear.train.loop.Work.step", lambda *_: pytest.fail("a step was made"))
    with pytest.raises(InputError, match=rf"^{says}") as caught:
        run(spec, device="cpu", texts=texts, task=task and task())
    assert "\n" not in str(caught.value)
