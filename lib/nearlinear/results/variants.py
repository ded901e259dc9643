"""Results of putting different maps in the place of one block: which part of a map does the work?"""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from .provenance import Provenance
from .pruning import PruningSpec, PruningStudy
from .records import Interval, Number, Record
from .specs import Count
from .types import StoredRecord

Variant = Literal[
    "identity", "mean_shift", "normalised_scale", "no_intercept", "through_origin", "affine", "affine_ridge"
]
"""The functions of `edit.fitting`; "affine_ridge" is `affine` with the ridge of `choose_ridge`, "identity" removal."""


class VariantsSpec(Record):
    """Which blocks to change alone, by each of `variants`, with maps fitted on the first tokens of `study`'s fit text.

    `n_fits`: how many tokens, about, in whole windows; never more than that text has.
    """

    study: PruningSpec
    blocks: Annotated[tuple[int, ...], Field(min_length=1)]
    n_fits: Annotated[tuple[Count, ...], Field(min_length=1)]
    variants: tuple[Variant, ...] = get_args(Variant)

    @property
    def seed(self) -> int:
        """Of the windows and the bootstrap."""
        return self.study.seed


class ByVariant(Record):
    """The model with one block changed: perplexity, and its mean log-loss minus the dense model's, nats a token.

    `interval`: 95 %, paired bootstrap over documents. `n_fit`: tokens behind the map. `ridge`: its λ.
    """

    block: int
    n_fit: int
    variant: Variant
    ridge: Number
    perplexity: Number
    difference: Number
    interval: Interval


class VariantsStudy(StoredRecord):
    """What one changed block costs, by the kind of map that stands for it and the tokens that the map is fitted on."""

    recorded_as: ClassVar[str] = "variants"
    filename: ClassVar[str] = "variants.json"
    made_by: ClassVar[tuple[str, ...]] = (*PruningStudy.made_by, "edit/one_block.py", "edit/variants.py")

    L: int
    d: int
    context: int
    n_choose: int
    n_evaluate: int
    n_documents: int
    dense_perplexity: Number
    found: tuple[ByVariant, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _each_once(self):
        keys = [(one.block, one.n_fit, one.variant) for one in self.found]
        if len(set(keys)) != len(keys):
            raise ValueError("a variant of one block and one number of tokens stands here twice")
        return self

    @property
    def blocks(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(one.block for one in self.found))

    @property
    def n_fits(self) -> tuple[int, ...]:
        return tuple(sorted({one.n_fit for one in self.found}))

    def of(self, block: int, n_fit: int, variant: str) -> ByVariant:
        """The entry for this block, number of tokens and kind of map. Raises KeyError where there is none."""
        for one in self.found:
            if (one.block, one.n_fit, one.variant) == (block, n_fit, variant):
                return one
        raise KeyError((block, n_fit, variant))
