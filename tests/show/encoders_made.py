"""Plausible masked trainings and finetunings without a model: planted ends, clocks, accuracies and breaks."""

import hashlib
from functools import cache

import numpy as np

from nearlinear.results.finetuning import Broken, FinetuneLook, FinetuneRun, FinetuneSpec
from nearlinear.results.training import Reading, Recipe, TrainingRun, VariantSpec
from nearlinear.results.training_studies import ENCODERS
from tests.show.synthetic import provenance
from tests.show.trainings import run as trained_run

READING = Reading(corpus="wikipedia-sample", tokens="bpe-1024", task="masked")
RATES = (1e-3, 3e-3, 6e-3)
ENDS = {"pre-ln": 4.8, "parallel": 4.5, "v-skipinit": 5.2, "sas": 4.0, "sas-p": 4.05, "sas-p-no-norm": 4.1}
RIGHT = {"pre-ln": 0.70, "parallel": 0.76, "v-skipinit": 0.68, "sas": 0.70, "sas-p": 0.69, "sas-p-no-norm": 0.66}
TASKS = ("film-sentences", "wordnet-contexts")
CONTROLS = ("pre-ln", "sas-p")
N_TEST = 1000


@cache
def masked(block="pre-ln", seed=0, lr=3e-3, end=4.8, *, steps=2000, seconds=0.05, d=64, **options) -> TrainingRun:
    """A masked training; `seconds`: of each of its steps."""
    run = trained_run(block, seed, lr, end, steps=steps, L=6, d=d, corpus="wikipedia-sample", **options)
    plain = run.spec.model_dump()
    plain |= {"reading": READING, "architecture": plain["architecture"] | {"options": (("positions", "rope"),)}}
    return run.model_copy(
        update={
            "spec": VariantSpec.model_validate(plain),
            "seconds": tuple(seconds * step for step in run.steps),
            "weights_sha256": weights_of(block, seed),
        }
    )


def weights_of(block: str, seed: int) -> str:
    return hashlib.sha256(f"{block} {seed}".encode()).hexdigest()


def encoders(ends=None, *, seeds=3, noise=0.01, seconds=None, rates=None, **options) -> list[TrainingRun]:
    """Every block and seed: the end of seed k is k · noise above that of seed 0. `seconds`: of a step, by block."""
    ends = ENDS | (ends or {})
    return [
        masked(
            block, seed, (rates or {}).get(block, 3e-3), end + noise * seed, seconds=(seconds or {}).get(block, 0.05),
            **options,
        )
        for seed in range(seeds)
        for block, end in ends.items()
    ]  # fmt: skip


def screen(best=None, **options) -> list[TrainingRun]:
    """Every block at every rate; the best is `best[block]`, 3e-3 where nothing is said."""
    return [
        masked(block, 100, rate, 5 + abs(np.log(rate / (best or {}).get(block, 3e-3))), steps=1000, **options)
        for block in ENCODERS
        for rate in RATES
    ]


@cache
def _right(share: float, draw: str) -> tuple[bool, ...]:
    """`share` of N_TEST answers right, which ones `draw` says; in part the same for all."""
    own = np.random.default_rng(list(draw.encode())).random(N_TEST)
    hard = np.random.default_rng(7).random(N_TEST) + 0.5 * own
    return tuple((hard.argsort().argsort() < round(share * N_TEST)).tolist())


@cache
def finetuned(
    block="sas", seed=0, right=0.7, *, task="film-sentences", how="pretrained", lr=1e-3, steps=400, stopped_at=None,
    texts=None, answers=0, d=64, chosen=None, started=None,
) -> FinetuneRun:  # fmt: skip
    """A run that is right on a share of the test. `texts`: how many of 16 had no number where it broke."""
    model = masked(block, 0 if seed == 100 else seed, d=d)
    spec = FinetuneSpec(
        model=model.spec,
        pretrained=0 if how == "scratch" else None,
        task=task,
        labels="shuffled" if how == "shuffled" else "true",
        recipe=Recipe(steps=steps, batch=16, lr=lr, warm_up=0.1),
        seed=seed,
    )
    last = steps if stopped_at is None else stopped_at
    stops = [stop for stop in spec.stops if stop <= last]
    base = provenance(L=6, d=model.spec.architecture.d)
    source = base.model.model_copy(update={"sha256": started or weights_of(block, model.spec.seed)})
    corpus = base.corpus.model_copy(update={"id": task})
    command = "python -m nearlinear results --only finetune-laptop"
    return FinetuneRun(
        spec=spec,
        labels=("no", "yes"),
        n_parameters=300_000,
        n_train=6400,
        n_choose=800,
        n_test=N_TEST,
        n_cut=0,
        majority=0.5,
        epochs=1.0,
        steps=stops,
        losses=[0.7 - 0.2 * stop / steps for stop in stops],
        grad_norms=[1.0] * len(stops),
        seconds=[0.05 * stop for stop in stops],
        looks=[
            FinetuneLook(step=k, accuracy=0.5 + ((chosen or right) - 0.5) * k / steps, loss=0.6)
            for k in spec.looks
            if k <= last
        ],
        train_accuracy=min(1.0, right + 0.1),
        right=() if stopped_at is not None else _right(right, f"{block} {seed} {how}"),
        groups=(10,) * (N_TEST // 10),
        test_broken=answers,
        broken=Broken(step=stopped_at or 1, texts=texts, batch=16) if texts else None,
        stopped="" if stopped_at is None else f"the loss is no longer a number at step {stopped_at}",
        weights_sha256="6" * 64,
        provenance=base.model_copy(update={"command": command, "model": source, "corpus": corpus}),
    )


def finetunings(right=None, *, scratch=0.6, shuffled=0.5, seeds=3, noise=0.005, tasks=TASKS, d=64, **options):
    """Every encoder, seed and task, and the controls. `right`: shares by block, or by (task, block)."""
    shares = {(task, block): share for task in TASKS for block, share in RIGHT.items()}
    for key, share in (right or {}).items():
        shares |= {key: share} if isinstance(key, tuple) else {(task, key): share for task in TASKS}

    def one(task, block, seed, share, how):
        return finetuned(block, seed, share + noise * seed, task=task, how=how, d=d, **options)

    return [
        *(one(t, b, k, shares[t, b], "pretrained") for t in tasks for k in range(seeds) for b in ENCODERS),
        *(one(t, b, k, scratch, "scratch") for t in tasks for k in range(seeds) for b in CONTROLS),
        *(one(tasks[0], b, k, shuffled, "shuffled") for k in range(seeds) for b in CONTROLS),
    ]


def tried(best=None, *, rates=(3e-4, 1e-3, 3e-3), broken=(), **options) -> list[FinetuneRun]:
    """The screen of finetuning; the best rate is `best[block or "scratch"]`, 1e-3 where nothing is said."""

    def one(block, how, rate):
        key = "scratch" if how == "scratch" else block
        chosen = 0.7 - 0.05 * abs(np.log(rate / (best or {}).get(key, 1e-3)))
        at = 100 if (block, rate) in broken and how == "pretrained" else None
        texts = 3 if at else None
        return finetuned(block, 100, 0.6, how=how, lr=rate, chosen=chosen, stopped_at=at, texts=texts, **options)

    pairs = [*((block, "pretrained") for block in ENCODERS), *((block, "scratch") for block in CONTROLS)]
    return [one(block, how, rate) for block, how in pairs for rate in rates]
