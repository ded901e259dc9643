"""A larger model reads what others wrote: against its logits, without the prompt, or refused."""

import numpy as np
import pytest
import torch

from nearlinear.errors import InputError
from nearlinear.evaluate.stories import likely, read, run, stories
from nearlinear.inputs.load import load_model
from nearlinear.results.store import NotRecorded
from nearlinear.results.stories import StoriesSpec
from tests.show import regularised_made as made

TEXTS = [("The river", " rises in the hills"), ("The river", " ran"), ("Once", ", and again")]


@pytest.fixture(scope="module")
def loaded():
    return load_model("tiny-llama")


def slow(loaded, prompt: str, text: str) -> tuple[float, int]:
    """Nats and tokens of the text, one text at a time."""
    before, ids = (loaded.tokenizer(each, add_special_tokens=False)["input_ids"] for each in (prompt, prompt + text))
    start = next((k for k, (a, b) in enumerate(zip(before, ids, strict=False)) if a != b), len(before))
    with torch.no_grad():
        told = loaded.model(torch.tensor([ids])).logits.double().log_softmax(-1)[0]
    return float(-sum(told[k - 1, ids[k]] for k in range(start, len(ids)))), len(ids) - start


def test_the_log_loss_is_that_of_what_follows_the_prompt(loaded):
    found = likely(loaded, TEXTS)
    expected = [slow(loaded, *each) for each in TEXTS]
    np.testing.assert_allclose(found.nats, [nats for nats, _ in expected], rtol=1e-4)
    assert found.tokens == tuple(n for _, n in expected)
    assert found.n_bytes == tuple(len(text.encode()) for _, text in TEXTS)


def test_every_training_is_read_and_pinned(loaded):
    runs = made.grid(settings=made.SETTINGS[:2], seeds=1)
    spec = StoriesSpec(drifts=tuple(each.spec for each in runs), model="tiny-llama")
    found = read(spec, runs, device="cpu")
    assert [len(story.drawn.tokens) for story in found.stories] == [2, 2]
    sample = runs[1].samples[0]
    again = likely(loaded, [(sample.prompt, text) for text in sample.drawn])
    np.testing.assert_allclose(found.of(runs[1]).drawn.nats, again.nats, rtol=1e-5)
    assert found.provenance.model.id == "tiny-llama"
    assert found.provenance.n_windows == 6
    other = read(spec, [runs[0], runs[1].model_copy(update={"samples": runs[0].samples})], device="cpu")
    assert other.provenance.windows_sha256 != found.provenance.windows_sha256


def test_a_training_that_wrote_nothing_is_refused():
    mute = made.run().model_copy(update={"samples": ()})
    with pytest.raises(InputError, match="wrote nothing: ask it for samples"):
        read(StoriesSpec(drifts=(mute.spec,), model="tiny-llama"), [mute], device="cpu")


def test_texts_are_read_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("nearlinear.results.store.results_cache", lambda: tmp_path)
    runs = [made.run()]
    found = stories(runs, model="tiny-llama", device="cpu")
    monkeypatch.setattr("nearlinear.evaluate.stories.read", None)  # what is kept is not read again
    assert stories(runs, model="tiny-llama", device="cpu") == found
    with pytest.raises(NotRecorded, match="no recorded stories was made from these parameters"):
        stories(runs, model="tiny-llama", mode="recorded")


def test_trainings_are_recorded_or_made_now(monkeypatch):
    runs, asked = {each.spec.seed: each for each in made.grid(settings=made.SETTINGS[:1], seeds=2)}, []

    def result(spec, *, mode="recorded", device):
        asked.append((spec.seed, mode))
        if spec.seed == 1 and mode == "recorded":
            raise NotRecorded("not here")
        return runs[spec.seed]

    monkeypatch.setattr("nearlinear.recorded.result", result)
    found = run(StoriesSpec(drifts=tuple(each.spec for each in runs.values()), model="tiny-llama"), device="cpu")
    assert [story.weights_sha256 for story in found.stories] == [each.weights_sha256 for each in runs.values()]
    assert asked == [(0, "recorded"), (1, "recorded"), (1, "recompute")]
