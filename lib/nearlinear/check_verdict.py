"""The self-checks of the page of verdicts; `nearlinear.check` holds the others."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html

_CODES = {"reproduced": 0, "partly": 1, "contradicted": 2}


def rule(candidate: Callable) -> Html:
    """The verdict, exercise 1: a function (published, controlled) of two truths → one of three verdicts."""
    cases = [((True, True), np.array(0)), ((True, False), np.array(1))]
    cases += [((False, controlled), np.array(2)) for controlled in (False, True)]

    def coded(*truths):
        found = candidate(*truths)
        return _CODES.get(found, -1) if isinstance(found, str) else found

    return function(coded, cases, "First ask whether it holds as the paper measured it, only then about the controls.")


def false_alarms(value: float | None) -> Html:
    """The verdict, exercise 2: of 40 pairs of like models, how many are worse with all of three seeds, on average."""
    return number(value, 5, 1e-6, "Each seed is a coin, and the three have to fall on the same given side.")


def seeds_needed(value: float | None) -> Html:
    """The verdict, exercise 3: the least number of seeds that agree by luck, on either side, less than 1 time in 20."""
    return number(value, 6, 1e-6, "Seeds may agree on either of two sides, so luck has twice the chance of one side.")
