"""Is a lower loss on hidden tokens worth something on a task? A mark for every encoder."""

import numpy as np

from nearlinear.results.finetuning import accuracy_of
from nearlinear.results.finetuning_views import by_task
from nearlinear.results.training_views import by_block

from .counting import NAMES
from .encoder_words import BASE, UNIT, Finetuned, finetune_heading, paragraphs, percent, task_said
from .finetuning import OF_HOWS
from .learning_words import Runs
from .shown import Html, Shown
from .signal import LOOKS
from .style import canvas, legend_above, use
from .words import sentences


@use()
def loss_and_accuracy(trained: Runs, finetuned: Finetuned) -> Shown:
    """Test accuracy against the held-out masked loss at the end of pretraining, a mark an encoder, a panel a task."""
    tasks, found = by_task(finetuned), pairs(trained, finetuned)
    figure, axes = canvas(
        "What a lower loss is worth",
        finetune_heading(finetuned),
        [
            "A mark an encoder: block and seed. Left is better pretrained, above is more often right.",
            f"Dashed: {NAMES[BASE]} from scratch, mean over seeds.",
        ],
        height=3.1,
        ncols=len(tasks),
    )
    for ax, (task, hows) in zip(axes, tasks.items(), strict=True):
        for block in hows["pretrained"]:
            each = np.array([(x, y) for b, x, y in found[task] if b == block])
            colour, marker, _ = LOOKS[block]
            ax.plot(each[:, 0], 100 * each[:, 1], marker, color=colour, mfc="none", ms=5.5, ls="", label=NAMES[block])
        if scratch := hows.get("scratch", {}).get(BASE):
            ax.axhline(100 * accuracy_of(scratch).mean, color=OF_HOWS["scratch"][0], lw=1, ls="--")
        ax.set(title=f"{task_said(task)}: right, %", xlabel=f"held out, {UNIT}")
    legend_above(axes[0], columns=6)
    what = "Test accuracy after finetuning against the masked loss at the end of pretraining, a mark an encoder"
    return Shown(
        figure,
        sentences(f"Scatter plots, one a task. {what}. {finetune_heading(finetuned)}.", *_said(trained, finetuned)),
        sentences(f"{what}. {finetune_heading(finetuned)}."),
    )


def worth_said(trained: Runs, finetuned: Finetuned) -> Html:
    """How the two go together, over all encoders, and between the seeds of one block."""
    return paragraphs(*_said(trained, finetuned))


def pairs(trained: Runs, finetuned: Finetuned) -> dict[str, list[tuple[str, float, float]]]:
    """Task → (block, masked loss, accuracy) of every encoder whose finetuning ended.

    Raises KeyError where a training is missing.
    """
    ends = {(b, run.spec.seed): run.loss for b, each in by_block(trained).items() for run in each}
    return {
        task: [
            (block, ends[block, run.spec.model.seed], run.accuracy)
            for block, each in hows["pretrained"].items()
            for run in each
            if not run.stopped
        ]
        for task, hows in by_task(finetuned).items()
    }


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's: Pearson's of the ranks, ties sharing the mean of theirs; NaN where one of them does not vary."""
    first, second = (_ranks(each) for each in (a, b))
    if len(a) < 3 or not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])


def _said(trained: Runs, finetuned: Finetuned) -> list[str]:
    parts = []
    for task, each in pairs(trained, finetuned).items():
        rho = rank_correlation(np.array([x for _, x, _ in each]), np.array([y for *_, y in each]))
        within = _within(each)
        how = "no answer" if np.isnan(rho) else f"{rho:+.2f}".replace("-", "−")
        best = max(each, key=lambda one: one[2], default=None)
        top = f"; the one most often right is {NAMES[best[0]]}, {percent(best[2])}" if best else ""
        parts.append(f"{task_said(task).capitalize()}: rank correlation of loss and right answers {how} over "
                     f"{len(each)} encoders{within}{top}.")  # fmt: skip
    return parts


def _within(each: list[tuple[str, float, float]]) -> str:
    """The same between the seeds of one block, where a block's mean is taken from both."""
    rows = []
    for block in dict.fromkeys(b for b, *_ in each):
        of = np.array([(x, y) for b, x, y in each if b == block])
        rows.append((of - of.mean(0)).round(9))  # ties are ties
    both = np.concatenate(rows) if rows else np.zeros((0, 2))
    rho = rank_correlation(*both.T) if len(both) > len(rows) else float("nan")
    return "" if np.isnan(rho) else f" ({rho:+.2f} between the seeds of a block)".replace("-", "−")
