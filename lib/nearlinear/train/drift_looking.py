"""One look at a model on its way: held-out linearity in both halves, the size of updates, the cloud of states."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass

import numpy as np
from torch import Tensor, nn

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import Window, WindowSet, batches
from nearlinear.measure.heldout import Errors
from nearlinear.measure.linearity import BlockScores
from nearlinear.measure.profile import HeldOutPart, Measured, profile
from nearlinear.measure.residual import residual_stream
from nearlinear.measure.shape import CloudShape, shape_of
from nearlinear.results.drift import DriftSpec
from nearlinear.results.drift_looks import Documents, DriftLook, Halves, InSample, Shape

from .looking import by_document
from .losses import window_losses
from .meeting import windows_of
from .texts import Texts


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in eval mode; afterwards in the one it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@dataclass(frozen=True)
class Looked:
    """A look, and what stands behind it: `losses`, of each window that is evaluated."""

    look: DriftLook
    measured: Measured
    losses: np.ndarray


def windows_for(spec: DriftSpec, texts: Texts) -> WindowSet:
    """To fit on: documents that rates are chosen on. To test on: those that are evaluated. None is trained on.

    Raises NotEnoughTokens where the first have fewer tokens than asked for.
    """
    fit = windows_of(texts.choose, spec.n_fit, "choosing rates")
    return WindowSet(fit, windows_of(texts.evaluate, texts.evaluate.n_tokens, "evaluation"), group="document")


def look_at(loaded: LoadedModel, step: int, windows: WindowSet, texts: Texts, spec: DriftSpec) -> Looked:
    """What stands of a model after `step` steps; `windows`: those of `windows_for`."""
    losses = window_losses(loaded.model, texts.evaluate, spec.reading)
    with evaluating(loaded.model):
        measured = profile(loaded, windows, perplexity=False)
        shape = shape_of_states(loaded, windows.test[: max(1, spec.n_shape // loaded.context)])
    held = measured.held_out
    look = DriftLook(
        step=step,
        loss=float(losses.mean()),
        every_token=halves(held.errors),
        no_first_token=halves(later(held)),
        in_sample=in_sample(measured.scores),
        norm_ratio=measured.norm_ratio,
        norm_ratio_no_first=norm_ratio(held.raw[:, :, held.tokens.position > 0]),
        cosine=measured.cosine,
        step2=tuple(held.raw[0].mean(1)),
        shape=shape,
    )
    return Looked(look, measured, losses)


def later(held: HeldOutPart) -> Errors:
    """Errors of the maps that were fitted without first tokens, on all other held-out tokens."""
    return held.errors_no_first.of_tokens(held.tokens.position > 0)


def halves(errors: Errors) -> Halves:
    """Means over tokens."""
    return Halves(**{name: tuple(getattr(errors, name).mean(1)) for name in ("error2", "update2", "state2")})


def in_sample(scores: Sequence[BlockScores]) -> InSample:
    """Of all tokens, by the maps that they themselves give."""
    return InSample(scores=tuple(one.score for one in scores), update_scores=tuple(one.update_score for one in scores))


def norm_ratio(raw: np.ndarray) -> tuple[float, ...]:
    """Mean over tokens of |Δ_t| / |y_t|, block by block; raw (2, L, n): ‖Δ_t‖² and ‖y_t‖²."""
    return tuple(np.sqrt(raw[0] / raw[1]).mean(1))


def shape_of_states(loaded: LoadedModel, windows: Sequence[Window]) -> Shape:
    """Of each state of these windows, read at once, first tokens left out. Nothing of the states is kept."""
    device = next(loaded.model.parameters()).device
    (batch,) = batches(windows, batch_tokens=len(windows) * loaded.context, device=device)
    found: list[CloudShape] = []

    def on_block(layer: int, x: Tensor, y: Tensor) -> None:
        if layer == 0:
            found.append(shape_of(x[:, 1:].flatten(0, 1)))
        found.append(shape_of(y[:, 1:].flatten(0, 1)))

    residual_stream(loaded.model, batch, on_block)
    columns = zip(*map(astuple, found), strict=True)
    return Shape(**dict(zip(("anisotropy", "two_nn", "mle", "distinct"), columns, strict=True)))


def documents(looked: Looked, texts: Texts) -> Documents:
    """The same look, document by document."""
    held = looked.measured.held_out
    errors, of = later(held), held.tokens.document[held.tokens.position > 0]
    names, index = np.unique(of, return_inverse=True)
    counts = np.bincount(index)

    def means(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(np.bincount(index, weights=row) / counts) for row in values)

    losses, tokens = by_document(looked.losses, texts.evaluate)
    if len(losses) != len(names):
        raise RuntimeError("losses and errors are not of the same documents")
    return Documents(
        tokens=tuple(counts.tolist()),
        windows=tuple(n // texts.evaluate.windows.shape[1] for n in tokens),
        losses=losses,
        error2=means(errors.error2),
        update2=means(errors.update2),
        state2=means(errors.state2),
    )
