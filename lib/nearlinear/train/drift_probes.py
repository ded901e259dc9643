"""Linear probes: what of a labelled task can be read out of each state by a plane (arXiv 2405.12250, Fig. 5).

Fitted on the task's training part, with the penalty chosen on another and the answers given on a third.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.split import shuffled
from nearlinear.inputs.task_examples import Example
from nearlinear.inputs.tasks import Task
from nearlinear.inputs.windows import Window, batches
from nearlinear.measure.residual import residual_stream
from nearlinear.results.drift import ProbeSpec
from nearlinear.results.drift_looks import Probed

from .classify import LabelledTexts, labelled_texts
from .drift_looking import evaluating


@dataclass(frozen=True)
class Readable:
    """A task in tokens: to fit on, to choose the penalty on, and to report on."""

    train: LabelledTexts
    choose: LabelledTexts
    test: LabelledTexts


def readable(task: Task, loaded: LoadedModel, spec: ProbeSpec) -> Readable:
    """The task cut to the model's context. Raises InputError where the examples to fit on are of one class alone."""
    train, choose = some(task.train, spec.n_train, spec.task_seed), some(task.choose, spec.n_choose, spec.task_seed)
    check_classes(train, task.name)
    parts = (train, choose, task.test)
    return Readable(*(labelled_texts(loaded.tokenizer, part, loaded.context) for part in parts))


def some(examples: Sequence[Example], n: int, seed: int) -> list[Example]:
    """n of the examples, drawn by the seed; all where there are no more."""
    return [examples[place] for place in shuffled(range(len(examples)), f"probe {seed}")[:n]]


def check_classes(examples: Sequence[Example], name: str) -> None:
    """Raises InputError where there is one class, or none: no plane parts it from anything."""
    if len({example.label for example in examples}) < 2:
        raise InputError(f"the examples of the task {name!r} are of one class alone: take more of them")


def probe(loaded: LoadedModel, step: int, texts: Readable, spec: ProbeSpec) -> Probed:
    """Which test examples a logistic regression gets right from each state of the model after `step` steps.

    Raises InputError where scikit-learn is not installed.
    """
    regression = logistic_regression()
    rows = [(features(loaded, part), part.labels.numpy()) for part in (texts.train, texts.choose, texts.test)]
    found = [
        best(regression, spec.strengths, [(states[layer], labels) for states, labels in rows])
        for layer in range(len(rows[0][0]))
    ]
    strengths, right = zip(*found, strict=True)
    return Probed(step=step, strengths=strengths, right=tuple(tuple(each.tolist()) for each in right))


def best(regression: type, strengths: Sequence[float], parts: Sequence[tuple[np.ndarray, np.ndarray]]):
    """(inverse penalty, whether each test example is right (n,)): the penalty that is right most often on the second
    of three parts (features (n, d), labels (n,)); the strongest of equals. Features are scaled as the first has them.
    """
    (x, labels), *others = parts
    mean, spread = x.mean(0), x.std(0)
    spread[spread == 0] = 1
    (choose, chosen), (test, tested) = ((((u - mean) / spread), v) for u, v in others)
    fits = [(C, regression(C=C, max_iter=2000).fit((x - mean) / spread, labels)) for C in sorted(strengths)]
    C, fit = max(fits, key=lambda pair: (pair[1].score(choose, chosen), -pair[0]))
    return C, fit.predict(test) == tested


def features(loaded: LoadedModel, texts: LabelledTexts) -> np.ndarray:
    """Each text's mean state over its tokens, (L + 1, n, d), float64: h_0 first, h_L before the final norm."""
    device = next(loaded.model.parameters()).device
    windows = [Window(ids, document) for document, ids in enumerate(texts.ids)]
    found: list[np.ndarray] = []
    with evaluating(loaded.model):
        for batch in batches(windows, device=device):
            weights = batch.attention_mask[..., None] / batch.attention_mask.sum(1)[:, None, None]  # (B, T, 1)
            rows: list[Tensor] = []

            def on_block(layer: int, x: Tensor, y: Tensor, rows=rows, weights=weights) -> None:
                if layer == 0:
                    rows.append((x * weights).sum(1))
                rows.append((y * weights).sum(1))

            residual_stream(loaded.model, batch, on_block)
            means = torch.stack(rows).double().cpu().numpy()  # (L + 1, B, d)
            if not found:
                found = [np.empty((len(means), len(windows), means.shape[-1]))]
            found[0][:, batch.window.cpu().numpy()] = means
    return found[0]


def logistic_regression() -> type:
    """scikit-learn's class, imported when a probe is asked for. Raises InputError where it is not installed."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise InputError("probes need the package scikit-learn: pip install scikit-learn") from error
    return LogisticRegression
