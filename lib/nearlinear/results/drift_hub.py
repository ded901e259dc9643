"""Checkpoints of other people's pretraining, as specifications: revisions of one model of the Hugging Face hub."""

from nearlinear.errors import InputError

from .profile_spec import ProfileSpec, laptop_spec


def revisions(checkpoints: str) -> list[str]:
    """The revisions that "org/name@one,another" names, in order; none for an empty text.

    Raises InputError for another form.
    """
    if not checkpoints.strip():
        return []
    model, _, names = checkpoints.partition("@")
    found = [name.strip() for name in names.split(",") if name.strip()]
    if "/" not in model or not found:
        raise InputError(
            f'no checkpoints can be read from {checkpoints!r}: name them as "org/name@revision,revision", or none'
        )
    return found


def checkpoint_specs(checkpoints: str, **options) -> list[ProfileSpec]:
    """The run of chapter 2 for each of the revisions; `options`: those of `laptop_spec`."""
    model = checkpoints.partition("@")[0].strip()
    return [laptop_spec(f"{model}@{revision}", **options) for revision in revisions(checkpoints)]
