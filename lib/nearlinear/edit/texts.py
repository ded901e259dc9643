"""Three texts for three ends: maps are fitted on one, choices are made on another, and the third alone is reported."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.split import nearest_share
from nearlinear.inputs.text import Corpus
from nearlinear.inputs.windows import Window, cut
from nearlinear.results.specs import TokenWindows


@dataclass(frozen=True)
class Texts:
    """Windows to fit on, to choose on and to evaluate on; no document is in two of them, where there are several."""

    fit: tuple[Window, ...]
    choose: tuple[Window, ...]
    evaluate: tuple[Window, ...]

    @property
    def every(self) -> tuple[Window, ...]:
        return self.fit + self.choose + self.evaluate


def three_texts(
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerBase,
    *,
    context: int,
    n_fit: int,
    n_choose: int,
    n_evaluate: int,
    seed: int = 0,
) -> Texts:
    """About so many tokens for each end, in windows of `context` tokens, as near as whole documents allow.

    A text of one document is cut in stretches. Raises NotEnoughTokens where the text runs out or has two documents.
    """
    total = n_fit + n_choose + n_evaluate
    spec = TokenWindows(context=context, n_tokens=total, test_fraction=(n_choose + n_evaluate) / total, seed=seed)
    windows = cut(spec, corpus, tokenizer)
    share = n_evaluate / (n_choose + n_evaluate)
    if len({window.document for window in windows.fit + windows.test}) == 1:
        return Texts(windows.fit, *_before_and_after(windows.test, share))
    return Texts(windows.fit, *_by_document(windows.test, share, seed))


Two = tuple[tuple[Window, ...], tuple[Window, ...]]


def _by_document(windows: Sequence[Window], share: float, seed: int) -> Two:
    second = nearest_share(Counter(window.document for window in windows), share, seed)
    return tuple(w for w in windows if w.document not in second), tuple(w for w in windows if w.document in second)


def _before_and_after(windows: Sequence[Window], share: float) -> Two:
    start = round((1 - share) * len(windows))
    if not 0 < start < len(windows):
        raise NotEnoughTokens(f"{len(windows)} windows cannot be shared between two ends: ask for more tokens")
    return tuple(windows[:start]), tuple(windows[start:])
