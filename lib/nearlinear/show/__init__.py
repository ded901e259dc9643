"""Results in; figures, pickers and tables out. Nothing here computes a score or loads a model: no torch is needed."""

from .again import again_curves, again_table
from .answer_findings import answer_findings, answer_rows
from .answer_wordings import answers_by_wording, wordings_table
from .answers import answer_controls, answers_by_k, answers_table, distilled_answers
from .calculator import calculator
from .counting import ceilings, described, parameters_by_block
from .counting_tables import costs_table, counts_table, formula_table, speeds_table
from .counting_verdicts import counting_findings, counting_rows
from .distillation import distillation_curves, distillation_table, screen_table
from .errors import error_by_frequency, error_histograms, frequency_correlation, heavy_tails
from .findings import (
    Finding,
    linearity_findings,
    numbers,
    token_findings,
    tokens_needed_findings,
    update_findings,
)
from .foresight import foresight_by_block, foresight_table
from .ladder import ladder_code, ladder_drawn, ladder_signal, ladder_table
from .ladder_picker import ladder_picker
from .ladder_verdicts import ladder_findings, ladder_rows
from .measured_speed import measured_speeds
from .paper import PRINTED, SCORE, Printed, printed
from .picker import (
    Frame,
    block_picker,
    damage_picker,
    histogram_picker,
    layer_picker,
    token_map_picker,
    update_picker,
)
from .pruning import damage_by_block, pruning_curves
from .pruning_picker import pruning_picker
from .pruning_verdicts import (
    distillation_findings,
    distillation_rows,
    foresight_findings,
    foresight_rows,
    pruning_findings,
    pruning_rows,
)
from .published import beside_published
from .question_picker import given_answers, question_picker
from .scores import controls, scores_by_block
from .settling import tokens_needed
from .shown import Html, Shown
from .signal import collapse_by_depth, geometry_by_depth, gradients_by_block
from .signal_frames import signal_picker
from .signal_tables import collapse_table, signal_findings, signal_rows
from .size_picker import size_picker
from .speed import what_pruning_buys
from .style import COLOURS, use
from .tables import Ours, card, paper_and_ours, parameters_table, provenance_table
from .tokenmap import token_map
from .updates import identity, update_scores_by_block, update_sizes
from .variants import map_variants, variants_findings, variants_table
from .verdicts import linearity_rows, token_rows, update_rows

__all__ = [
    "COLOURS",
    "PRINTED",
    "SCORE",
    "Finding",
    "Frame",
    "Html",
    "Ours",
    "Printed",
    "Shown",
    "again_curves",
    "again_table",
    "answer_controls",
    "answer_findings",
    "answer_rows",
    "answers_by_k",
    "answers_by_wording",
    "answers_table",
    "beside_published",
    "block_picker",
    "calculator",
    "card",
    "ceilings",
    "collapse_by_depth",
    "collapse_table",
    "controls",
    "costs_table",
    "counting_findings",
    "counting_rows",
    "counts_table",
    "damage_by_block",
    "damage_picker",
    "described",
    "distillation_curves",
    "distillation_findings",
    "distillation_rows",
    "distillation_table",
    "distilled_answers",
    "error_by_frequency",
    "error_histograms",
    "foresight_by_block",
    "foresight_findings",
    "foresight_rows",
    "foresight_table",
    "formula_table",
    "frequency_correlation",
    "geometry_by_depth",
    "given_answers",
    "gradients_by_block",
    "heavy_tails",
    "histogram_picker",
    "identity",
    "ladder_code",
    "ladder_drawn",
    "ladder_findings",
    "ladder_picker",
    "ladder_rows",
    "ladder_signal",
    "ladder_table",
    "layer_picker",
    "linearity_findings",
    "linearity_rows",
    "map_variants",
    "measured_speeds",
    "numbers",
    "paper_and_ours",
    "parameters_by_block",
    "parameters_table",
    "printed",
    "provenance_table",
    "pruning_curves",
    "pruning_findings",
    "pruning_picker",
    "pruning_rows",
    "question_picker",
    "scores_by_block",
    "screen_table",
    "signal_findings",
    "signal_picker",
    "signal_rows",
    "size_picker",
    "speeds_table",
    "token_findings",
    "token_map",
    "token_map_picker",
    "token_rows",
    "tokens_needed",
    "tokens_needed_findings",
    "update_findings",
    "update_picker",
    "update_rows",
    "update_scores_by_block",
    "update_sizes",
    "use",
    "variants_findings",
    "variants_table",
    "what_pruning_buys",
    "wordings_table",
]
