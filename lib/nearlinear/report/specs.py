"""What a report asks for, and the runs that follow from it. No torch."""

import shlex
from typing import Annotated, Literal

from pydantic import Field

from nearlinear.results.profile_spec import ProfileSpec, laptop_spec
from nearlinear.results.pruning import PruningSpec
from nearlinear.results.records import Record
from nearlinear.results.specs import CharTokens, Count

CONTEXT = 256
"""Tokens of a window when blocks are changed, as in the book's own studies."""

N_CHOOSE, N_EVALUATE, MOST_CHANGED = 1024, 2048, 6
ORDERS = ("score", "bi", "greedy")


class ReportSpec(Record):
    """One model on one text. `depth`: "quick" looks at the model; "full" takes blocks out of it as well.

    `tokens`: how many to read; None reads what the book's chapters read, 20 for each dimension and half as many more.
    """

    model: str
    corpus: str = "wikipedia-sample"
    tokens: Count | None = None
    depth: Literal["quick", "full"] = "quick"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: Annotated[int, Field(ge=0)] = 0

    def profile_spec(self) -> ProfileSpec:
        """Windows of 512 characters, a third of them held out: the run of chapters 1 to 3."""
        usual = laptop_spec(self.model, corpus=self.corpus, seed=self.seed).model_copy(update={"dtype": self.dtype})
        if self.tokens is None:
            return usual
        return usual.model_copy(update={"windows": CharTokens(n_tokens=self.tokens, seed=self.seed)})

    def pruning_spec(self, *, L: int, d: int) -> PruningSpec:
        """The study of chapters 4 and 6 in small, for a model of L blocks of width d: every block alone, then orders.

        Maps are fitted on 20 tokens a dimension, or on two thirds of the tokens that were asked for.
        """
        n_fit, most = max(4096, 20 * d), N_EVALUATE
        if self.tokens is not None:
            n_fit, most = max(1, self.tokens * 2 // 3), max(1, self.tokens // 6)
        count = min(MOST_CHANGED, L - 1)
        return PruningSpec(
            model=self.model,
            corpus=self.corpus,
            context=CONTEXT,
            n_fit=n_fit,
            n_choose=min(N_CHOOSE, most),
            n_evaluate=min(N_EVALUATE, most),
            orders=ORDERS,
            count=count,
            greedy=count,
            dtype=self.dtype,
            seed=self.seed,
        )

    def command(self) -> str:
        """The command line that asks for this report; what is as usual is left out."""
        usual = type(self)(model=self.model)
        names = {"corpus": "text", "tokens": "tokens", "depth": "depth", "dtype": "dtype", "seed": "seed"}
        words = ["nearlinear", "report", "--model", self.model]
        for field, option in names.items():
            if getattr(self, field) != getattr(usual, field):
                words += [f"--{option}", str(getattr(self, field))]
        return shlex.join(words)
