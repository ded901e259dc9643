"""Results in; figures, pickers and tables out. Nothing here computes a score or loads a model: no torch is needed."""

from .again import again_curves, again_table
from .answer_findings import answer_findings, answer_rows
from .answer_wordings import answers_by_wording, wordings_table
from .answers import answer_controls, answers_by_k, answers_table, distilled_answers
from .calculator import calculator
from .costs import what_it_costs
from .counting import ceilings, described, parameters_by_block
from .counting_tables import costs_table, counts_table, formula_table, speeds_table
from .counting_verdicts import counting_findings, counting_rows
from .depth import depth_changes, depth_curves, depth_signal, short_depth
from .depth_gains import depth_gains
from .depth_picker import depth_picker
from .depth_rates import depth_rates, depth_rates_table
from .depth_tables import depth_findings, depth_readings, depth_table
from .depth_verdicts import depth_rows
from .depth_words import (
    depth_beside_said,
    depth_change_said,
    depth_equal_rates_said,
    depth_operations_said,
    depth_rates_said,
)
from .distillation import distillation_curves, distillation_table, screen_table
from .drift import drift_losses, drift_map, drift_short, drift_through
from .drift_hub import hub_drift
from .drift_picker import drift_picker
from .drift_sizes import drift_account, drift_cloud, drift_sizes
from .drift_tables import (
    account_said,
    cloud_table,
    drift_findings,
    drift_rates,
    drift_said,
    drift_table,
    drift_ways,
)
from .drift_verdicts import drift_rows
from .encoder_findings import encoder_findings
from .encoder_longer import encoder_longer, encoder_longer_said
from .encoder_said import broken_said, encoder_ends_said, encoder_waiting_said, finetuned_said
from .encoder_tables import accuracy_table, beside_glue, broken_table, encoder_rates, encoder_table, finetune_rates
from .encoder_verdicts import encoder_rows
from .encoder_worth import loss_and_accuracy, worth_said
from .encoders import encoder_curves, encoder_ends
from .errors import error_by_frequency, error_histograms, frequency_correlation, heavy_tails
from .findings import (
    Finding,
    linearity_findings,
    numbers,
    token_findings,
    tokens_needed_findings,
    update_findings,
)
from .finetuning import finetuned_accuracy, finetuning_curves
from .finetuning_picker import finetuning_picker
from .foresight import foresight_by_block, foresight_table
from .ladder import ladder_code, ladder_drawn, ladder_signal, ladder_table
from .ladder_picker import ladder_picker
from .ladder_verdicts import ladder_findings, ladder_rows
from .learning import final_losses, learning_curves, rates_screened, short_training
from .learning_more import learning_longer, learning_longer_said, longer_rows, prose_row
from .learning_picker import learning_picker
from .learning_readings import three_readings, train_and_held_out
from .learning_tables import endings_table, learning_findings, rates_table, readings_table
from .learning_times import step_times
from .learning_verdicts import learning_rows
from .measured_speed import measured_speeds
from .meeting import linearity_and_loss, meeting_by_block, meeting_through_training
from .meeting_answers import meeting_answers, our_questions
from .meeting_attention import meeting_attention, meeting_first_token
from .meeting_picker import meeting_picker
from .meeting_pruning import meeting_pruned
from .meeting_tables import (
    meeting_attention_table,
    meeting_findings,
    meeting_foresight_table,
    meeting_orders_table,
    meeting_pruning_table,
    meeting_table,
)
from .meeting_verdicts import meeting_rows
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
from .probes import probes_by_layer, probes_gained
from .probes_picker import probes_picker
from .probes_tables import probe_penalties, probes_findings, probes_said, probes_table
from .probes_verdicts import probes_rows
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
from .regularised import regularised_losses, regularised_scores
from .regularised_answers import regularised_answers
from .regularised_picker import regularised_picker
from .regularised_tables import regularised_findings, regularised_table, regularised_ways
from .regularised_texts import question_gains, regularised_samples, story_table
from .regularised_verdicts import regularised_rows
from .regularised_why import regularised_account, regularised_at_equal, regularised_cause, regularised_equal_said
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
from .tuning import tuning_by_block, tuning_rises, tuning_road, tuning_short
from .tuning_account import tuning_account, tuning_account_said, tuning_account_table
from .tuning_adapters import tuning_adapters, tuning_adapters_table, tuning_elsewhere
from .tuning_picker import tuning_picker
from .tuning_printed import tuning_as_printed, tuning_printed
from .tuning_said import tuning_beyond_said, tuning_findings, tuning_said
from .tuning_tables import tuning_beyond, tuning_learnt, tuning_rates, tuning_table, tuning_ways
from .tuning_verdicts import tuning_rows
from .updates import identity, update_scores_by_block, update_sizes
from .values import short_values, values_sweep
from .values_changes import values_changes
from .values_duality import values_duality
from .values_gains import values_gains, values_ratios
from .values_picker import values_picker
from .values_tables import values_findings, values_rates, values_table
from .values_verdicts import values_rows
from .variants import map_variants, variants_findings, variants_table
from .verdict_figure import verdicts_by_paper, verdicts_by_part
from .verdict_picker import verdict_picker
from .verdict_sources import how_judged, verdict_downloads
from .verdict_table import question_table, verdict_findings, verdict_table, what_stands
from .verdict_topics import what_is_needed
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
    "account_said",
    "accuracy_table",
    "again_curves",
    "again_table",
    "answer_controls",
    "answer_findings",
    "answer_rows",
    "answers_by_k",
    "answers_by_wording",
    "answers_table",
    "beside_glue",
    "beside_published",
    "block_picker",
    "broken_said",
    "broken_table",
    "calculator",
    "card",
    "ceilings",
    "cloud_table",
    "collapse_by_depth",
    "collapse_table",
    "controls",
    "costs_table",
    "counting_findings",
    "counting_rows",
    "counts_table",
    "damage_by_block",
    "damage_picker",
    "depth_beside_said",
    "depth_change_said",
    "depth_changes",
    "depth_curves",
    "depth_equal_rates_said",
    "depth_findings",
    "depth_gains",
    "depth_operations_said",
    "depth_picker",
    "depth_rates",
    "depth_rates_said",
    "depth_rates_table",
    "depth_readings",
    "depth_rows",
    "depth_signal",
    "depth_table",
    "described",
    "distillation_curves",
    "distillation_findings",
    "distillation_rows",
    "distillation_table",
    "distilled_answers",
    "drift_account",
    "drift_cloud",
    "drift_findings",
    "drift_losses",
    "drift_map",
    "drift_picker",
    "drift_rates",
    "drift_rows",
    "drift_said",
    "drift_short",
    "drift_sizes",
    "drift_table",
    "drift_through",
    "drift_ways",
    "encoder_curves",
    "encoder_ends",
    "encoder_ends_said",
    "encoder_findings",
    "encoder_longer",
    "encoder_longer_said",
    "encoder_rates",
    "encoder_rows",
    "encoder_table",
    "encoder_waiting_said",
    "endings_table",
    "error_by_frequency",
    "error_histograms",
    "final_losses",
    "finetune_rates",
    "finetuned_accuracy",
    "finetuned_said",
    "finetuning_curves",
    "finetuning_picker",
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
    "how_judged",
    "hub_drift",
    "identity",
    "ladder_code",
    "ladder_drawn",
    "ladder_findings",
    "ladder_picker",
    "ladder_rows",
    "ladder_signal",
    "ladder_table",
    "layer_picker",
    "learning_curves",
    "learning_findings",
    "learning_longer",
    "learning_longer_said",
    "learning_picker",
    "learning_rows",
    "linearity_and_loss",
    "linearity_findings",
    "linearity_rows",
    "longer_rows",
    "loss_and_accuracy",
    "map_variants",
    "measured_speeds",
    "meeting_answers",
    "meeting_attention",
    "meeting_attention_table",
    "meeting_by_block",
    "meeting_findings",
    "meeting_first_token",
    "meeting_foresight_table",
    "meeting_orders_table",
    "meeting_picker",
    "meeting_pruned",
    "meeting_pruning_table",
    "meeting_rows",
    "meeting_table",
    "meeting_through_training",
    "numbers",
    "our_questions",
    "paper_and_ours",
    "parameters_by_block",
    "parameters_table",
    "printed",
    "probe_penalties",
    "probes_by_layer",
    "probes_findings",
    "probes_gained",
    "probes_picker",
    "probes_rows",
    "probes_said",
    "probes_table",
    "prose_row",
    "provenance_table",
    "pruning_curves",
    "pruning_findings",
    "pruning_picker",
    "pruning_rows",
    "question_gains",
    "question_picker",
    "question_table",
    "rates_screened",
    "rates_table",
    "readings_table",
    "regularised_account",
    "regularised_answers",
    "regularised_at_equal",
    "regularised_cause",
    "regularised_equal_said",
    "regularised_findings",
    "regularised_losses",
    "regularised_picker",
    "regularised_rows",
    "regularised_samples",
    "regularised_scores",
    "regularised_table",
    "regularised_ways",
    "scores_by_block",
    "screen_table",
    "short_depth",
    "short_training",
    "short_values",
    "signal_findings",
    "signal_picker",
    "signal_rows",
    "size_picker",
    "speeds_table",
    "step_times",
    "story_table",
    "three_readings",
    "token_findings",
    "token_map",
    "token_map_picker",
    "token_rows",
    "tokens_needed",
    "tokens_needed_findings",
    "train_and_held_out",
    "tuning_account",
    "tuning_account_said",
    "tuning_account_table",
    "tuning_adapters",
    "tuning_adapters_table",
    "tuning_as_printed",
    "tuning_beyond",
    "tuning_beyond_said",
    "tuning_by_block",
    "tuning_elsewhere",
    "tuning_findings",
    "tuning_learnt",
    "tuning_picker",
    "tuning_printed",
    "tuning_rates",
    "tuning_rises",
    "tuning_road",
    "tuning_rows",
    "tuning_said",
    "tuning_short",
    "tuning_table",
    "tuning_ways",
    "update_findings",
    "update_picker",
    "update_rows",
    "update_scores_by_block",
    "update_sizes",
    "use",
    "values_changes",
    "values_duality",
    "values_findings",
    "values_gains",
    "values_picker",
    "values_rates",
    "values_ratios",
    "values_rows",
    "values_sweep",
    "values_table",
    "variants_findings",
    "variants_table",
    "verdict_downloads",
    "verdict_findings",
    "verdict_picker",
    "verdict_table",
    "verdicts_by_paper",
    "verdicts_by_part",
    "what_is_needed",
    "what_it_costs",
    "what_pruning_buys",
    "what_stands",
    "wordings_table",
    "worth_said",
]
