"""Finetunings that are measured, as specifications: the chapters ask for these, and these are recorded.

`laptop` takes about 5,700 seconds of one quiet core, or 1.6 hours, by its pieces, each timed. SmolLM2 3,250 s: 12 runs
of 100 steps of 1.45 s, 13 measurements of 91 s, 4,464 answers of 0.073 s. Models trained here 2,450 s, besides their
own training in `drift_specs`: a step 0.1 s, of pairs 0.2 to 0.26 s; a look 2.1 s; the test 2.3 s, of pairs 5 s.
"""

from dataclasses import dataclass, replace

from nearlinear.errors import InputError

from .drift_specs import DRIFTING, drift_size
from .specs import TokenWindows
from .training import Precision, Recipe
from .tuning import ByName, Labels, Learns, MoreText, Preferences, Sentences, TrainedHere, TuneSpec

LESSONS: dict[str, Learns] = {
    "film": Labels(task="film-sentences"),
    "contexts": Labels(task="wordnet-contexts"),
    "shuffled": Labels(task="film-sentences", labels="shuffled"),
    "sentences": Sentences(task="film-sentences"),
    "more-text": MoreText(),
    "rewards": Preferences(pairs="wordnet-preferences"),
    "film-rewards": Preferences(pairs="film-preferences"),
    "shuffled-rewards": Preferences(pairs="film-preferences", labels="shuffled"),
    "multirc": Labels(task="hf:super_glue:multirc"),
    "boolq": Labels(task="hf:super_glue:boolq"),
    "cb": Labels(task="hf:super_glue:cb"),
    "shuffled-boolq": Labels(task="hf:super_glue:boolq", labels="shuffled"),
    "boolq-sentences": Sentences(task="hf:super_glue:boolq"),
    "helpful": Preferences(pairs="hf:anthropic:helpful"),
    "shuffled-helpful": Preferences(pairs="hf:anthropic:helpful", labels="shuffled"),
}
"""What is learnt, by name. "film", "shuffled" and "sentences" read the same texts in the same order."""

HUB = ("multirc", "boolq", "cb", "shuffled-boolq", "boolq-sentences", "helpful", "shuffled-helpful")
"""The paper's own tasks and pairs, with controls of one of each: from the hub, so they need a network."""

TAUGHT = ("film", "contexts", "shuffled", "sentences")
"""Two tasks, then two controls: labels that say nothing, and no labels."""

FAMILIES = DRIFTING
"""Of the models that are trained here."""

REWARDS = ("rewards", "film-rewards", "shuffled-rewards")
ADAPTED = ("film", "shuffled")
HUB_T = 256
MEASURED = TokenWindows(context=512, n_tokens=18_432)
"""Of SmolLM2: 12,288 tokens to fit on and 6,144 held out, where every document gives one window."""


@dataclass(frozen=True)
class Course:
    """How one kind of model is finetuned: at `lr`, or at `adapter_lr` where adapters of rank `rank` alone are trained.

    Whatever is learnt, and controls too, is learnt at one rate, so that the lesson alone differs.
    """

    steps: int
    batch: int
    T: int
    lr: float
    adapter_lr: float
    rank: int = 8
    every: int = 25
    halvings: int = 4
    n_choose: int = 400
    n_test: int = 1000
    scoring: str = "auto"
    precision: Precision = "float32"

    def spec(
        self, model: ByName | TrainedHere, lesson: str, seed: int, *, adapters: bool = False, lr: float | None = None
    ) -> TuneSpec:
        lr = lr or (self.adapter_lr if adapters else self.lr)
        return TuneSpec(
            model=model,
            learns=LESSONS[lesson],
            rank=self.rank if adapters else None,
            T=self.T,
            recipe=Recipe(steps=self.steps, batch=self.batch, lr=lr, warm_up=0.1, precision=self.precision),
            seed=seed,
            every=self.every,
            halvings=self.halvings,
            n_choose=self.n_choose,
            n_test=self.n_test,
            scoring=self.scoring,
        )


@dataclass(frozen=True)
class TuneSize:
    """One size of every study: a pretrained model on its course, and on theirs models trained on the drift's prose.

    `taught`: what the pretrained model learns, and whether by adapters. `rates`, `adapter_rates`: tried for the others.
    """

    pretrained: ByName
    course: Course
    small: Course
    taught: tuple[tuple[str, bool], ...] = tuple((lesson, False) for lesson in TAUGHT)
    seeds: tuple[int, ...] = (0, 1, 2)
    rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3)
    adapter_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)


