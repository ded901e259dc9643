"""Finetunings of any model of the hub on the paper's own tasks and pairs, for those who have a network."""

from .tuning import TuneSpec
from .tuning_specs import hub_tunings


def elsewhere(model: str, *, size: str = "gpu") -> dict[str, TuneSpec]:
    """Every task and pair of `hub_tunings` for a model by its name; nothing for an empty name."""
    return hub_tunings(model.strip(), size=size) if model.strip() else {}
