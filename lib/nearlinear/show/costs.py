"""What the trainings of a chapter cost at each size: reckoned for all, measured for those that are shown."""

from collections.abc import Iterable, Mapping

from nearlinear.results.costs import SPEED, Cost
from nearlinear.results.training import TrainingRun

from .shown import Html
from .tables import _code, table
from .words import number

WHERE = {
    "quick": "tests",
    "laptop": "two cores",
    "colab": "a free GPU in the browser",
    "gpu": "a GPU of a data centre",
}

ON_GPUS = ("colab", "gpu")


def what_it_costs(costs: Mapping[str, Cost], runs: Iterable[TrainingRun] = ()) -> Html:
    """A row for each size. `runs`: trainings whose clocks tell how long they took; their size is known by their names.

    Hours on a GPU are estimated, from a speed that small models do not reach.
    """
    runs = list(runs)
    rows = [
        [
            f"{_code(size)}, for {WHERE[size]}",
            f"{cost.n}",
            number(cost.tokens / 1e6),
            number(cost.operations / 1e12),
            duration(cost.hours) if size in ON_GPUS else "",
            _measured(runs) if len(runs) == cost.n and _read(runs) == cost.tokens else "",
        ]
        for size, cost in costs.items()
    ]
    speed = f"estimated, on a GPU at {SPEED / 1e12:g} TFLOP/s"
    head = ("size", "trainings", "million tokens", "10¹² operations", speed, "measured")
    title = (
        "What all trainings of this chapter cost. Operations are those of matrix products, forward and backward. "
        "Estimated until somebody measures it. Measured: the clocks of the runs on this page, without the looks"
    )
    return table(title, head, rows)


def _read(runs: Iterable[TrainingRun]) -> int:
    return sum(run.spec.recipe.steps * run.spec.recipe.batch * run.spec.architecture.T for run in runs)


def _measured(runs: list[TrainingRun]) -> str:
    devices = ", ".join(dict.fromkeys(run.provenance.device for run in runs))
    return f"{duration(sum(run.seconds[-1] for run in runs) / 3600)} on {devices}"


def duration(hours: float) -> str:
    """ "3.4 hours", "37 minutes", "2.1 seconds" """
    if hours >= 1:
        return f"{number(hours)} hours"
    return f"{number(60 * hours)} minutes" if hours >= 1 / 60 else f"{number(3600 * hours)} seconds"
