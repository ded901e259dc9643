"""Encoders in words: what they learnt and on what, accuracies as they are said, and what the paper prints of them."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from nearlinear.results.finetuning import Accuracy, FinetuneRun
from nearlinear.results.finetuning_views import Breaks, How
from nearlinear.results.training import Block
from nearlinear.results.training_views import Difference

from .counting import NAMES
from .learning_words import Runs, gap_said, gap_told, heading
from .shown import Html
from .signal import how_made
from .tables import _panel
from .words import number, sentences

Finetuned = Sequence[FinetuneRun]

BASE: Block = "pre-ln"

SIMPLE: tuple[Block, ...] = ("sas", "sas-p")
"""The blocks that the paper finetunes beside it."""

NO_NORM: Block = "sas-p-no-norm"

TASKS = {"film-sentences": "film sentences", "wordnet-contexts": "words in context"}
"""What a reader calls a task."""

HOWS: dict[How, str] = {"pretrained": "", "scratch": "from scratch", "shuffled": "shuffled labels"}

GLUE: dict[Block, str] = {
    "pre-ln": "78.9 ± 0.7",
    "parallel": "78.5 ± 0.6",
    "v-skipinit": "78.0 ± 0.3",
    "sas": "78.4 ± 0.8",
    "sas-p": "78.3 ± 0.4",
}
"""Mean over GLUE in the paper's Table 1, and its spread over seeds; it prints none for SAS-P without norm."""

SST2: dict[Block, str] = {"pre-ln": "89.9", "sas": "90.3", "sas-p": "90.8"}
"""SST-2 in the paper's Table 2."""

UNIT = "nats a hidden token"


def task_said(task: str) -> str:
    return TASKS.get(task, task)


def of_control(block: Block, how: How) -> str:
    """Pre-LN, or "Pre-LN, from scratch"."""
    return ", ".join(filter(None, (NAMES[block], HOWS[how])))


def finetune_heading(runs: Finetuned) -> str:
    """What was pretrained and finetuned, on how much, and how often: a quick run can never pass for the full one."""
    spec = runs[0].spec
    shape, before = spec.model.architecture, spec.model.recipe
    seeds = len({run.spec.seed for run in runs})
    tasks = ", ".join(dict.fromkeys(task_said(run.spec.task) for run in runs))
    return (
        f"{shape.L} block{'s' * (shape.L > 1)}, d = {shape.d} · pretrained {before.steps:,} steps on "
        f"{spec.model.reading.corpus} ({spec.model.reading.tokens}) · finetuned {spec.recipe.steps:,} steps of "
        f"{spec.recipe.batch} texts: {tasks} · {seeds} seed{'s' * (seeds > 1)} · {how_made(runs[0])}"
    )


def percent(share: float) -> str:
    """71.2 %"""
    return "no answer" if np.isnan(share) else f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of two shares, in points of per cent, with its sign."""
    return "no answer" if np.isnan(share) else f"{100 * share:+.1f}".replace("-", "−")


def accuracy_told(found: Accuracy) -> str:
    """71.2 % (± 0.8 over seeds, test items [69.9, 72.5])"""
    if not found.n_runs:
        return "broke off"
    spread = "" if np.isnan(found.spread) else f"± {100 * found.spread:.1f} over seeds, "
    low, high = found.interval
    broke = f"; {found.n_broken} broke off" if found.n_broken else ""
    return f"{percent(found.mean)} ({spread}test items [{100 * low:.1f}, {100 * high:.1f}]{broke})"


def points_told(found: Accuracy) -> str:
    """−0.6 points (± 0.9 over seeds, test items [−1.9, +0.6])"""
    if not found.n_runs:
        return "broke off"
    spread = "" if np.isnan(found.spread) else f"± {100 * found.spread:.1f} over seeds, "
    low, high = found.interval
    broke = f"; {found.n_broken} broke off" if found.n_broken else ""
    return f"{points(found.mean)} points ({spread}test items [{points(low)}, {points(high)}]{broke})"


def breaks_told(found: Breaks) -> str:
    """0 of 6, or: 2 of 6 (no number for 3 of 16 texts; 4 test answers)"""
    texts = ", ".join(f"{each} of {batch} texts" for each, batch in found.texts)
    more = [f"no number for {texts}" if texts else ""]
    more += [f"{number(found.answers)} test answers are no number" if found.answers else ""]
    told = "; ".join(filter(None, more))
    return f"{found.stopped} of {found.n}" + (f" ({told})" if told else "")


def direction(found: Difference) -> str:
    """Of losses: "better", "worse", "unclear", or "broke off".

    Clear is what goes one way with every seed and over articles, and is larger than its range over seeds.
    """
    if np.isnan(found.mean):
        return "broke off"
    clear = (found.better or found.worse) and abs(found.mean) > np.ptp(found.seeds)
    return "unclear" if not clear else "better" if found.better else "worse"


def sorted_out(kinds: Mapping[Block, str], labels: Mapping[str, str]) -> str:
    """Which block is of which kind, in sentences: "Clearly lower: SAS, SAS-P. Not clear: V-SkipInit." """
    told = {kind: ", ".join(NAMES[b] for b, each in kinds.items() if each == kind) for kind in labels}
    return sentences(*(f"{label}: {told[kind]}." for kind, label in labels.items() if told[kind]))


def sized(gaps: Mapping[Block, float]) -> str:
    """SAS −0.041, SAS-P −0.102"""
    return ", ".join(f"{NAMES[block]} {gap_said(gap)}" for block, gap in gaps.items())


def loss_gap_told(gap: Difference) -> str:
    """+0.041, seeds +0.039 to +0.043, interval over articles [+0.036, +0.046]"""
    return gap_told(gap).replace("over files", "over articles")


def listed(names: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c" """
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def told(*parts: str) -> Html:
    """Computed sentences as a paragraph of the page."""
    return paragraphs(sentences(*parts))


def paragraphs(*texts: str) -> Html:
    """Computed sentences, a paragraph each."""
    body = "".join(f"<p style='margin:0 0 6px'>{escape(text)}</p>" for text in texts)
    return Html(_panel(body, "what these runs say").html, "\n".join(texts))


def masked_heading(runs: Runs) -> str:
    """As for every training, and how much is hidden."""
    shape, batch, text, *rest = heading(runs).split(" · ")
    return " · ".join([shape, batch, text, f"{100 * runs[0].spec.reading.mask_share:.0f} % hidden", *rest])
