"""The tour's numbers and drawings: from recorded results and from code, so that nothing on that page is typed."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from jinja2 import Environment, StrictUndefined

from nearlinear import show
from nearlinear.recorded import results, results_if_there
from nearlinear.results.profile_spec import long_specs
from nearlinear.results.pruning_specs import pruning_specs
from nearlinear.results.store import recorded
from nearlinear.results.training_specs import core, screen
from nearlinear.results.training_studies import equal
from nearlinear.results.types import LinearityProfile
from nearlinear.show import stream_drawings
from nearlinear.show.block_drawings import sheet
from nearlinear.show.findings import Finding
from nearlinear.show.learning_words import gap_said
from nearlinear.show.words import number
from tools.profiles import ROOT

PAGE = "book/tour.md"
WRITTEN = ROOT / f"{PAGE}.jinja"
BLOCKS = {"pre-ln": "Pre-LN", "sas": "SAS", "sas-p": "SAS-P"}


def made() -> Iterator[tuple[str, bytes]]:
    """Name and content of the page and of its drawings."""
    yield PAGE, page().encode()
    yield "book/made/stream.svg", stream_drawings.stream().encode()
    yield "book/made/sums.svg", stream_drawings.sums().encode()
    yield "book/made/blocks.svg", sheet([*BLOCKS], [*BLOCKS.values()], heading="").encode()


def page() -> str:
    """The text, every placeholder filled in; raises UndefinedError for one that nothing fills."""
    return Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(written()).render(words())


def written() -> str:
    """The text with its placeholders."""
    return WRITTEN.read_text(encoding="utf-8")


@cache
def words() -> dict[str, str]:
    """Placeholder of the page → what stands there."""
    return linearity() | pruning() | training() | {"stream_words": stream_drawings.STREAM_WORDS}


def linearity() -> dict[str, str]:
    model, *twins = (recorded(spec, LinearityProfile) for spec in long_specs("smollm2-135m"))
    of = _values([*show.linearity_findings(model), *show.update_findings(model)])
    strict = [twin.held_out.no_massive_token for twin in twins]
    return {
        "L": str(model.L),
        "d": str(model.d),
        "tokens": f"{model.n:,}",
        "score_median": number(of["score-median"]),
        "update_median": number(of["update-median"]),
        "spike_block": str(of["first-token-block"]),
        "spike_with": number(of["first-token-with"]),
        "spike_without": number(of["first-token-without"]),
        "n_over_d": f"{of['held-out-n-over-d']:.0f}",
        "optimism": number(of["update-optimism"]),
        "score_strict": number(of["score-strict-median"]),
        "update_strict": number(of["update-strict-median"]),
        "twin_strict": number(float(np.mean([np.median(each.scores) for each in strict]))),
        "twin_update": number(float(np.mean([np.median(each.update_scores) for each in strict]))),
    }


def pruning() -> dict[str, str]:
    of = _values(show.pruning_findings(*results(pruning_specs("smollm2-135m").orders)))
    return {
        "few": str(of["prune-few"]),
        "ppl": number(of["prune-dense"]),
        "ppl_replaced": number(of["prune-replaced"]),
        "ppl_removed": number(of["prune-removed"]),
        "won": str(of["prune-steps-won"]),
        "compared": str(of["prune-steps"]),
    }


def training() -> dict[str, str]:
    """Of the small models: how far each block ends from Pre-LN, and with how many parameters."""
    tried, runs = (results(of("laptop").values()) for of in (screen, core))
    wider = results_if_there(equal("laptop").values())
    of = _values(show.learning_findings(tried, runs, wider))
    size = {run.spec.architecture.block: run.n_parameters for run in runs}
    short = {"v": "v-skipinit", "sas": "sas", "sas_p": "sas-p"}
    row = f"| SAS, its MLP made wider | as many | {gap_said(of['equal-sas'])} |" if wider else ""
    return {
        "seeds": str(len({run.spec.seed for run in runs})),
        "small_L": str(runs[0].spec.architecture.L),
        "small_d": str(runs[0].spec.architecture.d),
        "equal_row": row,
        **{f"gap_{name}": gap_said(of[f"gap-{block}"]) for name, block in short.items()},
        **{f"fewer_{name}": _fewer(size[block], size["pre-ln"]) for name, block in short.items()},
    }


def _fewer(n: int, base: int) -> str:
    """Gains are a few numbers more; what they change is not worth a word."""
    return "as many" if abs(n / base - 1) < 0.005 else f"{number(100 * (1 - n / base))} % fewer"


def _values(findings: list[Finding]) -> dict[str, float]:
    return {each.name: each.value for each in findings}
