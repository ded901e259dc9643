"""What each chapter says of its claims, from its results, by the functions that the chapter itself shows.

A new chapter is one entry of CHAPTERS: a function that reads its results and answers with its rows.
"""

from collections.abc import Callable

from nearlinear import show
from nearlinear.blocks.apart import ladder
from nearlinear.blocks.counting import counted
from nearlinear.results.depth_specs import shallow_tried
from nearlinear.results.drift_specs import drifts, regularised, regularised_sas
from nearlinear.results.finetuning_specs import finetunings, rate_screen
from nearlinear.results.meeting_specs import meeting
from nearlinear.results.signal import collapse_spec
from nearlinear.results.sizes import DECODER, ENCODER, PAPER_MODELS
from nearlinear.results.stories import stories_specs
from nearlinear.results.training_specs import core, screen
from nearlinear.results.training_studies import (
    ablations,
    deep_tried,
    depth,
    encoders,
    encoders_longer,
    encoders_tried,
    equal,
    longer,
    prose,
    prose_tried,
    tried,
)
from nearlinear.results.tuning_specs import reward_tunings, tunings, tunings_here
from nearlinear.show.verdict_words import Said
from nearlinear.verdict_reader import Reader


def _linearity(r: Reader) -> list[Said]:
    return show.linearity_rows(r.profile(r.asked.model), r.profile(r.asked.encoder))


def _without_residual(r: Reader) -> list[Said]:
    return show.update_rows(r.profile(r.asked.model), r.profile(r.asked.model, r.asked.twin_seed))


def _tokens(r: Reader) -> list[Said]:
    return show.token_rows(r.errors())


def _pruning(r: Reader) -> list[Said]:
    ends, more, _ = r.studies(r.pruning.orders)
    return [*show.pruning_rows(ends, more), *show.distillation_rows(*r.studies(r.pruning.distil))]


def _answers(r: Reader) -> list[Said]:
    return show.answer_rows(r.study(r.pruning.answers), *r.studies(r.pruning.distil))


def _foresight(r: Reader) -> list[Said]:
    return show.foresight_rows(r.study(r.pruning.orders[0]))


def _signal(r: Reader) -> list[Said]:
    return show.signal_rows(r.study(collapse_spec(r.asked.as_it_is)))


def _ladder(r: Reader) -> list[Said]:
    return show.ladder_rows(ladder(d=768, h=12, L=18, seed=r.asked.seed))


def _counting(r: Reader) -> list[Said]:
    return show.counting_rows(DECODER, ENCODER, counted(PAPER_MODELS))


def _learning(r: Reader) -> list[Said]:
    """Wider models, prose and longer trainings are added where they are there."""
    size = r.asked.trained
    screened, runs = (r.studies(of(size).values()) for of in (screen, core))
    (wider,) = r.if_there(equal(size).values())
    (long,) = r.if_there(longer(size).values())
    on_prose = r.if_there(prose_tried(size).values(), prose(size).values())
    rows = show.learning_rows(screened, runs, wider=wider)
    rows += show.longer_rows(screened, runs, long)
    return [*rows, show.prose_row(*on_prose)] if all(on_prose) else rows


def _values(r: Reader) -> list[Said]:
    return show.values_rows(*(r.studies(of(r.asked.trained).values()) for of in (tried, ablations)))


def _deeper(r: Reader) -> list[Said]:
    size = r.asked.trained
    (beside,) = r.if_there(shallow_tried(size).values())
    return show.depth_rows(*(r.studies(of(size).values()) for of in (deep_tried, depth)), beside)


def _encoder(r: Reader) -> list[Said]:
    of_one_size = (encoders_tried, encoders, rate_screen, finetunings)
    (long,) = r.if_there(encoders_longer(r.asked.trained).values())
    return show.encoder_rows(*(r.studies(of(r.asked.trained).values()) for of in of_one_size), long)


def _pretraining(r: Reader) -> list[Said]:
    return show.drift_rows(r.studies(drifts(r.asked.trained).values()))


def _finetuning(r: Reader) -> list[Said]:
    size = r.asked.trained
    pretrained, here, rewards = (r.studies(of(size).values()) for of in (tunings, tunings_here, reward_tunings))
    return show.tuning_rows([*pretrained, *here], rewards)


def _less_linear(r: Reader) -> list[Said]:
    runs, sas = (r.studies(of(r.asked.trained).values()) for of in (regularised, regularised_sas))
    (told,) = r.if_there(stories_specs(r.asked.trained).values())
    return [*show.regularised_rows(runs, *told), *show.regularised_answers(runs, sas)]


def _probes(r: Reader) -> list[Said]:
    return show.probes_rows(r.studies(regularised(r.asked.trained).values()))


def _meeting(r: Reader) -> list[Said]:
    study = r.study(meeting(r.asked.trained))
    return [*show.meeting_rows(study), *show.meeting_answers(study)]


CHAPTERS: dict[str, Callable[[Reader], list[Said]]] = {
    "01_linearity_by_layer": _linearity,
    "02_without_the_residual": _without_residual,
    "03_which_tokens": _tokens,
    "04_remove_replace_distil": _pruning,
    "05_does_it_still_answer": _answers,
    "06_which_order": _foresight,
    "07_rank_collapse": _signal,
    "08_taking_the_block_apart": _ladder,
    "09_counting": _counting,
    "10_does_it_learn_as_fast": _learning,
    "11_values_and_projections": _values,
    "12_deeper": _deeper,
    "13_an_encoder_too": _encoder,
    "14_where_the_papers_meet": _meeting,
}
"""Chapter, by the name of its notebook → what it says: rows of *Paper and ours*, and answers to our own questions."""

WAITING: dict[str, Callable[[Reader], list[Said]]] = {
    "15_linearity_through_pretraining": _pretraining,
    "16_what_finetuning_does": _finetuning,
    "17_less_linear_on_purpose": _less_linear,
    "18_probes": _probes,
}
"""The same of chapters in `notebooks/to_come`, which nobody asks before their results are recorded."""
