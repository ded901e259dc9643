"""The loss of one who knows how frequent each token is, and nothing else: where a masked model waits."""

import torch

from nearlinear.results.training import TrainSpec

from .run import texts_of
from .texts import Texts


def frequency_loss(spec: TrainSpec) -> float:
    """Nats a token, on the held-out text of a training. Raises as `texts_of` does."""
    return of_texts(texts_of(spec.reading, spec.architecture.T))


def of_texts(texts: Texts) -> float:
    """−mean log p of the evaluated tokens, p their share of the training part, each counted once more than it stands.

    So a token that was never seen is not impossible (Laplace). Whatever is hidden of the text, this is what one can
    expect of it without looking around.
    """
    counts = torch.bincount(texts.train.windows.flatten().long(), minlength=texts.vocabulary).double() + 1
    return -(counts / counts.sum()).log()[texts.evaluate.windows.flatten().long()].mean().item()
