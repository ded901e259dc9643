"""Tokens of a text that a model is trained on from nothing: its bytes, or pieces learnt from the text itself."""

import re
from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from nearlinear.errors import InputError
from nearlinear.inputs.tiny import byte_tokenizer

FEWEST = 257
"""Pieces in the smallest vocabulary that is learnt: the bytes, and one more."""


def tokenizer_for(tokens: str, documents: Sequence[str]) -> PreTrainedTokenizerBase:
    """The tokenizer that `tokens` asks for: "bytes", or "bpe-<n>", n pieces learnt from the documents (byte-level BPE).

    Raises InputError for another word, or a vocabulary that the text is too small for.
    """
    if tokens == "bytes":
        return byte_tokenizer()
    asked = re.fullmatch(r"bpe-(\d+)", tokens)
    if asked is None or int(asked[1]) < FEWEST:
        raise InputError(f'no tokens {tokens!r}: say "bytes", or "bpe-8192" for so many pieces ({FEWEST} or more)')
    return bpe(documents, int(asked[1]))


def bpe(documents: Sequence[str], n: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE of n pieces. Raises InputError where the text does not give so many."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=n, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(documents, trainer)
    if tokenizer.get_vocab_size() < n:
        found = tokenizer.get_vocab_size()
        raise InputError(f"the text gives {found} pieces, and {n} are asked for: take a longer text or fewer pieces")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def encoded(tokenizer: PreTrainedTokenizerBase, documents: Sequence[str]) -> list[list[int]]:
    """The ids of each document, with nothing added."""
    tokenised = tokenizer.backend_tokenizer.encode_batch_fast(list(documents), add_special_tokens=False)
    return [one.ids for one in tokenised]
