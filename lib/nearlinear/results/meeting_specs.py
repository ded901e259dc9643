"""Where the two papers meet, as specifications: every training of the core study, looked into."""

from nearlinear.errors import InputError

from .meeting import MeetingSpec
from .training import Block
from .training_specs import SIX, core

TEXTS: dict[str, dict[str, int]] = {
    "quick": {"n_fit": 1024, "n_choose": 512, "n_test": 1024, "n_attend": 512, "halvings": 3},
    "laptop": {},
    "colab": {},
    "gpu": {"n_fit": 131_072, "n_choose": 65_536, "n_test": 131_072, "n_attend": 32_768},
}
"""What each size of the study has of its own: more text for wider models."""

QUICK: tuple[Block, ...] = ("pre-ln", "sas-p")
"""The blocks of the quick study."""


def meeting(size: str = "laptop") -> MeetingSpec:
    """The study of every training of `training_specs.core`. Raises InputError for a size that is not there."""
    if size not in TEXTS:
        raise InputError(f"no size {size!r}: choose one of {', '.join(TEXTS)}")
    runs = core(size, QUICK if size == "quick" else SIX)
    return MeetingSpec(runs=tuple(runs.values()), **TEXTS[size])


def meetings(size: str = "laptop") -> dict[str, MeetingSpec]:
    """The study of a size by the name that it is recorded under."""
    return {f"train-{size}-meeting": meeting(size)}
