"""Results of drift made up by hand, for tests of how they are read."""

import numpy as np

from nearlinear.results.drift import Cosine, DriftRun, DriftSpec, FamilyArchitecture, Regulariser
from nearlinear.results.drift_looks import Documents, DriftLook, Halves, InSample, Probed, Sample, Shape
from nearlinear.results.provenance import CorpusSource, ModelSource, Provenance
from nearlinear.results.training import Reading, Recipe

DOCUMENTS, HALF = 6, Cosine(strength=0.5)


def halves(error2, update2, state2) -> Halves:
    return Halves(error2=tuple(error2), update2=tuple(update2), state2=tuple(state2))


def look(step: int, draw: np.random.Generator, L: int) -> DriftLook:
    state2 = draw.uniform(5, 9, L)
    update2 = state2 * draw.uniform(0.1, 0.4, L)
    half = halves(update2 * draw.uniform(0.2, 0.8, L), update2, state2)
    return DriftLook(
        step=step,
        loss=3 - step / 20,
        every_token=half,
        no_first_token=half,
        in_sample=InSample(scores=tuple(half.scores + 0.01), update_scores=tuple(half.update_scores + 0.01)),
        norm_ratio=tuple(draw.uniform(0.2, 0.6, L)),
        norm_ratio_no_first=tuple(draw.uniform(0.2, 0.6, L)),
        cosine=tuple(draw.uniform(0.7, 0.9, L)),
        step2=tuple(update2),
        shape=Shape(
            anisotropy=tuple(draw.uniform(0.1, 0.6, L + 1)),
            two_nn=tuple(draw.uniform(4, 9, L + 1)),
            mle=tuple(draw.uniform(4, 9, L + 1)),
            distinct=(200,) * (L + 1),
        ),
    )


def documents(draw: np.random.Generator, L: int) -> Documents:
    """Documents of different lengths and scores."""
    state2 = draw.uniform(5, 9, (L, DOCUMENTS))
    update2 = state2 * draw.uniform(0.2, 0.3, (L, DOCUMENTS))
    error2 = update2 * draw.uniform(0.4, 0.6, (L, DOCUMENTS))
    return Documents(
        tokens=tuple(range(31, 31 * (DOCUMENTS + 1), 31)),
        windows=tuple(range(1, DOCUMENTS + 1)),
        losses=tuple(draw.uniform(2, 3, DOCUMENTS)),
        error2=tuple(map(tuple, error2)),
        update2=tuple(map(tuple, update2)),
        state2=tuple(map(tuple, state2)),
    )


def run(seed: int = 0, *, L: int = 2, regulariser: Regulariser | None = HALF, probes: int = 0) -> DriftRun:
    """A run of 20 steps with four stops and four looks."""
    draw = np.random.default_rng(seed)
    spec = DriftSpec(
        architecture=FamilyArchitecture(L=L, d=16, h=2, T=32),
        reading=Reading(corpus="pages"),
        recipe=Recipe(steps=20, batch=4),
        regulariser=regulariser,
        seed=seed,
        every=5,
        halvings=3,
    )
    right = tuple(tuple(bool(tick) for tick in draw.random(40) < 0.7) for _ in range(L + 1))
    return DriftRun(
        spec=spec,
        n_parameters=1000,
        vocabulary=256,
        n_train=4096,
        n_dropped=0,
        n_fit=620,
        scoring="exact",
        epochs=0.6,
        steps=spec.stops,
        losses=(5.0, 4.0, 3.5, 3.0),
        terms=(1.0, 0.8, 0.6, 0.5) if regulariser else (),
        grad_norms=(1.0,) * 4,
        seconds=(1.0, 2.0, 3.0, 4.0),
        looks=tuple(look(step, draw, L) for step in spec.looks),
        documents=documents(draw, L),
        chosen_loss=3.0,
        probed=tuple(Probed(step=20 * k, strengths=(0.1,) * (L + 1), right=right) for k in range(probes)),
        majority=0.5,
        n_cut=0,
        task_sha256="",
        samples=(Sample(prompt="The", greedy=" cat the cat", drawn=(" cat saw a dog", " dog saw a cat")),),
        asked=(),
        stopped="",
        weights_sha256="0" * 64,
        provenance=_provenance(seed),
    )


def _provenance(seed: int) -> Provenance:
    model = ModelSource(id="llama, from scratch", sha256="1" * 64, architecture="Llama", n_parameters=1000, L=2, d=16)
    return Provenance(
        model=model,
        corpus=CorpusSource(id="pages", sha256="2" * 64, n_documents=30),
        n_tokens=2560,
        n_windows=100,
        windows_sha256="3" * 64,
        seed=seed,
        device="cpu",
        dtype="float32",
        precision="float32",
        versions={},
        seconds=1.0,
        commit="4" * 40,
        clean=True,
        command="",
        library_sha256="5" * 64,
        spec_sha256="6" * 64,
        created="2026-11-22T00:00:00+00:00",
    )
