"""A study of the meeting without a model: Pre-LN grows less linear, SAS more; SAS is cheap to replace."""

import numpy as np

from nearlinear.results.meeting import Attention, Cost, Final, MeetingRun, MeetingStudy, PrunedOrder, Stage
from tests.show.synthetic import provenance

STEPS = (0, 10, 100, 1000)
BLOCKS = ("pre-ln", "sas", "sas-p")
SLOPE = {"pre-ln": -0.08, "sas": 0.03, "sas-p": 0.05}
"""How much s_Δ changes from one look to the next."""


def attention(block: str, L: int, at: int, rng) -> Attention:
    shaped = block != "pre-ln"
    first = np.full(L, 0.021) + (0 if shaped else 0.01 * at) + 1e-4 * rng.random(L)

    def row(value):
        return tuple((np.full(L, float(value)) + 1e-3 * rng.random(L)).tolist())

    return Attention(
        first_mass=tuple(first.tolist()),
        top_first_mass=tuple((2 * first).tolist()),
        sink_mass=row(0.05 + 0.01 * at),
        sink_first=row(0.0 if shaped else 0.1 * at),
        sink_place=row(20),
        first_share=tuple((0.2 * first if shaped else first).tolist()),
        own_share=row(1 - 0.1 * at if shaped else 0.1),
        first_value=row(1.0),
        first_length=row(1.0 if shaped else 1 + 0.2 * at),
        first_longest=row(0.0),
        peak=row(5 + at),
        peak_first=row(0.1),
    )


def stage(block: str, L: int, at: int, rng) -> Stage:
    update = np.clip(0.8 + SLOPE[block] * at + 0.01 * rng.standard_normal(L), 0.01, 0.999)
    ratio = 0.05 + 0.1 * at
    scores = 1 - (1 - update) * ratio**2
    return Stage(
        step=STEPS[at],
        loss=5.5 - 1.2 * at + 0.01 * rng.random(),
        scores=tuple(scores.tolist()),
        update_scores=tuple(update.tolist()),
        scores_all=tuple((scores - 1e-4).tolist()),
        update_scores_all=tuple((update - 2e-3).tolist()),
        even_scores=tuple((scores - 0.01).tolist()),
        even_update_scores=tuple((update - 0.01).tolist()),
        top_share=(0.02 + 0.1 * at,) * L,
        norm_ratio=(ratio,) * L,
        attention=attention(block, L, at, rng),
    )


def cost(layers, difference: float) -> Cost:
    layers = (layers,) if isinstance(layers, int) else tuple(layers)
    return Cost(layers=layers, difference=difference, interval=(difference - 0.004, difference + 0.005))


def run(block: str, seed: int, L: int = 6) -> MeetingRun:
    rng = np.random.default_rng([seed, sorted(SLOPE).index(block)])
    stages = tuple(stage(block, L, at, rng) for at in range(len(STEPS)))
    last = stages[-1]
    per_block = {"remove": 0.05 if block == "pre-ln" else 0.1, "replace": 0.03 if block == "pre-ln" else 0.01}
    alone = {
        how: tuple(cost(layer, each * (1 + layer / 10) + 0.001 * rng.random()) for layer in range(L))
        for how, each in per_block.items()
    }
    orders = tuple(
        PrunedOrder(
            order=order, how=how, steps=tuple(cost(range(k), each * factor * k**1.5) for k in range(1, 4))
        )
        for order, factor in (("greedy", 1.0), ("score", 1.2), ("last", 1.5))
        for how, each in per_block.items()
    )  # fmt: skip
    return MeetingRun(
        block=block,
        seed=seed,
        n_parameters=500_000 if block == "pre-ln" else 423_000,
        stages=stages,
        final=Final(
            score_intervals=tuple((s - 0.01, s + 0.01) for s in last.scores),
            update_score_intervals=tuple((s - 0.02, s + 0.015) for s in last.update_scores),
            scores_no_massive=last.scores,
            update_scores_no_massive=last.update_scores,
            massive_tokens=(0,) * L,
            scores_in_sample=tuple(s + 0.001 for s in last.scores),
            update_scores_in_sample=tuple(s + 0.01 for s in last.update_scores),
            cosine=(0.9,) * L,
        ),
        loss=last.loss + 0.05,
        alone=alone,
        orders=orders,
    )


def study(
    blocks=BLOCKS, seeds=(0, 1, 2), L: int = 6, command="python -m nearlinear results --only train"
) -> MeetingStudy:
    made = provenance("9 models, trained here", L=L, d=64, architecture="SimplifiedForCausalLM", note="")
    return MeetingStudy(
        L=L,
        d=64,
        T=64,
        n_fit=16_065,
        n_choose=8_256,
        n_test=16_384,
        n_attend=8_192,
        n_documents=25,
        runs=tuple(run(block, seed, L) for seed in seeds for block in blocks),
        provenance=made.model_copy(update={"command": command}),
    )
