"""Plausible trainings with a term, without a model: planted scores and sizes by λ, probes, samples and answers."""

import numpy as np

from nearlinear.results.drift import Cosine, DriftRun, ProbeSpec, SampleSpec, Squared
from nearlinear.results.drift_looks import Asked, Probed, Sample
from nearlinear.results.stories import Likely, Stories, Story
from tests.show import drifts_made
from tests.show.synthetic import provenance

TERMS = {"cosine": Cosine, "squared": Squared}
SETTINGS = (
    ("none", 0.0),
    *(("cosine", strength) for strength in (0.1, 0.5, 2.0)),
    *(("squared", strength) for strength in (0.1, 0.5, 2.0)),
)
N = 200
"""Items of each test."""

PROMPT, HOSTILE = "The river", "<script>alert('x')</script> & \x07 ran"


def ticks(share: float, seed: int, shift: int = 0) -> tuple[bool, ...]:
    """N items of which `share` are right, the same items for every share and seed but for `shift` of them."""
    places = (np.arange(N) * 73 + shift) % N
    return tuple((places < round(share * N)).tolist())


def run(
    setting=("none", 0.0), seed=0, *, family="llama", update=0.6, size=0.2, loss=None, right=None, read=None, **options
) -> DriftRun:
    """One run: mean s_Δ about `update` and ‖Δ‖²/‖Y‖² about `size` at its end.

    `right`: share of questions right by kind; `read`: share of test examples read out by state, (L + 1,).
    """
    found = drifts_made.run(family, seed=seed, ends={"update": (0.9, update), "size": (0.2, size)}, **options)
    term, strength = setting
    L = found.spec.architecture.L
    probe = ProbeSpec() if read is not None else None
    regulariser = TERMS[term](strength=strength) if term != "none" else None
    samples = SampleSpec(prompts=(PROMPT,), n_new=8, n_samples=2)
    changes = {
        "spec": found.spec.model_copy(update={"regulariser": regulariser, "probe": probe, "samples": samples}),
        "terms": found.losses if regulariser else (),
        "weights_sha256": f"{family}{term}{strength}{seed}".encode().hex().ljust(64, "0")[:64],
        "samples": (Sample(prompt=PROMPT, greedy=f" ran and ran {strength:g}", drawn=(HOSTILE, " saw a cat")),),
        "asked": tuple(
            Asked(
                kind=kind, right=ticks(share, seed), right_norm=ticks(share, seed), n_long=0, questions_sha256="7" * 64
            )
            for kind, share in (right or {}).items()
        ),
    }
    if read is not None:
        at_end = tuple(ticks(share, seed) for share in read)
        before = tuple(ticks(0.5, seed) for _ in read)
        changes["probed"] = tuple(
            Probed(step=step, strengths=(0.01,) * (L + 1), right=rows)
            for step, rows in ((0, before), (found.spec.recipe.steps, at_end))
        )
        changes["majority"] = 0.51
    if loss is not None and not found.stopped:
        last = found.looks[-1].model_copy(update={"loss": loss})
        changes["looks"] = (*found.looks[:-1], last)
    return found.model_copy(update=changes)


def grid(of=None, *, seeds=3, settings=SETTINGS, **options) -> list[DriftRun]:
    """Every setting with every seed; `of`: setting → what of it differs."""
    return [
        run(setting, seed, **(options | (of or {}).get(setting, {}))) for setting in settings for seed in range(seeds)
    ]


def stories(runs, of=None) -> Stories:
    """Nats a byte by setting, 1.5 where nothing is said; two bytes and one token a text."""

    def likely(nats: float, n: int) -> Likely:
        return Likely(nats=(2 * nats,) * n, tokens=(1,) * n, n_bytes=(2,) * n)

    found = []
    for each in runs:
        term = each.spec.regulariser.kind if each.spec.regulariser else "none"
        nats = (of or {}).get((term, each.spec.strength), 1.5)
        found.append(Story(weights_sha256=each.weights_sha256, greedy=likely(0.5, 1), drawn=likely(nats, 2)))
    return Stories(stories=tuple(found), provenance=provenance(L=8, d=64))
