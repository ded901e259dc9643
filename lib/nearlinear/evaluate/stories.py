"""What trained models write, read by a larger one: its log-loss of each text after the prompt that both have read."""

import hashlib
import time
from collections.abc import Sequence

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, load_model, torch_device
from nearlinear.inputs.windows import Window, tokenise
from nearlinear.results import making
from nearlinear.results.drift import DriftRun
from nearlinear.results.provenance import CorpusSource, Provenance
from nearlinear.results.store import load_or_run, spec_sha256
from nearlinear.results.stories import Likely, Stories, StoriesSpec, Story

from .perplexity import losses_after


def stories(
    runs: Sequence[DriftRun], *, model: str = "smollm2-135m", mode: str = "recompute", device: str = "auto"
) -> Stories:
    """What `model` makes of the texts of these trainings: recorded, or from the cache, or computed now.

    Raises NotRecorded, and InputError as `run` does.
    """
    spec = StoriesSpec(drifts=tuple(run.spec for run in runs), model=model)
    return load_or_run(spec, lambda spec: [read(spec, runs, device=device)], Stories, mode=mode)


def run(spec: StoriesSpec, *, device: str = "auto") -> Stories:
    """As `read`, of the trainings that `spec` names, recorded or from the cache or computed now."""
    from nearlinear.recorded import result
    from nearlinear.results.store import NotRecorded

    def drift(one) -> DriftRun:
        try:
            return result(one, device=device)
        except NotRecorded:
            return result(one, mode="recompute", device=device)

    return read(spec, [drift(one) for one in spec.drifts], device=device)


def read(spec: StoriesSpec, runs: Sequence[DriftRun], *, device: str = "auto") -> Stories:
    """Read every text of these trainings. Raises InputError where one was not asked for samples, or cannot be read."""
    started = time.perf_counter()
    making.remember(Stories.made_by)
    for one in runs:
        if not one.samples and not one.stopped:
            raise InputError(f"the training of {one.spec.architecture.family} wrote nothing: ask it for samples")
    place = torch_device(device)
    loaded = load_model(spec.model, device=place, dtype="float32")
    found = tuple(_story(loaded, one) for one in runs if one.samples)
    return Stories(stories=found, provenance=_provenance(spec, loaded, runs, found, time.perf_counter() - started))


def _story(loaded: LoadedModel, run: DriftRun) -> Story:
    greedy = [(sample.prompt, sample.greedy) for sample in run.samples]
    drawn = [(sample.prompt, text) for sample in run.samples for text in sample.drawn]
    return Story(weights_sha256=run.weights_sha256, greedy=likely(loaded, greedy), drawn=likely(loaded, drawn))


def likely(loaded: LoadedModel, texts: Sequence[tuple[str, str]]) -> Likely:
    """(prompt, what follows it) → the log-loss of what follows, token by token summed, text by text.

    A token that holds the prompt's end and the text's beginning counts as the text's.
    """
    windows, starts = [], []
    for place, (prompt, text) in enumerate(texts):
        before, whole = (tokenise(each, loaded.tokenizer) for each in (prompt, prompt + text))
        windows.append(Window(whole, place))
        starts.append(next((k for k, (a, b) in enumerate(zip(before, whole, strict=False)) if a != b), len(before)))
    found = losses_after(loaded, windows, starts)
    return Likely(
        nats=tuple(found.nats.tolist()),
        tokens=tuple(found.tokens.tolist()),
        n_bytes=tuple(len(text.encode()) for _, text in texts),
    )


def _provenance(
    spec: StoriesSpec, loaded: LoadedModel, runs: Sequence[DriftRun], found: Sequence[Story], seconds: float
) -> Provenance:
    """The texts are pinned by a hash of all of them, in order."""
    texts = [sample.prompt + text for run in runs for sample in run.samples for text in (sample.greedy, *sample.drawn)]
    told = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return Provenance(
        model=loaded.source,
        corpus=CorpusSource(id="texts of trained models", sha256=told, n_documents=len(texts)),
        n_tokens=sum(sum(part.tokens) for story in found for part in (story.greedy, story.drawn)),
        n_windows=len(texts),
        windows_sha256=told,
        seed=spec.seed,
        device=next(loaded.model.parameters()).device.type,
        dtype="float32",
        precision="float32",
        seconds=round(seconds, 2),
        spec_sha256=spec_sha256(spec),
        **making.circumstances(Stories.made_by),
    )
