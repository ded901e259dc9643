"""A finetuning of seconds, for a page that makes one while it is built."""

from nearlinear.errors import InputError

from .tuning import TuneSpec
from .tuning_specs import FAMILIES, TAUGHT, tunings_here

LESSONS = (*TAUGHT, "more-text")
"""What a model that is trained here is taught."""


def short(lesson: str = "film", steps: int = 60) -> TuneSpec:
    """The smallest model trained here on one of LESSONS, for `steps` steps, with looks on the way.

    Raises InputError for another lesson.
    """
    if lesson not in LESSONS:
        raise InputError(f"no short finetuning on {lesson!r}: choose one of {', '.join(LESSONS)}")
    spec = tunings_here("quick")[f"tuning-quick-{FAMILIES[0]}-{lesson}-0"]
    recipe = spec.recipe.model_copy(update={"steps": steps})
    return spec.model_copy(update={"recipe": recipe, "every": max(1, steps // 10), "halvings": 4})
