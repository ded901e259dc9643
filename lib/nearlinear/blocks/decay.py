"""Weight decay for matrices alone: the paper decays no gain, and nobody decays norms and biases."""

from torch import nn


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Groups for an optimiser of torch: matrices, which decay, and the rest, which does not.

    A gain near 1 is not a weight near 0: to shrink it is to change the block. Gains, norms and biases are numbers a
    model, a head or a channel, so they have one dimension and matrices have two. Frozen parameters are left out.
    transformers' Trainer goes by names instead, and comes to the same groups for our models without being told.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]
