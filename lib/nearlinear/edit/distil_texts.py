"""A fourth text: what is left of a corpus for a pruned model to be trained on."""

from collections.abc import Iterator

from transformers import PreTrainedTokenizerBase

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.text import Corpus
from nearlinear.inputs.windows import Window, n_tokens, tokenise

from .texts import Texts


def rest_of(
    corpus: Corpus, tokenizer: PreTrainedTokenizerBase, texts: Texts, *, context: int, at_least: int
) -> tuple[Window, ...]:
    """All windows that no other end reads, of documents in which nothing is chosen and nothing is evaluated.

    Documents of the fit stay: the maps are fitted on their first windows, and training may see the later ones, since
    what it starts from has seen the others. Of a corpus that is one document, all windows but those of the three texts.
    Raises NotEnoughTokens for fewer than `at_least` tokens.
    """
    one = len(corpus.documents) == 1
    held_out = set() if one else {window.document for window in texts.choose + texts.evaluate}
    read = set(texts.every)
    rest = tuple(w for w in _consecutive(corpus, tokenizer, context, held_out) if w not in read)
    if n_tokens(rest) < at_least:
        raise NotEnoughTokens(
            f"{n_tokens(rest)} tokens of {corpus.id!r} are left to distil on, and one step takes {at_least}: "
            "take a longer text, shorter steps, or fewer tokens for the other ends"
        )
    return rest


def _consecutive(corpus: Corpus, tokenizer: PreTrainedTokenizerBase, context: int, but: set[int]) -> Iterator[Window]:
    """Every document but these in windows without a gap, the same as `cut` makes of it for the other ends."""
    for document, text in enumerate(corpus.documents):
        ids = () if document in but else tokenise(text, tokenizer)
        for start in range(0, len(ids) - context + 1, context):
            yield Window(ids[start : start + context], document)
