"""Our question B4, whether the cosine term does the same to SAS: by a rule, written before any long run was read.

Under λ = 0.5, each of four measures is *lower* or *higher* than without a term where the 95 % interval over seeds
leaves out zero, and *neither for certain* otherwise: s_Δ, the unexplained share ‖E‖²/‖Y‖², the size of the update
‖Δ‖²/‖Y‖² (means over blocks, held out, first tokens left out), and the held-out loss. The term does *the same* in a
measure that is lower in both families or higher in both, *the opposite* in one that is lower in one and higher in the
other; of the rest nothing is certain. Nothing is said where fewer steps than ENOUGH were trained, or a family has one
seed alone.
"""

from nearlinear.results.regularised_views import NONE, PAPERS, Grid, Runs, gap, grid_of

from .drift_verdicts import ENOUGH
from .drift_words import family_name
from .meeting_answers import Answer
from .regularised_words import change_told, setting_name, size_said, way

MEASURES = {
    "update_scores": ("s_Δ", 3),
    "unexplained": ("‖E‖² / ‖Y‖²", 4),
    "size": ("‖Δ‖² / ‖Y‖²", 4),
    "loss": ("held-out loss", 3),
}

NEITHER = "neither for certain"


def regularised_answers(runs: Runs, sas: Runs) -> list[Answer]:
    """B4, from the Llama-type model and SAS."""
    grids = {family_name(each[0].spec.architecture.family): grid_of(each) for each in (runs, sas)}
    told = [f"{family}: {_measured(grid)}." for family, grid in grids.items()]
    return [
        Answer(
            question="B4",
            said=_said(grids),
            ours=" ".join(told),
            controls=f"{setting_name(PAPERS)} against no term with the same seed, means over blocks, held out, first "
            f"tokens left out; 95 % intervals over seeds. SAS has no skip: Δ is only a difference of states. "
            f"{size_said(sas)}",
            command=f"nearlinear results --only drift-{'laptop' if _steps(sas) >= ENOUGH else 'quick'}",
        )
    ]


def _steps(runs: Runs) -> int:
    return min(run.spec.recipe.steps for run in runs)


def _measured(grid: Grid) -> str:
    if PAPERS not in grid:
        return "not trained"
    found = {name: gap(grid[PAPERS], grid[NONE], name) for name in MEASURES}
    return ", ".join(
        f"{MEASURES[name][0]} {way(change)} ({change_told(change, MEASURES[name][1])})"
        for name, change in found.items()
    )


def _said(grids: dict[str, Grid]) -> str:
    every = [run for grid in grids.values() for each in grid.values() for run in each]
    if _steps(every) < ENOUGH:
        return f"not answered by {_steps(every):,} steps"
    if any(PAPERS not in grid or len(grid[NONE]) < 2 for grid in grids.values()):
        return "not answered without two seeds of each"
    words = {
        name: [way(gap(grid[PAPERS], grid[NONE], name), neither=NEITHER) for grid in grids.values()]
        for name in MEASURES
    }
    alike = [name for name, (one, other) in words.items() if one == other != NEITHER]
    opposite = [name for name, pair in words.items() if set(pair) == {"lower", "higher"}]
    if len(alike) == len(MEASURES):
        return f"The same in all: {_named(words, alike)}."
    parts = [f"the same in {_named(words, alike)}" if alike else "the same in nothing"]
    if opposite:
        parts.append(f"the opposite in {', '.join(MEASURES[name][0] for name in opposite)}")
    if rest := [name for name in MEASURES if name not in alike and name not in opposite]:
        parts.append(f"not certain in {', '.join(MEASURES[name][0] for name in rest)}")
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def _named(words: dict[str, list[str]], names: list[str]) -> str:
    return ", ".join(f"{MEASURES[name][0]} ({words[name][0]})" for name in names)
