"""Drift and regularisation as specifications: the chapters ask for these, and these are recorded.

`laptop` takes about 13,000 seconds of one core, or 3.6 hours, by its pieces, each timed (a step 0.073 s, with a term
on the Llama-type model 0.079; a look 2.2 s; to probe a look 14 s; the samples of a run 7.6 s, its questions 5.5 s): 12
trainings of 3,000 steps on prose and code 2,630 s, 6 of 1,000 on tales 440 s, 18 with a term 4,270 s, 12 of SAS 2,600
s, the screen 480 s, 502 looks 1,100 s, 66 probings 920 s, samples and questions of 33 runs 430 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nearlinear.errors import InputError

from .drift import Cosine, DriftSpec, FamilyArchitecture, ProbeSpec, QuestionSpec, Regulariser, SampleSpec, Squared
from .training import Reading, Recipe

DRIFTING = ("llama", "gpt-neox")
"""The families whose linearity is followed through training."""

REGULARISED = ("llama", "sas")
"""The families that are trained with a term, too."""

TERMS: dict[str, type] = {"cosine": Cosine, "squared": Squared}
STRENGTHS = (0.1, 0.5, 2.0)
"""λ besides 0; 0.5 and 2 are the paper's."""

PROMPTS = ("The history of the city begins", "The river rises in", "He was born in", "Once upon a time there was")
"""Beginnings of an encyclopaedia, and one that it does not have."""

PROBE, SAMPLES, QUESTIONS = ProbeSpec(), SampleSpec(prompts=PROMPTS), QuestionSpec()


@dataclass(frozen=True)
class DriftSize:
    """One size of every study. `readings`: texts by name; the first is the one that regularised models read.

    `steps` by text. `rates`, and `more_rates` of some: tried for each family; `chosen`: the one that each learnt most
    by, and which its regularised models take too, so that λ alone differs.
    """

    architecture: FamilyArchitecture
    readings: Mapping[str, Reading]
    steps: Mapping[str, int]
    screen_steps: int
    batch: int
    rates: tuple[float, ...]
    chosen: Mapping[str, float]
    seeds: tuple[int, ...] = (0, 1, 2)
    precision: str = "float32"
    parts: int = 1
    strengths: tuple[float, ...] = STRENGTHS
    halvings: int = 9
    n_fit: int = 16_384
    n_shape: int = 2048
    probe: ProbeSpec | None = PROBE
    samples: SampleSpec = SAMPLES
    questions: QuestionSpec = QUESTIONS
    more_rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def prose(self) -> str:
        """The text that regularised models read."""
        return next(iter(self.readings))

    def spec(
        self,
        family: str,
        text: str,
        seed: int,
        *,
        regulariser: Regulariser | None = None,
        lr: float | None = None,
        screen: bool = False,
    ) -> DriftSpec:
        """Those that are compared with regularised ones are read out too: by probes, by questions, and by eye.

        `screen`: for fewer steps, with a look at both ends alone.
        """
        read_out = text == self.prose and family in REGULARISED and not screen
        return DriftSpec(
            architecture=self.architecture.model_copy(update={"family": family}),
            reading=self.readings[text],
            recipe=Recipe(
                steps=self.screen_steps if screen else self.steps[text],
                batch=self.batch,
                lr=lr or self.chosen[family],
                precision=self.precision,
                parts=self.parts,
            ),
            regulariser=regulariser,
            seed=seed,
            order_seed=seed,
            halvings=1 if screen else self.halvings,
            n_fit=self.n_fit,
            n_shape=self.n_shape,
            probe=self.probe if read_out else None,
            samples=self.samples if read_out else None,
            questions=self.questions if read_out else None,
        )


ALL = (*DRIFTING, "sas")
"""Every family that is trained."""

