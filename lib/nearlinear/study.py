"""From a specification to results with provenance: load, cut, measure, and say how it was done."""

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.load import LoadedModel, load_model, torch_device
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.windows import WindowSet, check_context, cut
from nearlinear.memory import halving
from nearlinear.results import making
from nearlinear.results.profile_spec import ProfileSpec
from nearlinear.results.provenance import Provenance
from nearlinear.results.store import load_or_run, spec_sha256
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import (
    HeldOut,
    HeldOutScores,
    Intervals,
    LinearityProfile,
    Scores,
    TokensNeeded,
)

from .measure.heldout import Errors, intervals
from .measure.linearity import BlockScores, unreliable
from .measure.precision import choose
from .measure.profile import HeldOutPart, Measured, profile

Progress = Callable[[str], None]


def linearity_profile(spec: ProfileSpec, *, mode: str = "recompute", device: str = "auto") -> LinearityProfile:
    """The linearity of every block of a model on a text: from the cache, from the recorded results, or computed now."""
    return load_or_run(spec, lambda s: run(s, device=device), LinearityProfile, mode=mode)


def linearity_profiles(
    specs: Iterable[ProfileSpec], *, mode: str = "recompute", device: str = "auto"
) -> list[LinearityProfile]:
    """`linearity_profile` of each specification, in order."""
    return [linearity_profile(spec, mode=mode, device=device) for spec in specs]


def token_errors(specs: Iterable[ProfileSpec], *, device: str = "auto") -> list[TokenErrors]:
    """Errors of the linear maps on every held-out token: the same runs as `linearity_profiles`, never a second one."""
    return [load_or_run(spec, lambda s: run(s, device=device), TokenErrors) for spec in specs]


def tokens_needed(specs: Iterable[ProfileSpec], *, mode: str = "recorded", device: str = "auto") -> list[TokensNeeded]:
    """How the scores settle as tokens come in, at the milestones of each specification."""
    return [load_or_run(spec, lambda s: run(s, device=device), TokensNeeded, mode=mode) for spec in specs]


def run(spec: ProfileSpec, *, device: str = "auto") -> list:
    """Measure what `spec` says. Gives a LinearityProfile, TokenErrors if text is held out, TokensNeeded if asked.

    Raises InputError for what cannot be loaded or is too short, OutOfMemory for what is too large.
    """
    started = time.perf_counter()
    making.commit(), making.library_sha256()  # remembered now: the files may change while the model runs
    where = torch_device(device)
    choose(spec.precision, where)  # refuse before the work, not after
    loaded = load_model(spec.model, device=where, dtype=spec.dtype, random_seed=spec.random_seed)
    corpus = load_corpus(spec.corpus)
    windows = cut(spec.windows_for(loaded.source.d), corpus, loaded.tokenizer)
    check_context(windows, loaded.context)
    check_enough(windows, loaded)
    milestones = [m * loaded.source.d for m in spec.tokens_per_dimension]
    how: dict[str, Any] = {"precision": spec.precision, "perplexity": spec.perplexity, "milestones": milestones}
    measured = halving(lambda n: profile(loaded, windows, **how, batch_tokens=n), windows.fit + windows.test)
    provenance = provenance_of(spec, loaded, corpus, windows, measured.precision, time.perf_counter() - started)
    return results_of(measured, windows, loaded, provenance, seed=spec.seed)


def check_enough(windows: WindowSet, loaded: LoadedModel) -> None:
    """Raise NotEnoughTokens where no score can exist, before the model has run."""
    n, d = sum(len(w.input_ids) - 1 for w in windows.fit), loaded.source.d
    if n < d + 2:
        raise NotEnoughTokens(
            f"the text gives {n} tokens to fit (first tokens apart) for a model of width {d}: "
            f"at least {d + 2} are needed, and {20 * d} to be reliable"
        )


def provenance_of(
    spec: Any,
    loaded: LoadedModel,
    corpus: Corpus,
    windows: WindowSet,
    precision: str,
    seconds: float,
    made_by: tuple[str, ...] = making.MEASURING,
) -> Provenance:
    """How a result of `spec` was made; `made_by`: patterns of the files that make its kind."""
    every = (*windows.fit, *windows.test)
    commit, clean = making.commit()
    parameter = next(loaded.model.parameters())
    return Provenance(
        model=loaded.source,
        corpus=corpus.source,
        n_tokens=sum(len(w.input_ids) for w in every),
        n_windows=len(every),
        windows_sha256=windows_sha256(windows),
        seed=spec.seed,
        device=str(parameter.device),
        dtype=str(parameter.dtype).removeprefix("torch."),
        precision=precision,
        versions=making.versions(),
        seconds=round(seconds, 2),
        commit=commit,
        clean=clean,
        command=making.command(),
        library_sha256=making.library_sha256(made_by),
        spec_sha256=spec_sha256(spec),
        created=making.now(),
    )


def windows_sha256(windows: WindowSet) -> str:
    """Hash of the tokens of every window, fit and held out, in order: what the model was given to read."""
    digest = hashlib.sha256()
    for part in (windows.fit, windows.test):
        for window in part:
            digest.update(np.array(window.input_ids, dtype="<i8").tobytes() + b"|")
        digest.update(b"\n")
    return digest.hexdigest()


def results_of(
    measured: Measured, windows: WindowSet, loaded: LoadedModel, provenance: Provenance, *, seed: int
) -> list:
    """Freeze a measurement into results."""
    results: list = [_profile(measured, windows, provenance, seed)]
    if measured.held_out is not None:
        results.append(_token_errors(measured.held_out, loaded, provenance))
    if measured.milestones and measured.held_out is not None:
        results.append(_tokens_needed(measured, windows, provenance, seed))
    return results


