"""Table 1 as the paper prints it, and ours in the same form: in sample, first tokens in, ± spread over seeds."""

from html import escape

from nearlinear.results.tuning_views import by_lesson, by_model

from .shown import Html
from .tables import at_least, table
from .tuning_words import Runs, heading, lesson_name, mean_rise, model_name, signed

COLUMNS = ("MultiRC", "BoolQ", "CB", "reward model")

TABLE_1 = {
    "OPT-125M": ("0.085 ± 0.008", "0.217 ± 0.038", "0.048 ± 0.009", "0.060 ± 0.008"),
    "OPT-1.3B": ("0.055 ± 0.021", "0.382 ± 0.004", "0.088 ± 0.010", "0.062 ± 0.007"),
    "OPT-2.7B": ("0.061 ± 0.025", "0.356 ± 0.005", "0.066 ± 0.029", "0.054 ± 0.003"),
    "Llama2-7B": ("0.141 ± 0.006", "0.051 ± 0.024", "0.081 ± 0.070", "0.194 ± 0.027"),
    "GPT2": ("0.085 ± 0.021", "0.048 ± 0.016", "0.004 ± 0.003", "0.092 ± 0.013"),
    "GPT2-Large": ("0.049 ± 0.003", "0.023 ± 0.008", "0.025 ± 0.014", "0.085 ± 0.008"),
    "GPT2-XL": ("0.040 ± 0.007", "0.037 ± 0.007", "0.028 ± 0.019", "0.038 ± 0.008"),
}
"""arXiv 2405.12250, Table 1: by how much the score without the residual is higher after finetuning; ± over seeds."""


def tuning_printed() -> Html:
    """The paper's own numbers."""
    title = (
        "Table 1 of arXiv 2405.12250: rise of the score without the residual in finetuning, ± over seeds (how many is "
        "not said)"
    )
    return table(title, ("model", *COLUMNS), [[model, *cells] for model, cells in TABLE_1.items()])


def tuning_as_printed(runs: Runs) -> Html:
    """Ours as the paper prints them: mean over blocks, in sample, first tokens in, ± standard deviation over seeds."""
    of = {model: by_lesson(each) for model, each in by_model(runs).items()}
    lessons = list(dict.fromkeys(lesson for each in of.values() for lesson in each))
    rows = [
        [at_least(7, escape(model_name(model))), *(_cell(each.get(lesson, ())) for lesson in lessons)]
        for model, each in of.items()
    ]
    title = f"Ours in the paper's way: in sample, first tokens in, mean over blocks, ± over seeds. {heading(runs)}"
    return table(title, ("model", *map(lesson_name, lessons)), rows)


def _cell(runs: Runs) -> str:
    """Nothing where there is no run, or none came to its end."""
    if all(run.stopped for run in runs):
        return "broke off" if runs else ""
    over = mean_rise(runs, "in_sample_update_scores")
    return signed(float(over.mean)) + ("" if len(over.values) < 2 else f" ± {float(over.spread):.3f}")