DRIFT_SIZES = {
    "quick": DriftSize(
        architecture=FamilyArchitecture(L=2, d=16, h=2, T=32),
        readings={"tales": Reading(corpus="tales", held_out=0.1, n_evaluate=2048)},
        steps={"tales": 20},
        screen_steps=10,
        batch=4,
        rates=(1e-3, 1e-2),
        chosen=dict.fromkeys(ALL, 1e-2),
        seeds=(0, 1),
        strengths=(0.5,),
        halvings=3,
        n_fit=1024,
        n_shape=512,
        probe=None,
        samples=SampleSpec(prompts=("The river",), n_new=16, n_samples=2),
        questions=QuestionSpec(n_words=0, n_endings=8),
    ),
    "laptop": DriftSize(
        architecture=FamilyArchitecture(),
        readings={
            "prose": Reading(corpus="wikipedia-sample", held_out=0.1, n_evaluate=16_384),
            "tales": Reading(corpus="tales", held_out=0.1, n_evaluate=16_384),
            "code": Reading(n_evaluate=16_384),
        },
        steps={"prose": 3000, "tales": 1000, "code": 3000},
        screen_steps=600,
        batch=8,
        rates=(1e-3, 3e-3, 9e-3),
        chosen={"llama": 3e-3, "gpt-neox": 9e-3, "sas": 3e-3},
        more_rates={"gpt-neox": (2e-2, 4e-2)},
    ),
    "colab": DriftSize(
        architecture=FamilyArchitecture(d=256, h=4, T=256),
        readings={
            "prose": Reading(corpus="wikipedia-sample", held_out=0.1, n_evaluate=32_768),
            "code": Reading(n_evaluate=32_768),
        },
        steps={"prose": 500, "code": 600},
        screen_steps=100,
        batch=64,
        rates=(3e-4, 1e-3, 3e-3),
        chosen={"llama": 1e-3, "gpt-neox": 1e-3, "sas": 3e-3},
        seeds=(0,),
        precision="fp16",
        n_fit=32_768,
    ),
    "gpu": DriftSize(
        architecture=FamilyArchitecture(L=8, d=192, h=6, T=256),
        readings={
            "prose": Reading(corpus="wikipedia-sample", held_out=0.1, n_evaluate=131_072),
            "code": Reading(corpus="python-packages", tokens="bpe-4096", held_out=0.01, n_evaluate=131_072),
        },
        steps={"prose": 1000, "code": 2800},
        screen_steps=250,
        batch=32,
        rates=(3e-4, 1e-3, 3e-3),
        chosen={"llama": 1e-3, "gpt-neox": 1e-3, "sas": 3e-3},
        precision="bf16",
        n_fit=131_072,
        samples=SampleSpec(prompts=PROMPTS, n_new=192, n_samples=8),
    ),
}
"""quick: for tests. laptop: two cores, hours; the prose is read 1.4 times, tales 2.8 times, a third of the code once.
colab, gpu: sizes by arithmetic, rates that nobody has tried yet; the prose is read 3.7 times, the code once at most.
Held-out loss stands in every look, so that over-fitting is seen."""


def drift_size(size: str) -> DriftSize:
    if size not in DRIFT_SIZES:
        raise InputError(f"no size {size!r}: choose one of {', '.join(DRIFT_SIZES)}")
    return DRIFT_SIZES[size]


def rate_screens(size: str = "laptop") -> dict[str, DriftSpec]:
    """Every family at every rate on the prose, for fewer steps, with a seed of no other run."""
    at = drift_size(size)
    return {
        f"drift-{size}-screen-{family}-{rate * 1e4:g}e-4": at.spec(family, at.prose, 100, lr=rate, screen=True)
        for family in ALL
        for rate in sorted({*at.rates, *at.more_rates.get(family, ())})
    }


def drifts(size: str = "laptop") -> dict[str, DriftSpec]:
    """Linearity through training: two families on every text (Fig. 2 of arXiv 2405.12250)."""
    at = drift_size(size)
    return {
        f"drift-{size}-{text}-{family}-{seed}": at.spec(family, text, seed)
        for text in at.readings
        for family in DRIFTING
        for seed in at.seeds
    }


def regularised(size: str = "laptop") -> dict[str, DriftSpec]:
    """Both terms at every λ on the Llama-type model (section 4, Figs. 4 and 5); λ = 0 is the run of `drifts`."""
    return _grid(size, "llama", tuple(TERMS))


def regularised_sas(size: str = "laptop") -> dict[str, DriftSpec]:
    """The cosine term at every λ, 0 among them, on SAS."""
    return _grid(size, "sas", ("cosine",))


def _grid(size: str, family: str, terms: tuple[str, ...]) -> dict[str, DriftSpec]:
    at = drift_size(size)
    without = {f"drift-{size}-{at.prose}-{family}-{seed}": at.spec(family, at.prose, seed) for seed in at.seeds}
    return without | {
        f"drift-{size}-{at.prose}-{family}-{term}-{strength:g}-{seed}": at.spec(
            family, at.prose, seed, regulariser=TERMS[term](strength=strength)
        )
        for term in terms
        for strength in at.strengths
        for seed in at.seeds
    }
