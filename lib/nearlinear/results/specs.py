"""What to compute, said as small frozen records: a result remembers its spec, and is found again by it."""

from typing import Annotated, Literal

from pydantic import Field

from .records import Record

Count = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class TokenWindows(Record):
    """Windows of exactly `context` tokens, `n_tokens` in all, rounded down to whole windows.

    Each document gives one in turn, so that few windows still mean many texts. `test_fraction` of them is held out, by
    whole documents: the `seed` says which.
    """

    kind: Literal["tokens"] = "tokens"
    context: Annotated[int, Field(ge=2)] = 512
    n_tokens: Count
    test_fraction: Fraction = 1 / 3
    seed: int = 0


class CharWindows(Record):
    """Windows of `chars` characters from random places, as the paper takes them, whatever tokens they make.

    `n_fit` and `n_test` windows from different documents; more of both, in proportion, until the fit windows hold
    `min_fit_tokens`. Where they lie depends on the text and the `seed` alone, so every tokenizer sees the same words.
    """

    kind: Literal["chars"] = "chars"
    chars: Annotated[int, Field(ge=2)] = 512
    n_fit: Count = 128
    n_test: Annotated[int, Field(ge=0)] = 64
    min_fit_tokens: Annotated[int, Field(ge=0)] = 0
    seed: int = 0


class CharTokens(Record):
    """The windows of CharWindows, as many as hold `n_tokens` in all, `test_fraction` of these held out by document."""

    kind: Literal["char-tokens"] = "char-tokens"
    chars: Annotated[int, Field(ge=2)] = 512
    n_tokens: Count
    test_fraction: Fraction = 1 / 3
    seed: int = 0


Windows = Annotated[TokenWindows | CharWindows | CharTokens, Field(discriminator="kind")]
"""Any of the three, told apart by `kind` in JSON."""
