"""What a linearity run is asked to do, as one small hashable record; and the runs that the book is made of."""

from typing import Literal

from pydantic import Field

from .records import Record
from .specs import CharTokens, CharWindows, Windows


class ProfileSpec(Record):
    """One model, one text, one way to cut it. The device is not part of it: it changes no digit that we print.

    `random_seed` asks for the random twin: the same architecture, freshly initialised.
    `tokens_per_dimension`: also keep the scores after so many fit tokens a dimension, in rising order.
    """

    model: str
    corpus: str
    windows: Windows
    precision: Literal["auto", "exact", "fast", "turbo"] = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    random_seed: int | None = None
    seed: int = 0
    perplexity: bool = True
    tokens_per_dimension: tuple[int, ...] = Field(default=())


def laptop_spec(
    model: str, *, corpus: str = "wikipedia-sample", n_fit: int = 128, n_test: int = 64, min_fit_tokens: int = 0,
    random_seed: int | None = None, seed: int = 0, precision: str = "fast",
) -> ProfileSpec:  # fmt: skip
    """The run behind the first three chapters: windows of 512 characters, as in the paper, a third of them held out.

    The random twin is spared the perplexity: without training every next token is as likely as any other.
    """
    return ProfileSpec(
        model=model,
        corpus=corpus,
        windows=CharWindows(chars=512, n_fit=n_fit, n_test=n_test, min_fit_tokens=min_fit_tokens, seed=seed),
        precision=precision,
        random_seed=random_seed,
        seed=seed,
        perplexity=random_seed is None,
    )


def long_spec(
    model: str, *, n_tokens: int, per_dimension: tuple[int, ...], random_seed: int | None = None
) -> ProfileSpec:
    """The recorded run that asks how many tokens a score needs: a quarter held out, the fit looked at on its way."""
    return ProfileSpec(
        model=model,
        corpus="wikipedia-sample",
        windows=CharTokens(chars=512, n_tokens=n_tokens, test_fraction=0.25),
        precision="fast",
        random_seed=random_seed,
        perplexity=random_seed is None,
        tokens_per_dimension=per_dimension,
    )
