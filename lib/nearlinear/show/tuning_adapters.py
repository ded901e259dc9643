"""Low-rank adapters beside full finetuning, and finetunings of the hub's models: what a page can do without."""

from html import escape

import numpy as np

from .shown import Html, Shown
from .tables import at_least, table
from .tuning import tuning_rises
from .tuning_tables import percent, tuning_table
from .tuning_words import Runs, ended, group_name, groups, heading, mean_rise, plain, ranged, rise_told, signed

NO_ADAPTERS = (
    "No finetuning by adapters is here: it is not recorded at this size, and needs the package peft to be made."
)
NO_MODEL = "No model of the hub was asked for: see the parameter."


def both_ways(adapted: Runs, runs: Runs) -> list:
    """The finetunings by adapters, and those of the same models and lessons in which every weight is trained."""
    wanted = {(model, plain(lesson)) for model, lesson in groups(adapted)}
    full = [run for group, each in groups(runs).items() if group in wanted for run in each]
    return [*full, *adapted]


def tuning_adapters(adapted: Runs, runs: Runs) -> Shown | Html:
    """The rise of s_Δ by adapters beside that with every weight trained; a sentence where there are none."""
    return tuning_rises(both_ways(adapted, runs)) if adapted else _sentence(NO_ADAPTERS)


def tuning_adapters_table(adapted: Runs, runs: Runs) -> Html:
    """The same in numbers, with what was trained, learnt and forgotten; a sentence where there are none."""
    if not adapted:
        return _sentence(NO_ADAPTERS)
    both, rows = both_ways(adapted, runs), []
    for group, each in ended(both).items():
        kept = [run for run in each if not run.stopped]
        lost = [run.after.loss - run.before.loss for run in kept]
        rows.append(
            [
                at_least(9, escape(group_name(group))),
                percent(float(np.mean([run.n_trained / run.n_parameters for run in kept]))),
                f"{kept[0].spec.recipe.lr:g}",
                ranged([run.accuracy for run in kept], percent),
                rise_told(mean_rise(kept)),
                ranged(lost, signed),
            ]
        )
    head = ("model and lesson", "share of weights", "rate", "right on the test", "rise of s_Δ", "rise of the text loss")
    return table(f"Adapters beside every weight, means over seeds. {heading(both)}", head, rows)


def tuning_elsewhere(runs: Runs) -> Html:
    """Scores of a model of the hub before and after the paper's own tasks; a sentence where none was asked for."""
    return tuning_table(runs) if runs else _sentence(NO_MODEL)


def _sentence(words: str) -> Html:
    return Html(f"<p>{words}</p>", words)
