"""Results of finetuning made up by hand, for tests of how they are read."""

import math

import numpy as np

from nearlinear.results.drift import DriftSpec, FamilyArchitecture
from nearlinear.results.drift_looks import InSample
from nearlinear.results.provenance import CorpusSource, ModelSource, Provenance
from nearlinear.results.training import Recipe
from nearlinear.results.tuning import Labels, Learns, TrainedHere, TuneSpec, TuningRun
from nearlinear.results.tuning_looks import DocumentSums, TuningLook

from .drift_made import halves

L, DOCUMENTS = 3, 8
FILM = Labels()


def look(step: int, scores, *, size: float = 0.5, seed: int = 0, loss: float = 2.0) -> TuningLook:
    """A look whose s_Δ is `scores` (L,), where updates have the share `size` of their states. Documents differ."""
    draw = np.random.default_rng(seed)
    scores = np.asarray(scores, float)
    state2 = draw.uniform(5, 9, L)
    half = halves(state2 * size * (1 - scores), state2 * size, state2)
    tokens = np.arange(20, 20 + 5 * DOCUMENTS, 5)
    spread = draw.normal(0, 0.05, (L, DOCUMENTS))
    spread -= (spread * tokens).sum(1, keepdims=True) / tokens.sum()
    error2 = (state2 * size * (1 - scores))[:, None] * (1 + spread)
    return TuningLook(
        step=step,
        loss=loss,
        every_token=half,
        no_first_token=half,
        in_sample=InSample(scores=tuple(half.scores + 0.01), update_scores=tuple(half.update_scores + 0.02)),
        norm_ratio=(math.sqrt(size) + 0.1,) * L,
        norm_ratio_no_first=(math.sqrt(size),) * L,
        cosine=(0.8,) * L,
        documents=DocumentSums(
            tokens=tuple(tokens.tolist()),
            error2=tuple(map(tuple, error2)),
            update2=tuple((value,) * DOCUMENTS for value in state2 * size),
            state2=tuple((value,) * DOCUMENTS for value in state2),
        ),
        accuracy=0.5 if step else math.nan,
        task_loss=0.7 if step else math.nan,
    )


def run(change, *, seed: int = 0, learns: Learns = FILM, right=(True, True, False, True), **fields) -> TuningRun:
    """A run of 8 steps with looks at both ends and between, in which s_Δ of each block rises by `change` (a number,
    or (L,)), half of it on the way. `fields`: of the result, or of the specification.
    """
    before = np.linspace(0.3, 0.6, L)
    of_spec = {name: value for name, value in fields.items() if name in TuneSpec.model_fields}
    spec = TuneSpec(
        **{
            "model": TrainedHere(spec=DriftSpec(architecture=FamilyArchitecture(L=L, d=16, h=2, T=32), seed=seed)),
            "learns": learns,
            "recipe": Recipe(steps=8, batch=4),
            "seed": seed,
            "every": 4,
            "halvings": 2,
        }
        | of_spec
    )
    words = {
        "spec": spec,
        "taught": CorpusSource(id="film-sentences", sha256="7" * 64, n_documents=100),
        "n_parameters": 1000,
        "n_trained": 1000,
        "n_train": 64,
        "n_cut": 0,
        "n_read": 640,
        "n_fit": 620,
        "scoring": "exact",
        "epochs": 0.5,
        "steps": spec.stops,
        "losses": (0.7, 0.6),
        "grad_norms": (1.0, 1.0),
        "seconds": (1.0, 2.0),
        "looks": tuple(look(step, before + np.multiply(change, step / 8), loss=2 + step / 8) for step in spec.looks),
        "right": right,
        "groups": (1,) * len(right),
        "majority": 0.5,
        "stopped": "",
        "weights_sha256": "0" * 64,
        "provenance": provenance(seed),
    }
    return TuningRun(**words | {name: value for name, value in fields.items() if name not in of_spec})


def provenance(seed: int) -> Provenance:
    blank = dict.fromkeys(("device", "dtype", "precision", "commit", "command", "library_sha256", "spec_sha256"), "")
    return Provenance(
        model=ModelSource(id="llama, trained here", sha256="1" * 64, architecture="", n_parameters=1000, L=L, d=16),
        corpus=CorpusSource(id="pages", sha256="2" * 64, n_documents=30),
        n_tokens=960,
        n_windows=30,
        windows_sha256="3" * 64,
        seed=seed,
        versions={},
        seconds=1.0,
        clean=True,
        created="",
        **blank,
    )
