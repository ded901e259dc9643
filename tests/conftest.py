"""Shared fixtures: one thread, one SmolLM2, one set of windows for every test that needs the real thing."""

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def smollm2():
    """The embedded model, loaded once."""
    from nearlinear.inputs.load import load_model

    return load_model("smollm2-135m")


@pytest.fixture(scope="session")
def wikipedia_windows(smollm2):
    """16 windows of 512 tokens of the Wikipedia sample, nothing held out."""
    from nearlinear.inputs.text import load_corpus
    from nearlinear.inputs.windows import cut
    from nearlinear.results.specs import TokenWindows

    return cut(
        TokenWindows(context=512, n_tokens=8192, test_fraction=0), load_corpus("wikipedia-sample"), smollm2.tokenizer
    )