def _profile(measured: Measured, windows: WindowSet, provenance: Provenance, seed: int) -> LinearityProfile:
    blocks, first = measured.scores, measured.scores[0]
    held_out = measured.held_out
    broken = measured.first_broken_block()
    reason = unreliable(first.n, first.d)
    if broken is not None:
        reason = f"block {broken} is the first with NaN or infinite states: it and the later ones have no score"
    return LinearityProfile(
        scores=tuple(s.score for s in blocks),
        update_scores=tuple(s.update_score for s in blocks),
        n=first.n,
        d=first.d,
        no_first_token=_scores(measured.no_first),
        no_massive_token=_scores(measured.no_massive),
        massive_tokens=tuple(a.n - b.n for a, b in zip(measured.no_first, measured.no_massive, strict=True)),
        held_out=None if held_out is None else _held_out(held_out, windows, seed),
        norm_ratio=measured.norm_ratio,
        energy_ratio=tuple(s.energy_ratio for s in blocks),
        energy_ratio_no_first_token=tuple(s.energy_ratio for s in measured.no_first),
        cosine=measured.cosine,
        rank=tuple(rank for rank, _ in measured.conditioning),
        condition=tuple(condition for _, condition in measured.conditioning),
        reliable=not reason,
        reason=reason,
        perplexity=measured.perplexity,
        provenance=provenance,
    )


def _scores(blocks: tuple[BlockScores, ...]) -> Scores:
    return Scores(
        scores=tuple(s.score for s in blocks),
        update_scores=tuple(s.update_score for s in blocks),
        n=min(s.n for s in blocks),
    )


def _held_out(part: HeldOutPart, windows: WindowSet, seed: int) -> HeldOut:
    group = getattr(part.tokens, windows.group)
    later = part.tokens.position > 0
    everything = _held_out_scores(part.errors, group, _scores(part.fit_scores).n, seed)
    fit_no_first, fit_no_massive = _scores(part.fit_scores_no_first), _scores(part.fit_scores_no_massive)
    no_first = _held_out_scores(part.errors_no_first.of_tokens(later), group[later], fit_no_first.n, seed)
    massive = part.massive[:, later]
    no_massive = _held_out_scores(
        part.errors_no_massive.of_tokens(later).without(massive), group[later], fit_no_massive.n, seed
    )
    return HeldOut(
        **dict(everything),
        no_first_token=no_first,
        no_massive_token=no_massive.model_copy(update={"n_test": int((~massive).sum(1).min())}),
        fit=_scores(part.fit_scores),
        fit_no_first_token=fit_no_first,
        fit_no_massive_token=fit_no_massive,
    )


def _held_out_scores(errors: Errors, group: np.ndarray, n_fit: int, seed: int) -> HeldOutScores:
    return HeldOutScores(
        scores=tuple(errors.score()),
        update_scores=tuple(errors.update_score()),
        intervals=Intervals(
            scores=tuple(map(tuple, intervals(errors.error2, errors.state2, group, seed=seed))),
            update_scores=tuple(map(tuple, intervals(errors.error2, errors.update2, group, seed=seed))),
        ),
        n_fit=n_fit,
        n_test=errors.error2.shape[1],
    )


def _token_errors(part: HeldOutPart, loaded: LoadedModel, provenance: Provenance) -> TokenErrors:
    """In reading order: by window, then by position."""
    order = np.lexsort((part.tokens.position, part.tokens.window))
    ids = part.tokens.token_id[order]
    return TokenErrors(
        token_id=ids,
        window=part.tokens.window[order],
        position=part.tokens.position[order],
        document=part.tokens.document[order],
        error2=part.errors.error2[:, order].astype(np.float32),
        error2_no_first=part.errors_no_first.error2[:, order].astype(np.float32),
        update2=part.raw[0][:, order].astype(np.float32),
        state2=part.raw[1][:, order].astype(np.float32),
        text=tuple(loaded.tokenizer.batch_decode([[int(i)] for i in ids])),
        provenance=provenance,
    )


def _tokens_needed(measured: Measured, windows: WindowSet, provenance: Provenance, seed: int) -> TokensNeeded:
    part: Any = measured.held_out
    milestones: Any = measured.milestones  # with errors, since text is held out
    group, later = getattr(part.tokens, windows.group), part.tokens.position > 0
    held = [_held_out_scores(m.errors.of_tokens(later), group[later], m.n, seed) for m in milestones]
    ends = [h.intervals.update_scores for h in held]
    return TokensNeeded(
        n_fit=tuple(m.n for m in measured.milestones),
        n_test=held[0].n_test,
        d=measured.scores[0].d,
        in_sample=tuple(_scores(m.scores).update_scores for m in measured.milestones),
        in_sample_scores=tuple(_scores(m.scores).scores for m in measured.milestones),
        held_out=tuple(h.update_scores for h in held),
        held_out_scores=tuple(h.scores for h in held),
        held_out_low=tuple(tuple(low for low, _ in e) for e in ends),
        held_out_high=tuple(tuple(high for _, high in e) for e in ends),
        provenance=provenance,
    )


def require_finite(result: LinearityProfile) -> None:
    """Raise InputError, naming the first block, where the activations held NaN or infinite numbers."""
    if "NaN" in result.reason:
        raise InputError(f"the model's activations break: {result.reason}")
