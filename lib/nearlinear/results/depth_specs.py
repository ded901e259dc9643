"""What the study of depth needs besides `training_studies`: the shallow models at the rates of the deep ones."""

from .training import TrainSpec
from .training_specs import size_of
from .training_studies import DEEP


def shallow_tried(size: str = "laptop") -> dict[str, TrainSpec]:
    """The shallow models as `deep_tried` tries the deep ones, and at twice their rate: what depth does at each rate.

    The rate of the shallow models was chosen with more blocks and wider MLPs, so it is tried here too.
    Raises InputError for a size that is not there.
    """
    at = size_of(size)
    return {
        f"train-{size}-shallow-screen-{block}-{round(1e4 * rate)}e-4": at.spec(
            block, at.recipe(rate, at.ablation_steps // 3), 100, L=at.depths[0], d_ff=2 * at.architecture.d
        )
        for block in DEEP
        for rate in (2 * at.chosen[block], at.chosen[block], at.chosen[block] / 3, at.chosen[block] / 6)
    }
