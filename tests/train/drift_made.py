"""Small specifications of drift, and a task of two kinds of sentences, for the tests of it."""

from functools import partial

from nearlinear.inputs.task_examples import Example
from nearlinear.inputs.tasks import Task, TaskCard
from nearlinear.results.drift import DriftSpec, FamilyArchitecture, ProbeSpec, QuestionSpec, SampleSpec
from nearlinear.results.training import Recipe

from .made import T, reading

SHAPE = {"L": 2, "d": 16, "h": 2, "T": T}
PROBE = ProbeSpec(task="animals", n_train=60, n_choose=20)
QUESTIONS = QuestionSpec(n_words=0, n_endings=20)
SAMPLES = SampleSpec(prompts=("On day 1", "the cat"), n_new=8, n_samples=2)


def drift(family: str = "llama", **fields) -> DriftSpec:
    """20 steps of 4 windows of 32 bytes, two blocks of width 16. `fields`: of Recipe or of DriftSpec, by name."""
    recipe = {"steps": 20, "batch": 4, "lr": 1e-2}
    recipe |= {name: value for name, value in fields.items() if name in Recipe.model_fields}
    rest = {name: value for name, value in fields.items() if name not in Recipe.model_fields}
    return DriftSpec(
        **{"architecture": FamilyArchitecture(family=family, **SHAPE), "reading": reading(), "recipe": Recipe(**recipe)}
        | {"every": 5, "halvings": 3, "n_fit": 640, "n_shape": 256}
        | rest
    )


def examples(n: int, first: int = 0) -> tuple[Example, ...]:
    """Sentences about a cat or an owl, in turn: a plane can tell them apart in any state."""
    names = ("cat", "owl")
    return tuple(Example((f"{i}: the {names[i % 2]} {names[i % 2]}",), i % 2, str(i)) for i in range(first, first + n))


def animals(train=None) -> Task:
    card = TaskCard("", "", "", "", "", ("cat", "owl"), partial(tuple))
    return Task("animals", card, train or examples(80), examples(30, 100), examples(40, 200))
