"""The measures that orders go by, of any profile of a model: to ask whether they would have foreseen its damage."""

from nearlinear.results.pruning import Measure
from nearlinear.results.types import LinearityProfile

from .orders import MEASURES


def measures_of(profile: LinearityProfile) -> tuple[Measure, ...]:
    """One number a block by each measure; the block with the least would go first.

    Raises InputError where nothing was held out, which two of the measures need.
    """
    return tuple(Measure(order=order, values=tuple(map(float, by(profile)))) for order, by in MEASURES.items())
