"""Every recorded result and benchmark as a table: what the page *How the results were made* shows. No torch."""

import inspect
from collections.abc import Callable, Iterator

from nearlinear import recorded
from nearlinear.errors import InputError
from nearlinear.results.inventory import benchmarks, recordings, studies
from nearlinear.results.types import TokensNeeded
from nearlinear.show.inventory import benchmarks_table, inventory_table
from nearlinear.show.shown import Html

SIZES = ("laptop", "quick", "colab", "gpu")


def results_made() -> Html:
    """Every recorded result: a row a study, with its seeds, machine, time, commit and command."""
    kinds = [*(kind for kind, _ in recorded.KINDS.values()), TokensNeeded]
    return inventory_table(studies(recordings(kinds), planned()))


def benchmarks_made() -> Html:
    """Every recorded benchmark, in the same way."""
    return benchmarks_table(benchmarks())


def planned() -> dict[str, list[str]]:
    """What each study of many runs is, in its own first words and with its size → the names of its runs."""
    return {
        f"{inspect.getdoc(study).splitlines()[0]} Size {size}.": list(named)
        for study in plans()
        for size, named in _sizes(study)
        if len(named) > 1
    }


def plans() -> list[Callable[..., dict[str, object]]]:
    """The functions of `nearlinear.recorded` that give the runs of a study by name, for a size."""
    functions = [f for f in vars(recorded).values() if inspect.isfunction(f) and f.__module__ != recorded.__name__]
    return [f for f in functions if next(iter(inspect.signature(f).parameters), "") == "size" and _named(f)]


def _named(study: Callable) -> bool:
    """Whether a function says that it answers with runs by name."""
    return str(inspect.signature(study).return_annotation).startswith("dict[str, ")


def _sizes(study: Callable) -> Iterator[tuple[str, dict[str, object]]]:
    for size in SIZES:
        try:
            yield size, study(size)
        except InputError:  # this study has no such size
            continue