TUNE_SIZES = {
    "quick": TuneSize(
        pretrained=ByName(name="tiny-llama", corpus="tales", windows=TokenWindows(context=64, n_tokens=3072)),
        course=Course(
            steps=6, batch=4, T=48, lr=1e-3, adapter_lr=1e-2, rank=2, every=3, halvings=1, n_choose=16, n_test=32
        ),
        small=Course(
            steps=8, batch=4, T=32, lr=1e-3, adapter_lr=1e-2, rank=2, every=4, halvings=2, n_choose=16, n_test=32
        ),
        seeds=(0, 1),
        rates=(1e-3, 1e-2),
        adapter_rates=(1e-2,),
    ),
    "laptop": TuneSize(
        pretrained=ByName(windows=MEASURED),
        course=Course(
            steps=100,
            batch=8,
            T=48,
            lr=5e-5,
            adapter_lr=5e-4,
            halvings=1,
            n_choose=96,
            n_test=400,
            scoring="fast",
        ),
        small=Course(steps=300, batch=16, T=128, lr=1e-3, adapter_lr=3e-3),
    ),
    "gpu": TuneSize(
        pretrained=ByName(windows=TokenWindows(context=512, n_tokens=92_160)),
        course=Course(steps=200, batch=32, T=64, lr=5e-5, adapter_lr=5e-4, n_test=1500, precision="bf16"),
        small=Course(steps=600, batch=32, T=128, lr=1e-3, adapter_lr=3e-3, n_test=1500, precision="bf16"),
        taught=(*((lesson, False) for lesson in (*TAUGHT, "rewards")), ("film", True)),
        seeds=(0, 1, 2, 3, 4),
    ),
}
"""quick: for tests. laptop: two cores. gpu: by arithmetic; nobody has tried its rates. No rate was searched for a
pretrained model: 5e-5 is what is usual for so small a one, and ten times that for adapters."""


def tune_size(size: str) -> TuneSize:
    if size not in TUNE_SIZES:
        raise InputError(f"no size {size!r}: choose one of {', '.join(TUNE_SIZES)}")
    return TUNE_SIZES[size]


def tunings(size: str = "laptop") -> dict[str, TuneSpec]:
    """The pretrained model on what it is taught at this size, with every seed (Table 1 of arXiv 2405.12250)."""
    at = tune_size(size)
    return {
        _name(size, at.pretrained.name, lesson, adapters, seed): at.course.spec(
            at.pretrained, lesson, seed, adapters=adapters
        )
        for lesson, adapters in at.taught
        for seed in at.seeds
    }


def tunings_here(size: str = "laptop") -> dict[str, TuneSpec]:
    """Models trained here on two tasks and three controls: every weight is trained."""
    return {
        name: spec
        for family in FAMILIES
        for lesson in (*TAUGHT, "more-text")
        for name, spec in _here(size, family, lesson).items()
    }


def adapter_tunings(size: str = "laptop") -> dict[str, TuneSpec]:
    """The same with low-rank adapters, on a task and on shuffled labels: the first family alone."""
    return {name: spec for lesson in ADAPTED for name, spec in _here(size, FAMILIES[0], lesson, adapters=True).items()}


def reward_tunings(size: str = "laptop") -> dict[str, TuneSpec]:
    """Reward models of two kinds of pairs, and of pairs that a coin has turned: the first family alone."""
    return {name: spec for lesson in REWARDS for name, spec in _here(size, FAMILIES[0], lesson).items()}


def tuning_rates(size: str = "laptop") -> dict[str, TuneSpec]:
    """The first family at every rate on the first task, with a seed of no other run; looked at on both ends alone."""
    at, model = tune_size(size), _model(size, FAMILIES[0], 0)
    pairs = [(False, rate) for rate in at.rates] + [(True, rate) for rate in at.adapter_rates]
    return {
        f"tuning-{size}-screen-{FAMILIES[0]}-{'adapters-' if adapters else ''}{rate * 1e4:g}e-4": at.small.spec(
            model, TAUGHT[0], 100, adapters=adapters, lr=rate
        ).model_copy(update={"halvings": 1})
        for adapters, rate in pairs
    }


def hub_tunings(model: str = "openai-community/gpt2", size: str = "gpu") -> dict[str, TuneSpec]:
    """Any model on the paper's own tasks and pairs, for those with a network; nothing of it is recorded.

    Texts are as long as HUB_T tokens, because passages are.
    """
    at = tune_size(size)
    course = replace(at.course, T=HUB_T)
    by_name = at.pretrained.model_copy(update={"name": model})
    return {
        _name(size, model.rpartition("/")[2], lesson, False, seed): course.spec(by_name, lesson, seed)
        for lesson in HUB
        for seed in at.seeds
    }


def _here(size: str, family: str, lesson: str, *, adapters: bool = False) -> dict[str, TuneSpec]:
    at = tune_size(size)
    return {
        _name(size, family, lesson, adapters, seed): at.small.spec(
            _model(size, family, seed), lesson, seed, adapters=adapters
        )
        for seed in at.seeds
    }


def _model(size: str, family: str, seed: int) -> TrainedHere:
    """A model of the drift on prose; where that has fewer seeds than are asked for, one that is trained for this."""
    at = drift_size(size)
    return TrainedHere(spec=at.spec(family, at.prose, seed))


def _name(size: str, model: str, lesson: str, adapters: bool, seed: int) -> str:
    return f"tuning-{size}-{model}-{lesson}-{'adapters-' if adapters else ''}{seed}"
