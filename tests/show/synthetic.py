"""Plausible results without a model: shapes and sizes of a real run, numbers from a seeded generator."""

import math

import numpy as np

from nearlinear.results.provenance import CorpusSource, ModelSource, Provenance
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import HeldOut, HeldOutScores, Intervals, LinearityProfile, Scores, TokensNeeded

_PLAIN = " the| of| and| island| in| a| is| known| its| ancient| harb|our|,|.| It| by| Pliny| &| 19|th"
WORDS = (*_PLAIN.split("|"), "\n", " <script>alert('x')</script>")


def provenance(
    model="smollm2-135m", L=30, d=576, n_tokens=22_080, architecture="LlamaForCausalLM", note=None
) -> Provenance:
    if note is None:
        note = "4-bit weights, dequantised" if model.startswith("smollm2") and "#" not in model else ""
    source = ModelSource(
        id=model, sha256="0" * 64, architecture=architecture, n_parameters=134_515_008, L=L, d=d, note=note
    )
    corpus = CorpusSource(id="wikipedia-sample", sha256="1" * 64, n_documents=192)
    return Provenance(
        model=source,
        corpus=corpus,
        n_tokens=n_tokens,
        n_windows=192,
        seed=0,
        device="cpu",
        dtype="float32",
        precision="exact",
        versions={"python": "3.11.7", "torch": "2.13.0"},
        seconds=71.2,
        commit="abc1234",
        clean=True,
        command="nearlinear score --model smollm2-135m",
        library_sha256="2" * 64,
        spec_sha256="3" * 64,
        created="2026-11-22T06:00:00+00:00",
    )


def profile(
    model="smollm2-135m", L=30, d=576, n=22_080, seed=0, reliable=True, held_out=True, broken_from=None, **source
):
    """Early blocks large and linear, a sink from block 4 on, a last block that undoes it. NaN from `broken_from` on."""
    rng = np.random.default_rng(seed)
    depth = np.arange(L) / max(L - 1, 1)
    random = "#random-" in model
    update = (
        0.93 + 0.02 * rng.random(L) if random else 0.45 + 0.35 * (2 * depth - 1) ** 2 + 0.05 * rng.standard_normal(L)
    )
    energy = 0.02 + 0.3 * np.exp(-8 * depth) + 0.25 * np.exp(-12 * (1 - depth))
    sink = np.where((depth > 0.12) & (depth < 0.97), 0.004, 1.0)
    energy_all = energy * sink
    update_all = np.clip(update + np.where(sink < 1, 0.05, 0.3 * rng.random(L)), None, 0.995)
    gap = (0.02 if random else 0.06) + 0.02 * rng.random(L)

    def cut(values):
        values = np.asarray(values, float).copy()
        values[L if broken_from is None else broken_from :] = math.nan
        return tuple(values.tolist())

    def score(update_score, ratio):
        return cut(1 - (1 - update_score) * ratio)

    def held(update_score, ratio):
        low, high = update_score - 0.03, update_score + 0.025
        both = [tuple(zip(cut(1 - (1 - low) * r), cut(1 - (1 - high) * r), strict=True)) for r in (ratio, np.ones(L))]
        return {
            "scores": score(update_score, ratio),
            "update_scores": cut(update_score),
            "intervals": Intervals(scores=both[0], update_scores=both[1]),
            "n_fit": 2 * n // 3,
            "n_test": n // 3,
        }

    no_first = Scores(scores=score(update, energy), update_scores=cut(update), n=n - 192)
    no_massive = Scores(scores=score(update + 0.002, energy), update_scores=cut(update + 0.002), n=n - 195)
    fit = Scores(scores=score(update_all + 0.005, energy_all), update_scores=cut(update_all + 0.005), n=2 * n // 3)
    held_out_part = HeldOut(
        **held(update_all - gap, energy_all),
        no_first_token=HeldOutScores(**held(update - gap, energy)),
        no_massive_token=HeldOutScores(**held(update - 0.9 * gap, energy)),
        fit=fit,
        fit_no_first_token=no_first,
        fit_no_massive_token=no_massive,
    )
    architecture = source.get("architecture", "LlamaForCausalLM")
    return LinearityProfile(
        scores=score(update_all, energy_all),
        update_scores=cut(update_all),
        n=n,
        d=d,
        no_first_token=no_first,
        no_massive_token=no_massive,
        massive_tokens=(0, *[3] * (L - 1)),
        held_out=held_out_part if held_out else None,
        norm_ratio=cut(0.9 * np.sqrt(energy)),
        energy_ratio=cut(energy_all),
        energy_ratio_no_first_token=cut(energy),
        cosine=cut(1 - energy / 2),
        rank=(d,) * L,
        condition=cut(np.full(L, 900.0)),
        reliable=reliable,
        reason="" if reliable else f"n/d = {n / d:.1f} is below 20",
        perplexity=math.nan if architecture == "BertModel" else 23.4,
        provenance=provenance(model, L, d, n, **source),
    )


def encoder(**more):
    return profile("minilm", L=6, d=384, seed=9, architecture="BertModel", **more)


def twin(seed=0, **more):
    return profile(f"smollm2-135m#random-{seed}", seed=100 + seed, **more)


def tokens_needed(model="smollm2-135m", L=30, d=576, seed=0):
    rng = np.random.default_rng(seed)
    ratio = np.array([5, 10, 25, 50, 100, 213])
    limit = (0.94 if "#random-" in model else 0.5) + 0.03 * rng.standard_normal(L)
    over = (1 - limit)[None] / ratio[:, None]
    in_sample, held = limit + over, limit - 2 * over

    def rows(table):
        return tuple(tuple(row) for row in np.asarray(table).tolist())

    return TokensNeeded(
        n_fit=tuple((ratio * d).tolist()),
        n_test=40_960,
        d=d,
        in_sample=rows(in_sample),
        held_out=rows(held),
        held_out_low=rows(held - 0.02),
        held_out_high=rows(held + 0.02),
        in_sample_scores=rows(1 - (1 - in_sample) / 20),
        held_out_scores=rows(1 - (1 - held) / 20),
        provenance=provenance(model, L, d, 163_840),
    )


def token_errors(model="smollm2-135m", L=30, d=576, windows=64, length=115, seed=0, broken_from=None):
    """Rarer tokens err more; each window's first token has a huge, well fitted update; order as pass 2 leaves it."""
    rng = np.random.default_rng(seed)
    n = windows * length
    rank = np.minimum(rng.zipf(1.3, n), 3000) - 1
    window, position = np.repeat(np.arange(windows), length), np.tile(np.arange(length), windows)
    update2 = rng.gamma(4, 25, (L, n)) * (1 + np.arange(L))[:, None]
    relative = (0.55 + 0.05 * np.log1p(rank))[None] * rng.lognormal(0, 0.22, (L, n))
    update2[:, position == 0], relative[:, position == 0] = 4e6, 0.02 * rng.lognormal(0, 0.5, (L, windows))
    order = np.argsort(position == 0, kind="stable")
    tables = [update2 * relative**2, update2, update2 * 20, update2 * (relative * 0.98) ** 2]
    if broken_from is not None:
        for table in tables:
            table[broken_from:] = math.nan
    text = tuple(WORDS[r % len(WORDS)] for r in rank[order])
    return TokenErrors(
        rank[order],
        window[order],
        position[order],
        window[order],
        *(np.ascontiguousarray(t[:, order], np.float32) for t in tables),
        text,
        provenance(model, L, d, 3 * n),
    )
