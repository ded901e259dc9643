"""What a linearity run is asked to do, as one small hashable record; and the runs that the book is made of."""

from typing import Any, Literal

from pydantic import Field

from .records import Record
from .specs import CharTokens, CharWindows, TokenWindows, Windows


class ProfileSpec(Record):
    """One model, one text, one way to cut it. The device is not part of it: it changes no digit that we print.

    `random_seed` asks for the random twin: the same architecture, freshly initialised.
    `min_tokens_per_dimension`: draw more windows of characters until the fit has so many tokens a dimension.
    `tokens_per_dimension`: also keep the scores after so many fit tokens a dimension, in rising order.
    """

    model: str
    corpus: str
    windows: Windows
    min_tokens_per_dimension: int = 0
    precision: Literal["auto", "exact", "fast", "turbo"] = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    random_seed: int | None = None
    seed: int = 0
    perplexity: bool = True
    tokens_per_dimension: tuple[int, ...] = Field(default=())

    def windows_for(self, d: int) -> CharWindows | CharTokens | TokenWindows:
        """How to cut the text for a model of width d."""
        if not isinstance(self.windows, CharWindows):
            return self.windows
        enough = max(self.windows.min_fit_tokens, self.min_tokens_per_dimension * d)
        return self.windows.model_copy(update={"min_fit_tokens": enough})


def laptop_spec(
    model: str, *, corpus: str = "wikipedia-sample", n_fit: int = 128, n_test: int = 64,
    random_seed: int | None = None, seed: int = 0, precision: str = "auto",
) -> ProfileSpec:  # fmt: skip
    """The run behind the first three chapters: windows of 512 characters, as in the paper, a third of them held out.

    More are drawn where the model is so wide that n/d would stay below 20.

    The random twin is spared the perplexity: without training every next token is as likely as any other.
    """
    return ProfileSpec(
        model=model,
        corpus=corpus,
        windows=CharWindows(chars=512, n_fit=n_fit, n_test=n_test, seed=seed),
        min_tokens_per_dimension=20,
        precision=precision,
        random_seed=random_seed,
        seed=seed,
        perplexity=random_seed is None,
    )


def laptop_specs(models: str, **options: Any) -> list[ProfileSpec]:
    """`laptop_spec` of each of several models, whose names are separated by commas."""
    return [laptop_spec(name.strip(), **options) for name in models.split(",")]


DIMENSIONS = (5, 10, 25, 50, 100, 213)
"""Tokens a dimension at which a long run looks: 213 · 576 is 122,688 tokens, all that SmolLM2's has to fit on."""

LONG_TOKENS = 163_840


def long_specs(model: str, *, n_tokens: int = LONG_TOKENS, twin_seeds: int = 3) -> list[ProfileSpec]:
    """The long run of a model, then those of its random twins. What a shorter text cannot reach is left out of it."""
    seeds = (None, *range(twin_seeds))
    return [long_spec(model, n_tokens=n_tokens, per_dimension=DIMENSIONS, random_seed=seed) for seed in seeds]


def long_spec(
    model: str, *, n_tokens: int, per_dimension: tuple[int, ...] = DIMENSIONS, random_seed: int | None = None
) -> ProfileSpec:
    """The recorded run that asks how many tokens a score needs: a quarter held out, the fit looked at on its way."""
    return ProfileSpec(
        model=model,
        corpus="wikipedia-sample",
        windows=CharTokens(chars=512, n_tokens=n_tokens, test_fraction=0.25),
        precision="auto",
        random_seed=random_seed,
        perplexity=random_seed is None,
        tokens_per_dimension=per_dimension,
    )
