"""The recorded models that a reader's own is drawn over."""

from collections.abc import Iterable

from nearlinear.results.profile_spec import laptop_spec
from nearlinear.results.store import NotRecorded, recorded
from nearlinear.results.types import LinearityProfile

SPECS = (laptop_spec("smollm2-135m"), laptop_spec("smollm2-135m", random_seed=0), laptop_spec("minilm"))
"""A trained decoder, the same with random weights, and an encoder: the runs of chapters 1 and 2."""


def recorded_models() -> list[LinearityProfile]:
    """Those of them that are recorded."""
    return [profile for spec in SPECS if (profile := _if_there(spec)) is not None]


def _if_there(spec) -> LinearityProfile | None:
    try:
        return recorded(spec, LinearityProfile)
    except NotRecorded:
        return None


def others(profile: LinearityProfile, candidates: Iterable[LinearityProfile]) -> list[LinearityProfile]:
    """The candidates that are not the very weights and windows of `profile`: nothing is drawn over itself."""
    mine = _identity(profile)
    return [candidate for candidate in candidates if _identity(candidate) != mine]


def _identity(profile: LinearityProfile) -> tuple[str, str]:
    return profile.provenance.model.sha256, profile.provenance.windows_sha256
